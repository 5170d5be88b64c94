//! Names to addresses: [`resolve`] blocks and belongs in a lane; [`DnsCache`] is pure and belongs
//! to one worker.

use std::fmt;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::Arc;

mod cache;

pub use cache::{Answer, DnsCache, FAILED, FRESH, LOST, Lookup, PATIENCE};

/// The addresses of `host` by the system's resolver, as /etc/hosts, nsswitch.conf and resolv.conf
/// have it: in its order, each once. An address in text form is its own answer.
///
/// Blocks for as long as the system likes. A scope (`fe80::1%eth0`) is lost, as an [`IpAddr`] has
/// none.
///
/// # Errors
/// What the system says.
pub fn resolve(host: &str) -> Result<Vec<IpAddr>, String> {
    let found = (host, 0)
        .to_socket_addrs()
        .map_err(|error| error.to_string())?;
    Ok(each_once(found.map(|addr| addr.ip())))
}

/// The addresses without the repetitions that a name has in several sources.
fn each_once(found: impl Iterator<Item = IpAddr>) -> Vec<IpAddr> {
    let mut addrs = Vec::new();
    for addr in found {
        if !addrs.contains(&addr) {
            addrs.push(addr);
        }
    }
    addrs
}

/// Why a name has no addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DnsError {
    /// The resolver failed.
    Failed {
        /// The name.
        host: Arc<str>,
        /// What the resolver said.
        detail: Arc<str>,
    },
    /// The resolver answered, and there was no address in it.
    NoAddress {
        /// The name.
        host: Arc<str>,
    },
    /// The name could not be asked for: the lane was full.
    LaneFull {
        /// The name.
        host: Arc<str>,
    },
}

impl fmt::Display for DnsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DnsError::Failed { host, detail } => {
                write!(
                    f,
                    "cannot resolve {host}: {detail}; try `getent ahosts {host}` here"
                )
            }
            DnsError::NoAddress { host } => {
                write!(
                    f,
                    "{host} resolves to no address: it needs an A or AAAA record"
                )
            }
            DnsError::LaneFull { host } => {
                write!(
                    f,
                    "cannot look up {host}: too many names wait; does the resolver answer?"
                )
            }
        }
    }
}

impl std::error::Error for DnsError {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn host() -> Arc<str> {
        Arc::from("db.example")
    }

    #[test]
    fn every_error_names_the_host_and_something_to_do() {
        let detail = "no such name".into();
        let failed = DnsError::Failed {
            host: host(),
            detail,
        }
        .to_string();
        let words = "cannot resolve db.example: no such name; try `getent ahosts db.example` here";
        assert_eq!(failed, words);
        for error in [
            DnsError::NoAddress { host: host() },
            DnsError::LaneFull { host: host() },
        ] {
            assert!(error.to_string().contains("db.example"), "{error}");
        }
    }

    #[test]
    fn an_address_in_text_form_resolves_to_itself() {
        assert_eq!(resolve("192.0.2.7"), Ok(vec![IpAddr::from([192, 0, 2, 7])]));
        assert_eq!(
            resolve("2001:db8::7"),
            Ok(vec!["2001:db8::7".parse().unwrap()])
        );
    }

    #[test]
    fn localhost_resolves_to_loopback_addresses() {
        let found = resolve("localhost").unwrap();
        assert!(!found.is_empty());
        assert!(found.iter().all(IpAddr::is_loopback), "{found:?}");
    }

    #[test]
    fn repeated_addresses_are_dropped_and_the_order_stays() {
        let found = [3, 1, 3, 2, 1].map(|last| IpAddr::from([192, 0, 2, last]));
        let once = [3, 1, 2].map(|last| IpAddr::from([192, 0, 2, last]));
        assert_eq!(each_once(found.into_iter()), once);
    }

    #[test]
    fn a_name_that_cannot_be_one_fails_in_the_systems_words() {
        assert!(!resolve("no\0name").unwrap_err().is_empty());
        assert!(!resolve(&"a".repeat(300)).unwrap_err().is_empty());
    }
}
