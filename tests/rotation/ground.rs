//! Plain pairs before services that say which they are.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, SocketAddrV4, TcpStream};

use serde_json::{Value, json};

use super::localhost;
use super::support::certs::TestPki;
use super::support::pairs::lone_address;
use super::support::program::Program;
use super::support::tls::{self, TlsPeer};
use super::support::wait::PATIENCE;

/// A running program, and two services to choose from.
pub(crate) struct Ground {
    pub(crate) pki: TestPki,
    pub(crate) program: Program,
    /// What it runs with, once it has taken that.
    pub(crate) config: Value,
    services: [SocketAddr; 2],
}

impl Ground {
    /// Runs with so many pairs before service 0, named `pair0` and so on, and these members of the
    /// configuration more.
    pub(crate) fn run(count: usize, more: Value) -> Ground {
        let pki = TestPki::new();
        let credentials = localhost(&pki);
        let service = |number: u8| {
            tls::service(credentials.clone(), move |mut peer: TlsPeer| {
                if peer.write_all(&[number]).is_ok() {
                    tls::echo(peer);
                }
            })
        };
        let services = [service(0), service(1)];
        let client = pki.client("alice");
        let mut config = json!({ "cert": client.cert, "key": client.key, "ca": pki.ca });
        let pairs = (0..count).map(|number| pair(&format!("pair{number}"), services[0]));
        config["address_pairs"] = pairs.collect();
        // Other ports come while it runs.
        config["landlock"] = json!(false);
        for (key, value) in more.as_object().unwrap() {
            config[key] = value.clone();
        }
        Ground {
            program: Program::run(&config),
            pki,
            config,
            services,
        }
    }

    /// A pair that is not configured yet.
    pub(crate) fn new_pair(&self, name: &str) -> Value {
        pair(name, self.services[0])
    }

    /// Where a service is reached, as a value of `outbound`.
    pub(crate) fn service(&self, number: usize) -> Value {
        json!(self.services[number].to_string())
    }

    /// The configuration with something changed.
    pub(crate) fn but(&self, change: impl FnOnce(&mut Vec<Value>)) -> Value {
        let mut config = self.config.clone();
        change(config["address_pairs"].as_array_mut().unwrap());
        config
    }

    /// Lets the program take a configuration.
    pub(crate) fn take(&mut self, config: Value) {
        self.program.reconfigure(&config);
        self.program.reload();
        self.config = config;
    }

    /// Lets the program refuse a configuration.
    pub(crate) fn refuse(&self, config: &Value) {
        self.program.reconfigure(config);
        self.program.refuse_reload();
    }

    /// Where the pair at that place listens.
    pub(crate) fn address(&self, place: usize) -> SocketAddr {
        address(&self.config["address_pairs"][place])
    }

    /// A connection by the pair at that place, and the service that it leads to.
    pub(crate) fn reach(&self, place: usize) -> (TcpStream, u8) {
        reach(self.address(place))
    }
}

fn pair(name: &str, outbound: SocketAddr) -> Value {
    json!({
        "name": name, "inbound": lone_address().to_string(),
        "outbound": outbound.to_string(), "server_name": "localhost",
    })
}

/// Where a pair listens.
pub(crate) fn address(pair: &Value) -> SocketAddr {
    pair["inbound"].as_str().unwrap().parse().unwrap()
}

/// A connection to a pair, and the service that it leads to.
pub(crate) fn reach(address: SocketAddr) -> (TcpStream, u8) {
    let mut stream = dial(address);
    let service = hear(&mut stream);
    (stream, service)
}

/// A connection to a pair.
pub(crate) fn dial(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// What the service says first.
pub(crate) fn hear(stream: &mut impl Read) -> u8 {
    let mut number = [0];
    stream.read_exact(&mut number).unwrap();
    number[0]
}

/// The system's number for the socket that listens at an address, which no other socket has.
pub(crate) fn listener(address: SocketAddr) -> Option<String> {
    let SocketAddr::V4(address) = address else {
        panic!("only IPv4 is looked at");
    };
    let wanted = [hexadecimal(address), "00000000:0000".to_owned()];
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let mut lines = table.lines().map(|line| line.split_whitespace());
    lines.find_map(|mut fields| {
        let ends = [fields.nth(1)?, fields.next()?];
        let inode = fields.nth(6)?;
        (ends == wanted).then(|| inode.to_owned())
    })
}

fn hexadecimal(address: SocketAddrV4) -> String {
    let ip = u32::from_ne_bytes(address.ip().octets());
    format!("{ip:08X}:{:04X}", address.port())
}
