//! What every configuration needs of the system.

use std::env;
use std::path::{Path, PathBuf};

use super::grants::Grants;
use crate::ops::trail::Trail;

/// What is read, where it is there.
const READ: [&str; 18] = [
    // resolv.conf, hosts, nsswitch.conf, localtime, OpenSSL's configuration: files that are replaced, and
    // what has replaced one is another one to the kernel. So it is the folder.
    "/etc",
    // Where /etc/resolv.conf may lead to by tomorrow.
    "/run/NetworkManager",
    "/run/resolvconf",
    "/run/systemd/resolve",
    // Modules of the name service (nsswitch.conf(5)) and of OpenSSL.
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/usr/local/lib64",
    // What OpenSSL's configuration includes on RHEL.
    "/usr/share/crypto-policies",
    "/usr/share/zoneinfo",
    // Figures of this process, and the host's FIPS flag. The folder of this process alone would not do: the
    // kernel makes it anew now and then. Others' secrets are not to be had: who is confined traces nobody.
    "/proc",
    // How many processors there are for the workers.
    "/sys/fs/cgroup",
    "/sys/devices/system/cpu",
    "/dev/null",
    "/dev/random",
    "/dev/urandom",
];

/// Variables that name folders to be read.
const READ_BY_VARIABLE: [&str; 2] = ["OPENSSL_MODULES", "TZDIR"];

/// Variables that name files to be read.
const FILE_BY_VARIABLE: [&str; 1] = ["OPENSSL_CONF"];

/// Files of the system that may be links to anywhere: often to what systemd-resolved or NetworkManager
/// writes anew, and with some distributions all of them.
const LINKED: [&str; 6] = [
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/localtime",
    "/etc/gai.conf",
    "/etc/host.conf",
];

/// Names are asked for by TCP where an answer is long (RFC 7766).
const DNS_PORT: u16 = 53;

impl Grants {
    /// Adds what every configuration needs.
    pub(super) fn with_system(mut self, read_link: impl Fn(&Path) -> Option<PathBuf>) -> Grants {
        self.connect.insert(DNS_PORT);
        // Its own hash is a part of what there is to show of FIPS.
        self.read.extend(env::current_exe());
        self.read.extend(READ.map(PathBuf::from));
        let variables = READ_BY_VARIABLE.iter().filter_map(env::var_os);
        self.read.extend(variables.map(PathBuf::from));
        let files = FILE_BY_VARIABLE.iter().filter_map(env::var_os);
        let files = files.map(PathBuf::from).chain(LINKED.map(PathBuf::from));
        for file in files {
            self.read_by(Trail::of(&file, &read_link));
        }
        self
    }
}
