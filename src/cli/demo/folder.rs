//! A private folder with everything that gateway and persona read; it goes away at the end.

use std::fs::Permissions;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::{NamedTempFile, TempDir};

use super::{DemoError, while_doing};
use crate::tls::authority::{Authority, KeyKind, LeafRequest, Subject, Validity};

/// The name that the gateway proves and the persona asks for.
pub(super) const GATEWAY: &str = "gateway.demo.example";
/// The persona's common name.
pub(super) const PERSONA: &str = "persona";
/// Another name of the persona.
const PERSONA_URI: &str = "spiffe://demo.example/persona";
/// Long enough for every demonstration, and no use to anybody afterwards.
const DAYS: u32 = 7;
/// What fails when the TLS library makes no certificate.
const CERTIFICATES: &str = "making certificates";

/// The folder, which only its owner can enter.
pub(super) struct Folder {
    dir: TempDir,
    authority: Authority,
}

impl Folder {
    /// Makes an authority and what it issues. The authority's own key is never written.
    pub(super) fn make(now: i64) -> Result<Folder, DemoError> {
        let dir = tempfile::Builder::new()
            .prefix("mtls-persona-demo-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir()
            .map_err(while_doing("making the temporary folder"))?;
        let subject = Subject::named("throw-away authority");
        let authority = Authority::new(&subject, KeyKind::EcP256, Validity::days(now, DAYS));
        let authority = authority.map_err(while_doing(CERTIFICATES))?;
        let ca = authority.cert_pem().map_err(while_doing(CERTIFICATES))?;
        let folder = Folder { dir, authority };
        folder.write("ca.pem", &ca)?;
        folder.issue(
            "gateway",
            &LeafRequest::server(GATEWAY, Validity::days(now, DAYS)),
        )?;
        folder.renew_persona(now)?;
        Ok(folder)
    }

    /// Issues the persona's certificate, in place of the older one if there is one.
    pub(super) fn renew_persona(&self, now: i64) -> Result<(), DemoError> {
        let request = LeafRequest {
            uris: vec![PERSONA_URI.to_owned()],
            ..LeafRequest::client(PERSONA, Validity::days(now, DAYS))
        };
        self.issue("persona", &request)
    }

    fn issue(&self, name: &str, request: &LeafRequest) -> Result<(), DemoError> {
        let issued = self.authority.issue(request);
        let issued = issued.map_err(while_doing(CERTIFICATES))?;
        self.write(&format!("{name}.key"), &issued.key_pem)?;
        self.write(&format!("{name}.pem"), &issued.cert_pem)?;
        Ok(())
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The gateway's configuration: mTLS in, plain to the service.
    pub(super) fn gateway_config(&self, service: SocketAddr) -> Result<PathBuf, DemoError> {
        let pair = json!({
            "name": "gateway", "mode": "server",
            "inbound": "127.0.0.1:0", "outbound": service.to_string(),
        });
        self.config("gateway", pair)
    }

    /// The persona's configuration: plain in, mTLS to the gateway.
    pub(super) fn persona_config(&self, gateway: SocketAddr) -> Result<PathBuf, DemoError> {
        // By address, because not every machine's resolver knows `localhost`.
        let pair = json!({
            "name": "persona", "mode": "client",
            "inbound": "127.0.0.1:0", "outbound": gateway.to_string(), "server_name": GATEWAY,
        });
        self.config("persona", pair)
    }

    fn config(&self, name: &str, pair: Value) -> Result<PathBuf, DemoError> {
        let config = json!({
            "cert": self.path().join(format!("{name}.pem")),
            "key": self.path().join(format!("{name}.key")),
            "ca": self.path().join("ca.pem"),
            "timeouts": { "drain": "5s" },
            "address_pairs": [pair],
        });
        self.write(&format!("{name}.json"), &format!("{config:#}\n"))
    }

    /// Writes a file for its owner alone; it appears whole.
    fn write(&self, name: &str, text: &str) -> Result<PathBuf, DemoError> {
        let write = || {
            let mut file = NamedTempFile::new_in(self.path())?;
            file.write_all(text.as_bytes())?;
            let path = self.path().join(name);
            file.persist(&path)?;
            Ok(path)
        };
        write().map_err(while_doing::<io::Error>("writing to the temporary folder"))
    }

    /// Removes it with all that is in it.
    pub(super) fn remove(self) -> Result<(), DemoError> {
        let removed = self.dir.close();
        removed.map_err(while_doing("removing the temporary folder"))
    }
}
