//! The older programs' files do what they did there.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use mtls_persona::tls::authority::Purpose;
use support::backend;
use support::certs::{IdentityFiles, TestPki};
use support::pairs::{self, lone_address};
use support::program::{Program, outcome};
use support::wait::{PATIENCE, until};
use tempfile::TempDir;

/// What comes back for some bytes over a new connection; an error if it is cut.
fn echoed(address: SocketAddr) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"hello")?;
    stream.shutdown(Shutdown::Write)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}

/// Asserts that bytes come back over a new connection.
fn forwards(address: SocketAddr) {
    assert_eq!(echoed(address).unwrap(), b"hello");
}

/// A gateway before an echo, and where it listens.
fn gateway(pki: &TestPki) -> (Program, SocketAddr) {
    let program = Program::run(&pairs::server(pki, backend::echo()));
    let address = program.addr("gateway");
    (program, address)
}

/// The two files of a persona that listens at any free port, and knows two identities, of `alice` and `bob`.
struct Persona {
    folder: TempDir,
}

impl Persona {
    fn new(pki: &TestPki) -> Persona {
        let folder = TempDir::new().unwrap();
        for name in ["alice", "bob"] {
            let IdentityFiles { cert, key } = pki.client(name);
            fs::copy(cert, folder.path().join(format!("{name}.cer"))).unwrap();
            fs::copy(key, folder.path().join(format!("{name}.key"))).unwrap();
        }
        Persona { folder }
    }

    fn pair(&self, outbound: SocketAddr) -> String {
        let port = outbound.port();
        format!(
            "inbound: \"127.0.0.1:0\"\noutbound: \"localhost:{port}\"\nauto_reload: true\nverbose: false\n"
        )
    }

    /// The identity of that name. As in the sample, the list of authorities is misspelt; the one that
    /// vouches for the gateway is not the last.
    fn identity(&self, pki: &TestPki, name: &str) -> String {
        let stranger = TestPki::new();
        let ca = self.folder.path().join("stranger.pem");
        fs::copy(stranger.ca, &ca).unwrap();
        format!(
            "id_directory: {:?}\ndevice_name: {name}\nturst_store:\n  - {:?}\n  - {ca:?}\n\
             identity_broker: broker.example\nverbose: false\n",
            self.folder.path(),
            pki.ca
        )
    }
}

#[test]
fn a_persona_of_two_yaml_files_forwards() {
    let pki = TestPki::new();
    let (gateway, address) = gateway(&pki);
    let persona = Persona::new(&pki);
    let files = [
        ("mtls-persona.yaml", persona.pair(address)),
        ("mtls-id.yaml", persona.identity(&pki, "alice")),
    ];
    let program = Program::run_files(&["--config", "mtls-persona.yaml"], &files);
    forwards(program.addr("127.0.0.1:0"));
    assert_eq!(program.access("127.0.0.1:0", 0).reason(), "completed");
    let subject = gateway
        .access("gateway", 0)
        .get("inbound_subject")
        .to_owned();
    assert!(subject.starts_with("CN=alice"), "{subject}");
}

#[test]
fn a_persona_reads_its_identity_again_when_it_reloads() {
    let pki = TestPki::new();
    let (gateway, address) = gateway(&pki);
    let persona = Persona::new(&pki);
    let files = [
        ("mtls-persona.yaml", persona.pair(address)),
        ("mtls-id.yaml", persona.identity(&pki, "alice")),
    ];
    let program = Program::run_files(&["run", "--config", "mtls-persona.yaml"], &files);
    let listener = program.addr("127.0.0.1:0");
    let identity = program.config.with_file_name("mtls-id.yaml");
    fs::write(identity, persona.identity(&pki, "bob")).unwrap();
    program.signal("HUP");
    let mut connections = 0..;
    until("a connection in the name of bob", || {
        forwards(listener);
        let access = gateway.access("gateway", connections.next()?);
        let subject = access.get("inbound_subject");
        subject.starts_with("CN=bob").then_some(())
    });
}

#[test]
fn a_persona_refuses_a_gateway_of_another_name_as_the_original_did_not() {
    let pki = TestPki::new();
    let files = pki.server("other.example");
    let mut config = pairs::server(&pki, backend::echo());
    config["cert"] = files.cert.to_str().into();
    config["key"] = files.key.to_str().into();
    let gateway = Program::run(&config);
    let persona = Persona::new(&pki);
    let files = [
        ("mtls-persona.yaml", persona.pair(gateway.addr("gateway"))),
        ("mtls-id.yaml", persona.identity(&pki, "alice")),
    ];
    let program = Program::run_files(&["run", "--config", "mtls-persona.yaml"], &files);
    assert!(echoed(program.addr("127.0.0.1:0")).is_err());
    let access = program.access("127.0.0.1:0", 0);
    assert_eq!(access.reason(), "cert_name_mismatch");
}

#[test]
fn a_persona_of_one_json_file_forwards() {
    let pki = TestPki::new();
    let (_gateway, address) = gateway(&pki);
    let persona = Persona::new(&pki);
    let config = serde_json::json!({
        "mtls_id_directory": persona.folder.path(), "mtls_id": "alice",
        "identity_broker_ca": pki.ca, "auto_reload": true,
        "address_pairs": [
            { "inbound": "127.0.0.1:0", "outbound": format!("localhost:{}", address.port()) },
        ],
    });
    let files = [("config.json", config.to_string())];
    let program = Program::run_files(&["run", "--config", "config.json"], &files);
    forwards(program.addr("127.0.0.1:0"));
}

/// A file of `mtlsd` with every field of its reference that the mode has.
fn mtlsd(mode: &str, [listen, target]: [SocketAddr; 2], tls: &str, acl: &str) -> String {
    format!(
        "mode: {mode}\nlisten: \"{listen}\"\ntarget: \"{target}\"\n\n\
         tls:\n{tls}  min_version: \"TLS1.2\"\n\n{acl}\
         proxy:\n  dial_timeout: 10s\n  idle_timeout: 90s\n  max_connections: 500\n\n\
         logging:\n  level: info\n  format: text\n"
    )
}

fn tls(files: &IdentityFiles, pki: &TestPki) -> String {
    let IdentityFiles { cert, key } = files;
    format!("  cert: {cert:?}\n  key:  {key:?}\n  ca:   {:?}\n", pki.ca)
}

/// A server of `mtlsd` that admits by this list, before an echo.
fn mtlsd_server(pki: &TestPki, acl: &str) -> (Program, SocketAddr) {
    mtlsd_server_with(pki, "", acl)
}

/// The same, with these lines more in its `tls`.
fn mtlsd_server_with(pki: &TestPki, more: &str, acl: &str) -> (Program, SocketAddr) {
    let listen = lone_address();
    let tls = tls(&pki.server("localhost"), pki) + "  client_auth: required\n" + more;
    let text = mtlsd("server", [listen, backend::echo()], &tls, acl);
    let program = Program::run_files(&["-config", "server.yaml"], &[("server.yaml", text)]);
    (program, listen)
}

/// A client of `mtlsd` with that common name.
fn mtlsd_client(pki: &TestPki, cn: &str, server: SocketAddr) -> (Program, SocketAddr) {
    mtlsd_client_of(pki, &pki.client(cn), server)
}

fn mtlsd_client_of(
    pki: &TestPki,
    files: &IdentityFiles,
    server: SocketAddr,
) -> (Program, SocketAddr) {
    let listen = lone_address();
    let tls = tls(files, pki) + "  server_name: \"localhost\"\n";
    let text = mtlsd("client", [listen, server], &tls, "");
    let program = Program::run_files(&["-config=client.yaml"], &[("client.yaml", text)]);
    (program, listen)
}

#[test]
fn a_server_and_a_client_of_mtlsd_forward() {
    let pki = TestPki::new();
    let acl = "acl:\n  allow_cn:\n    - \"frontend-service\"\n\n";
    let (_server, server) = mtlsd_server(&pki, acl);
    let (_client, client) = mtlsd_client(&pki, "frontend-service", server);
    forwards(client);
}

#[test]
fn a_server_of_mtlsd_admits_nobody_whom_neither_list_names() {
    let pki = TestPki::new();
    let acl = "acl:\n  allow_cn: [\"frontend-service\"]\n  allow_org: [\"engineering\"]\n\n";
    let (_server, server) = mtlsd_server(&pki, acl);
    let (_stranger, stranger) = mtlsd_client(&pki, "frontend", server);
    assert!(echoed(stranger).is_err());
    let (_client, client) = mtlsd_client(&pki, "frontend-service", server);
    forwards(client);
}

#[test]
fn a_revocation_list_may_be_named_to_mtlsd() {
    let pki = TestPki::new();
    let (revoked, good) = (pki.client("alice"), pki.client("bob"));
    let crl = format!("  crl: {:?}\n", pki.crl(&[&revoked]));
    let (_server, server) = mtlsd_server_with(&pki, &crl, "");
    let (_revoked, client) = mtlsd_client_of(&pki, &revoked, server);
    assert!(echoed(client).is_err());
    let (_good, client) = mtlsd_client_of(&pki, &good, server);
    forwards(client);
}

#[test]
fn a_bridge_of_mtlsd_has_one_identity_for_both_legs() {
    let pki = TestPki::new();
    let (gateway, address) = gateway(&pki);
    let listen = lone_address();
    let mut request = pki.request(Purpose::Server);
    request.purpose = Purpose::Both;
    let tls = tls(&pki.issue(&request), &pki) + "  server_name: \"localhost\"\n";
    let text = mtlsd("bridge", [listen, address], &tls, "");
    let _bridge = Program::run_files(&["run", "--config", "bridge"], &[("bridge", text)]);
    let (_client, client) = mtlsd_client(&pki, "alice", listen);
    forwards(client);
    let subject = gateway
        .access("gateway", 0)
        .get("inbound_subject")
        .to_owned();
    assert!(subject.starts_with("CN=localhost"), "{subject}");
}

#[test]
fn what_check_prints_of_an_older_form_forwards_as_well() {
    let pki = TestPki::new();
    let (_server, server) = mtlsd_server(&pki, "");
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("client.yml");
    let listen = lone_address();
    let tls = tls(&pki.client("alice"), &pki) + "  server_name: localhost\n";
    fs::write(&path, mtlsd("client", [listen, server], &tls, "")).unwrap();
    let path = path.to_str().unwrap();
    let (code, printed, told) = outcome(&["check", "--config", path, "--print"]);
    assert_eq!((code, told.as_str()), (0, ""));
    let files = [("client.json", printed)];
    let _client = Program::run_files(&["run", "--config", "client.json"], &files);
    forwards(listen);
}

#[test]
fn printing_needs_none_of_the_named_files_and_tells_warnings_aside() {
    let older = concat!(env!("CARGO_MANIFEST_DIR"), "/config/older/persona/");
    let persona = format!("{older}mtls-persona.yaml");
    let (code, printed, told) = outcome(&["check", "--print", "--config", &persona]);
    let golden = fs::read_to_string(format!("{older}mtls-persona.native.json")).unwrap();
    assert_eq!((code, printed), (0, golden));
    assert!(told.contains("mtls-id.yaml: turst_store: "), "{told}");
    // To be served, they are needed.
    let (code, ..) = outcome(&["check", "--config", &persona]);
    assert_eq!(code, 2);
}

#[test]
fn a_form_that_is_named_is_believed() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("server.json");
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/config/older/mtlsd/");
    fs::copy(format!("{golden}server.yaml"), &path).unwrap();
    let path = path.to_str().unwrap();
    let print = |form: &[&str]| {
        let words = ["check", "--print", "--config", path];
        outcome(&[&words, form].concat())
    };
    assert_eq!(print(&[]).0, 2);
    assert_eq!(print(&["--format", "native"]).0, 2);
    assert_eq!(print(&["--format", "persona"]).0, 2);
    let (code, printed, _) = print(&["--format", "mtlsd"]);
    let golden = fs::read_to_string(format!("{golden}server.native.json")).unwrap();
    assert_eq!((code, printed), (0, golden));
    let (code, _, told) = print(&["--format", "stunnel"]);
    assert_eq!(code, 2);
    assert!(told.contains("mtlsd"), "{told}");
}

#[test]
fn every_problem_of_an_older_form_is_told_at_once_and_ends_with_2() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("server.yaml");
    fs::write(
        &path,
        "mode: server\nlisten: 8443\ntls: {cert: c, kye: k, ca: a}\n",
    )
    .unwrap();
    let path = path.to_str().unwrap();
    for command in ["run", "check"] {
        let (code, _, told) = outcome(&[command, "--config", path]);
        assert_eq!(code, 2, "{told}");
        for key in ["listen: ", "target: ", "tls.key: ", "tls.kye: "] {
            assert!(told.contains(&format!("{path}: {key}")), "{key} {told}");
        }
    }
}
