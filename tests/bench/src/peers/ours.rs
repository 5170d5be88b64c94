//! mtls-persona itself.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::tools::{self, Files};
use super::{About, Mode, SERVER_NAME, Setup};

pub(super) fn about(program: &Path) -> Result<About, String> {
    let said = tools::said(program, "--version")?;
    let version = tools::words_after(&said, "mtls-persona ", 1);
    let library = said.split_once("TLS library: ").map(|(_, rest)| rest);
    let library = library.and_then(|rest| rest.lines().next());
    Ok(About {
        version: version.ok_or_else(|| tools::not_understood("version", &said))?,
        library: library.unwrap_or("unknown").trim().to_owned(),
    })
}

pub(super) fn command(
    program: &Path,
    setup: &Setup<'_>,
    files: &Files,
    has_fips: bool,
) -> io::Result<Command> {
    let mut config = config(files, pair(setup, None));
    if has_fips {
        config["fips"] = json!("require");
        // There it is off unless it is asked for.
        config["resumption"] = json!(true);
    }
    run(program, files, &config)
}

pub(super) fn command_with_metrics(
    program: &Path,
    files: &Files,
    admin: SocketAddr,
    pair: Value,
) -> io::Result<Command> {
    let mut config = config(files, pair);
    config["admin"] = json!({ "listen": admin.to_string() });
    run(program, files, &config)
}

fn run(program: &Path, files: &Files, config: &Value) -> io::Result<Command> {
    let config = files.config("mtls-persona.json", &format!("{config:#}\n"))?;
    let mut command = Command::new(program);
    // It would win over the level of the configuration.
    command.env_remove("RUST_LOG");
    command.args(["run", "--config", &config]);
    Ok(command)
}

/// The pair of a setup, or the connector that stands there by a directory.
pub(super) fn pair(setup: &Setup<'_>, directory: Option<Value>) -> Value {
    let mut pair = json!({
        "name": "bench",
        "mode": setup.mode.label(),
        "inbound": setup.inbound.to_string(),
    });
    match directory {
        None => pair["outbound"] = json!(setup.outbound.to_string()),
        Some(directory) => {
            pair["mode"] = json!("connector");
            pair["directory"] = directory;
        }
    }
    if setup.mode == Mode::Client {
        pair["server_name"] = json!(SERVER_NAME);
    }
    pair
}

/// Neither the cipher suites of TLS 1.3 nor the groups can be chosen, see [`tools::SUITE`].
fn config(files: &Files, pair: Value) -> Value {
    json!({
        "cert": files.cert,
        "key": files.key,
        "ca": files.ca,
        "min_version": "TLS1.3",
        "workers": tools::WORKERS,
        "timeouts": {
            "connect": tools::CONNECT_SECONDS,
            "idle": tools::IDLE_SECONDS,
            // As long as that: the others have no shorter wait for a half that is left.
            "half_close": tools::IDLE_SECONDS,
            // The others end open connections at once.
            "drain": 1,
        },
        // A connection's line is of level info.
        "log": { "level": "warn" },
        "address_pairs": [pair],
    })
}
