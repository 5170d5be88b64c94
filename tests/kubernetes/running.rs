//! The program as a gateway's pod runs it: its ports, and volumes that are exchanged under traffic.

use std::fs;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use mtls_persona::tls::{Credentials, Role};
use serde_json::Value;

use super::configurations::{gather, mode, request};
use super::manifests::{Manifests, container, repository};
use super::support::backend::{self, ping};
use super::support::certs::{IdentityFiles, TestPki};
use super::support::http::get;
use super::support::openssl;
use super::support::pairs::{lone_address, with};
use super::support::program::{PROGRAM, Program};
use super::support::rotate::{Volume, secret};
use super::support::tls::{TlsPeer, credentials};
use super::support::wait::until;

/// A gateway on the volume of its pod.
struct Pod {
    manifests: Manifests,
    pki: TestPki,
    /// The configuration of the manifests, with this machine's addresses.
    config: Value,
    volume: Volume,
    program: Program,
}

impl Pod {
    fn run() -> Pod {
        let (manifests, pki) = (Manifests::of("gateway"), TestPki::new());
        let mut config = serde_json::from_str(manifests.configuration()).unwrap();
        for path in [
            "/admin/listen",
            "/admin/health",
            "/admin/metrics",
            "/address_pairs/0/inbound",
        ] {
            config = with(config, path, lone_address().to_string());
        }
        config = with(
            config,
            "/address_pairs/0/outbound",
            backend::echo().to_string(),
        );
        let folder = pki.folder().join("etc");
        let (files, _) = newer(&manifests, &pki);
        let identity = secret(&files, &pki.ca);
        let contents = gather(&manifests, &identity, &folder, &config.to_string());
        let volume = Volume::new(&folder, mode(&manifests), &contents);
        let file = folder.join("config.json");
        let mut command = Command::new(PROGRAM);
        command
            .args(["run", "--config"])
            .arg(&file)
            .stdin(Stdio::null());
        Pod {
            program: Program::run_command(command, file),
            manifests,
            pki,
            config,
            volume,
        }
    }

    /// One step of the kubelet: another certificate, and this configuration with it.
    fn exchange(&mut self, config: &Value) -> String {
        let (files, serial) = newer(&self.manifests, &self.pki);
        let identity = secret(&files, &self.pki.ca);
        let folder = self.pki.folder().join("etc");
        let contents = gather(&self.manifests, &identity, &folder, &config.to_string());
        self.volume.update(&contents);
        serial
    }

    fn address(&self) -> SocketAddr {
        self.program.addr("database")
    }
}

/// A certificate as the gateway's, for this machine too, and its serial number.
fn newer(manifests: &Manifests, pki: &TestPki) -> (IdentityFiles, String) {
    let mut request = request(manifests, pki);
    request.dns.push("localhost".to_owned());
    let files = pki.issue(&request);
    let [.., serial] = openssl::names(&files);
    (files, serial)
}

/// The identity that the example's certificate gives to its side-car.
fn sidecar(pki: &TestPki) -> IdentityFiles {
    pki.issue(&request(&Manifests::of("example"), pki))
}

/// Connects again and again until all is over, and counts.
fn knock(to: SocketAddr, client: &Credentials, over: &AtomicBool, count: &AtomicU64) {
    while !over.load(Ordering::Acquire) {
        ping(&mut TlsPeer::connect(to, client).unwrap());
        count.fetch_add(1, Ordering::Release);
    }
}

#[test]
fn certificate_and_configuration_of_one_exchange_are_one_generation_and_cut_nobody() {
    let mut pod = Pod::run();
    let (address, files) = (pod.address(), sidecar(&pod.pki));
    let client = credentials(&files, &pod.pki.ca, Role::Client);
    let mut live = TlsPeer::connect(address, &client).unwrap();
    ping(&mut live);
    let (over, count) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU64::new(0)),
    );
    let knocking = [0, 1].map(|_| {
        let (client, over, count) = (client.clone(), over.clone(), count.clone());
        std::thread::spawn(move || knock(address, &client, &over, &count))
    });
    let lives = |count: &AtomicU64| {
        let before = count.load(Ordering::Acquire);
        until("more connections", || {
            (count.load(Ordering::Acquire) > before + 4).then_some(())
        });
    };
    for done in 1..=5 {
        let idle = format!("{done}h");
        let config = with(pod.config.clone(), "/address_pairs/0/timeouts/idle", idle);
        let serial = pod.exchange(&config);
        until("the new certificate", || {
            let shown = openssl::shown_serial(address, &files);
            (shown.as_deref() == Some(&serial)).then_some(())
        });
        until("the generation's line", || {
            (pod.program.generation() > done).then_some(())
        });
        lives(&count);
        ping(&mut live);
        // A key beside another certificate, or one of the two alone, would have made one more, or a refusal.
        assert_eq!(
            (pod.program.generation(), pod.program.refusals()),
            (done + 1, 0)
        );
    }
    over.store(true, Ordering::Release);
    for thread in knocking {
        thread.join().unwrap();
    }
    assert_eq!(pod.program.errors(), 0);
}

#[test]
fn probes_and_prometheus_find_what_they_ask_for_at_the_ports_of_the_container() {
    let pod = Pod::run();
    let container = container(pod.manifests.pods()[0]);
    let rendered: Value = serde_json::from_str(pod.manifests.configuration()).unwrap();
    let listens = |name: &str| {
        let ports = container["ports"].as_array().unwrap().iter();
        let mut ports = ports.filter(|port| port["name"] == name);
        format!(":{}", ports.next().unwrap()["containerPort"])
    };
    assert_eq!(rendered["address_pairs"][0]["inbound"], listens("mtls"));
    assert_eq!(rendered["admin"]["health"], listens("health"));
    assert_eq!(rendered["admin"]["metrics"], listens("metrics"));
    for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
        let asks = &container[probe]["httpGet"];
        assert_eq!(asks["port"], "health");
        let reply = get(pod.program.admin("health"), asks["path"].as_str().unwrap());
        assert_eq!(reply.status, 200, "{probe}");
    }
    let monitor = &pod.manifests.only("ServiceMonitor")["spec"]["endpoints"][0];
    assert_eq!(monitor["port"], "metrics");
    let page = get(
        pod.program.admin("metrics"),
        monitor["path"].as_str().unwrap(),
    )
    .body;
    let scaler = &pod.manifests.only("HorizontalPodAutoscaler")["spec"]["metrics"][0];
    let metric = scaler["pods"]["metric"]["name"].as_str().unwrap();
    assert!(
        page.lines()
            .any(|line| line.starts_with(&format!("{metric} ")))
    );
    let adapter = repository("config/kubernetes/prometheus-adapter.yaml");
    let adapter = fs::read_to_string(adapter).unwrap();
    assert!(adapter.contains(&format!("seriesQuery: '{metric}{{")));
}
