//! What a configuration needs, and what of it was not granted.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::config::{Address, Admin, Config, DatabaseTls, Pair, Password, Source};
use crate::ops::reload::files_of;
use crate::ops::trail::Trail;

/// Folders in which everybody has something. That a link lies in one of them opens it to nobody.
const COMMON: [&str; 19] = [
    "/", "/bin", "/boot", "/dev", "/home", "/lib", "/lib64", "/media", "/mnt", "/opt", "/proc",
    "/root", "/run", "/sbin", "/srv", "/sys", "/tmp", "/usr", "/var",
];

/// What may be opened and reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Grants {
    /// Folders, and files, by their real paths: what is in them may be read.
    pub(super) read: BTreeSet<PathBuf>,
    /// Folders in which UNIX sockets may be made, and files removed.
    pub(super) sockets: BTreeSet<PathBuf>,
    /// TCP ports to listen on; 0 is any that the system chooses.
    pub(super) listen: BTreeSet<u16>,
    /// TCP ports to connect to, at whatever address.
    pub(super) connect: BTreeSet<u16>,
    /// Every port may be connected to: a connector goes where its database says.
    pub(super) connects_anywhere: bool,
}

/// Whether a folder was granted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Coverage {
    Granted,
    /// One of that name was, but it is another one by now.
    Exchanged,
    Not,
}

impl Grants {
    /// What a configuration needs, as links lead now. A pair whose socket was passed needs no place to
    /// listen. Connecting to a UNIX socket takes no grant.
    pub(super) fn of(
        config: &Config,
        source: Option<&Source>,
        is_passed: impl Fn(&str) -> bool,
        read_link: impl Fn(&Path) -> Option<PathBuf>,
    ) -> Grants {
        let mut grants = Grants::default();
        let mut files = files_of(&config.pairs);
        files.extend(database_files(&config.pairs));
        files.extend(source.iter().flat_map(|source| source.files()));
        for file in &files {
            grants.read_by(Trail::of(file, &read_link));
        }
        let own = config.pairs.iter().filter(|pair| !is_passed(&pair.name));
        for pair in own {
            grants.listen_on(&pair.inbound, &read_link);
        }
        for pair in &config.pairs {
            match pair.outbound {
                _ if pair.directory.is_some() => grants.connects_anywhere = true,
                Address::Tcp { port, .. } => drop(grants.connect.insert(port)),
                Address::Unix(_) => {}
            }
        }
        grants
    }

    /// Adds what administrative listeners need. They are made at the start alone, so no reload does.
    pub(super) fn with_admin(
        mut self,
        admin: &Admin,
        read_link: impl Fn(&Path) -> Option<PathBuf>,
    ) -> Grants {
        for listener in &admin.listeners {
            self.listen_on(&listener.address, &read_link);
        }
        self
    }

    fn listen_on(&mut self, address: &Address, read_link: impl Fn(&Path) -> Option<PathBuf>) {
        match address {
            Address::Tcp { port, .. } => drop(self.listen.insert(*port)),
            Address::Unix(path) => {
                let end = Trail::of(path, read_link).end;
                self.sockets.extend(end.map(|(folder, _)| folder));
            }
        }
    }

    /// What it takes to read a file, also once it, or a link that leads to it, has been exchanged.
    pub(super) fn read_by(&mut self, trail: Trail) {
        let folders = trail.links.into_iter().map(|(folder, _)| folder);
        let own = folders.filter(|folder| !COMMON.iter().any(|common| folder == Path::new(common)));
        self.read.extend(own);
        if let Some((folder, name)) = trail.end {
            // At the root it is the file alone: all else lies beneath it.
            let is_root = folder.parent().is_none();
            self.read.insert(match is_root {
                true => folder.join(name),
                false => folder,
            });
        }
    }

    /// What of `wanted` is beyond these, a line each. `is_same` is whether what is at a granted path is
    /// what was there then; without `has_ports` the kernel does not look at ports.
    pub(super) fn lacks(
        &self,
        wanted: &Grants,
        has_ports: bool,
        is_same: impl Fn(&Path) -> bool,
    ) -> Vec<String> {
        let mut lines = Vec::new();
        let mut look = |granted: &BTreeSet<PathBuf>, wanted: &BTreeSet<PathBuf>, doing: &str| {
            for folder in wanted {
                let what = match coverage(granted, folder, &is_same) {
                    Coverage::Granted => continue,
                    Coverage::Exchanged => "is another one than at the start",
                    Coverage::Not => "was not named at the start",
                };
                let folder = folder.display();
                lines.push(format!("{folder}: {what}: {}", remedy(doing)));
            }
        };
        look(&self.read, &wanted.read, "read nowhere else");
        look(&self.sockets, &wanted.sockets, "make sockets nowhere else");
        if has_ports {
            let mut look = |granted: &BTreeSet<u16>, wanted: &BTreeSet<u16>, doing: &str| {
                for port in wanted.difference(granted) {
                    let remedy = remedy(doing);
                    lines.push(format!("port {port}: was not named at the start: {remedy}"));
                }
            };
            look(&self.listen, &wanted.listen, "listen on no other");
            if !self.connects_anywhere {
                look(&self.connect, &wanted.connect, "connect to no other");
                if wanted.connects_anywhere {
                    let remedy = remedy("connect to no other port than those named at the start");
                    lines.push(format!("a connector goes to every port: {remedy}"));
                }
            }
        }
        lines
    }
}

/// What connectors read each time that they log in to their databases.
fn database_files(pairs: &[Pair]) -> impl Iterator<Item = PathBuf> {
    let databases = pairs.iter().filter_map(|pair| pair.directory.as_ref());
    databases.flat_map(|directory| {
        let mut files = Vec::new();
        if let Password::File(file) = &directory.database.password {
            files.push(file.clone());
        }
        if let DatabaseTls::VerifyFull { ca, identity, .. } = &directory.database.tls {
            files.extend(ca.iter().cloned());
            files.extend(
                identity
                    .iter()
                    .flat_map(|(cert, key)| [cert.clone(), key.clone()]),
            );
        }
        files
    })
}

fn remedy(doing: &str) -> String {
    format!(
        "the kernel (Landlock) lets this process {doing} for as long as it runs: start it again, with \
         \"landlock\": false if reloads are to do this"
    )
}

fn coverage(
    granted: &BTreeSet<PathBuf>,
    wanted: &Path,
    is_same: impl Fn(&Path) -> bool,
) -> Coverage {
    let mut coverage = Coverage::Not;
    for above in wanted.ancestors().filter(|above| granted.contains(*above)) {
        if is_same(above) {
            return Coverage::Granted;
        }
        coverage = Coverage::Exchanged;
    }
    coverage
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::config::parse;

    /// What is needed by these pairs and top-level keys, on a file system with these links.
    fn needs(top: Value, pairs: &[(&str, &str)], links: &[(&str, &str)]) -> Grants {
        let pairs = pairs.iter().map(|(inbound, outbound)| {
            let is_passed = inbound.ends_with(":7000");
            json!({
                "name": if is_passed { "passed" } else { *inbound }, "inbound": inbound,
                "outbound": outbound, "server_name": "db",
            })
        });
        let mut config = json!({
            "cert": "/etc/tls/cert.pem", "key": "/etc/tls/key.pem", "ca": "/etc/tls/ca.pem",
            "address_pairs": pairs.collect::<Vec<_>>(),
        });
        for (key, value) in top.as_object().unwrap() {
            config[key] = value.clone();
        }
        let config = parse(&config.to_string()).unwrap().config;
        let source = Source::new("/etc/own/config.json");
        let read_link = |path: &Path| {
            let link = links.iter().find(|(link, _)| path == Path::new(link));
            link.map(|(_, target)| PathBuf::from(target))
        };
        let is_passed = |name: &str| name == "passed";
        Grants::of(&config, Some(&source), is_passed, read_link)
            .with_admin(&config.admin, read_link)
    }

    fn paths(paths: &[&str]) -> BTreeSet<PathBuf> {
        paths.iter().map(PathBuf::from).collect()
    }

    const PAIR: (&str, &str) = ("localhost:5432", "db:6432");

    #[test]
    fn a_configuration_needs_the_folders_of_its_files_and_its_ports() {
        let top = json!({
            "crl": ["/var/lib/crl/a.pem"],
            "admin": {"listen": "localhost:9000", "health": "unix:/run/own/health"},
        });
        let pairs = [
            PAIR,
            ("unix:/run/db/in", "unix:/run/pg/out"),
            (":0", "[::1]:1"),
        ];
        let needs = needs(top, &pairs, &[]);
        assert_eq!(needs.read, paths(&["/etc/own", "/etc/tls", "/var/lib/crl"]));
        assert_eq!(needs.sockets, paths(&["/run/db", "/run/own"]));
        assert_eq!(needs.listen, BTreeSet::from([0, 5432, 9000]));
        assert_eq!(needs.connect, BTreeSet::from([1, 6432]));
    }

    #[test]
    fn a_connector_needs_every_port_and_the_files_of_its_database() {
        let config = json!({
            "cert": "/etc/tls/cert.pem", "key": "/etc/tls/key.pem", "ca": "/etc/tls/ca.pem",
            "address_pairs": [{ "mode": "connector", "inbound": ":1", "directory": {
                "issuer": "a.b", "database": {
                    "host": "db.example", "user": "u", "name": "n", "password_file": "/etc/pw/p",
                    "ca": "/etc/dbca/ca", "cert": "/etc/dbc/c", "key": "/etc/dbk/k",
                },
            } }],
        });
        let config = parse(&config.to_string()).unwrap().config;
        let needs = Grants::of(&config, None, |_| false, |_| None);
        let read = ["/etc/dbc", "/etc/dbca", "/etc/dbk", "/etc/pw", "/etc/tls"];
        assert_eq!(needs.read, paths(&read));
        assert!(needs.connects_anywhere);
        let without = Grants {
            connects_anywhere: false,
            ..needs.clone()
        };
        assert_eq!(without.lacks(&needs, true, |_| true).len(), 1);
        assert!(needs.lacks(&without, true, |_| true).is_empty());
        assert!(needs.lacks(&needs, true, |_| true).is_empty());
    }

    #[test]
    fn a_pair_whose_socket_was_passed_listens_nowhere() {
        let needs = needs(json!({}), &[("localhost:7000", "db:1")], &[]);
        assert_eq!(needs.listen, BTreeSet::new());
    }

    #[test]
    fn a_file_behind_links_needs_the_folders_in_which_they_may_be_exchanged() {
        let kubernetes = [
            ("/etc/tls/cert.pem", "..data/cert.pem"),
            ("/etc/tls/..data", "..2026_11_25"),
        ];
        let expected = paths(&["/etc/own", "/etc/tls", "/etc/tls/..2026_11_25"]);
        assert_eq!(needs(json!({}), &[PAIR], &kubernetes).read, expected);
        let elsewhere = [
            ("/etc/tls/cert.pem", "/data/current/cert.pem"),
            ("/data/current", "v7"),
        ];
        let expected = paths(&["/data", "/data/v7", "/etc/own", "/etc/tls"]);
        assert_eq!(needs(json!({}), &[PAIR], &elsewhere).read, expected);
    }

    #[test]
    fn a_link_in_a_folder_of_everybody_opens_it_to_nobody() {
        let links = [("/var/run", "/run"), ("/srv/tls", "/srv/v7")];
        let top = json!({"cert": "/var/run/tls/c", "key": "/srv/tls/k", "ca": "/ca.pem"});
        let needs = needs(top, &[("unix:/var/run/db/in", "db:1")], &links);
        assert_eq!(
            needs.read,
            paths(&["/ca.pem", "/etc/own", "/run/tls", "/srv/v7"])
        );
        assert_eq!(needs.sockets, paths(&["/run/db"]));
    }

    #[test]
    fn what_is_within_what_was_granted_is_not_lacking() {
        let granted = needs(json!({}), &[PAIR, ("unix:/run/db/in", "db:1")], &[]);
        assert_eq!(
            granted.lacks(&granted, true, |_| true),
            Vec::<String>::new()
        );
        let top = json!({"key": "/etc/tls/new/key.pem", "timeouts": {"idle": "1m"}});
        let within = needs(top, &[("unix:/run/db/deeper/in", "other:6432")], &[]);
        assert_eq!(granted.lacks(&within, true, |_| true), Vec::<String>::new());
    }

    #[test]
    fn all_that_is_beyond_is_told_at_once() {
        let granted = needs(json!({}), &[PAIR], &[]);
        let top = json!({"key": "/etc/tls2/key.pem"});
        let more = [PAIR, ("unix:/run/db/in", "db:6433"), (":5433", "db:6432")];
        let beyond = needs(top, &more, &[]);
        let told = granted.lacks(&beyond, true, |_| true);
        let begins: Vec<_> = told.iter().map(|l| l.split(": ").next().unwrap()).collect();
        assert_eq!(begins, ["/etc/tls2", "/run/db", "port 5433", "port 6433"]);
        assert!(told.iter().all(|line| line.contains("start it again")));
        let without_ports = granted.lacks(&beyond, false, |_| true);
        assert_eq!(without_ports, told[..2]);
    }

    #[test]
    fn a_folder_that_is_another_one_by_now_lacks_unless_one_above_was_granted() {
        let mut granted = needs(json!({}), &[PAIR], &[]);
        let is_same = |path: &Path| path != Path::new("/etc/tls");
        let told = granted.lacks(&granted, true, is_same);
        assert_eq!(told.len(), 1);
        assert!(told[0].starts_with("/etc/tls: is another one"), "{told:?}");
        let wanted = granted.clone();
        granted.read.insert("/etc".into());
        assert_eq!(granted.lacks(&wanted, true, is_same), Vec::<String>::new());
    }
}
