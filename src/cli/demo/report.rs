//! What the demonstration says.

use std::net::SocketAddr;
use std::time::Duration;

use super::access::Seen;
use super::folder::{Folder, GATEWAY, PERSONA};
use super::stage::Half;
use crate::cli::access::Access;
use crate::cli::pki::shell_word;
use crate::tls;

/// The line of text that goes through first.
pub(super) const TEXT: &str = "Hello from a client that knows nothing of TLS\n";

/// Announces the large transfer.
pub(super) const BULK: &str = "\n5. 256 MiB there and back, compared byte by byte\n";

/// A signal was noticed.
pub(super) const STOPPING: &str =
    "\nStopping: open connections have 5 seconds to end (once more ends them now).\n";

/// What was made, and where.
pub(super) fn authority(folder: &Folder) -> String {
    format!(
        "mtls-persona {} with {}\n\n\
         1. A throw-away authority issued two certificates, in a folder that is removed at the \
         end\n     \
         {}\n     gateway.pem  for the server {GATEWAY}\n     \
         persona.pem  for the client {PERSONA}\n",
        env!("CARGO_PKG_VERSION"),
        tls::library_version(),
        folder.path().display()
    )
}

/// The way of a connection, with addresses.
pub(super) fn way(persona: &Half, gateway: &Half, service: SocketAddr) -> String {
    format!(
        "\n2. All of this runs in one process\n     \
         plain client --TCP--> persona --mutual TLS--> gateway --TCP--> service\n     \
         persona  {}  mode client: plain inbound, mTLS outbound\n     \
         gateway  {}  mode server: mTLS inbound, plain outbound\n     \
         service  {service}  sends back what it gets, and knows nothing of TLS either\n",
        persona.address, gateway.address
    )
}

/// What the persona's side of the handshake agreed on.
pub(super) fn negotiated(persona: &Access) -> String {
    format!(
        "\n3. A line of text went to the service and came back: {:?}\n     \
         version  {}\n     suite    {}\n     group    {}\n",
        TEXT.trim_end(),
        persona.get("outbound_version"),
        persona.get("outbound_suite"),
        persona.get("outbound_group"),
    )
}

/// Who each proved to be, as the other one saw it.
pub(super) fn identities(persona: &Half, gateway: &Half, seen: &Seen) -> String {
    format!(
        "\n4. Each proved to the other who it is\n   \
         the persona, as the gateway saw it\n{}   the gateway, as the persona saw it\n{}",
        identity(&seen.by_gateway, "inbound", persona.days_left),
        identity(&seen.by_persona, "outbound", gateway.days_left),
    )
}

fn identity(seen: &Access, leg: &str, days_left: i32) -> String {
    let fact = |name: &str| match seen.get(&format!("{leg}_{name}")) {
        none if none.is_empty() => "none".to_owned(),
        some => some.replace(',', ", "),
    };
    format!(
        "     subject  {}\n     SANs     {}\n     issuer   {}\n     ends in  {days_left} days\n",
        fact("subject"),
        fact("sans"),
        fact("issuer"),
    )
}

/// How fast the large transfer was.
pub(super) fn throughput(bytes: u64, took: Duration) -> String {
    let seconds = took.as_secs_f64().max(0.001);
    let mib = bytes as f64 / f64::from(1 << 20);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let debug = match cfg!(debug_assertions) {
        true => "     This is a debug build; a release build is faster.\n",
        false => "",
    };
    format!(
        "     {seconds:.2} s: {:.0} MiB/s each way, both ways at the same time\n     \
         Client, persona, gateway and service share this machine ({cores} cores): the TLS of\n     \
         both ends is in this figure, and each byte is encrypted and decrypted twice on its \
         way.\n{debug}",
        mib / seconds
    )
}

/// The certificate that changed meanwhile.
pub(super) fn renewal(during: &Seen, after: &Seen) -> String {
    format!(
        "\n6. The persona got a new certificate in the midst of these 256 MiB, and read it\n     \
         that transfer went on with   serial {}\n     \
         new connections are made by  serial {}\n",
        during.persona_serial(),
        after.persona_serial()
    )
}

/// How to reach what stays up.
pub(super) fn reach(folder: &Folder, persona: &Half, gateway: &Half) -> String {
    let folder = shell_word(&folder.path().to_string_lossy());
    let port = persona.address.port();
    let s_client = format!(
        "openssl s_client -quiet -no_ign_eof -connect {} \\\n    \
         -servername {GATEWAY} -CAfile {folder}/ca.pem",
        gateway.address
    );
    format!(
        "\nIt stays up now, until Ctrl-C or SIGTERM. Try, in another terminal:\n\n\
         Each line that you type comes back, by way of the persona and the gateway:\n  \
         nc 127.0.0.1 {port}\n\n\
         Straight to the gateway without a certificate: nothing comes back but a refusal\n\
         (\"alert certificate required\"):\n  \
         (echo hello; sleep 1) | {s_client}\n\n\
         The same with the persona's certificate: the line comes back:\n  \
         (echo hello; sleep 1) | {s_client} \\\n    \
         -cert {folder}/persona.pem -key {folder}/persona.key\n\n\
         Certificates, keys and the two configurations are there until the end:\n  \
         ls {folder}\n"
    )
}

/// The last words.
pub(super) fn end(was_kept: bool) -> String {
    let (environment, what) = match was_kept {
        true => ("RUST_LOG=info ", "the same, with the log"),
        false => ("", "the same, and it stays up for you to try"),
    };
    let program = std::env::args().next();
    let program = shell_word(program.as_deref().unwrap_or("mtls-persona"));
    format!(
        "\nDone: both are stopped, and the folder with the keys is removed. Next:\n  \
         {environment}{program} demo --keep\n      {what}\n  \
         {program} pki init\n      an authority of your own, for bring-up and tests\n  \
         README.md, \"With your own certificates\"\n"
    )
}
