//! `proxy_protocol` of a pair.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::config::address::Address;
use crate::config::model::{ProxyProtocol, ProxyVersion, Sources};
use crate::config::problem::quoted;
use crate::config::proxy::{ProxySource, UNIX};
use crate::config::reader::{ObjectReader, Reported};
use crate::config::tree::Value;
use crate::config::value;

/// Reads the object of a pair that listens at `inbound`.
pub(super) fn proxy_protocol(
    reader: &mut ObjectReader<'_>,
    inbound: Option<&Address>,
) -> Result<ProxyProtocol, Reported> {
    let from = reader.take_object("in", |r| from(r, inbound)).transpose();
    let out = reader.take("out", version);
    Ok(ProxyProtocol {
        from: from?.unwrap_or_default(),
        out: out?,
    })
}

fn from(reader: &mut ObjectReader<'_>, inbound: Option<&Address>) -> Result<Sources, Reported> {
    const HINT: &str = "list the networks of the proxies in front, such as \"10.0.0.0/8\": whoever is in \
                        it can claim any address";
    let sources = match reader.take_any_number("from", source)? {
        Some(sources) if !sources.is_empty() => sources,
        Some(_) => return Err(reader.report("from", format!("the list is empty: {HINT}"))),
        None => return Err(reader.report("from", format!("missing: {HINT}"))),
    };
    let is_of_unix = |source: &ProxySource| matches!(source, ProxySource::Unix);
    match inbound {
        Some(Address::Unix(_)) if !sources.iter().all(is_of_unix) => {
            let what = format!(
                "the peers of a UNIX socket have no address: write {} for all of them",
                quoted(UNIX)
            );
            return Err(reader.report("from", what));
        }
        Some(Address::Tcp { .. }) if sources.iter().any(is_of_unix) => {
            let what = format!(
                "{} is for pairs that listen on a UNIX socket: write addresses or networks",
                quoted(UNIX)
            );
            return Err(reader.report("from", what));
        }
        _ => {}
    }
    let is_everybody = |source: &&ProxySource| match source {
        ProxySource::Network(network) => network.prefix_len() == 0,
        ProxySource::Unix => false,
    };
    if let Some(everybody) = sources.iter().find(is_everybody) {
        let what = format!(
            "\"{everybody}\" is everybody: whoever reaches the port can claim any address, and \
             nobody comes in without a header: list the proxies in front if that is not meant"
        );
        reader.warn("from", what);
    }
    Ok(Sources(sources))
}

/// An address, a network, or who comes by a UNIX socket.
fn source(value: &Value) -> Result<ProxySource, String> {
    let text = value::text(value)?;
    if text == UNIX {
        return Ok(ProxySource::Unix);
    }
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Ok(ProxySource::Network(ip.to_canonical().into()));
    }
    let told = quoted(text);
    let network: IpNet = text.parse().map_err(|_| {
        format!("{told} is no address and no network: write one such as \"10.0.0.0/8\" or \"::1\"")
    })?;
    let whole = network.trunc();
    if network != whole {
        let ip = network.addr();
        return Err(format!(
            "{told} has an address with more bits than its network: write \"{whole}\" or \"{ip}\""
        ));
    }
    if let IpNet::V6(v6) = network
        && v6.addr().to_ipv4_mapped().is_some()
    {
        return Err(format!(
            "{told} is a network of IPv4 addresses: write it as one"
        ));
    }
    Ok(ProxySource::Network(network))
}

fn version(value: &Value) -> Result<ProxyVersion, String> {
    value::one_of(value, &[("v1", ProxyVersion::V1), ("v2", ProxyVersion::V2)])
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::config::fixture::{file, only_pair, only_problem, pair_with, problems};
    use crate::config::parse;

    fn told(members: &str) -> ProxyProtocol {
        only_pair(&pair_with(&format!(r#""proxy_protocol": {members}"#))).proxy_protocol
    }

    fn problem(members: &str) -> String {
        let pair = pair_with(&format!(r#""proxy_protocol": {members}"#));
        only_problem(&file("", &pair))
    }

    fn contains(sources: &Sources, ip: &str) -> bool {
        sources.contain(Some(ip.parse().unwrap()))
    }

    #[test]
    fn without_a_word_there_is_no_header_in_or_out() {
        let none = only_pair(&pair_with("")).proxy_protocol;
        assert_eq!(none, ProxyProtocol::default());
        assert_eq!(told("{}"), none);
        assert!(none.from.is_empty() && !contains(&none.from, "::1"));
    }

    #[test]
    fn listed_addresses_and_networks_are_sources_and_no_others() {
        let told = told(r#"{"in": {"from": ["10.0.0.0/8", "::1", "2001:db8::/32"]}, "out": "v2"}"#);
        assert_eq!(told.out, Some(ProxyVersion::V2));
        for ip in [
            "10.0.0.0",
            "10.255.255.255",
            "::1",
            "2001:db8:1::",
            "::ffff:10.1.2.3",
        ] {
            assert!(contains(&told.from, ip), "{ip}");
        }
        for ip in [
            "11.0.0.0",
            "9.255.255.255",
            "::2",
            "127.0.0.1",
            "2001:db9::",
        ] {
            assert!(!contains(&told.from, ip), "{ip}");
        }
        assert!(!told.from.contain(None));
        assert_eq!(told.from.to_string(), "10.0.0.0/8, ::1, 2001:db8::/32");
    }

    #[test]
    fn one_source_need_be_no_list_and_an_ipv4_address_may_be_written_as_ipv6() {
        let told = told(r#"{"in": {"from": "::ffff:192.0.2.7"}, "out": "v1"}"#);
        assert_eq!(told.from.to_string(), "192.0.2.7");
        assert_eq!(told.out, Some(ProxyVersion::V1));
    }

    #[test]
    fn who_comes_by_a_unix_socket_is_listed_by_a_word_of_its_own() {
        let pair = r#"{"inbound": "unix:/s", "outbound": "db:1", "proxy_protocol": {"in": {"from": "unix:"}}}"#;
        let from = only_pair(pair).proxy_protocol.from;
        assert!(from.contain(None) && !contains(&from, "127.0.0.1"));
        let mixed = pair.replace(r#""unix:"}"#, r#"["unix:", "::1"]}"#);
        let told = only_problem(&file("", &mixed));
        assert!(
            told.starts_with("address_pairs[0].proxy_protocol.in.from: "),
            "{told}"
        );
        assert!(told.contains("write \"unix:\""), "{told}");
        assert!(problem(r#"{"in": {"from": ["::1", "unix:"]}}"#).contains("\"unix:\" is for"));
    }

    #[test]
    fn sources_must_be_given() {
        for members in [r#"{"in": {}}"#, r#"{"in": {"from": []}}"#] {
            let told = problem(members);
            assert!(
                told.starts_with("address_pairs[0].proxy_protocol.in.from: "),
                "{told}"
            );
            assert!(told.contains("10.0.0.0/8"), "{told}");
        }
    }

    #[test]
    fn each_fault_is_told_with_what_to_write() {
        for (members, place, words) in [
            (
                r#"{"in": {"from": "db"}}"#,
                "in.from",
                "such as \"10.0.0.0/8\"",
            ),
            (
                r#"{"in": {"from": "10.0.0.0/33"}}"#,
                "in.from",
                "no network",
            ),
            (
                r#"{"in": {"from": "10.0.0.1/8"}}"#,
                "in.from",
                "write \"10.0.0.0/8\" or \"10.0.0.1\"",
            ),
            (
                r#"{"in": {"from": "::ffff:10.0.0.0/104"}}"#,
                "in.from",
                "IPv4",
            ),
            (
                r#"{"in": {"from": ["::1", 7]}}"#,
                "in.from[1]",
                "a text in quotes",
            ),
            (r#"{"in": true}"#, "in", "expected an object"),
            (r#"{"out": "2"}"#, "out", "write \"v1\" or \"v2\""),
            (r#"{"ou": "v1"}"#, "ou", "did you mean \"out\"?"),
            (
                r#"{"in": {"form": "::1", "from": "::1"}}"#,
                "in.form",
                "did you mean \"from\"?",
            ),
        ] {
            let told = problem(members);
            let place = format!("address_pairs[0].proxy_protocol.{place}: ");
            assert!(told.starts_with(&place) && told.contains(words), "{told}");
        }
        let several = r#""proxy_protocol": {"in": {"from": ["a", "b"]}, "out": "c"}"#;
        assert_eq!(problems(&file("", &pair_with(several))).len(), 3);
    }

    #[test]
    fn everybody_as_a_source_is_warned_of() {
        let pair = pair_with(r#""proxy_protocol": {"in": {"from": ["::1", "0.0.0.0/0"]}}"#);
        let warnings = parse(&file("", &pair)).unwrap().warnings;
        let [warning] = &warnings[..] else {
            panic!("{warnings:?}");
        };
        assert!(warning.to_string().contains("everybody"), "{warning}");
    }
}
