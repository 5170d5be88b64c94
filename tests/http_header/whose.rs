//! Whose certificate is told, and to whom.

use std::io::Write;

use mtls_persona::tls::authority::Purpose;
use serde_json::json;

use super::*;
use crate::support::peers::{Peer, command};
use crate::support::tls::{alice, echo, localhost, service};
use crate::support::{backend, http};

/// Tells in JSON what it makes of the headers.
const SERVER: &str = r#"
import base64, hashlib, http.server, json, ssl, sys, urllib.parse
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        told = self.headers
        der = base64.b64decode(told["Client-Cert"].strip(":"), validate=True)
        pem = urllib.parse.unquote(told["X-Client-Cert"])
        body = json.dumps({
            "names": sorted(name.lower() for name in told.keys()),
            "der": ssl.DER_cert_to_PEM_cert(der),
            "pem": pem,
            "is_hash": told["X-Client-Cert-Hash"] == hashlib.sha256(pem.encode()).hexdigest(),
        }).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"#;

#[test]
fn a_python_server_sees_the_clients_certificate_and_nothing_that_the_client_claims() {
    let server = Peer::serve(|port| {
        let mut python = command("python3");
        python.arg("-c").arg(SERVER).arg(port.to_string());
        python
    });
    let stage = Stage::new(([127, 0, 0, 1], server.port).into());
    let reply = http::ask(stage.connect(), &format!("{GET}{FORGED}\r\n"));
    let pem = pem(&stage.alice);
    assert_eq!(
        reply.json(),
        json!({
            "names": ["client-cert", "host", "x-client-cert", "x-client-cert-hash"],
            "der": pem, "pem": pem, "is_hash": true,
        })
    );
}

/// A request to an echo comes back with these headers.
fn assert_told(stream: &mut (impl Read + Write), told: &str) {
    stream
        .write_all(format!("{GET}{FORGED}\r\n").as_bytes())
        .unwrap();
    assert_next(stream, format!("{GET}{told}\r\n"));
}

#[test]
fn a_persona_tells_its_own_certificate() {
    let pki = TestPki::new();
    let files = pki.client("persona");
    let config = pairs::client(&pki, service(localhost(&pki), echo));
    let config = with_files(config, &files);
    let program = Program::run(&with_header(config));
    assert_told(&mut program.connect("persona"), &told(&files));
}

#[test]
fn a_bridge_tells_the_certificate_of_its_client_in_resumed_sessions_too() {
    let stage = Stage::bridge();
    let alice = credentials(&stage.alice, &stage.pki.ca, Role::Client);
    for (index, resumed) in ["", "true"].into_iter().enumerate() {
        let to = stage.program.addr("gateway");
        let mut peer = TlsPeer::connect(to, &alice).unwrap();
        assert_told(&mut peer, &stage.told());
        peer.end().unwrap();
        assert_eq!(peer.read(&mut [0]).unwrap(), 0);
        let access = stage.program.access("gateway", index);
        assert_eq!(access.get("inbound_resumed"), resumed);
    }
}

impl Stage {
    /// As [`Stage::new`], with a bridge before a TLS echo.
    fn bridge() -> Stage {
        let pki = TestPki::new();
        let alice = pki.client("alice");
        let own = pki.issue(&pki.request(Purpose::Both));
        let config = pairs::server(&pki, service(localhost(&pki), echo));
        let config = pairs::with(config, "/address_pairs/0/mode", "bridge");
        let config = pairs::with(config, "/address_pairs/0/server_name", "localhost");
        Stage {
            program: Program::run(&with_header(with_files(config, &own))),
            alice,
            pki,
        }
    }
}

#[test]
fn a_pair_without_the_option_passes_on_what_comes() {
    let pki = TestPki::new();
    let program = Program::run(&pairs::server(&pki, backend::echo()));
    let mut peer = TlsPeer::connect(program.addr("gateway"), &alice(&pki)).unwrap();
    let head = format!("{GET}{FORGED}\r\n\0");
    peer.write_all(head.as_bytes()).unwrap();
    assert_next(&mut peer, head);
}

fn with_files(config: Value, files: &IdentityFiles) -> Value {
    let config = pairs::with(config, "/cert", files.cert.to_str());
    pairs::with(config, "/key", files.key.to_str())
}
