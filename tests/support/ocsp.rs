//! OCSP responses, made by the `openssl` command.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use der::asn1::{AnyRef, BitStringRef, OctetStringRef};
use der::{Decode, Encode, Sequence};

use super::certs::{IdentityFiles, TestPki, unix_now};
use super::{openssl, peers};

/// What a responder is to say of a certificate, as a line of its index has it; no line is unknown.
pub const GOOD: &str = "V\t391231235959Z\t";
pub const REVOKED: &str = "R\t391231235959Z\t261101000000Z,keyCompromise";
pub const UNKNOWN: &str = "";

/// The authority behind the identities of a test, as the command knows it.
pub struct Responder {
    authority: IdentityFiles,
    folder: PathBuf,
    made: AtomicU32,
}

impl Responder {
    /// Speaks for the intermediate.
    pub fn of(pki: &TestPki) -> Responder {
        let cert = pki.intermediate().cert_pem().unwrap();
        let key = pki.intermediate().key_pem().unwrap();
        Responder {
            authority: pki.write(&cert, &key),
            folder: pki.folder().to_owned(),
            made: AtomicU32::new(1),
        }
    }

    /// The authority's own certificate and key.
    pub fn authority(&self) -> &IdentityFiles {
        &self.authority
    }

    /// A server's identity that demands a staple.
    pub fn demanding_server(&self) -> IdentityFiles {
        self.issue(
            "subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth\ntlsfeature=status_request",
        )
    }

    /// An identity with these extensions, in the words of the command.
    pub fn issue(&self, extensions: &str) -> IdentityFiles {
        self.issue_for(&["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], extensions)
    }

    /// As [`Responder::issue`], with a new key of that kind.
    pub fn issue_for(&self, key_kind: &[&str], extensions: &str) -> IdentityFiles {
        let (request, settings, key) = (self.file("csr"), self.file("cnf"), self.file("key"));
        let cert = self.file("pem");
        fs::write(&settings, extensions).unwrap();
        let mut command = peers::command("openssl");
        command.args(["req", "-new", "-nodes", "-subj", "/CN=issued"]);
        command.arg("-newkey").args(key_kind);
        run(command.arg("-keyout").arg(&key).arg("-out").arg(&request));
        let serial = self.made.fetch_add(1, Ordering::Relaxed).to_string();
        let mut command = peers::command("openssl");
        command.args(["x509", "-req", "-days", "2", "-set_serial", &serial, "-CA"]);
        command.arg(&self.authority.cert).arg("-CAkey");
        command.arg(&self.authority.key).arg("-in").arg(&request);
        run(command
            .arg("-extfile")
            .arg(&settings)
            .arg("-out")
            .arg(&cert));
        let chain = [&cert, &self.authority.cert].map(|path| fs::read_to_string(path).unwrap());
        fs::write(&cert, chain.concat()).unwrap();
        IdentityFiles { cert, key }
    }

    /// The file of a response about an identity, signed by `signer` and good for a day.
    pub fn response(&self, about: &IdentityFiles, says: &str, signer: &IdentityFiles) -> PathBuf {
        let (index, response) = (self.file("index"), self.file("der"));
        let [_, _, serial] = openssl::names(about);
        let line = format!("{says}\t{}\tunknown\t/CN=x\n", serial.to_ascii_uppercase());
        fs::write(&index, if says == UNKNOWN { "" } else { &line }).unwrap();
        let mut command = peers::command("openssl");
        command.args(["ocsp", "-noverify", "-no_nonce", "-ndays", "1", "-index"]);
        command.arg(&index).arg("-CA").arg(&self.authority.cert);
        command.arg("-issuer").arg(&self.authority.cert);
        command.arg("-cert").arg(&about.cert);
        command.arg("-rsigner").arg(&signer.cert).arg("-rkey");
        command.arg(&signer.key).arg("-respout").arg(&response);
        if signer.cert == self.authority.cert {
            command.arg("-resp_no_certs");
        }
        run(&mut command);
        response
    }

    /// The file of a good response by the authority itself that stands between these times, in seconds
    /// from now on: the command knows no other beginning than now.
    pub fn dated(&self, about: &IdentityFiles, begin: i64, end: i64) -> PathBuf {
        let response = self.response(about, GOOD, &self.authority);
        let der = fs::read(&response).unwrap();
        let mut outer = Outer::from_der(&der).unwrap();
        let mut basic = Basic::from_der(outer.bytes.response.as_bytes()).unwrap();
        let mut data = basic.data.to_der().unwrap();
        // When it was produced, its beginning, its end.
        let times = [begin, begin, end].map(time);
        let is_time = |at: &usize| data[*at..].starts_with(b"\x18\x0f20");
        let places: Vec<_> = (0..data.len()).filter(is_time).collect();
        assert_eq!(places.len(), times.len());
        for (at, time) in places.into_iter().zip(times) {
            data[at + 2..][..time.len()].copy_from_slice(time.as_bytes());
        }
        let signature = self.signature(&data);
        basic.data = AnyRef::from_der(&data).unwrap();
        basic.signature = BitStringRef::from_bytes(&signature).unwrap();
        let basic = basic.to_der().unwrap();
        outer.bytes.response = OctetStringRef::new(&basic).unwrap();
        fs::write(&response, outer.to_der().unwrap()).unwrap();
        response
    }

    fn signature(&self, data: &[u8]) -> Vec<u8> {
        let (signed, signature) = (self.file("data"), self.file("sig"));
        fs::write(&signed, data).unwrap();
        let mut command = peers::command("openssl");
        command.args(["dgst", "-sha256", "-sign"]);
        command.arg(&self.authority.key).arg("-out");
        run(command.arg(&signature).arg(&signed));
        fs::read(&signature).unwrap()
    }

    /// A new file's path.
    pub fn file(&self, kind: &str) -> PathBuf {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        self.folder.join(format!("ocsp-{number}.{kind}"))
    }
}

/// A server that sends that staple.
pub fn stapling<'a>(version: &'a str, staple: &'a Path) -> [&'a str; 3] {
    [version, "-status_file", staple.to_str().unwrap()]
}

#[derive(Sequence)]
struct Outer<'a> {
    status: AnyRef<'a>,
    #[asn1(context_specific = "0")]
    bytes: Bytes<'a>,
}

#[derive(Sequence)]
struct Bytes<'a> {
    kind: AnyRef<'a>,
    response: &'a OctetStringRef,
}

#[derive(Sequence)]
struct Basic<'a> {
    data: AnyRef<'a>,
    algorithm: AnyRef<'a>,
    signature: BitStringRef<'a>,
}

/// So many seconds from now, as ASN.1 writes it.
fn time(from_now: i64) -> String {
    let time = jiff::Timestamp::from_second(unix_now() + from_now).unwrap();
    time.strftime("%Y%m%d%H%M%SZ").to_string()
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
}
