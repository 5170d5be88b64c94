//! Where a change of a file shows: entries of folders.
//!
//! A file is watched by its name, as it is replaced more often than it is written to. So may be each link that
//! leads to it, and the folder itself.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::ops::trail::Trail;

/// Folders, and the names in them that matter.
pub(super) type Points = BTreeMap<PathBuf, BTreeSet<OsString>>;

/// Where changes of these files show. `read_link` is what a link points to, none if it is no link.
pub(super) fn points<'a>(
    files: impl IntoIterator<Item = &'a PathBuf>,
    read_link: impl Fn(&Path) -> Option<PathBuf>,
) -> Points {
    let mut points = Points::new();
    let mut add = |folder: PathBuf, name: OsString| {
        points.entry(folder).or_default().insert(name);
    };
    for file in files {
        let Trail { links, end } = Trail::of(file, &read_link);
        for (folder, name) in links {
            add(folder, name);
        }
        let Some((folder, name)) = end else {
            continue;
        };
        if let (Some(above), Some(name)) = (folder.parent(), folder.file_name()) {
            add(above.to_owned(), name.to_owned());
        }
        add(folder, name);
    }
    points
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
