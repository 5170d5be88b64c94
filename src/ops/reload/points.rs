//! Where a change of a file shows: entries of folders.
//!
//! A file is watched by its name, as it is replaced more often than it is written to. Behind a link, the
//! link may be exchanged instead (Kubernetes does so with `..data`), and so may the folder itself.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

/// The system follows no more either (path_resolution(7)).
const LINKS_MAX: usize = 40;

/// Folders, and the names in them that matter.
pub(super) type Points = BTreeMap<PathBuf, BTreeSet<OsString>>;

/// Where changes of these files show. `read_link` is what a link points to, none if it is no link.
pub(super) fn points<'a>(
    files: impl IntoIterator<Item = &'a PathBuf>,
    read_link: impl Fn(&Path) -> Option<PathBuf>,
) -> Points {
    let mut points = Points::new();
    for file in files {
        // Fails only for an empty path, which no configuration has.
        if let Ok(file) = std::path::absolute(file) {
            follow(&file, &read_link, &mut points);
        }
    }
    points
}

/// Follows an absolute path as the system would.
fn follow(file: &Path, read_link: &impl Fn(&Path) -> Option<PathBuf>, points: &mut Points) {
    let mut links = 0;
    let mut folder = PathBuf::from("/");
    let mut rest = parts(file);
    while let Some(name) = rest.pop_front() {
        if name == ".." {
            folder.pop();
            continue;
        }
        let entry = folder.join(&name);
        let target = read_link(&entry).filter(|_| links < LINKS_MAX);
        if let Some(target) = target {
            links += 1;
            points.entry(folder.clone()).or_default().insert(name);
            if target.is_absolute() {
                folder = PathBuf::from("/");
            }
            for part in parts(&target).into_iter().rev() {
                rest.push_front(part);
            }
        } else if rest.is_empty() {
            points.entry(folder.clone()).or_default().insert(name);
            if let (Some(above), Some(name)) = (folder.parent(), folder.file_name()) {
                let names = points.entry(above.to_owned()).or_default();
                names.insert(name.to_owned());
            }
        } else {
            folder = entry;
        }
    }
}

fn parts(path: &Path) -> VecDeque<OsString> {
    let names = path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    });
    names.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The points of one file on a file system with these links.
    fn of(file: &str, links: &[(&str, &str)]) -> Vec<(String, Vec<String>)> {
        let read_link = |path: &Path| {
            let link = links.iter().find(|(link, _)| path == Path::new(link));
            link.map(|(_, target)| PathBuf::from(target))
        };
        let points = points(&[PathBuf::from(file)], read_link);
        let text = |name: &OsString| name.to_string_lossy().into_owned();
        let rows = points.iter().map(|(folder, names)| {
            let names = names.iter().map(text).collect();
            (folder.display().to_string(), names)
        });
        rows.collect()
    }

    fn row(folder: &str, names: &[&str]) -> (String, Vec<String>) {
        let names = names.iter().map(|name| (*name).to_owned());
        (folder.to_owned(), names.collect())
    }

    #[test]
    fn a_plain_file_shows_in_its_folder_and_the_folder_in_the_one_above() {
        assert_eq!(
            of("/etc/tls/cert.pem", &[]),
            [row("/etc", &["tls"]), row("/etc/tls", &["cert.pem"])]
        );
    }

    #[test]
    fn a_mounted_secret_shows_by_each_of_its_links() {
        let links = [
            ("/tls/tls.crt", "..data/tls.crt"),
            ("/tls/..data", "..2026_11_25"),
        ];
        assert_eq!(
            of("/tls/tls.crt", &links),
            [
                row("/tls", &["..2026_11_25", "..data", "tls.crt"]),
                row("/tls/..2026_11_25", &["tls.crt"])
            ]
        );
    }

    #[test]
    fn a_link_to_somewhere_else_is_followed_there() {
        let links = [("/etc/cert.pem", "/srv/../data/current/cert.pem")];
        let more = [links[0], ("/data/current", "v7")];
        assert_eq!(
            of("/etc/cert.pem", &more),
            [
                row("/data", &["current", "v7"]),
                row("/data/v7", &["cert.pem"]),
                row("/etc", &["cert.pem"])
            ]
        );
    }

    #[test]
    fn links_in_a_circle_come_to_an_end() {
        let circle = [("/a/b", "c"), ("/a/c", "b")];
        assert_eq!(of("/a/b", &circle).len(), 2);
    }
}
