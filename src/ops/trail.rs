//! By which folders the system comes to a file.
//!
//! Behind a link, the link may be exchanged instead of the file (Kubernetes does so with `..data`), so the
//! folders of links count too.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

/// The system follows no more either (path_resolution(7)).
const LINKS_MAX: usize = 40;

/// Entries of folders, each by its folder's real path and its name.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Trail {
    /// The links that are followed.
    pub(super) links: Vec<(PathBuf, OsString)>,
    /// The file; none if the links go in a circle, or lead to the root.
    pub(super) end: Option<(PathBuf, OsString)>,
}

impl Trail {
    /// Follows a path as the system would. `read_link` is what a link points to, none if it is no link.
    pub(super) fn of(file: &Path, read_link: impl Fn(&Path) -> Option<PathBuf>) -> Trail {
        let mut trail = Trail::default();
        // Fails only for an empty path, which no configuration has.
        let Ok(file) = std::path::absolute(file) else {
            return trail;
        };
        let mut folder = PathBuf::from("/");
        let mut rest = parts(&file);
        while let Some(name) = rest.pop_front() {
            if name == ".." {
                folder.pop();
                continue;
            }
            let entry = folder.join(&name);
            let target = read_link(&entry).filter(|_| trail.links.len() < LINKS_MAX);
            if let Some(target) = target {
                trail.links.push((folder.clone(), name));
                if target.is_absolute() {
                    folder = PathBuf::from("/");
                }
                for part in parts(&target).into_iter().rev() {
                    rest.push_front(part);
                }
            } else if rest.is_empty() {
                trail.end = Some((folder.clone(), name));
            } else {
                folder = entry;
            }
        }
        trail
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
