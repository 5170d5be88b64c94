//! HAProxy and nginx before us and behind us.

use std::fs;
use std::net::{SocketAddr, TcpStream};

use serde_json::{Value, json};

use crate::support::access::Access;
use crate::support::certs::TestPki;
use crate::support::nginx;
use crate::support::peers::{self, Peer};
use crate::support::program::Program;
use crate::support::proxies::combined;
use crate::support::tls::{self, TlsPeer};
use crate::support::wait::{PATIENCE, until};
use crate::support::{backend, pairs};
use crate::{alice, from_here, localhost, ping, with_proxy};

/// HAProxy with what `bind` and `server` say for a port. It tells of each connection that carried
/// something by `SEEN` with the client's end and the authority that a header has told.
pub(crate) fn haproxy(pki: &TestPki, lines: impl Fn(u16) -> (String, String)) -> Peer {
    Peer::serve(|port| {
        let (bind, server) = lines(port);
        let text = format!(
            "global\n log stderr format raw local0\n\
             defaults\n mode tcp\n log global\n option dontlognull\n\
             log-format \"SEEN %ci:%cp %[fc_pp_authority]\"\n\
             timeout connect 60s\n timeout client 60s\n timeout server 60s\n\
             listen one\n bind {bind}\n server far {server}\n"
        );
        let config = pki.folder().join(format!("proxy-{port}.cfg"));
        fs::write(&config, text).unwrap();
        let mut command = peers::command("haproxy");
        command.arg("-db").arg("-f").arg(config);
        command
    })
}

/// nginx with that server in its stream module; it tells of each connection as HAProxy does.
fn nginx(pki: &TestPki, server: impl Fn(u16) -> String) -> Peer {
    Peer::serve(|port| {
        let folder = pki.folder().join(format!("nginx-{port}"));
        fs::create_dir(&folder).unwrap();
        let text = format!(
            "{}daemon off;\nworker_processes 1;\npid \"{folder}/pid\";\n\
             error_log stderr notice;\nevents {{ worker_connections 256; }}\n\
             stream {{\n log_format seen 'SEEN $proxy_protocol_addr:$proxy_protocol_port';\n\
             access_log /dev/stderr seen;\n server {{ {} }}\n}}\n",
            nginx::load_module(),
            server(port),
            folder = folder.display(),
        );
        let config = folder.join("nginx.conf");
        fs::write(&config, text).unwrap();
        let mut command = peers::command("nginx");
        command.arg("-p").arg(&folder).arg("-c").arg(config);
        command.arg("-e").arg("stderr");
        command
    })
}

fn until_seen(peer: &Peer, what: &str) {
    let line = format!("SEEN {what}");
    until("a connection to be told", || {
        let log = peer.log();
        log.lines()
            .any(|told| told.trim_end() == line)
            .then_some(())
    });
}

/// A connection to that port of this machine, and its own end.
fn dial(port: u16) -> (TcpStream, SocketAddr) {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let own = stream.local_addr().unwrap();
    (stream, own)
}

/// Waits for the line of a connection that carried something.
fn carried(program: &Program, pair: &str) -> Access {
    until("an access line", || {
        let mut accesses = program.accesses(pair).into_iter();
        accesses.find(|access| access.number("bytes_inward") > 0)
    })
}

/// The program before that address takes the address that it is told.
fn assert_told(program: &Program, pair: &str, source: SocketAddr) {
    let access = carried(program, pair);
    assert_eq!(access.get("inbound_source"), source.to_string());
    assert_ne!(access.get("inbound"), access.get("inbound_source"));
}

/// What passes connections on to an address with a header.
type Before = fn(&TestPki, SocketAddr) -> Peer;

const BEFORE: [Before; 4] = [
    |pki, to| {
        haproxy(pki, |port| {
            (format!("127.0.0.1:{port}"), format!("{to} send-proxy"))
        })
    },
    |pki, to| {
        haproxy(pki, |port| {
            (format!("127.0.0.1:{port}"), format!("{to} send-proxy-v2"))
        })
    },
    // It tries again and again whether we listen, with the command LOCAL.
    |pki, to| {
        haproxy(pki, |port| {
            let server = format!("{to} send-proxy-v2-ssl-cn check inter 50ms");
            (format!("127.0.0.1:{port}"), server)
        })
    },
    |pki, to| {
        nginx(pki, |port| {
            format!("listen 127.0.0.1:{port}; proxy_pass {to}; proxy_protocol on;")
        })
    },
];

#[test]
fn the_address_that_haproxy_or_nginx_tells_is_the_client_in_plain() {
    for before in BEFORE {
        let pki = TestPki::new();
        let service = tls::service(localhost(&pki), tls::echo);
        let program = Program::run(&from_here(pairs::client(&pki, service)));
        let proxy = before(&pki, program.addr("persona"));
        let (mut stream, own) = dial(proxy.port);
        ping(&mut stream);
        drop(stream);
        assert_told(&program, "persona", own);
    }
}

#[test]
fn the_address_that_haproxy_or_nginx_tells_is_the_client_of_tls_behind_the_header() {
    for before in BEFORE {
        let pki = TestPki::new();
        let program = Program::run(&from_here(pairs::server(&pki, backend::echo())));
        let address = program.addr("gateway");
        let proxy = before(&pki, address);
        let (stream, own) = dial(proxy.port);
        let mut peer = TlsPeer::dialled(stream, address, &alice(&pki)).unwrap();
        ping(&mut peer);
        peer.end().unwrap();
        drop(peer);
        assert_told(&program, "gateway", own);
    }
}

#[test]
fn haproxy_that_speaks_tls_tells_of_it_and_is_understood() {
    let pki = TestPki::new();
    let service = tls::service(localhost(&pki), tls::echo);
    let program = Program::run(&from_here(pairs::client(&pki, service)));
    let (to, own) = (program.addr("persona"), combined(&pki.server("localhost")));
    let (ca, own) = (pki.ca.display(), own.display());
    let options = "proxy-v2-options crc32c,ssl,cert-cn,ssl-cipher,cert-sig,cert-key,authority";
    let proxy = haproxy(&pki, |port| {
        let tls = format!("ssl crt {own} ca-file {ca} verify required");
        let server = format!("{to} send-proxy-v2 {options}");
        (format!("127.0.0.1:{port} {tls}"), server)
    });
    let (stream, source) = dial(proxy.port);
    let mut peer = TlsPeer::dialled(stream, to, &alice(&pki)).unwrap();
    ping(&mut peer);
    peer.end().unwrap();
    drop(peer);
    assert_told(&program, "persona", source);
}

/// A bound address that takes a header and then TLS.
fn haproxy_tls(pki: &TestPki) -> Peer {
    let own = combined(&pki.server("localhost"));
    let (ca, own, echo) = (pki.ca.display(), own.display(), backend::echo());
    haproxy(pki, |port| {
        let tls = format!("ssl crt {own} ca-file {ca} verify required");
        let bind = format!("127.0.0.1:{port} accept-proxy {tls}");
        (bind, echo.to_string())
    })
}

fn nginx_tls(pki: &TestPki) -> Peer {
    let (own, ca, echo) = (pki.server("localhost"), pki.ca.display(), backend::echo());
    let (cert, key) = (own.cert.display(), own.key.display());
    nginx(pki, |port| {
        format!(
            "listen 127.0.0.1:{port} ssl proxy_protocol; ssl_certificate {cert}; \
             ssl_certificate_key {key}; ssl_client_certificate {ca}; ssl_verify_client on; \
             ssl_verify_depth 3; proxy_pass {echo};"
        )
    })
}

/// A persona before that port, which sends headers.
fn persona(pki: &TestPki, port: u16, version: &str) -> Value {
    let config = pairs::client(pki, ([127, 0, 0, 1], port).into());
    // nginx does not answer close_notify.
    let config = pairs::with(config, "/address_pairs/0/on_truncation", "end");
    with_proxy(config, json!({ "out": version }))
}

#[test]
fn haproxy_and_nginx_behind_us_know_the_client_in_plain() {
    let pki = TestPki::new();
    // HAProxy tells the authority too, and of a client in plain there is none.
    for (proxy, behind) in [(haproxy_tls(&pki), " -"), (nginx_tls(&pki), "")] {
        for version in ["v1", "v2"] {
            let program = Program::run(&persona(&pki, proxy.port, version));
            let mut stream = program.connect("persona");
            ping(&mut stream);
            let own = stream.local_addr().unwrap();
            drop(stream);
            until_seen(&proxy, &format!("{own}{behind}"));
        }
    }
}

#[test]
fn haproxy_behind_us_knows_the_client_of_tls_and_the_name_that_it_has_asked_for() {
    let pki = TestPki::new();
    let echo = backend::echo();
    let proxy = haproxy(&pki, |port| {
        let bind = format!("127.0.0.1:{port} accept-proxy");
        (bind, echo.to_string())
    });
    for (version, authority) in [("v1", "-"), ("v2", "localhost")] {
        let config = pairs::server(&pki, ([127, 0, 0, 1], proxy.port).into());
        let program = Program::run(&with_proxy(config, json!({ "out": version })));
        let (stream, own) = dial(program.addr("gateway").port());
        let address = program.addr("gateway");
        let mut peer = TlsPeer::dialled(stream, address, &alice(&pki)).unwrap();
        ping(&mut peer);
        peer.end().unwrap();
        drop(peer);
        until_seen(&proxy, &format!("{own} {authority}"));
    }
}

#[test]
fn nginx_behind_us_knows_the_client_of_tls() {
    let pki = TestPki::new();
    let echo = backend::echo();
    let proxy = nginx(&pki, |port| {
        format!("listen 127.0.0.1:{port} proxy_protocol; proxy_pass {echo};")
    });
    let config = pairs::server(&pki, ([127, 0, 0, 1], proxy.port).into());
    let program = Program::run(&with_proxy(config, json!({ "out": "v1" })));
    let (stream, own) = dial(program.addr("gateway").port());
    let mut peer = TlsPeer::dialled(stream, program.addr("gateway"), &alice(&pki)).unwrap();
    ping(&mut peer);
    peer.end().unwrap();
    drop(peer);
    until_seen(&proxy, &own.to_string());
}

#[test]
fn from_haproxy_through_us_to_haproxy_the_first_client_is_told() {
    let pki = TestPki::new();
    let behind = haproxy_tls(&pki);
    let config = persona(&pki, behind.port, "v2");
    let proxy = json!({ "in": { "from": "127.0.0.1" }, "out": "v2" });
    let program = Program::run(&with_proxy(config, proxy));
    let to = program.addr("persona");
    let before = haproxy(&pki, |port| {
        (format!("127.0.0.1:{port}"), format!("{to} send-proxy-v2"))
    });
    let (mut stream, own) = dial(before.port);
    ping(&mut stream);
    drop(stream);
    until_seen(&behind, &format!("{own} -"));
}
