//! Addresses as a configuration writes them.
//!
//! | form | inbound | outbound |
//! |---|---|---|
//! | `host:port`, `ip:port`, `[v6]:port` | listens there | connects there |
//! | `:port` | listens on all interfaces | connects to localhost, as Go dials it |
//! | `unix:/path` | listens there | connects there |
//!
//! Port 0 (any free one) makes sense for listening alone; see [`Address::check_destination`].

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use super::host::{HostNameError, ServerName, check_host_name};
use super::problem::quoted;

/// What `sun_path` holds beside the zero at its end (unix(7)).
const UNIX_PATH_BYTES: usize = 107;

/// What stands before a host that is reached by mutual TLS. A colon alone would be a host's name and its port.
const MTLS_SCHEME: &str = "mtls://";

/// Ways to one host that are tried one after another.
const ROUTES_MAX: usize = 16;

/// Where to listen or to connect; its text is the configured form again.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// A TCP port of a host.
    Tcp {
        /// The host.
        host: Host,
        /// The port; 0 leaves the choice to the system.
        port: u16,
    },
    /// A Unix socket, by its absolute path.
    Unix(PathBuf),
}

/// The host of an address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// A name to resolve, as it was written.
    Name(Arc<str>),
    /// An IP address.
    Ip(IpAddr),
    /// Left out: all interfaces to listen on, localhost to connect to.
    Any,
}

impl Host {
    /// The name that a server at this host must prove.
    pub fn server_name(&self) -> ServerName {
        match self {
            Self::Ip(ip) => ServerName::Ip(*ip),
            Self::Any => ServerName::Dns("localhost".to_owned()),
            Self::Name(name) => {
                let name = name.strip_suffix('.').unwrap_or(name);
                ServerName::Dns(name.to_ascii_lowercase())
            }
        }
    }
}

impl Address {
    /// The host name that has to be resolved, if there is one.
    pub fn host_name(&self) -> Option<Arc<str>> {
        match self {
            Address::Tcp {
                host: Host::Name(name),
                ..
            } => Some(Arc::clone(name)),
            _ => None,
        }
    }

    /// The name that a server there must prove; a Unix socket has none.
    pub fn server_name(&self) -> Option<ServerName> {
        match self {
            Self::Tcp { host, .. } => Some(host.server_name()),
            Self::Unix(_) => None,
        }
    }

    /// The address of a host on the network, with or without a port.
    ///
    /// # Errors
    /// It names none.
    pub fn routed(text: &str, default_port: u16) -> Result<Address, AddressError> {
        let text = text.trim();
        let bare = text
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        let with_port = match text.parse().or(bare.unwrap_or_default().parse()) {
            Ok(IpAddr::V6(ip)) => format!("[{ip}]:{default_port}"),
            _ if !text.contains(':') => format!("{text}:{default_port}"),
            _ => text.to_owned(),
        };
        let address: Address = with_port.parse()?;
        address.check_destination()?;
        match &address {
            Address::Tcp {
                host: Host::Name(_) | Host::Ip(_),
                ..
            } => Ok(address),
            _ => Err(AddressError {
                text: quoted(text),
                fault: Fault::DestinationHost,
            }),
        }
    }

    /// Whether this is somewhere to connect to, and not only to listen on.
    ///
    /// # Errors
    /// Port 0 and the addresses that stand for all interfaces.
    pub fn check_destination(&self) -> Result<(), AddressError> {
        let fault = match self {
            Self::Tcp { port: 0, .. } => Fault::DestinationPort,
            Self::Tcp {
                host: Host::Ip(ip), ..
            } if ip.is_unspecified() => Fault::DestinationHost,
            _ => return Ok(()),
        };
        Err(AddressError {
            text: quoted(&self.to_string()),
            fault,
        })
    }
}

/// A way to a host, as a connector's database has it; its text is that again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Where it is.
    pub address: Address,
    /// Whether it is reached by mutual TLS; the address names what it must prove.
    pub is_mtls: bool,
}

impl Route {
    /// The ways to a host: one, or several with commas between them. `mtls://` stands before those by mutual
    /// TLS.
    ///
    /// # Errors
    /// One of them names no host on the network, or there are too many.
    pub fn all(text: &str, default_port: u16) -> Result<Vec<Route>, AddressError> {
        let one = |one: &str| {
            let bare = one.trim().strip_prefix(MTLS_SCHEME);
            let address = Address::routed(bare.unwrap_or(one), default_port)?;
            let is_mtls = bare.is_some();
            Ok(Route { address, is_mtls })
        };
        let routes = text.split(',').take(ROUTES_MAX + 1).map(one);
        let routes = routes.collect::<Result<Vec<_>, _>>()?;
        match routes.len() > ROUTES_MAX {
            true => Err(AddressError {
                text: quoted(text),
                fault: Fault::Many,
            }),
            false => Ok(routes),
        }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.is_mtls {
            true => MTLS_SCHEME,
            false => "",
        };
        write!(f, "{scheme}{}", self.address)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp {
                host: Host::Any,
                port,
            } => write!(f, ":{port}"),
            Self::Tcp {
                host: Host::Name(name),
                port,
            } => write!(f, "{name}:{port}"),
            Self::Tcp {
                host: Host::Ip(IpAddr::V4(ip)),
                port,
            } => write!(f, "{ip}:{port}"),
            Self::Tcp {
                host: Host::Ip(IpAddr::V6(ip)),
                port,
            } => write!(f, "[{ip}]:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        parse(text).map_err(|fault| AddressError {
            text: quoted(text),
            fault,
        })
    }
}

/// Why a text is no address, with what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressError {
    text: String,
    fault: Fault,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Fault {
    Scheme(String),
    NoPort,
    PortAlone,
    PortNumber,
    Colons,
    Unbracketed(String),
    Brackets,
    Zone,
    Star,
    Host(HostNameError),
    UnixRelative,
    UnixFolder,
    UnixLong,
    UnixControl,
    DestinationPort,
    DestinationHost,
    Many,
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.text, self.fault)
    }
}

impl std::error::Error for AddressError {}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self {
            Self::Host(fault) => return write!(f, "{fault}"),
            Self::Scheme(scheme) => {
                return write!(f, "is a URL: write host:port without {}", quoted(scheme));
            }
            Self::Unbracketed(example) => {
                return write!(f, "has an IPv6 address without brackets: write {example}");
            }
            Self::NoPort => "has no port: write host:port",
            Self::PortAlone => "has no host: write localhost:port, or :port for all interfaces",
            Self::PortNumber => "has no port from 0 to 65535 behind its colon: write host:port",
            Self::Colons => "has too many colons: write host:port, or [address]:port for IPv6",
            Self::Brackets => "has no IPv6 address between brackets: write [address]:port",
            Self::Zone => "names a zone, which is not supported: use an address without one",
            Self::Star => "begins with a star: write :port for all interfaces",
            Self::UnixRelative => "has no absolute path: write unix:/path",
            Self::UnixFolder => "ends like a folder: write the path of a socket",
            Self::UnixLong => "is too long: the path of a Unix socket has at most 107 bytes",
            Self::UnixControl => "holds a control character: name the socket without",
            Self::DestinationPort => "is nowhere to connect to: port 0 only serves to listen",
            Self::DestinationHost => "is nowhere to connect to: write the host's own address",
            Self::Many => "has too many addresses: keep to 16",
        };
        f.write_str(words)
    }
}

fn parse(text: &str) -> Result<Address, Fault> {
    if let Some(path) = text.strip_prefix("unix:") {
        return unix(path);
    }
    if let Some((scheme, _)) = text.split_once("://") {
        return Err(Fault::Scheme(format!("{scheme}://")));
    }
    if let Some(inner) = text.strip_prefix('[') {
        return bracketed(inner);
    }
    match text.matches(':').count() {
        0 if text.parse::<u16>().is_ok() => Err(Fault::PortAlone),
        1 => {
            let (host, port) = text.split_once(':').unwrap_or((text, ""));
            Ok(Address::Tcp {
                host: parse_host(host)?,
                port: parse_port(port)?,
            })
        }
        0 => Err(Fault::NoPort),
        _ => Err(unbracketed(text)),
    }
}

fn unix(path: &str) -> Result<Address, Fault> {
    if !path.starts_with('/') {
        Err(Fault::UnixRelative)
    } else if path.ends_with('/') {
        Err(Fault::UnixFolder)
    } else if path.chars().any(char::is_control) {
        Err(Fault::UnixControl)
    } else if path.len() > UNIX_PATH_BYTES {
        Err(Fault::UnixLong)
    } else {
        Ok(Address::Unix(PathBuf::from(path)))
    }
}

/// `text` is what follows the opening bracket.
fn bracketed(text: &str) -> Result<Address, Fault> {
    let (ip, rest) = text.split_once(']').ok_or(Fault::Brackets)?;
    if ip.contains('%') {
        return Err(Fault::Zone);
    }
    let ip: Ipv6Addr = ip.parse().map_err(|_| Fault::Brackets)?;
    let port = rest.strip_prefix(':').ok_or(Fault::NoPort)?;
    Ok(Address::Tcp {
        host: Host::Ip(ip.into()),
        port: parse_port(port)?,
    })
}

/// What is wrong with a text of several colons. `fe80::1:443` could end in a port or not, so both
/// readings lead to the brackets.
fn unbracketed(text: &str) -> Fault {
    let is_ip = |text: &str| text.parse::<Ipv6Addr>().is_ok();
    match text.rsplit_once(':') {
        _ if text.contains('%') => Fault::Zone,
        Some((ip, port)) if is_ip(ip) => Fault::Unbracketed(format!("[{ip}]:{port}")),
        _ if is_ip(text) => Fault::Unbracketed(format!("[{text}]:port")),
        _ => Fault::Colons,
    }
}

fn parse_host(host: &str) -> Result<Host, Fault> {
    if host.is_empty() {
        return Ok(Host::Any);
    }
    if host == "*" {
        return Err(Fault::Star);
    }
    if let Ok(ip) = host.parse() {
        return Ok(Host::Ip(ip));
    }
    check_host_name(host).map_err(Fault::Host)?;
    Ok(Host::Name(host.into()))
}

fn parse_port(port: &str) -> Result<u16, Fault> {
    if port.is_empty() {
        return Err(Fault::NoPort);
    }
    // The standard parser would take a sign as well.
    if !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Fault::PortNumber);
    }
    port.parse().map_err(|_| Fault::PortNumber)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn tcp(host: Host, port: u16) -> Address {
        Address::Tcp { host, port }
    }

    #[test]
    fn every_form_of_an_address_is_understood_and_written_back() {
        let ip = |text: &str| Host::Ip(text.parse().unwrap());
        let longest = format!("/{}", "s".repeat(106));
        let cases = [
            ("localhost:5432", tcp(Host::Name("localhost".into()), 5432)),
            (
                "Remote.Domain.com.:1",
                tcp(Host::Name("Remote.Domain.com.".into()), 1),
            ),
            ("my_db:65535", tcp(Host::Name("my_db".into()), 65535)),
            ("10.0.0.7:443", tcp(ip("10.0.0.7"), 443)),
            ("[2001:db8::7]:443", tcp(ip("2001:db8::7"), 443)),
            ("[::ffff:10.0.0.7]:443", tcp(ip("::ffff:10.0.0.7"), 443)),
            (":5432", tcp(Host::Any, 5432)),
            ("127.0.0.1:0", tcp(ip("127.0.0.1"), 0)),
            ("unix:/run/db.sock", Address::Unix("/run/db.sock".into())),
            (
                &format!("unix:{longest}"),
                Address::Unix(longest.clone().into()),
            ),
        ];
        for (text, address) in cases {
            assert_eq!(text.parse(), Ok(address.clone()), "{text}");
            assert_eq!(address.to_string(), text);
        }
    }

    #[test]
    fn a_database_may_name_a_host_with_or_without_a_port() {
        for (text, address) in [
            ("10.0.0.7", "10.0.0.7:22"),
            (" 10.0.0.7 ", "10.0.0.7:22"),
            ("10.0.0.7:5432", "10.0.0.7:5432"),
            ("db.internal", "db.internal:22"),
            ("db.internal:5432", "db.internal:5432"),
            ("2001:db8::7", "[2001:db8::7]:22"),
            ("[2001:db8::7]", "[2001:db8::7]:22"),
            ("[2001:db8::7]:1", "[2001:db8::7]:1"),
        ] {
            let routed = Address::routed(text, 22).unwrap();
            assert_eq!(routed.to_string(), address, "{text}");
        }
        for text in [
            "",
            " ",
            ":22",
            "10.0.0.7:0",
            "0.0.0.0",
            "::",
            "unix:/run/x",
            "/run/x",
            "a b",
            "http://x",
        ] {
            assert!(Address::routed(text, 22).is_err(), "{text}");
        }
    }

    #[test]
    fn a_database_may_name_several_addresses_of_a_host() {
        let all = Route::all("10.0.0.7, db.internal:5432,::1", 22).unwrap();
        let all: Vec<_> = all.iter().map(ToString::to_string).collect();
        assert_eq!(all, ["10.0.0.7:22", "db.internal:5432", "[::1]:22"]);
        let many = ["10.0.0.7"; ROUTES_MAX + 1].join(",");
        for text in ["", ",", "10.0.0.7,", "10.0.0.7,,10.0.0.8", &many] {
            assert!(Route::all(text, 22).is_err(), "{text}");
        }
    }

    #[test]
    fn a_database_may_say_of_each_address_that_it_is_reached_by_mutual_tls() {
        let all = Route::all("mtls://db.internal, 10.0.0.7 , mtls://[::1]:1", 22).unwrap();
        let all: Vec<_> = all.iter().map(ToString::to_string).collect();
        assert_eq!(
            all,
            ["mtls://db.internal:22", "10.0.0.7:22", "mtls://[::1]:1"]
        );
        for text in [
            "mtls://",
            "mtls:db",
            "MTLS://db",
            "mtls://mtls://db",
            "tls://db",
        ] {
            assert!(Route::all(text, 22).is_err(), "{text}");
        }
        // A host of that name.
        assert!(!Route::all("mtls:22", 22).unwrap()[0].is_mtls);
    }

    #[test]
    fn each_fault_of_an_address_is_told_as_what_it_is() {
        let long = format!("unix:/{}", "s".repeat(107));
        let cases = [
            ("", Fault::NoPort),
            ("db", Fault::NoPort),
            ("db:", Fault::NoPort),
            ("[::1]", Fault::NoPort),
            ("5432", Fault::PortAlone),
            ("db:postgres", Fault::PortNumber),
            ("db:+80", Fault::PortNumber),
            ("db:65536", Fault::PortNumber),
            ("db:-1", Fault::PortNumber),
            ("[::1]:", Fault::NoPort),
            ("[::1:80", Fault::Brackets),
            ("[10.0.0.7]:80", Fault::Brackets),
            ("[fe80::1%eth0]:80", Fault::Zone),
            ("fe80::1%eth0:80", Fault::Zone),
            ("::1", Fault::Unbracketed("[::1]:port".to_owned())),
            (
                "fe80::1:443",
                Fault::Unbracketed("[fe80::1]:443".to_owned()),
            ),
            (
                "1:2:3:4:5:6:7:8:443",
                Fault::Unbracketed("[1:2:3:4:5:6:7:8]:443".to_owned()),
            ),
            ("a:b:c", Fault::Colons),
            ("*:80", Fault::Star),
            ("300.1.2.3:80", Fault::Host(HostNameError::Number)),
            (" db:80", Fault::Host(HostNameError::Character(' '))),
            ("https://db:443", Fault::Scheme("https://".to_owned())),
            ("unix:", Fault::UnixRelative),
            ("unix:db.sock", Fault::UnixRelative),
            ("unix:/run/", Fault::UnixFolder),
            ("unix:/a\0b", Fault::UnixControl),
            ("unix:/a\nb", Fault::UnixControl),
            (&long, Fault::UnixLong),
        ];
        for (text, fault) in cases {
            let error = text.parse::<Address>().unwrap_err();
            assert_eq!(error.fault, fault, "{text}");
        }
    }

    #[test]
    fn a_fault_repeats_the_text_and_says_what_to_write() {
        let error = "fe80::1:443".parse::<Address>().unwrap_err();
        let told = "\"fe80::1:443\" has an IPv6 address without brackets: write [fe80::1]:443";
        assert_eq!(error.to_string(), told);
    }

    #[test]
    fn a_destination_is_one_port_of_one_host() {
        for good in ["db:1", ":5432", "10.0.0.7:443", "unix:/run/db.sock"] {
            assert_eq!(
                good.parse::<Address>().unwrap().check_destination(),
                Ok(()),
                "{good}"
            );
        }
        for bad in ["db:0", ":0", "0.0.0.0:80", "[::]:80"] {
            assert!(
                bad.parse::<Address>().unwrap().check_destination().is_err(),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_host_says_which_name_its_server_must_prove() {
        let name = |text: &str| match text.parse::<Address>().unwrap() {
            Address::Tcp { host, .. } => host.server_name().to_string(),
            Address::Unix(_) => unreachable!("no case of this test"),
        };
        assert_eq!(name("Remote.Domain.com.:5432"), "remote.domain.com");
        assert_eq!(name("[2001:db8::7]:5432"), "2001:db8::7");
        assert_eq!(name(":5432"), "localhost");
    }
}
