//! What concerns several keys at once, whatever form they were written in.

use super::address::{Address, Host};
use super::model::Mode;
use super::problem::{Problem, quoted};
use super::reader::{ObjectReader, Reported};
use super::value::{self, ADDRESS_HINT};

/// What a pair claims for itself alone, as far as it could be read, and where it stands.
pub(super) struct Claim {
    /// The path of the pair.
    pub(super) path: String,
    /// Its name, given or default.
    pub(super) name: Option<String>,
    /// Where it listens.
    pub(super) inbound: Option<Address>,
}

impl Claim {
    /// The path of the address at which it listens.
    pub(super) fn inbound_path(&self) -> String {
        format!("{}.inbound", self.path)
    }

    /// Where it listens, with the path of that.
    pub(super) fn listener(&self) -> Option<(String, &Address)> {
        let inbound = self.inbound.as_ref()?;
        Some((self.inbound_path(), inbound))
    }
}

/// Why the name of a server has to be written.
pub(super) const NO_SERVER_NAME: &str =
    "missing: a Unix socket has no name to verify the server by: write the server's name";

/// What `key` gives as the place to connect to, for a pair that listens at `inbound`.
pub(super) fn destination(
    reader: &mut ObjectReader<'_>,
    key: &'static str,
    inbound: &Result<Address, Reported>,
) -> Result<Address, Reported> {
    let outbound = reader.required(key, ADDRESS_HINT, value::destination)?;
    match inbound {
        Ok(inbound) if leads_back(inbound, &outbound) => {
            let what = format!(
                "\"{outbound}\" leads back to this pair's own inbound address: name the host or \
                 the port of the service behind it"
            );
            Err(reader.report(key, what))
        }
        _ => Ok(outbound),
    }
}

/// The problems of pairs that claim the same.
pub(super) fn collisions(claims: &[Claim]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (index, claim) in claims.iter().enumerate() {
        let earlier = &claims[..index];
        // The default name is the inbound address: that two of these are the same is told once.
        problems
            .extend(inbound_collision(earlier, claim).or_else(|| name_collision(earlier, claim)));
    }
    problems
}

fn inbound_collision(earlier: &[Claim], claim: &Claim) -> Option<Problem> {
    let inbound = claim.inbound.as_ref()?;
    let collides = |other: &&Claim| other.inbound.as_ref().is_some_and(|o| overlap(o, inbound));
    let other = earlier.iter().find(collides)?;
    let what = format!(
        "\"{inbound}\" collides with \"{}\" of {}: give each pair an inbound address of its own",
        other.inbound.as_ref()?,
        other.path
    );
    Some(Problem::at(claim.inbound_path(), what))
}

/// The problems of listeners beside the pairs that leave no room for one another or for those that are
/// `taken`. Each address is with the path of its key.
pub(super) fn crowded<'a>(
    taken: impl IntoIterator<Item = (String, &'a Address)>,
    more: impl IntoIterator<Item = (String, &'a Address)>,
) -> Vec<Problem> {
    let mut taken: Vec<_> = taken.into_iter().collect();
    let mut problems = Vec::new();
    for (path, address) in more {
        if let Some((other_path, other)) = taken.iter().find(|(_, other)| overlap(other, address)) {
            let what = format!(
                "\"{address}\" collides with \"{other}\" of {other_path}: give it an address of its own"
            );
            problems.push(Problem::at(path, what));
        } else {
            taken.push((path, address));
        }
    }
    problems
}

fn name_collision(earlier: &[Claim], claim: &Claim) -> Option<Problem> {
    let name = claim.name.as_ref()?;
    let other = earlier
        .iter()
        .find(|other| other.name.as_ref() == Some(name))?;
    let what = format!(
        "{} is the name of {} already: give each pair a name of its own",
        quoted(name),
        other.path
    );
    Some(Problem::at(format!("{}.name", claim.path), what))
}

/// Whether a socket that listens on one address leaves no room for the other.
fn overlap(one: &Address, other: &Address) -> bool {
    match (one, other) {
        (Address::Unix(one), Address::Unix(other)) => one == other,
        (
            Address::Tcp { host, port },
            Address::Tcp {
                host: other,
                port: other_port,
            },
        ) => {
            // Port 0 is a free one each time.
            port == other_port && *port != 0 && hosts_overlap(host, other)
        }
        _ => false,
    }
}

fn hosts_overlap(one: &Host, other: &Host) -> bool {
    match (one, other) {
        (Host::Any, _) | (_, Host::Any) => true,
        (Host::Ip(one), Host::Ip(other)) if one.is_ipv4() == other.is_ipv4() => {
            one == other || one.is_unspecified() || other.is_unspecified()
        }
        (Host::Name(one), Host::Name(other)) => is_same_name(one, other),
        _ => false,
    }
}

/// Names are the same whatever their case and whether the dot at the end is written.
fn is_same_name(one: &str, other: &str) -> bool {
    let without_dot = |name| str::strip_suffix(name, '.').unwrap_or(name);
    without_dot(one).eq_ignore_ascii_case(without_dot(other))
}

/// Whether what a pair sends out would come in again at the same pair, once more each time.
fn leads_back(inbound: &Address, outbound: &Address) -> bool {
    match (inbound, outbound) {
        (Address::Unix(inbound), Address::Unix(outbound)) => inbound == outbound,
        (
            Address::Tcp {
                host: inbound,
                port,
            },
            Address::Tcp {
                host: outbound,
                port: outbound_port,
            },
        ) => {
            let is_same = match (inbound, outbound) {
                (Host::Name(inbound), Host::Name(outbound)) => is_same_name(inbound, outbound),
                _ => inbound == outbound,
            };
            let is_here = is_every_interface(inbound) && is_this_machine(outbound);
            port == outbound_port && (is_same || is_here)
        }
        _ => false,
    }
}

/// What is allowed of a pair but should be known. `place` is the path of its inbound address.
pub(super) fn warning(mode: Mode, inbound: &Address, place: &str) -> Option<Problem> {
    let Address::Tcp { host, .. } = inbound else {
        return None;
    };
    let is_open = match host {
        Host::Any => true,
        Host::Ip(ip) => !ip.to_canonical().is_loopback(),
        // Whatever it resolves to; the common one is localhost.
        Host::Name(_) => false,
    };
    if mode.inbound_tls() || !is_open {
        return None;
    }
    let what = format!(
        "\"{inbound}\" takes plain connections from other machines: any host that reaches this port \
         borrows the identity: listen on localhost or on a unix: socket if that is not meant"
    );
    Some(Problem::at(place, what))
}

fn is_every_interface(host: &Host) -> bool {
    match host {
        Host::Any => true,
        Host::Ip(ip) => ip.is_unspecified(),
        Host::Name(_) => false,
    }
}

fn is_this_machine(host: &Host) -> bool {
    match host {
        Host::Any => true,
        Host::Ip(ip) => ip.is_loopback(),
        Host::Name(name) => is_same_name(name, "localhost"),
    }
}

#[cfg(test)]
mod tests;
