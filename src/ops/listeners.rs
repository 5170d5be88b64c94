//! Listeners for the configured addresses.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

use crate::config::{Address, Host};
use crate::net::{Endpoint, Inherited, Listener, bind, bind_any};

/// Listens on a configured address; a host name may stand for several.
pub(super) fn listen(address: &Address, inherited: &Inherited) -> io::Result<Vec<Listener>> {
    match address {
        Address::Unix(path) => Ok(vec![bind(&Endpoint::Unix(path.clone()), inherited)?]),
        Address::Tcp {
            host: Host::Any,
            port,
        } => Ok(vec![bind_any(*port, inherited)?]),
        Address::Tcp {
            host: Host::Ip(ip),
            port,
        } => Ok(vec![bind_ip(*ip, *port, inherited)?]),
        Address::Tcp {
            host: Host::Name(name),
            port,
        } => bind_name(name, *port, inherited),
    }
}

fn bind_ip(ip: IpAddr, port: u16, inherited: &Inherited) -> io::Result<Listener> {
    bind(&Endpoint::Tcp(SocketAddr::new(ip, port)), inherited)
}

/// Every address of the name that this machine has: `localhost` is `127.0.0.1` and `[::1]`, but not on
/// a machine without IPv6.
fn bind_name(name: &str, port: u16, inherited: &Inherited) -> io::Result<Vec<Listener>> {
    let mut listeners = Vec::new();
    let mut missing = None;
    let mut addresses: Vec<IpAddr> = (name, port).to_socket_addrs()?.map(|a| a.ip()).collect();
    addresses.dedup();
    for ip in addresses {
        match bind_ip(ip, port, inherited) {
            Ok(listener) => listeners.push(listener),
            Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => {
                missing = Some(error);
            }
            Err(error) => return Err(error),
        }
        // The system's choice of a port is one port.
        if port == 0 && !listeners.is_empty() {
            break;
        }
    }
    match missing {
        Some(error) if listeners.is_empty() => Err(error),
        _ => Ok(listeners),
    }
}
