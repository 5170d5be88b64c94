//! Whether Kubernetes would take the manifests, and what they are about.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};

use super::manifests::{FOLDERS, Manifests, container, judge, of_readme, repository};

#[test]
fn each_manifest_is_as_its_schema_asks() {
    for folder in FOLDERS {
        assert!(!Manifests::of(folder).0.is_empty());
    }
}

#[test]
fn a_field_that_no_schema_knows_is_found_in_each_kind() {
    for folder in FOLDERS {
        let mut wrong = Manifests::of(folder).0;
        for manifest in &mut wrong {
            // A ConfigMap has no spec.
            match manifest.get_mut("spec") {
                Some(spec) => spec["tpyo"] = json!("x"),
                None => manifest["tpyo"] = json!("x"),
            }
        }
        let yaml: Vec<_> = wrong.iter().map(Value::to_string).collect();
        let refusal = judge(&yaml.join("\n---\n")).unwrap_err();
        let refused: Vec<_> = refusal.lines().filter(|l| l.contains("tpyo")).collect();
        let kinds = refused.iter().map(|line| line.split(' ').next());
        let all = wrong.iter().map(|manifest| manifest["kind"].as_str());
        assert!(kinds.eq(all), "{refusal}");
    }
}

/// Everything by which pods and services are chosen.
fn selectors(manifests: &Manifests) -> Vec<&Value> {
    let pod = manifests.pods()[0];
    let spread = pod["spec"]["topologySpreadConstraints"].as_array().unwrap();
    let kinds = ["Deployment", "PodDisruptionBudget", "ServiceMonitor"];
    let of = kinds.map(|kind| &manifests.only(kind)["spec"]["selector"]);
    let of = of
        .into_iter()
        .chain(spread.iter().map(|spread| &spread["labelSelector"]));
    let policies = manifests.kind("NetworkPolicy").into_iter();
    let of = of.chain(policies.map(|policy| &policy["spec"]["podSelector"]));
    let services = manifests.kind("Service").into_iter();
    let services = services.map(|service| &service["spec"]["selector"]);
    let all: Vec<_> = of.map(|of| &of["matchLabels"]).chain(services).collect();
    assert!(all.len() >= 7);
    all
}

/// Whether somebody with these labels is chosen.
fn chooses(selector: &Value, labels: &Value) -> bool {
    let of = selector.as_object().unwrap();
    assert!(!of.is_empty());
    of.iter().all(|(label, value)| labels[label] == *value)
}

/// A second gateway, as the README has it.
fn second_gateway() -> Manifests {
    let overlay = of_readme("resources: [../gateway]");
    let config = Manifests::of("gateway");
    let files = [
        ("kustomization.yaml", overlay.as_str()),
        ("config.json", config.configuration()),
    ];
    Manifests::beside(&files)
}

#[test]
fn each_selector_chooses_the_pods_of_its_own_instance_and_no_others() {
    let all = [
        Manifests::of("gateway"),
        Manifests::of("connector"),
        second_gateway(),
    ];
    for (number, manifests) in all.iter().enumerate() {
        for (other, of) in all.iter().enumerate() {
            let services = of.kind("Service").into_iter();
            let monitored = services.chain(of.pods());
            for labels in monitored.map(|of| &of["metadata"]["labels"]) {
                for selector in selectors(manifests) {
                    assert_eq!(chooses(selector, labels), number == other, "{selector}");
                }
            }
        }
    }
}

#[test]
fn metrics_are_on_no_service_that_a_balancer_leads_to() {
    for folder in ["gateway", "connector"] {
        let manifests = Manifests::of(folder);
        let monitored = &manifests.only("ServiceMonitor")["spec"]["endpoints"][0]["port"];
        let services = manifests.kind("Service").into_iter();
        let (with, without): (Vec<_>, Vec<_>) =
            services.partition(|service| service["spec"]["ports"][0]["name"] == *monitored);
        assert_eq!(with.len(), 1);
        assert_eq!(with[0]["spec"]["clusterIP"], "None");
        for service in with.iter().chain(&without) {
            assert_eq!(service["spec"]["ports"].as_array().unwrap().len(), 1);
        }
    }
}

#[test]
fn the_autoscaler_and_certificates_name_what_is_there() {
    for folder in ["gateway", "connector"] {
        let manifests = Manifests::of(folder);
        let deployment = manifests.only("Deployment");
        let scaled = &manifests.only("HorizontalPodAutoscaler")["spec"]["scaleTargetRef"];
        for key in ["apiVersion", "kind"] {
            assert_eq!(scaled[key], deployment[key]);
        }
        assert_eq!(scaled["name"], deployment["metadata"]["name"]);
    }
    for folder in FOLDERS {
        let manifests = Manifests::of(folder);
        for pod in manifests.pods() {
            let sources = &pod["spec"]["volumes"][0]["projected"]["sources"];
            let secret = &manifests.only("Certificate")["spec"]["secretName"];
            assert_eq!(sources[0]["secret"]["name"], *secret);
            let map = &manifests.only("ConfigMap")["metadata"]["name"];
            assert_eq!(sources[1]["configMap"]["name"], *map);
        }
    }
}

/// Hours of a certificate's times.
fn hours(text: &Value) -> u64 {
    let hours = text.as_str().unwrap().strip_suffix('h');
    hours.unwrap().parse().unwrap()
}

#[test]
fn a_certificate_is_renewed_before_the_alarm_that_it_ends() {
    let rules = repository("config/observability/mtls-persona.rules.yml");
    let rules = fs::read_to_string(rules).unwrap();
    let (_, expr) = rules
        .split_once("mtls_persona_certificate_remaining_seconds < ")
        .unwrap();
    let (days, _) = expr.split_once(" * 86400\n").unwrap();
    let alarm = days.parse::<u64>().unwrap() * 24;
    for folder in FOLDERS {
        let manifests = Manifests::of(folder);
        let spec = &manifests.only("Certificate")["spec"];
        let before = hours(&spec["renewBefore"]);
        // A day for an issuer that does not answer at once.
        assert!(before >= alarm + 24, "{folder}");
        assert!(hours(&spec["duration"]) > before, "{folder}");
    }
}

#[test]
fn checks_of_the_balancer_come_to_the_port_of_health_and_ask_nothing_behind_a_proxy_header() {
    let manifests = Manifests::of("connector");
    let services = manifests.kind("Service").into_iter();
    let mut balanced = services.filter(|service| service["spec"]["type"] == "LoadBalancer");
    let notes = &balanced.next().unwrap()["metadata"]["annotations"];
    let note = |name| &notes[format!("service.beta.kubernetes.io/aws-load-balancer-{name}")];
    let ports = container(manifests.pods()[0])["ports"].as_array().unwrap();
    let mut health = ports.iter().filter(|port| port["name"] == "health");
    let health = health.next().unwrap()["containerPort"].to_string();
    assert_eq!(note("healthcheck-port"), &json!(health));
    assert_eq!(note("proxy-protocol"), "*");
    assert_eq!(note("healthcheck-protocol"), "tcp");
}

#[test]
fn a_gateway_may_ask_resolvers_on_its_node() {
    let manifests = Manifests::of("gateway");
    let egress = &manifests.only("NetworkPolicy")["spec"]["egress"];
    let mut rules = egress.as_array().unwrap().iter();
    let of_names = rules.find(|rule| rule["ports"][0]["port"] == 53).unwrap();
    let to = of_names["to"].as_array().unwrap().iter();
    let blocks = to.filter_map(|to| to["ipBlock"]["cidr"].as_str());
    let blocks: Vec<_> = blocks.collect();
    assert_eq!(blocks, ["169.254.20.10/32", "169.254.169.254/32"]);
}

#[test]
fn two_gateways_and_a_connector_fit_into_one_namespace() {
    let mut names = BTreeSet::new();
    let all = [
        Manifests::of("gateway"),
        Manifests::of("connector"),
        second_gateway(),
    ];
    for manifests in &all {
        let secret = &manifests.only("Certificate")["spec"]["secretName"];
        let sources = &manifests.pods()[0]["spec"]["volumes"][0]["projected"]["sources"];
        assert_eq!(sources[0]["secret"]["name"], *secret);
        assert!(names.insert(format!("Secret {secret}")), "{secret}");
        for manifest in &manifests.0 {
            let name = format!("{} {}", manifest["kind"], manifest["metadata"]["name"]);
            assert!(names.insert(name.clone()), "{name}");
        }
    }
}

#[test]
fn the_readme_names_each_file() {
    let folder = repository("config/kubernetes");
    let readme = fs::read_to_string(folder.join("README.md")).unwrap();
    for entry in fs::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            name == "README.md" || readme.contains(&format!("]({name})")),
            "{name}"
        );
    }
}
