//! What a pair goes by to trust a peer: its authorities, or keys that are named one by one.

use crate::config::model::Mode;
use crate::config::problem::quoted;
use crate::config::reader::{ObjectReader, Reported, Taken};
use crate::config::tree::Value;
use crate::config::value;
use crate::identity::{Pin, Pins};

/// Where keys are pinned, nobody vouches for anything else in a certificate: keys that would go by it, with
/// what to do instead.
const OF_AUTHORITIES: [(&str, &str); 9] = [
    ("ca", NO_AUTHORITY),
    ("ca_cert", NO_AUTHORITY),
    ("crl", NO_AUTHORITY),
    ("crl_scope", NO_AUTHORITY),
    ("on_stale_crl", NO_AUTHORITY),
    ("server_name", NO_NAME),
    ("allow", NO_NAME),
    ("allow_outbound", NO_NAME),
    ("allow_mode", NO_NAME),
];

const NO_AUTHORITY: &str = "\"trust\": \"pinned\" asks no authority: leave it out; a key that is no longer \
    trusted is taken out of the pins";
const NO_NAME: &str = "with \"trust\": \"pinned\" a peer is known by its key, and whatever names its \
    certificate holds are its own invention: leave it out";
const PINS_HINT: &str = "write the SHA-256 of the peer's public key, or a list of them";

/// What trust there is.
#[derive(Clone, Copy, Default, PartialEq)]
enum Trust {
    #[default]
    Ca,
    Pinned,
}

/// The keys that a pair trusts, if it goes by keys; then all that goes by authorities is refused.
pub(super) fn pins(reader: &mut ObjectReader<'_>, mode: Result<Mode, Reported>) -> Taken<Pins> {
    let trust = reader.take("trust", trust);
    let [inner, outer] = ["pins", "pins_outbound"].map(|key| (key, reader.has(key)));
    let pins = reader.take_any_number("pins", pin);
    let outbound = reader.take_any_number("pins_outbound", pin);
    if trust?.unwrap_or_default() == Trust::Ca {
        for (key, _) in [inner, outer].into_iter().filter(|(_, is_there)| *is_there) {
            let what = "means nothing without \"trust\": \"pinned\": write that, or leave it out; \"allow\": \
                        { \"spki\": … } narrows what ca vouches for";
            reader.report(key, what);
        }
        return Ok(None);
    }
    for (key, what) in OF_AUTHORITIES {
        if reader.has(key) {
            reader.report(key, what);
        }
    }
    // An empty list would admit nobody.
    let some = |pins: Vec<Pin>| (!pins.is_empty()).then_some(pins);
    let pins = pins?.and_then(some);
    let pins = pins.ok_or_else(|| reader.report("pins", format!("missing: {PINS_HINT}")));
    let outbound = outbound?.and_then(some);
    Ok(Some(match mode? {
        Mode::Connector => {
            let what = "a \"connector\" knows its users by what their authorities say of them: leave it out";
            return Err(reader.report("trust", what));
        }
        Mode::Bridge => {
            let missing = || reader.report("pins_outbound", format!("missing: {PINS_HINT}"));
            Pins {
                servers: outbound.ok_or_else(missing)?,
                clients: pins?,
            }
        }
        _ if outbound.is_some() => {
            let what = "only a \"bridge\" has peers on both legs: write it as pins, which are those of the \
                        peer of the one TLS leg";
            return Err(reader.report("pins_outbound", what));
        }
        Mode::Server => Pins {
            clients: pins?,
            servers: Vec::new(),
        },
        Mode::Client => Pins {
            clients: Vec::new(),
            servers: pins?,
        },
    }))
}

fn trust(value: &Value) -> Result<Trust, String> {
    value::one_of(value, &[("ca", Trust::Ca), ("pinned", Trust::Pinned)])
}

fn pin(value: &Value) -> Result<Pin, String> {
    let text = value::text(value)?;
    Pin::parse(text).map_err(|what| format!("{}: {what}", quoted(text)))
}

#[cfg(test)]
mod tests;
