//! The architecture holds: modules use only lower layers, one folder knows the TLS library, and
//! the clock is read at the top. The layers are those of the table in `src/lib.rs`.

#![allow(clippy::unwrap_used)]

#[path = "layers/source.rs"]
mod source;
#[path = "layers/source_tests.rs"]
mod source_tests;
#[path = "layers/tokens.rs"]
mod tokens;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use tokens::tokens;

/// The crates that only `src/tls/` may name.
const TLS_LIBRARIES: [&str; 5] = [
    "boring",
    "boring_sys",
    "openssl",
    "openssl_sys",
    "foreign_types",
];

/// From here on, code may read the clock and sleep, where it says why.
const CLOCK_LAYER: u8 = 4;

/// One file under `src/`.
struct File {
    /// From `src/` on, for messages.
    name: String,
    /// The modules down to this file: `["relay", "flow"]`; none for `lib.rs` and `main.rs`.
    modules: Vec<String>,
    text: String,
}

impl File {
    fn new(name: &str, text: &str) -> File {
        let mut modules: Vec<String> = name
            .trim_end_matches(".rs")
            .split('/')
            .map(str::to_owned)
            .collect();
        modules.pop_if(|last| last == "mod");
        if ["lib", "main"].contains(&modules[0].as_str()) {
            modules.clear();
        }
        File {
            name: name.to_owned(),
            modules,
            text: text.to_owned(),
        }
    }
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn files() -> Vec<File> {
    let (mut found, mut folders) = (Vec::new(), vec![src()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(src()).unwrap().to_str().unwrap();
                found.push(File::new(name, &fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// The layer of each top-level module, from rows like `//! | 1 | [`identity`], [`relay`] | …`.
fn layer_table(lib: &str) -> BTreeMap<String, u8> {
    let mut layers = BTreeMap::new();
    for row in lib.lines().filter_map(|line| line.strip_prefix("//! |")) {
        let mut cells = row.split('|').map(str::trim);
        let (Some(layer), Some(modules)) = (cells.next(), cells.next()) else {
            continue;
        };
        let Ok(layer) = layer.parse() else { continue };
        for module in modules.split('`').skip(1).step_by(2) {
            assert_eq!(
                layers.insert(module.to_owned(), layer),
                None,
                "{module} is in two layers"
            );
        }
    }
    layers
}

fn table() -> BTreeMap<String, u8> {
    layer_table(&fs::read_to_string(src().join("lib.rs")).unwrap())
}

/// What `file` uses that its layer does not allow, a line for each. `lib.rs` and `main.rs` join
/// everything, so they may use everything.
fn upward_uses(file: &File, table: &BTreeMap<String, u8>) -> Vec<String> {
    let Some(own) = file.modules.first() else {
        return Vec::new();
    };
    let own_layer = table.get(own);
    let mut wrong = Vec::new();
    for path in source::paths(&tokens(&file.text)) {
        let Some(used) = top_level_module(&path, file.modules.len()) else {
            continue;
        };
        let layer = table.get(used);
        if used != own && (layer.is_none() || layer >= own_layer) {
            let layer = layer.map_or("not in the table".to_owned(), |layer| {
                format!("layer {layer}")
            });
            wrong.push(format!(
                "src/{}:{}: uses `{used}` ({layer})",
                file.name, path.line
            ));
        }
    }
    wrong
}

/// The top-level module that a path of this crate leads through, if it comes from the root.
fn top_level_module<'a>(path: &source::Path<'a>, file_depth: usize) -> Option<&'a str> {
    let segments = path
        .segments
        .strip_prefix(&["self"])
        .unwrap_or(&path.segments);
    if ["crate", "mtls_persona"].contains(segments.first()?) {
        return segments.get(1).copied();
    }
    let climbs = segments
        .iter()
        .take_while(|&&segment| segment == "super")
        .count();
    let reaches_root = climbs > 0 && climbs == file_depth + path.inline_modules;
    reaches_root
        .then(|| segments.get(climbs).copied())
        .flatten()
}

/// Where a file names a TLS library.
fn tls_library_names(file: &File) -> Vec<String> {
    let tokens = tokens(&file.text);
    let in_paths = source::paths(&tokens)
        .into_iter()
        .map(|path| (path.line, path.segments[0]));
    let imported = tokens.windows(3).filter_map(|three| match three {
        [a, b, name] if (a.text, b.text) == ("use", "::") => Some((name.line, name.text)),
        [a, name, _] if ["use", "crate"].contains(&a.text) => Some((name.line, name.text)),
        _ => None,
    });
    let mut found: Vec<String> = in_paths
        .chain(imported)
        .filter(|(_, name)| TLS_LIBRARIES.contains(name))
        .map(|(line, name)| format!("src/{}:{line}: names `{name}`", file.name))
        .collect();
    found.sort();
    found.dedup();
    found
}

/// Where a file lifts the ban on the clock and on sleeping outside its tests.
fn lifted_bans(file: &File) -> Vec<String> {
    if file.modules.iter().any(|module| module == "tests") {
        return Vec::new();
    }
    source::without_tests(&tokens(&file.text))
        .iter()
        .filter(|token| token.text == "disallowed_methods")
        .map(|token| {
            format!(
                "src/{}:{}: allows disallowed methods",
                file.name, token.line
            )
        })
        .collect()
}

fn assert_none(wrong: Vec<String>, rule: &str) {
    assert!(wrong.is_empty(), "{rule}:\n  {}", wrong.join("\n  "));
}

#[test]
fn no_module_uses_a_module_of_its_own_layer_or_a_higher_one() {
    let table = table();
    let wrong = files()
        .iter()
        .flat_map(|file| upward_uses(file, &table))
        .collect();
    assert_none(
        wrong,
        "a module uses only lower layers of the table in src/lib.rs",
    );
}

#[test]
fn every_top_level_module_is_in_the_layer_table() {
    let table = table();
    let unlisted = files()
        .iter()
        .filter_map(|file| file.modules.first())
        .filter(|module| !table.contains_key(*module))
        .map(|module| format!("`{module}`"))
        .collect();
    assert_none(
        unlisted,
        "these modules need a row of the table in src/lib.rs",
    );
}

#[test]
fn only_the_tls_folder_names_a_tls_library() {
    let outside = files()
        .into_iter()
        .filter(|file| file.modules.first().is_none_or(|m| m != "tls"));
    let wrong = outside.flat_map(|file| tls_library_names(&file)).collect();
    assert_none(wrong, "only src/tls/ may name the TLS library");
}

#[test]
fn the_lower_layers_do_not_read_the_clock() {
    let table = table();
    let is_low = |module: &String| table.get(module).is_none_or(|&layer| layer < CLOCK_LAYER);
    let low = files()
        .into_iter()
        .filter(|file| file.modules.first().is_some_and(is_low));
    let wrong = low.flat_map(|file| lifted_bans(&file)).collect();
    assert_none(wrong, "below layer 4 the time is an argument");
}
