//! Certificates and responses made by hand, each changed in one way by its test.

use std::time::Duration;

use der::Encode;
use der::asn1::{AnyRef, BitStringRef, GeneralizedTime, Null, ObjectIdentifier, OctetStringRef};

use crate::tls::authority::{Identity, KeyKind, LeafRequest, Validity};
use crate::tls::backend;
use crate::tls::backend::lib::asn1::Asn1Time;
use crate::tls::backend::lib::bn::BigNum;
use crate::tls::backend::lib::ec::{EcGroup, EcKey};
use crate::tls::backend::lib::hash::{MessageDigest, hash};
use crate::tls::backend::lib::nid::Nid;
use crate::tls::backend::lib::pkey::{Id, PKey, PKeyRef, Private};
use crate::tls::backend::lib::sign::Signer;
use crate::tls::backend::lib::x509::extension::{
    BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName,
};
use crate::tls::backend::lib::x509::{X509, X509Builder, X509Extension, X509Name};
use crate::tls::profile::Profile;
use crate::tls::staple::asn1::*;
use crate::tls::staple::judge::{self, Good, Objection};

pub(super) const NOW: i64 = 1_800_000_000;
const DAY: i64 = 86_400;

/// A certificate with its key.
pub(super) struct Holder {
    pub(super) cert: X509,
    pub(super) key: PKey<Private>,
}

/// What a certificate is to be.
pub(super) struct Wanted {
    pub(super) name: &'static str,
    pub(super) serial: u32,
    pub(super) key: KeyKind,
    pub(super) digest: MessageDigest,
    pub(super) begin: i64,
    pub(super) end: i64,
    pub(super) extensions: Vec<X509Extension>,
}

impl Wanted {
    pub(super) fn new(name: &'static str, extensions: Vec<X509Extension>) -> Wanted {
        Wanted {
            name,
            serial: 77,
            key: KeyKind::EcP256,
            digest: MessageDigest::sha256(),
            begin: NOW - DAY,
            end: NOW + DAY,
            extensions,
        }
    }

    /// One that the issuer lets sign responses.
    pub(super) fn delegate() -> Wanted {
        Wanted::new("responder", vec![ocsp_signing()])
    }

    pub(super) fn signed_by(self, issuer: Option<&Holder>) -> Holder {
        let key = key(self.key);
        self.with_key(key, issuer)
    }

    /// As [`Wanted::signed_by`], with a key of a kind that our authority makes none of.
    pub(super) fn with_key(self, key: PKey<Private>, issuer: Option<&Holder>) -> Holder {
        let cert = self.certificate(&key, issuer);
        Holder { cert, key }
    }

    fn certificate(self, key: &PKeyRef<Private>, issuer: Option<&Holder>) -> X509 {
        let subject = name(self.name);
        let signer = issuer.map_or(key, |issuer| &issuer.key);
        let mut builder = X509Builder::new().unwrap();
        builder.set_version(2).unwrap();
        let serial = BigNum::from_u32(self.serial).unwrap();
        let serial = serial.to_asn1_integer().unwrap();
        builder.set_serial_number(&serial).unwrap();
        builder.set_subject_name(&subject).unwrap();
        let issuer = issuer.map_or(subject.as_ref(), |issuer| issuer.cert.subject_name());
        builder.set_issuer_name(issuer).unwrap();
        let time = |at| Asn1Time::from_unix(at).unwrap();
        builder.set_not_before(&time(self.begin)).unwrap();
        builder.set_not_after(&time(self.end)).unwrap();
        builder.set_pubkey(key).unwrap();
        for extension in &self.extensions {
            backend::append_extension(&mut builder, extension).unwrap();
        }
        builder.sign(signer, self.digest).unwrap();
        builder.build()
    }
}

fn key(kind: KeyKind) -> PKey<Private> {
    let request = LeafRequest {
        key: kind,
        ..LeafRequest::server("localhost", Validity::days(NOW, 1))
    };
    let identity = Identity::self_signed(&request).unwrap();
    PKey::private_key_from_pem(identity.key_pem.as_bytes()).unwrap()
}

/// An Ed25519 key; none if the library has no such keys, as OpenSSL's FIPS provider.
pub(super) fn ed25519() -> Option<PKey<Private>> {
    // A PrivateKeyInfo around 32 bytes (RFC 8410, 7).
    let mut der = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20".to_vec();
    der.extend([7; 32]);
    PKey::private_key_from_der(&der).ok()
}

/// A key on a curve; none if the library does not have it.
pub(super) fn on_curve(curve: Nid) -> Option<PKey<Private>> {
    let group = EcGroup::from_curve_name(curve).ok()?;
    let key = EcKey::generate(&group).and_then(PKey::from_ec_key).ok()?;
    // OpenSSL's older interface makes keys that its FIPS provider then does not take.
    let signs = |key: &PKey<Private>| {
        let signer = Signer::new(MessageDigest::sha256(), key);
        signer.is_ok_and(|mut signer| signer.sign_oneshot_to_vec(b"something").is_ok())
    };
    signs(&key).then_some(key)
}

fn name(cn: &str) -> X509Name {
    let mut name = X509Name::builder().unwrap();
    name.append_entry_by_nid(Nid::COMMONNAME, cn).unwrap();
    name.build()
}

/// Whether the library makes what is too weak to be taken: OpenSSL's FIPS provider signs neither with SHA-1
/// or MD5 nor by a short key.
pub(super) fn makes_weak() -> bool {
    cfg!(feature = "boringssl") || !crate::tls::is_fips()
}

pub(super) fn ocsp_signing() -> X509Extension {
    ExtendedKeyUsage::new()
        .other("OCSPSigning")
        .build()
        .unwrap()
}

pub(super) fn any_purpose() -> X509Extension {
    ExtendedKeyUsage::new()
        .other("anyExtendedKeyUsage")
        .build()
        .unwrap()
}

pub(super) fn encipherment() -> X509Extension {
    KeyUsage::new().key_encipherment().build().unwrap()
}

/// A name that must be understood.
pub(super) fn critical_name() -> X509Extension {
    let builder = X509Builder::new().unwrap();
    let mut name = SubjectAlternativeName::new();
    name.critical().dns("responder");
    name.build(&builder.x509v3_context(None, None)).unwrap()
}

pub(super) fn authority(kind: KeyKind) -> Holder {
    authority_with(key(kind))
}

pub(super) fn authority_with(key: PKey<Private>) -> Holder {
    let ca = BasicConstraints::new().critical().ca().build().unwrap();
    Wanted::new("authority", vec![ca]).with_key(key, None)
}

/// Another certificate of an authority, under another name.
pub(super) fn renamed(authority: &Holder) -> Holder {
    let ca = BasicConstraints::new().critical().ca().build().unwrap();
    let wanted = Wanted::new("renamed", vec![ca]);
    let cert = wanted.certificate(&authority.key, None);
    let key = authority.key.clone();
    Holder { cert, key }
}

/// How a response identifies certificates: algorithm and function.
pub(super) type Digest = (ObjectIdentifier, fn() -> MessageDigest);

pub(super) const SHA1: Digest = (
    ObjectIdentifier::new_unwrap("1.3.14.3.2.26"),
    MessageDigest::sha1,
);
pub(super) const SHA256: Digest = (
    ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1"),
    MessageDigest::sha256,
);

/// One answer of a response.
#[derive(Clone)]
pub(super) struct Answer {
    pub(super) serial: u8,
    pub(super) digest: Digest,
    pub(super) status: CertStatus,
    pub(super) begin: i64,
    pub(super) end: Option<i64>,
    pub(super) is_critical: bool,
}

impl Answer {
    /// Good, of an hour ago, for an hour.
    pub(super) fn good() -> Answer {
        Answer {
            serial: 77,
            digest: SHA1,
            status: CertStatus::Good(Null),
            begin: NOW - 3600,
            end: Some(NOW + 3600),
            is_critical: false,
        }
    }

    pub(super) fn revoked(why: Option<WhyRevoked>) -> Answer {
        let time = time(1_700_000_000);
        Answer {
            status: CertStatus::Revoked(Revocation { time, why }),
            ..Answer::good()
        }
    }
}

/// How a responder names itself.
#[derive(Clone, Copy)]
pub(super) enum Named {
    Name,
    Key,
}

/// A response, as its test wants it.
pub(super) struct Response<'a> {
    pub(super) issuer: &'a Holder,
    /// Who signs.
    pub(super) signer: &'a Holder,
    pub(super) named: Named,
    pub(super) answers: Vec<Answer>,
    pub(super) certs: Vec<&'a X509>,
    pub(super) algorithm: &'a str,
    /// Whether the algorithm has the parameters NULL.
    pub(super) has_null: bool,
    pub(super) digest: MessageDigest,
    pub(super) is_critical: bool,
    pub(super) version: u8,
}

impl<'a> Response<'a> {
    /// The issuer's own good answer.
    pub(super) fn of(issuer: &'a Holder) -> Response<'a> {
        Response {
            issuer,
            signer: issuer,
            named: Named::Key,
            answers: vec![Answer::good()],
            certs: Vec::new(),
            algorithm: match issuer.key.id() {
                Id::RSA => "1.2.840.113549.1.1.11",
                Id::ED25519 => "1.3.101.112",
                _ => "1.2.840.10045.4.3.2",
            },
            has_null: issuer.key.id() == Id::RSA,
            digest: MessageDigest::sha256(),
            is_critical: false,
            version: 0,
        }
    }

    /// Signed by a delegate, whose certificate goes along.
    pub(super) fn by(issuer: &'a Holder, signer: &'a Holder) -> Response<'a> {
        Response {
            issuer,
            named: Named::Name,
            certs: vec![&signer.cert],
            ..Response::of(signer)
        }
    }

    pub(super) fn answering(self, answers: impl Into<Vec<Answer>>) -> Response<'a> {
        Response {
            answers: answers.into(),
            ..self
        }
    }

    /// Writes and signs it.
    pub(super) fn der(&self) -> Vec<u8> {
        let data = self.data();
        let key = &self.signer.key;
        let mut signer = match key.id() {
            Id::ED25519 => Signer::new_without_digest(key).unwrap(),
            _ => Signer::new(self.digest, key).unwrap(),
        };
        let signature = signer.sign_oneshot_to_vec(&data).unwrap();
        let certs: Vec<_> = self
            .certs
            .iter()
            .map(|cert| cert.to_der().unwrap())
            .collect();
        let certs: Vec<_> = certs.iter().map(|der| Raw(der)).collect();
        wrapped(&BasicResponse {
            data: Raw(&data),
            algorithm: Algorithm {
                id: self.algorithm.parse().unwrap(),
                parameters: self.has_null.then_some(AnyRef::NULL),
            },
            signature: BitStringRef::from_bytes(&signature).unwrap(),
            certs: (!certs.is_empty()).then_some(certs),
        })
    }

    /// What is signed.
    pub(super) fn data(&self) -> Vec<u8> {
        let signer = self.signer.cert.to_der().unwrap();
        let signer = certificate(&signer);
        let key = hash(MessageDigest::sha1(), signer.key.bits.raw_bytes()).unwrap();
        let responder = match self.named {
            Named::Name => Responder::Name(signer.subject),
            Named::Key => Responder::Key(OctetStringRef::new(&key).unwrap()),
        };
        let issuer = self.issuer.cert.to_der().unwrap();
        let answers: Vec<_> = self
            .answers
            .iter()
            .map(|one| written(one, &issuer))
            .collect();
        // They borrow from what was written.
        let answers = answers
            .iter()
            .map(|der| der::Decode::from_der(der).unwrap());
        let data = ResponseData {
            version: self.version,
            responder,
            produced_at: time(NOW),
            responses: answers.collect(),
            extensions: self.is_critical.then(critical),
        };
        data.to_der().unwrap()
    }
}

fn certificate(der: &[u8]) -> Signed<'_> {
    let parsed: Certificate<'_> = der::Decode::from_der(der).unwrap();
    parsed.signed
}

fn written(answer: &Answer, issuer: &[u8]) -> Vec<u8> {
    let issuer = certificate(issuer);
    let (id, digest) = answer.digest;
    let digested = |of: &[u8]| hash(digest(), of).unwrap();
    let (name, key) = (
        digested(&issuer.subject.to_der().unwrap()),
        digested(issuer.key.bits.raw_bytes()),
    );
    let single = SingleResponse {
        cert: CertId {
            digest: Algorithm {
                id,
                parameters: Some(AnyRef::NULL),
            },
            issuer_name: OctetStringRef::new(&name).unwrap(),
            issuer_key: OctetStringRef::new(&key).unwrap(),
            serial: AnyRef::new(der::Tag::Integer, std::slice::from_ref(&answer.serial)).unwrap(),
        },
        status: answer.status,
        this_update: time(answer.begin),
        next_update: answer.end.map(time),
        extensions: answer.is_critical.then(critical),
    };
    single.to_der().unwrap()
}

fn critical() -> Vec<Extension<'static>> {
    vec![Extension {
        id: ObjectIdentifier::new_unwrap("1.2.3.4"),
        is_critical: true,
        value: OctetStringRef::new(&[]).unwrap(),
    }]
}

fn time(at: i64) -> GeneralizedTime {
    GeneralizedTime::from_unix_duration(Duration::from_secs(at.try_into().unwrap())).unwrap()
}

/// A response around what was signed.
pub(super) fn wrapped(basic: &BasicResponse<'_>) -> Vec<u8> {
    let basic = basic.to_der().unwrap();
    let response = OcspResponse {
        status: ResponseStatus::Successful,
        bytes: Some(ResponseBytes {
            kind: BASIC,
            response: OctetStringRef::new(&basic).unwrap(),
        }),
    };
    response.to_der().unwrap()
}

/// An authority, and the server that it has issued a certificate for.
pub(super) struct Rig {
    pub(super) issuer: Holder,
    server: X509,
}

impl Rig {
    pub(super) fn new() -> Rig {
        Rig::with_keys(KeyKind::EcP256)
    }

    pub(super) fn with_keys(kind: KeyKind) -> Rig {
        Rig::of(authority(kind))
    }

    /// The authority is one that was made by hand.
    pub(super) fn of(issuer: Holder) -> Rig {
        let server = Wanted::new("server", Vec::new());
        let server = server.signed_by(Some(&issuer)).cert;
        Rig { issuer, server }
    }

    pub(super) fn judge(&self, response: &[u8]) -> Result<Good, Objection> {
        self.judge_under(Profile::Ordinary, response)
    }

    pub(super) fn judge_under(&self, profile: Profile, response: &[u8]) -> Result<Good, Objection> {
        let terms = judge::Terms { now: NOW, profile };
        judge::judge(response, &self.server, &self.issuer.cert, terms)
    }

    /// That a response is refused as one that proves nothing, and what for.
    #[track_caller]
    pub(super) fn assert_invalid(&self, response: &[u8], what: &str) {
        self.assert_invalid_under(Profile::Ordinary, response, what);
    }

    #[track_caller]
    pub(super) fn assert_invalid_under(&self, profile: Profile, response: &[u8], what: &str) {
        use crate::base::reason::CloseReason::StapleInvalid;
        let (reason, told) = self.judge_under(profile, response).unwrap_err();
        assert_eq!(reason, StapleInvalid, "{told}");
        assert!(told.contains(what), "{told:?} is not about {what:?}");
    }
}
