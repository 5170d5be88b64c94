//! Certificates made at test time: a root, an intermediate, and identities that are right or wrong
//! in exactly one way.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use mtls_persona::tls::authority::{
    Authority, CrlRequest, Identity, KeyKind, LeafRequest, Purpose, Revoked, Subject, Validity,
};
use rustix::time::{ClockId, clock_gettime};
use tempfile::TempDir;

use super::peers;

const DAY: i64 = 86_400;

/// The PEM files of one identity.
#[derive(Debug, Clone)]
pub struct IdentityFiles {
    /// The leaf, then its intermediates.
    pub cert: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// A throw-away authority in a folder that goes away with it.
///
/// The bad identities are made for a TLS role: for [`Purpose::Server`] they carry the names
/// `localhost`, `127.0.0.1` and `::1`, for [`Purpose::Client`] the common name `alice`, so that
/// nothing but the one fault can be what refuses them.
pub struct TestPki {
    /// The root's certificate, to be trusted.
    pub ca: PathBuf,
    root: Authority,
    intermediate: Authority,
    kind: KeyKind,
    now: i64,
    written: AtomicUsize,
    folder: TempDir,
}

impl TestPki {
    /// An authority whose keys, and those of its identities, are on P-256: the fastest to make.
    pub fn new() -> TestPki {
        TestPki::with_keys(KeyKind::EcP256)
    }

    /// An authority whose keys, and those of its identities, are of one kind.
    pub fn with_keys(kind: KeyKind) -> TestPki {
        let folder = TempDir::new().unwrap();
        let now = unix_now();
        let (root, intermediate) = authorities("Test", kind, now);
        let ca = folder.path().join("ca.pem");
        fs::write(&ca, root.cert_pem().unwrap()).unwrap();
        TestPki {
            ca,
            root,
            intermediate,
            kind,
            now,
            written: AtomicUsize::new(0),
            folder,
        }
    }

    /// The folder, for other files of a test.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// From five minutes ago to 30 days from now.
    pub fn validity(&self) -> Validity {
        Validity::days(self.now, 30)
    }

    /// A server's identity for one host name or IP address.
    pub fn server(&self, host: &str) -> IdentityFiles {
        self.issue(&LeafRequest {
            key: self.kind,
            ..LeafRequest::server(host, self.validity())
        })
    }

    /// A client's identity with a common name.
    pub fn client(&self, cn: &str) -> IdentityFiles {
        self.issue(&LeafRequest {
            key: self.kind,
            ..LeafRequest::client(cn, self.validity())
        })
    }

    /// The request behind every good and bad identity of this role, to be changed for a case that
    /// has no function here.
    pub fn request(&self, role: Purpose) -> LeafRequest {
        let mut request = match role {
            Purpose::Client => LeafRequest::client("alice", self.validity()),
            _ => LeafRequest::server("localhost", self.validity()),
        };
        if role != Purpose::Client {
            request.ips = ["127.0.0.1", "::1"].map(|ip| ip.parse().unwrap()).into();
        }
        request.purpose = role;
        request.key = self.kind;
        request
    }

    /// What the intermediate issues for a request.
    pub fn issue(&self, request: &LeafRequest) -> IdentityFiles {
        let identity = self.intermediate.issue(request).unwrap();
        self.write(&identity.cert_pem, &identity.key_pem)
    }

    /// Puts a new identity in the place of an older one, the key first, as a renewal does.
    pub fn renew(&self, files: &IdentityFiles, request: &LeafRequest) {
        let newer = self.issue(request);
        fs::rename(newer.key, &files.key).unwrap();
        fs::rename(newer.cert, &files.cert).unwrap();
    }

    /// Ended yesterday.
    pub fn expired(&self, role: Purpose) -> IdentityFiles {
        self.issue(&LeafRequest {
            validity: Validity {
                not_before: self.now - 2 * DAY,
                not_after: self.now - DAY,
            },
            ..self.request(role)
        })
    }

    /// Begins tomorrow.
    pub fn not_yet_valid(&self, role: Purpose) -> IdentityFiles {
        self.issue(&LeafRequest {
            validity: Validity {
                not_before: self.now + DAY,
                ..self.validity()
            },
            ..self.request(role)
        })
    }

    /// Signed by its own key.
    pub fn self_signed(&self, role: Purpose) -> IdentityFiles {
        let identity = Identity::self_signed(&self.request(role)).unwrap();
        self.write(&identity.cert_pem, &identity.key_pem)
    }

    /// Of another root, with its intermediate sent along.
    pub fn unknown_authority(&self, role: Purpose) -> IdentityFiles {
        let (_, intermediate) = authorities("Stranger", self.kind, self.now);
        let identity = intermediate.issue(&self.request(role)).unwrap();
        self.write(&identity.cert_pem, &identity.key_pem)
    }

    /// Of another root and intermediate that have the same names as ours.
    pub fn impostor_authority(&self, role: Purpose) -> IdentityFiles {
        let (_, intermediate) = authorities("Test", self.kind, self.now);
        let identity = intermediate.issue(&self.request(role)).unwrap();
        self.write(&identity.cert_pem, &identity.key_pem)
    }

    /// The leaf alone, without the intermediate that leads to the root.
    pub fn missing_intermediate(&self, role: Purpose) -> IdentityFiles {
        let identity = self.intermediate.issue(&self.request(role)).unwrap();
        self.write(&identity.leaf_pem, &identity.key_pem)
    }

    /// A server's names, for the client's role alone.
    pub fn client_auth_only(&self) -> IdentityFiles {
        self.issue(&LeafRequest {
            purpose: Purpose::Client,
            ..self.request(Purpose::Server)
        })
    }

    /// A client's name, for the server's role alone.
    pub fn server_auth_only(&self) -> IdentityFiles {
        self.issue(&LeafRequest {
            purpose: Purpose::Server,
            ..self.request(Purpose::Client)
        })
    }

    /// A server of the right addresses and another DNS name; the common name, which must not count,
    /// is the right one.
    pub fn wrong_name(&self) -> IdentityFiles {
        self.issue(&LeafRequest {
            dns: vec!["other.example.org".to_owned()],
            ..self.request(Purpose::Server)
        })
    }

    /// A server of the right DNS name and another address.
    pub fn wrong_ip(&self) -> IdentityFiles {
        self.issue(&LeafRequest {
            ips: vec!["192.0.2.7".parse().unwrap()],
            ..self.request(Purpose::Server)
        })
    }

    /// Signed with SHA-1, by the `openssl` command: a FIPS module does not do that.
    pub fn sha1(&self, role: Purpose) -> IdentityFiles {
        let files = self.issue(&self.request(role));
        let ca = self.intermediate.cert_pem().unwrap();
        let by = self.write(&ca, &self.intermediate.key_pem().unwrap());
        let mut again = peers::command("openssl");
        again.args(["x509", "-x509toreq", "-copy_extensions", "copyall"]);
        again.arg("-in").arg(&files.cert);
        again.arg("-signkey").arg(&files.key);
        let request = files.cert.with_extension("csr");
        fs::write(&request, output(again)).unwrap();
        let mut sign = peers::command("openssl");
        sign.args(["x509", "-req", "-copy_extensions", "copyall", "-sha1"]);
        sign.args(["-set_serial", "1", "-in"]).arg(&request);
        sign.arg("-CA").arg(&by.cert).arg("-CAkey").arg(&by.key);
        fs::write(&files.cert, output(sign) + &ca).unwrap();
        files
    }

    /// With an RSA key of 1024 bits.
    pub fn rsa1024(&self, role: Purpose) -> IdentityFiles {
        self.issue(&LeafRequest {
            key: KeyKind::Rsa(1024),
            ..self.request(role)
        })
    }

    /// The root itself, to make what has no function here.
    pub fn root(&self) -> &Authority {
        &self.root
    }

    /// The intermediate, which issues all the good identities.
    pub fn intermediate(&self) -> &Authority {
        &self.intermediate
    }

    /// A file with the revocation lists of the root and of the intermediate, which revoke these
    /// identities. They hold as long as [`TestPki::validity`].
    pub fn crl(&self, revoked: &[&IdentityFiles]) -> PathBuf {
        let validity = self.validity();
        let lists = [&self.root, &self.intermediate];
        self.write_crl(lists.map(|by| self.list(by, revoked, validity)).concat())
    }

    /// The revocation list of one authority as PEM text, which revokes those of the identities that it
    /// has issued, and holds for that time.
    pub fn list(&self, by: &Authority, revoked: &[&IdentityFiles], validity: Validity) -> String {
        let revoked = revoked.iter().map(|files| fs::read_to_string(&files.cert));
        let revoked: Vec<String> = revoked.map(Result::unwrap).collect();
        list_of(by, &revoked, validity.not_before, Some(validity.not_after))
    }

    /// The revocation list of the root that revokes the intermediate, as PEM text.
    pub fn list_against_intermediate(&self) -> String {
        let validity = self.validity();
        let revoked = [self.intermediate.cert_pem().unwrap()];
        let next_update = Some(validity.not_after);
        list_of(&self.root, &revoked, validity.not_before, next_update)
    }

    /// Until a minute ago: the time of a list that is overdue since then.
    pub fn overdue(&self) -> Validity {
        Validity {
            not_before: self.now - DAY,
            not_after: self.now - 60,
        }
    }

    /// Writes revocation lists to a new file.
    pub fn write_crl(&self, lists: impl AsRef<[u8]>) -> PathBuf {
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let path = self.folder().join(format!("{number}.crl"));
        fs::write(&path, lists).unwrap();
        path
    }

    /// Writes PEM text to two new files.
    pub fn write(&self, cert_pem: &str, key_pem: &str) -> IdentityFiles {
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let files = IdentityFiles {
            cert: self.folder().join(format!("{number}.pem")),
            key: self.folder().join(format!("{number}.key")),
        };
        fs::write(&files.cert, cert_pem).unwrap();
        fs::write(&files.key, key_pem).unwrap();
        files
    }
}

/// The list of an authority, which revokes those of the certificates that it has issued, as PEM text.
pub fn list_of(
    by: &Authority,
    certificates: &[String],
    this_update: i64,
    next_update: Option<i64>,
) -> String {
    let issued = certificates.iter().map(|cert| by.issued(cert).unwrap());
    let revoked = issued.flatten().map(|issued| Revoked {
        serial: issued.serial,
        at: this_update,
    });
    let request = CrlRequest {
        revoked: revoked.collect(),
        number: 1,
        this_update,
        next_update,
    };
    by.crl(&request).unwrap()
}

/// What a command prints that must succeed.
fn output(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn authorities(name: &str, kind: KeyKind, now: i64) -> (Authority, Authority) {
    let validity = Validity::days(now, 365);
    let subject = |what: &str| Subject {
        org: vec![name.to_owned()],
        ..Subject::named(&format!("{name} {what}"))
    };
    let root = Authority::new(&subject("root"), kind, validity).unwrap();
    let intermediate = root
        .intermediate(&subject("intermediate"), kind, validity)
        .unwrap();
    (root, intermediate)
}

/// Seconds since 1970 by the clock that TLS libraries read (time(2)), which is some milliseconds behind the finer one:
/// what has just ended by that one has not ended to them.
pub fn unix_now() -> i64 {
    clock_gettime(ClockId::RealtimeCoarse).tv_sec
}
