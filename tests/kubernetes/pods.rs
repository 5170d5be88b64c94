//! Pods: order, rights, and time and memory against what the configuration asks for.

use std::fs;

use serde_json::Value;

use super::manifests::{FOLDERS, Manifests, container, of_readme, repository};

fn configuration(manifests: &Manifests) -> Value {
    serde_json::from_str(manifests.configuration()).unwrap()
}

/// A duration of a configuration in seconds.
fn seconds(text: &Value) -> u64 {
    let text = text.as_str().unwrap();
    let (number, unit) = text.split_at(text.len() - 1);
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        other => panic!("{other}"),
    };
    number.parse::<u64>().unwrap() * unit
}

/// All containers of a pod.
fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    let lists = [&pod["spec"]["containers"], &pod["spec"]["initContainers"]];
    lists
        .into_iter()
        .filter_map(|list| list.as_array())
        .flatten()
}

#[test]
fn the_side_car_is_there_before_all_that_uses_it_and_holds_up_no_job() {
    let manifests = Manifests::of("example");
    let kinds: Vec<_> = ["Deployment", "Job"]
        .map(|kind| manifests.only(kind))
        .into();
    for manifest in kinds {
        let spec = &manifest["spec"]["template"]["spec"];
        let first = &spec["initContainers"][0];
        assert_eq!(first["name"], "mtls-persona");
        // By these two the next container waits for it, and the end of the pod does not.
        assert_eq!(first["restartPolicy"], "Always");
        assert_eq!(first["startupProbe"]["httpGet"]["path"], "/readyz");
        // What it stops with is not waited for by anybody: it has to fit into the default, 30 s.
        assert_eq!(spec["terminationGracePeriodSeconds"], Value::Null);
        assert!(seconds(&configuration(&manifests)["timeouts"]["drain"]) <= 10);
    }
    let migration = &manifests.only("Deployment")["spec"]["template"]["spec"]["initContainers"][1];
    assert_eq!(migration["name"], "migrate");
}

#[test]
fn no_other_container_sees_the_private_key() {
    for folder in FOLDERS {
        for pod in Manifests::of(folder).pods() {
            let all = containers(pod);
            let mounts = all.filter(|container| container.to_string().contains("\"mtls-persona\""));
            assert_eq!(mounts.count(), 1);
            let mount = &container(pod)["volumeMounts"][0];
            assert_eq!(mount["readOnly"], true);
            // A file that is mounted by itself is never renewed.
            assert_eq!(mount["subPath"], Value::Null);
        }
    }
}

#[test]
fn no_container_has_more_rights_than_the_restricted_standard_for_pods_allows() {
    for folder in FOLDERS {
        for pod in Manifests::of(folder).pods() {
            for container in containers(pod) {
                let of = &container["securityContext"];
                let either = |key: &str| match &of[key] {
                    Value::Null => pod["spec"]["securityContext"][key].clone(),
                    own => own.clone(),
                };
                assert_eq!(either("runAsNonRoot"), true);
                assert_eq!(either("seccompProfile")["type"], "RuntimeDefault");
                assert_eq!(of["allowPrivilegeEscalation"], false);
                assert_eq!(of["capabilities"]["drop"], serde_json::json!(["ALL"]));
                assert_eq!(of["capabilities"]["add"], Value::Null);
            }
            let ours = &container(pod)["securityContext"];
            assert_eq!(ours["readOnlyRootFilesystem"], true);
            for host in ["hostNetwork", "hostPID", "hostIPC"] {
                assert_eq!(pod["spec"][host], Value::Null);
            }
        }
    }
}

#[test]
fn images_are_of_a_version_that_no_other_image_gets() {
    for folder in FOLDERS {
        for pod in Manifests::of(folder).pods() {
            let image = container(pod)["image"].as_str().unwrap();
            let version = concat!(":", env!("CARGO_PKG_VERSION"), "-fips");
            assert!(image.ends_with(version), "{image}");
        }
    }
}

#[test]
fn the_image_runs_as_it_is_with_the_user_and_the_files_that_it_is_made_for() {
    let image = fs::read_to_string(repository("Dockerfile.fips")).unwrap();
    for folder in FOLDERS {
        for pod in Manifests::of(folder).pods() {
            let container = container(pod);
            let group = &pod["spec"]["securityContext"]["fsGroup"];
            let user = match &container["securityContext"]["runAsUser"] {
                Value::Null => &pod["spec"]["securityContext"]["runAsUser"],
                own => own,
            };
            assert!(image.contains(&format!("\nUSER {user}:{group}\n")));
            assert_eq!(
                (&container["command"], &container["args"]),
                (&Value::Null, &Value::Null)
            );
            let mounted = container["volumeMounts"][0]["mountPath"].as_str().unwrap();
            let command = format!("\nCMD [\"run\", \"--config\", \"{mounted}/config.json\",");
            assert!(image.contains(&command));
            // Readable for the group, and for nobody else.
            assert_eq!(pod["spec"]["volumes"][0]["projected"]["defaultMode"], 0o440);
        }
    }
}

/// The group of the volumes of a StatefulSet that has the side-car, with a kustomization that says so.
fn group_with_side_car(kustomization: &str) -> Value {
    let orders = "\
apiVersion: apps/v1
kind: StatefulSet
metadata: { name: orders, labels: { mtls-persona/sidecar: enabled } }
spec:
  serviceName: orders
  selector: { matchLabels: { app: orders } }
  template:
    metadata: { labels: { app: orders } }
    spec:
      securityContext: { fsGroup: 2000 }
      containers: [{ name: orders, image: orders }]
";
    let kustomization =
        format!("resources: [orders.yaml]\ncomponents: [../sidecar]\n{kustomization}");
    let files = [
        ("kustomization.yaml", kustomization.as_str()),
        ("orders.yaml", orders),
    ];
    let manifests = Manifests::beside(&files);
    let pod = &manifests.only("StatefulSet")["spec"]["template"];
    assert_eq!(container(pod)["restartPolicy"], "Always");
    // Readable for the pod's group, whichever that is.
    assert_eq!(pod["spec"]["volumes"][0]["projected"]["defaultMode"], 0o440);
    pod["spec"]["securityContext"]["fsGroup"].clone()
}

#[test]
fn a_pod_with_a_group_of_its_own_loses_it_to_the_side_car_and_gets_it_back_as_the_readme_says() {
    assert_eq!(group_with_side_car(""), 65532);
    assert_eq!(group_with_side_car(&of_readme("fsGroup")), 2000);
}

#[test]
fn a_pod_that_is_stopped_has_the_time_of_its_drain() {
    for folder in ["gateway", "connector"] {
        let manifests = Manifests::of(folder);
        let pod = &manifests.only("Deployment")["spec"]["template"];
        let before = &container(pod)["lifecycle"]["preStop"]["sleep"]["seconds"];
        let drain = seconds(&configuration(&manifests)["timeouts"]["drain"]);
        let all = pod["spec"]["terminationGracePeriodSeconds"]
            .as_u64()
            .unwrap();
        assert!(all >= before.as_u64().unwrap() + drain + 10);
    }
}

#[test]
fn all_connectors_with_those_that_drain_find_room_in_a_database_as_it_is_installed() {
    // PostgreSQL's max_connections without its superuser_reserved_connections.
    const ROOM: u64 = 100 - 3;
    let manifests = Manifests::of("connector");
    let deployment = &manifests.only("Deployment")["spec"];
    let most = &manifests.only("HorizontalPodAutoscaler")["spec"]["maxReplicas"];
    let surge = &deployment["strategy"]["rollingUpdate"]["maxSurge"];
    let ends = &deployment["template"]["spec"]["terminationGracePeriodSeconds"];
    let [most, surge, ends] = [most, surge, ends].map(|value| value.as_u64().unwrap());
    let draining = ends.div_ceil(deployment["minReadySeconds"].as_u64().unwrap());
    let directory = &configuration(&manifests)["address_pairs"][0]["directory"];
    let asking = directory["database"]["connections"].as_u64().unwrap();
    let writing = u64::from(directory["connection_log"] == true);
    // One hears of changes.
    assert!((most + surge + draining) * (asking + writing + 1) <= ROOM);
}

#[test]
fn the_autoscaler_aims_at_half_of_what_a_pod_may_hold() {
    for folder in ["gateway", "connector"] {
        let manifests = Manifests::of(folder);
        let metric = &manifests.only("HorizontalPodAutoscaler")["spec"]["metrics"][0]["pods"];
        let aim = metric["target"]["averageValue"].as_str().unwrap();
        let limit = configuration(&manifests)["limits"]["connections"].as_u64();
        assert_eq!(Some(2 * aim.parse::<u64>().unwrap()), limit);
    }
}
