//! The volumes of pods, and whether the program takes what is in them.

use std::collections::BTreeMap;
use std::path::Path;

use mtls_persona::tls::authority::{LeafRequest, Purpose};
use serde_json::Value;

use super::manifests::{FOLDERS, Manifests, container};
use super::support::certs::TestPki;
use super::support::program::outcome;
use super::support::rotate::{Contents, Volume, secret};

fn texts(list: &Value) -> Vec<String> {
    let list = list.as_array().into_iter().flatten();
    list.map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// What cert-manager would ask an issuer for.
pub(crate) fn request(manifests: &Manifests, pki: &TestPki) -> LeafRequest {
    let spec = &manifests.only("Certificate")["spec"];
    let usages = texts(&spec["usages"]);
    let has = |usage: &str| usages.iter().any(|has| has == usage);
    assert!(has("digital signature"));
    let purpose = match (has("server auth"), has("client auth")) {
        (true, false) => Purpose::Server,
        (false, true) => Purpose::Client,
        other => panic!("{other:?}"),
    };
    let mut request = pki.request(purpose);
    request.subject.cn = spec["commonName"].as_str().map(str::to_owned);
    request.dns = texts(&spec["dnsNames"]);
    request.uris = texts(&spec["uris"]);
    request.ips = Vec::new();
    request
}

/// What a pod's volume holds, as the kubelet gathers it from the secret of cert-manager, from the one of
/// the database and from the configuration, with everything named in `folder` in place of where it is mounted.
pub(crate) fn gather(
    manifests: &Manifests,
    identity: &Contents,
    folder: &Path,
    configuration: &str,
) -> Contents {
    let pod = manifests.pods()[0];
    let mounted = container(pod)["volumeMounts"][0]["mountPath"].as_str();
    let configuration = configuration.replace(mounted.unwrap(), folder.to_str().unwrap());
    let database = [
        ("password", b"secret\n".to_vec()),
        ("ca.crt", identity["ca.crt"].clone()),
    ];
    let database = database.map(|(key, value)| (key.to_owned(), value));
    let config = [("config.json".to_owned(), configuration.into_bytes())];
    let (database, config) = (BTreeMap::from(database), BTreeMap::from(config));
    let mut contents = Contents::new();
    let sources = &pod["spec"]["volumes"][0]["projected"]["sources"];
    for source in sources.as_array().unwrap() {
        let (of, from) = match &source["secret"]["name"] {
            Value::Null => (&source["configMap"], &config),
            name if name == "mtls-persona-database" => (&source["secret"], &database),
            _ => (&source["secret"], identity),
        };
        for item in of["items"].as_array().unwrap() {
            let [key, path] = ["key", "path"].map(|word| item[word].as_str().unwrap());
            let before = contents.insert(path.to_owned(), from[key].clone());
            assert_eq!(before, None, "{path}");
        }
    }
    contents
}

/// The mode that a pod's volume gives to files.
pub(crate) fn mode(manifests: &Manifests) -> u32 {
    let mode = &manifests.pods()[0]["spec"]["volumes"][0]["projected"]["defaultMode"];
    u32::try_from(mode.as_u64().unwrap()).unwrap()
}

#[test]
fn each_configuration_is_good_with_the_files_of_its_volume() {
    for name in FOLDERS {
        let (manifests, pki) = (Manifests::of(name), TestPki::new());
        let identity = pki.issue(&request(&manifests, &pki));
        let folder = pki.folder().join("etc");
        let identity = secret(&identity, &pki.ca);
        let contents = gather(&manifests, &identity, &folder, manifests.configuration());
        let _volume = Volume::new(&folder, mode(&manifests), &contents);
        let config = folder.join("config.json");
        let (code, stdout, stderr) = outcome(&["check", "--config", config.to_str().unwrap()]);
        assert_eq!((code, stderr.as_str()), (0, ""), "{name}: {stdout}");
        assert!(
            stdout.ends_with("\nok\n") && !stdout.contains("warning"),
            "{name}: {stdout}"
        );
    }
}
