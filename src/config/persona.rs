//! The later forms of the Go program `mtls-persona`: `mtls-persona.yaml` with `mtls-id.yaml` beside it, and
//! the one JSON file that it had before. (Its first form is the native one's core.)
//!
//! | the original | here |
//! |---|---|
//! | verifies no server | every server is verified, by name and by the trust files |
//! | of several trust files the last counts | all of them count |
//! | looks once a minute whether the certificate's file is newer | reads all files again, once a minute |
//! | a reload cuts every connection | connections go on |

use std::path::{Path, PathBuf};
use std::time::Duration;

use log::LevelFilter;

use super::address::Address;
use super::model::{Config, Mode, Pair, ReloadTriggers, TlsFiles};
use super::problem::quoted;
use super::reader::{ObjectReader, Reported};
use super::tree::Value;
use super::validate::{Claim, collisions, destination, warning};
use super::value::{self, ADDRESS_HINT};

/// How often `auto_reload` looks.
const AUTO_RELOAD: Duration = Duration::from_secs(60);

const FOLDER_HINT: &str = "name the folder of the certificate and its key";
const NAME_HINT: &str = "name the certificate: its file without .cer";
const TRUST_HINT: &str = "list the PEM files of the authorities to trust";
const PAIRS_HINT: &str =
    "write [{\"inbound\": \"localhost:5432\", \"outbound\": \"remote.domain.com:5432\"}]";

/// What `mtls-persona.yaml` says, but for the identity.
pub(super) struct PairFile {
    ends: [Address; 2],
    settings: Settings,
}

/// What both forms say of the whole.
struct Settings {
    auto_reload: bool,
    verbose: bool,
}

/// The identity's file that belongs to a `mtls-persona.yaml`.
pub(super) fn beside(path: &Path) -> PathBuf {
    path.with_file_name("mtls-id.yaml")
}

/// Reads `mtls-persona.yaml`.
pub(super) fn read_pair(reader: &mut ObjectReader<'_>) -> Result<PairFile, Reported> {
    let ends = ends(reader);
    let settings = Settings::read(reader);
    Ok(PairFile {
        ends: ends?,
        settings,
    })
}

/// Reads `mtls-id.yaml`.
pub(super) fn read_identity(reader: &mut ObjectReader<'_>) -> Result<TlsFiles, Reported> {
    let folder = reader.required("id_directory", FOLDER_HINT, value::path);
    let name = reader.required("device_name", NAME_HINT, file_name);
    if reader.has("turst_store") {
        // So it stands in the sample that was published, and so people have copied it.
        reader.warn("turst_store", "misspelt: write trust_store");
    }
    let trust = reader.take_one_or_more(["trust_store", "turst_store"], value::path);
    let trust = match trust {
        Ok(None) => Err(reader.report("trust_store", format!("missing: {TRUST_HINT}"))),
        Ok(Some(trust)) => Ok(trust),
        Err(reported) => Err(reported),
    };
    if let Ok(trust @ [_, _, ..]) = trust.as_deref() {
        let what = format!(
            "each of the {} files counts: to the original the last alone did",
            trust.len()
        );
        reader.warn("trust_store", what);
    }
    // For the program that renews the certificate, which reads the same file. Neither means anything here.
    let _ = reader.take("identity_broker", value::text_of);
    let _ = reader.take("verbose", value::yes_or_no);
    let [cert, key] = identity(&folder?, &name?);
    Ok(TlsFiles::new(cert, key, trust?))
}

/// The configuration of both files.
pub(super) fn join(pair: PairFile, identity: TlsFiles) -> Config {
    let PairFile { ends, settings } = pair;
    let name = ends[1].server_name();
    settings.over(vec![Pair::new(Mode::Client, ends, name, identity)])
}

/// Reads the JSON form.
pub(super) fn read_json(reader: &mut ObjectReader<'_>) -> Result<Config, Reported> {
    let folder = reader.required("mtls_id_directory", FOLDER_HINT, value::path);
    let name = reader.required("mtls_id", NAME_HINT, file_name);
    let trust = reader.required("identity_broker_ca", TRUST_HINT, value::path);
    let settings = Settings::read(reader);
    let mut claims = Vec::new();
    let pairs = reader.required_objects("address_pairs", PAIRS_HINT, |reader| {
        let ends = ends(reader);
        claims.push(Claim {
            path: reader.path().to_owned(),
            name: None,
            inbound: ends.as_ref().ok().map(|[inbound, _]| inbound.clone()),
        });
        ends
    });
    reader.report_all(collisions(&claims));
    let [cert, key] = identity(&folder?, &name?);
    let tls = TlsFiles::new(cert, key, vec![trust?]);
    let pairs = pairs?.into_iter().map(|ends| {
        let ends = ends??;
        let name = ends[1].server_name();
        Ok(Pair::new(Mode::Client, ends, name, tls.clone()))
    });
    Ok(settings.over(pairs.collect::<Result<_, Reported>>()?))
}

impl Settings {
    fn read(reader: &mut ObjectReader<'_>) -> Self {
        Self {
            auto_reload: reader.take_or("auto_reload", false, value::yes_or_no),
            verbose: reader.take_or("verbose", false, value::yes_or_no),
        }
    }

    fn over(self, pairs: Vec<Pair>) -> Config {
        Config {
            reload: ReloadTriggers {
                interval: self.auto_reload.then_some(AUTO_RELOAD),
                ..ReloadTriggers::default()
            },
            log_level: match self.verbose {
                true => LevelFilter::Debug,
                false => LevelFilter::Info,
            },
            ..Config::new(pairs)
        }
    }
}

/// Where a pair listens and where it connects to.
fn ends(reader: &mut ObjectReader<'_>) -> Result<[Address; 2], Reported> {
    let inbound = reader.required("inbound", ADDRESS_HINT, value::address);
    let outbound = destination(reader, "outbound", &inbound)?;
    if outbound.server_name().is_none() {
        let what = "a Unix socket has no name to verify the server by: write it as server_name in the \
                    native form";
        return Err(reader.report("outbound", what));
    }
    let inbound = inbound?;
    let place = reader.path_of("inbound");
    reader.warn_all(warning(Mode::Client, &inbound, &place));
    tell_of_verification(reader, &outbound);
    Ok([inbound, outbound])
}

/// The original sets `InsecureSkipVerify`: it talks to whoever answers. A server that it has accepted may
/// be refused here, so whoever changes over has to know.
fn tell_of_verification(reader: &mut ObjectReader<'_>, outbound: &Address) {
    if let Some(name) = outbound.server_name() {
        let what = format!(
            "the server must prove to be \"{name}\", by a certificate that the trust files vouch for: \
             the original took any"
        );
        reader.warn("outbound", what);
    }
}

/// The certificate and its key.
fn identity(folder: &Path, name: &str) -> [PathBuf; 2] {
    ["cer", "key"].map(|extension| folder.join(format!("{name}.{extension}")))
}

fn file_name(value: &Value) -> Result<String, String> {
    let name = value::text_of(value)?;
    if name.starts_with('/') {
        let what = "begins with a slash: name a file in the folder";
        return Err(format!("{} {what}", quoted(&name)));
    }
    value::path(&Value::Text(name.clone()))?;
    Ok(name)
}

#[cfg(test)]
mod tests;
