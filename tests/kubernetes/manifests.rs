//! The manifests as kustomize renders them.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

use super::support::daemon::tool;

/// What is applied to a cluster: all else in `config/kubernetes` is a part of these.
pub(crate) const FOLDERS: [&str; 3] = ["gateway", "connector", "example"];

/// The oldest version that is good for them, and the newest whose schemas are at hand.
const VERSIONS: [&str; 2] = ["1.30", "1.37"];

pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Runs one of the tools that `.ci/prepare test` keeps in a folder of its own.
fn run(folder: &str, name: &str, args: &[&str], input: &str) -> Result<String, String> {
    let folder = repository("target/tools").join(folder).join("bin");
    let mut command = Command::new(tool(name, &[folder]));
    command.args(args).stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let [out, err] = [output.stdout, output.stderr].map(|said| String::from_utf8(said).unwrap());
    if output.status.success() && err.is_empty() {
        Ok(out)
    } else {
        Err(err)
    }
}

/// A kustomization as YAML. What kustomize warns of is an error.
fn yaml(folder: &Path) -> String {
    let args = ["kustomize", folder.to_str().unwrap()];
    run("kubectl", "kubectl", &args, "").unwrap()
}

/// The part of the README that is YAML and has these words in it.
pub(crate) fn of_readme(words: &str) -> String {
    let readme = fs::read_to_string(repository("config/kubernetes/README.md")).unwrap();
    let parts = readme.split("```yaml\n").skip(1);
    let mut parts = parts.filter_map(|part| part.split("```").next());
    let found = parts.find(|part| part.contains(words));
    // Those of a list are indented as it is.
    let found = found.unwrap_or_else(|| panic!("{words}"));
    let indent = found.len() - found.trim_start().len();
    found.lines().fold(String::new(), |text, line| {
        text + line.get(indent..).unwrap_or_default() + "\n"
    })
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, to) = {
            let entry = entry.unwrap();
            (entry.path(), to.join(entry.file_name()))
        };
        match path.is_dir() {
            true => copy(&path, &to),
            false => drop(fs::copy(&path, &to).unwrap()),
        }
    }
}

/// Manifests, or what their schemas do not allow in them.
pub(crate) fn judge(yaml: &str) -> Result<Vec<Value>, String> {
    let script = repository("tests/kubernetes/judge.py");
    let mut args = vec![script.to_str().unwrap()];
    args.extend(VERSIONS);
    let json = run("kubernetes-validate", "python3", &args, yaml)?;
    Ok(serde_json::from_str(&json).unwrap())
}

/// Each of [`FOLDERS`] once, for all tests.
static JUDGED: [OnceLock<Vec<Value>>; FOLDERS.len()] = [const { OnceLock::new() }; FOLDERS.len()];

/// One of [`FOLDERS`].
pub(crate) struct Manifests(pub(crate) Vec<Value>);

impl Manifests {
    pub(crate) fn of(folder: &str) -> Manifests {
        let place = FOLDERS.iter().position(|name| *name == folder).unwrap();
        let folder = repository("config/kubernetes").join(folder);
        let judged = JUDGED[place].get_or_init(|| judge(&yaml(&folder)).unwrap());
        Manifests(judged.clone())
    }

    /// A kustomization of one's own beside them, of these files.
    pub(crate) fn beside(files: &[(&str, &str)]) -> Manifests {
        let place = TempDir::new().unwrap();
        let all = place.path().join("kubernetes");
        copy(&repository("config/kubernetes"), &all);
        let own = all.join("own");
        fs::create_dir(&own).unwrap();
        for (name, content) in files {
            fs::write(own.join(name), content).unwrap();
        }
        Manifests(judge(&yaml(&own)).unwrap())
    }

    pub(crate) fn kind(&self, kind: &str) -> Vec<&Value> {
        let all = self.0.iter();
        all.filter(|manifest| manifest["kind"] == kind).collect()
    }

    /// The only one of its kind.
    pub(crate) fn only(&self, kind: &str) -> &Value {
        let all = self.kind(kind);
        assert_eq!(all.len(), 1, "{kind}");
        all[0]
    }

    /// The templates of pods.
    pub(crate) fn pods(&self) -> Vec<&Value> {
        let all = self.0.iter().map(|manifest| &manifest["spec"]["template"]);
        all.filter(|template| template.is_object()).collect()
    }

    /// The program's configuration, as text.
    pub(crate) fn configuration(&self) -> &str {
        self.only("ConfigMap")["data"]["config.json"]
            .as_str()
            .unwrap()
    }
}

/// The program's container in a pod, side-car or not.
pub(crate) fn container(pod: &Value) -> &Value {
    let lists = [&pod["spec"]["containers"], &pod["spec"]["initContainers"]];
    let all = lists
        .into_iter()
        .filter_map(|list| list.as_array())
        .flatten();
    let mut ours = all.filter(|container| container["name"] == "mtls-persona");
    let container = ours.next().unwrap();
    assert!(ours.next().is_none());
    container
}
