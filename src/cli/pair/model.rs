//! What a pairing serves, as a configuration: the program that forwards knows nothing of pairings.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::PairArgs;
use super::exchange::Said;
use crate::config::{self, Address, Given, Host, Loaded, Pair, Problems, Secret};
use crate::identity::{Pin, Pins};
use crate::tls::authority::{
    AuthorityError, Digest, Identity, KeyKind, LeafRequest, Purpose, Subject, Validity,
};
use crate::tls::describe;

/// What the log calls the pair.
pub(super) const NAME: &str = "pair";

/// Days for which a one-time certificate holds.
const DAYS: u32 = 1;

/// Where the other end of a pairing listens.
const LOOPBACK: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

/// A key and a certificate for one pairing that begins at `now`, in seconds since 1970. Any other stack can
/// take it for either role, by the names of this machine.
pub(super) fn one_time_identity(now: i64) -> Result<Identity, AuthorityError> {
    Identity::self_signed(&LeafRequest {
        subject: Subject::named("mtls-persona pair"),
        dns: vec!["localhost".to_owned()],
        ips: vec![LOOPBACK, IpAddr::V6(std::net::Ipv6Addr::LOCALHOST)],
        uris: Vec::new(),
        purpose: Purpose::Both,
        key: KeyKind::EcP256,
        validity: Validity::days(now, DAYS),
        digest: Digest::Fitting,
    })
}

/// What is to be served with that identity. Until the other end has said who it is, nobody is believed but
/// ourselves: see [`believe`].
pub(super) fn load(args: &PairArgs, identity: &Identity) -> Result<Loaded, Problems> {
    let mut loaded = config::parse(&native(args, &own_pin(identity)).to_string())?;
    let given = Given {
        cert: Secret(identity.cert_pem.clone()),
        key: Secret(identity.key_pem.clone()),
    };
    for pair in &mut loaded.config.pairs {
        pair.tls.given = Some(given.clone());
    }
    Ok(loaded)
}

fn own_pin(identity: &Identity) -> String {
    let certs = describe(identity.cert_pem.as_bytes()).unwrap_or_default();
    let pin = certs.first().and_then(|own| Pin::of(&own.cert));
    pin.map(|pin| pin.to_string()).unwrap_or_default()
}

/// The native form: what is wrong with a flag is wrong with its key.
fn native(args: &PairArgs, own_pin: &str) -> Value {
    let mut pair = json!({
        "name": NAME, "trust": "pinned", "pins": own_pin, "client_cert_header": args.header,
    });
    match &args.outbound {
        Some(outbound) => {
            pair["mode"] = json!("server");
            pair["inbound"] = json!(format!("{LOOPBACK}:0"));
            pair["outbound"] = json!(outbound);
        }
        None => {
            pair["inbound"] = json!(args.inbound);
            // Any port: the child says which one it is.
            pair["outbound"] = json!(format!("{LOOPBACK}:1"));
        }
    }
    json!({
        "cert": "the one-time certificate", "key": "its key",
        "log": { "level": args.log_level },
        "timeouts": { "connect": args.timeout, "handshake": args.timeout, "drain": args.grace },
        "address_pairs": [pair],
    })
}

/// From now on the other end is believed, and nobody else; and it is reached where it listens.
pub(super) fn believe(pair: &mut Pair, said: Said) {
    let mut pins = Pins::default();
    match pair.mode.inbound_tls() {
        true => pins.clients.push(said.pin),
        false => pins.servers.push(said.pin),
    }
    pair.tls.pins = Some(pins);
    if let (false, Some(port)) = (pair.mode.inbound_tls(), said.port) {
        pair.outbound = Address::Tcp {
            host: Host::Ip(LOOPBACK),
            port,
        };
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Words {
        #[command(flatten)]
        args: PairArgs,
    }

    fn load_of(words: &[&str]) -> Loaded {
        let words = Words::try_parse_from([&["pair"], words].concat()).unwrap();
        let identity = one_time_identity(1_800_000_000).unwrap();
        load(&words.args, &identity).unwrap()
    }

    #[test]
    fn nobody_shown_the_configuration_is_shown_certificate_or_key() {
        let loaded = load_of(&["--", "true"]);
        let told = format!("{loaded:?}");
        assert!(!told.contains("BEGIN"), "{told}");
        let given = loaded.config.pairs[0].tls.given.as_ref().unwrap();
        assert!(given.cert.0.contains("BEGIN CERTIFICATE"));
        assert!(given.key.0.contains("PRIVATE KEY"));
    }

    #[test]
    fn the_certificate_is_put_into_requests_on_demand_in_both_halves() {
        let offers = ["--", "true"];
        let accepts = ["--accept", "--outbound", ":8080"];
        for half in [&offers[..], &accepts] {
            for (flag, is_on) in [(&[][..], false), (&["--header"], true)] {
                let loaded = load_of(&[flag, half].concat());
                assert_eq!(loaded.config.pairs[0].client_cert_header, is_on);
            }
        }
    }

    #[test]
    fn the_other_end_alone_is_believed_in_its_own_role() {
        let identity = one_time_identity(1_800_000_000).unwrap();
        let pin = Pin::parse(&own_pin(&identity)).unwrap();
        let port = Some(7);
        let mut offers = load_of(&["--", "true"]).config.pairs.remove(0);
        believe(&mut offers, Said { pin, port });
        let mut pins = Pins::default();
        pins.servers.push(pin);
        assert_eq!(offers.tls.pins, Some(pins));
        assert_eq!(offers.outbound.to_string(), "127.0.0.1:7");
        let mut accepts = load_of(&["--accept", "--outbound", ":8080"]);
        let accepts = &mut accepts.config.pairs[0];
        believe(accepts, Said { pin, port });
        let mut pins = Pins::default();
        pins.clients.push(pin);
        assert_eq!(accepts.tls.pins, Some(pins));
        assert_eq!(accepts.outbound.to_string(), ":8080");
    }
}
