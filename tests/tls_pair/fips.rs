//! The FIPS profile: what it refuses of a peer, and what it still speaks. It needs no module: what is
//! negotiated is a matter of the profile, whoever computes it.

use std::fs;
use std::path::{Path, PathBuf};

use mtls_persona::base::reason::CloseReason::{self, *};
use mtls_persona::tls::authority::{KeyKind, LeafRequest, Purpose};
use mtls_persona::tls::{
    Credentials, ExpectedName, Material, MinVersion, Profile, Resumption, Role, is_fips,
};

use super::by_hand;
use super::pair::{Chunks, End, Pair, client_end, client_end_to, material, server_end};
use super::stranger::Stranger;
use crate::support::alone::once_more;
use crate::support::certs::{IdentityFiles, TestPki, unix_now};
use crate::support::ocsp::{GOOD, Responder, stapling};

pub const NAME: ExpectedName<'_> = ExpectedName::Dns("localhost");

/// An identity's credentials under the profile, or why there are none.
pub fn prove(pki: &TestPki, files: &IdentityFiles, role: Role) -> Result<Credentials, String> {
    let mut material = material(&[&pki.ca], files, MinVersion::Tls12);
    material.profile = Profile::Fips;
    material.resumption = Resumption::Off;
    let proven = Credentials::prove(&material, &[role], unix_now());
    proven.map_err(|error| error.to_string())
}

/// An authority with identities whose keys are of one kind.
pub struct Party {
    pub pki: TestPki,
    pub alice: IdentityFiles,
    pub localhost: IdentityFiles,
}

impl Party {
    pub fn of(kind: KeyKind) -> Party {
        let pki = TestPki::with_keys(kind);
        Party {
            alice: pki.client("alice"),
            localhost: pki.server("localhost"),
            pki,
        }
    }

    pub fn our_client(&self) -> End {
        client_end(&prove(&self.pki, &self.alice, Role::Client).unwrap(), NAME)
    }

    pub fn our_server(&self) -> End {
        server_end(&prove(&self.pki, &self.localhost, Role::Server).unwrap())
    }

    /// Lets a client with that certificate meet our server; why it is refused.
    fn meets_client(&self, files: &IdentityFiles, options: &[&str]) -> Option<CloseReason> {
        let mut server = self.our_server();
        Stranger::client(Some(files), options).shake(&mut server);
        println!("{options:?}: {:?}", server.refusal);
        server.reason()
    }

    fn meets_server(&self, files: &IdentityFiles, options: &[&str]) -> Option<CloseReason> {
        let mut client = self.our_client();
        Stranger::server(files, options).shake(&mut client);
        println!("{options:?}: {:?}", client.refusal);
        client.reason()
    }

    /// An authority below the root with a key of a kind that ours does not make.
    fn authority(&self, key: &[&str]) -> IdentityFiles {
        let files = self.by_hand(key);
        let extensions = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n";
        let subject = ("/CN=authority by hand", files.key.as_path());
        let root = by_hand::root(&self.pki);
        let cert = by_hand::sign(&self.pki, subject, &root, extensions);
        fs::write(&files.cert, cert).unwrap();
        files
    }

    /// An identity for either role.
    fn both(&self) -> IdentityFiles {
        self.pki.issue(&self.pki.request(Purpose::Both))
    }

    /// A self-signed authority, signed with SHA-1; its key is in a file beside it.
    fn weak_root(&self) -> PathBuf {
        let cert = self.pki.folder().join("weak-root.pem");
        let key = cert.with_extension("key");
        let makes = ["req", "-x509", "-sha1", "-nodes", "-subj", "/CN=weak root"];
        let of = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
        let into = ["-keyout", by_hand::path(&key)];
        fs::write(&cert, by_hand::openssl(&[&makes[..], &of, &into].concat())).unwrap();
        cert
    }

    /// A certificate with a key of a kind that our authority does not make, for either role.
    fn by_hand(&self, key: &[&str]) -> IdentityFiles {
        let files = self.pki.issue(&self.pki.request(Purpose::Both));
        let key = [&["genpkey", "-algorithm"][..], key].concat();
        fs::write(&files.key, by_hand::openssl(&key)).unwrap();
        let subject = ("/CN=by hand", files.key.as_path());
        let extensions = "keyUsage=critical,digitalSignature\n\
            extendedKeyUsage=serverAuth,clientAuth\nsubjectAltName=DNS:localhost\n";
        let issuer = by_hand::root(&self.pki);
        let cert = by_hand::sign(&self.pki, subject, &issuer, extensions);
        fs::write(&files.cert, cert).unwrap();
        files
    }
}

/// OpenSSL's own words for a peer of TLS 1.2 that does without the extended master secret.
fn without_ems(pki: &TestPki) -> PathBuf {
    let file = pki.folder().join("without-ems.cnf");
    let text = "openssl_conf = init\n[init]\nssl_conf = ssl\n[ssl]\nsystem_default = peer\n\
                [peer]\nOptions = -ExtendedMasterSecret\n";
    fs::write(&file, text).unwrap();
    file
}

#[test]
fn each_suite_and_group_of_the_profile_is_spoken_in_both_roles() {
    for (kind, kinds_suites) in [
        (
            KeyKind::EcP256,
            [
                "ECDHE-ECDSA-AES128-GCM-SHA256",
                "ECDHE-ECDSA-AES256-GCM-SHA384",
            ],
        ),
        (
            KeyKind::Rsa(2048),
            ["ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384"],
        ),
    ] {
        let party = Party::of(kind);
        let mut offers: Vec<Vec<&str>> = kinds_suites
            .into_iter()
            .map(|suite| vec!["-tls1_2", "-cipher", suite])
            .collect();
        for suite in ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"] {
            offers.push(vec!["-tls1_3", "-ciphersuites", suite]);
        }
        // In TLS 1.2 it is about the keys of certificates too.
        for group in ["P-256", "P-384:P-256"] {
            offers.push(vec!["-tls1_2", "-curves", group]);
        }
        for group in ["P-256", "P-384"] {
            offers.push(vec!["-tls1_3", "-curves", group]);
        }
        for offer in offers {
            let met = party.meets_client(&party.alice, &offer);
            assert_eq!(met, None, "{kind:?} {offer:?}");
            let met = party.meets_server(&party.localhost, &offer);
            assert_eq!(met, None, "{kind:?} {offer:?}");
        }
    }
}

#[test]
fn a_client_that_offers_nothing_of_the_profile_is_refused() {
    let party = Party::of(KeyKind::EcP256);
    let weak = "DEFAULT:@SECLEVEL=0";
    for (options, reason) in [
        (&["-tls1", "-cipher", weak][..], TlsVersion),
        (&["-tls1_1", "-cipher", weak], TlsVersion),
        (
            &["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"],
            TlsNoCommonParameters,
        ),
        (
            &["-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-SHA384"],
            TlsNoCommonParameters,
        ),
        (
            &["-tls1_2", "-cipher", "AES128-GCM-SHA256"],
            TlsNoCommonParameters,
        ),
        (
            &["-tls1_2", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305"],
            TlsNoCommonParameters,
        ),
        (
            &["-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"],
            TlsNoCommonParameters,
        ),
        (
            &["-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_SHA256"],
            TlsNoCommonParameters,
        ),
        (&["-tls1_2", "-curves", "X25519"], TlsNoCommonParameters),
        (&["-tls1_3", "-curves", "X25519"], TlsNoCommonParameters),
        (&["-tls1_3", "-curves", "P-521"], TlsNoCommonParameters),
        (
            &["-tls1_2", "-sigalgs", "ECDSA+SHA1", "-cipher", weak],
            TlsNoCommonParameters,
        ),
        (&["-tls1_3", "-sigalgs", "ed25519"], TlsNoCommonParameters),
    ] {
        let met = party.meets_client(&party.alice, options);
        assert_eq!(met, Some(reason), "{options:?}");
    }
}

#[test]
fn a_server_that_knows_nothing_of_the_profile_is_not_spoken_to() {
    let party = Party::of(KeyKind::EcP256);
    let weak = "DEFAULT:@SECLEVEL=0";
    for (options, reason) in [
        (&["-tls1_1", "-cipher", weak][..], TlsVersion),
        (&["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"], TlsAlert),
        (
            &["-tls1_2", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305"],
            TlsAlert,
        ),
        (
            &["-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"],
            TlsAlert,
        ),
        (&["-tls1_2", "-curves", "X25519"], TlsAlert),
        (&["-tls1_3", "-curves", "X25519"], TlsAlert),
    ] {
        let met = party.meets_server(&party.localhost, options);
        assert_eq!(met, Some(reason), "{options:?}");
    }
}

#[test]
fn tls_1_2_without_the_extended_master_secret_is_refused_under_its_own_reason() {
    let party = Party::of(KeyKind::EcP256);
    let config = without_ems(&party.pki);
    let mut server = party.our_server();
    let mut stranger = Stranger::client_by(Some(&party.alice), &["-tls1_2"], Some(&config));
    stranger.shake(&mut server);
    assert_eq!(server.reason(), Some(TlsNoEms), "{:?}", server.refusal);
    let certificate = server.failure().unwrap().certificate.as_ref();
    assert!(certificate.unwrap().subject.starts_with("CN=alice"));
    // It sees no finished handshake, and is told so.
    stranger.says("handshake failure");
    assert!(!server.is_open);
    let mut client = party.our_client();
    let mut stranger = Stranger::server_by(&party.localhost, &["-tls1_2"], Some(&config));
    stranger.shake(&mut client);
    assert_eq!(client.reason(), Some(TlsNoEms), "{:?}", client.refusal);
    assert!(!client.is_open);
    // In TLS 1.3 the same peers are none the worse.
    let mut server = party.our_server();
    Stranger::client_by(Some(&party.alice), &["-tls1_3"], Some(&config)).shake(&mut server);
    assert_eq!(server.reason(), None);
}

#[test]
fn without_the_profile_the_extended_master_secret_is_not_insisted_on() {
    let party = Party::of(KeyKind::EcP256);
    let config = without_ems(&party.pki);
    let sides = super::pair::Sides::of(&party.pki, &party.alice, &party.localhost);
    let mut server = server_end(&sides.server);
    Stranger::client_by(Some(&party.alice), &["-tls1_2"], Some(&config)).shake(&mut server);
    assert_eq!(server.reason(), None, "{:?}", server.refusal);
    assert!(!server.session.negotiated().has_ems);
}

/// Options for a key, by which `openssl genpkey` makes it.
const KOBLITZ: [&str; 3] = ["EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"];
const P521: [&str; 3] = ["EC", "-pkeyopt", "ec_paramgen_curve:P-521"];

#[test]
fn keys_that_fips_does_not_have_are_refused_of_a_peer() {
    // A client that has to show one shows none, and a server knows nothing to sign with. Only a client of
    // TLS 1.2 shows it where its curve is not asked about.
    let shown_koblitz = match () {
        // It reads no such key.
        () if cfg!(feature = "boringssl") => TlsMalformed,
        // Nor does that module, and the library judges its length by that.
        () if is_fips() => CertWeakKey,
        () => FipsProfile,
    };
    let party = Party::of(KeyKind::EcP256);
    for (key, shown, no_server) in [
        (&["ED25519"][..], CertMissing, TlsAlert),
        // The command has no signature for it in TLS 1.3, and then no TLS 1.3.
        (&KOBLITZ, shown_koblitz, TlsVersion),
        (&P521, FipsProfile, TlsAlert),
    ] {
        let files = party.by_hand(key);
        let met = ["-tls1_2", "-tls1_3"].map(|version| {
            let client = party.meets_client(&files, &[version]);
            (client, party.meets_server(&files, &[version]))
        });
        let tls12 = (Some(shown), Some(TlsAlert));
        let tls13 = (Some(CertMissing), Some(no_server));
        assert_eq!(met, [tls12, tls13], "{key:?}");
    }
}

#[test]
fn a_key_on_p_521_is_taken_for_an_authority_and_of_nobody_that_it_shakes_hands_with() {
    let party = Party::of(KeyKind::EcP256);
    let own = party.by_hand(&P521);
    for role in [Role::Client, Role::Server] {
        let told = prove(&party.pki, &own, role).err().unwrap();
        assert!(
            told.contains("certificate 1: its key is EC on P-521"),
            "{told}"
        );
        assert_eq!(told.lines().count(), 1, "{told}");
    }
    let authority = party.authority(&P521);
    let usage = "keyUsage=critical,digitalSignature\nextendedKeyUsage=clientAuth,serverAuth\n\
        subjectAltName=DNS:localhost\n";
    let below = by_hand::issue(&party.pki, &authority, usage);
    assert_eq!(party.meets_client(&below, &[]), None);
    assert_eq!(party.meets_server(&below, &[]), None);
    assert_eq!(prove(&party.pki, &below, Role::Server).err(), None);
}

#[test]
fn rsassa_pss_is_taken_of_a_chain_with_one_strong_digest_and_a_salt_of_its_length() {
    let party = Party::of(KeyKind::Rsa(2048));
    let root = by_hand::root(&party.pki);
    let extensions = "keyUsage=critical,digitalSignature\n\
        extendedKeyUsage=serverAuth,clientAuth\nsubjectAltName=DNS:localhost\n";
    // BoringSSL knows no other.
    let refused = match cfg!(feature = "boringssl") {
        true => CertBadSignature,
        false => FipsProfile,
    };
    for (digest, salt, mask, is_good) in [
        ("-sha256", "32", "sha256", true),
        ("-sha384", "48", "sha384", true),
        ("-sha512", "64", "sha512", true),
        ("-sha224", "28", "sha224", false),
        ("-sha256", "0", "sha256", false),
        ("-sha256", "48", "sha256", false),
        ("-sha256", "32", "sha384", false),
    ] {
        let files = party.both();
        let salt = format!("rsa_pss_saltlen:{salt}");
        let mask = format!("rsa_mgf1_md:{mask}");
        let how = ["rsa_padding_mode:pss", &salt, &mask].map(|option| ["-sigopt", option]);
        let how = [&[digest], how.as_flattened()].concat();
        let subject = ("/CN=by hand", files.key.as_path());
        let cert = by_hand::sign_as(&party.pki, subject, &root, extensions, &how);
        fs::write(&files.cert, cert).unwrap();
        let refused = (!is_good).then_some(refused);
        for version in ["-tls1_2", "-tls1_3"] {
            let met = [
                party.meets_client(&files, &[version]),
                party.meets_server(&files, &[version]),
            ];
            assert_eq!(met, [refused; 2], "{version} {how:?}");
        }
        for role in [Role::Client, Role::Server] {
            let told = prove(&party.pki, &files, role).err();
            let is_told = told.map(|told| told.contains("it was signed with RSASSA-PSS"));
            assert_eq!(is_told, (!is_good).then_some(true), "{how:?}");
        }
    }
}

#[test]
fn short_rsa_keys_and_sha_1_are_refused_by_the_names_that_they_have_elsewhere() {
    let party = Party::of(KeyKind::EcP256);
    let weak = ["-cipher", "DEFAULT:@SECLEVEL=0"];
    let short = party.by_hand(&["RSA", "-pkeyopt", "rsa_keygen_bits:1024"]);
    assert_eq!(party.meets_client(&short, &weak), Some(CertWeakKey));
    let sha1 = party.pki.sha1(Purpose::Client);
    assert_eq!(party.meets_client(&sha1, &weak), Some(CertWeakSignature));
}

#[test]
fn an_authority_above_the_peer_has_to_fit_the_profile_too() {
    let party = Party::of(KeyKind::EcP256);
    let authority = party.authority(&["ED25519"]);
    let usage = "keyUsage=critical,digitalSignature\nextendedKeyUsage=clientAuth\n";
    let leaf = by_hand::issue(&party.pki, &authority, usage);
    assert_eq!(party.meets_client(&leaf, &[]), Some(FipsProfile));
}

#[test]
fn a_certificate_has_to_say_what_for() {
    let party = Party::of(KeyKind::EcP256);
    for extensions in [
        "extendedKeyUsage=clientAuth\n",
        "keyUsage=critical,digitalSignature\n",
    ] {
        let files = by_hand::issue_by_root(&party.pki, extensions);
        let met = party.meets_client(&files, &[]);
        assert_eq!(met, Some(CertWrongPurpose), "{extensions}");
    }
}

#[test]
fn our_own_certificate_and_those_behind_it_have_to_fit_the_profile() {
    let party = Party::of(KeyKind::EcP256);
    let koblitz = match () {
        () if cfg!(feature = "boringssl") => "no usable private key in it",
        () if is_fips() => {
            "certificate 1: its key is of a kind that this TLS library does not read"
        }
        () => "certificate 1: its key is EC on secp256k1",
    };
    for (key, words) in [
        (&["ED25519"][..], "certificate 1: its key is Ed25519"),
        (&KOBLITZ, koblitz),
        (
            &["RSA", "-pkeyopt", "rsa_keygen_bits:1024"],
            "certificate 1: its RSA key has 1024 bits",
        ),
    ] {
        for role in [Role::Client, Role::Server] {
            let told = prove(&party.pki, &party.by_hand(key), role).err().unwrap();
            assert!(told.contains(words), "{told}");
            assert_eq!(told.lines().count(), 1, "{told}");
        }
    }
    // An authority that none of ours vouches for is judged all the same.
    let stranger = party.by_hand(&["ED25519"]);
    let good = party.pki.issue(&LeafRequest {
        ..party.pki.request(Purpose::Client)
    });
    let behind = [&good.cert, &stranger.cert].map(|file| fs::read_to_string(file).unwrap());
    fs::write(&good.cert, behind.concat()).unwrap();
    let told = prove(&party.pki, &good, Role::Client).err().unwrap();
    assert!(told.contains("certificate 3: its key is Ed25519"), "{told}");
}

#[test]
fn a_log_of_keys_that_the_environment_asks_for_lets_nothing_start_under_the_profile() {
    const VARIABLE: &str = "SSLKEYLOGFILE";
    let party = Party::of(KeyKind::EcP256);
    let told = |role| prove(&party.pki, &party.both(), role).err();
    match std::env::var_os(VARIABLE) {
        None => {
            let test =
                "a_log_of_keys_that_the_environment_asks_for_lets_nothing_start_under_the_profile";
            let test = format!("fips::{test}");
            let file = party.pki.folder().join("keys");
            once_more(&test, &[(VARIABLE, file.as_os_str())]);
            // What asks for no file asks for nothing.
            once_more(&test, &[(VARIABLE, "".as_ref())]);
        }
        Some(file) if file.is_empty() => assert_eq!(told(Role::Server), None),
        Some(_) => {
            for role in [Role::Client, Role::Server] {
                let told = told(role).unwrap();
                assert!(told.starts_with(VARIABLE), "{told}");
                assert_eq!(told.lines().count(), 1, "{told}");
                let files = party.both();
                assert!(super::pair::prove(&[&party.pki.ca], &files, role).is_ok());
            }
        }
    }
}

#[test]
fn a_root_behind_our_own_certificate_is_not_judged_by_its_signature_on_itself() {
    let party = Party::of(KeyKind::EcP256);
    let root = party.weak_root();
    let files = party.both();
    let both = [&files.cert, &root].map(|file| fs::read_to_string(file).unwrap());
    fs::write(&files.cert, both.concat()).unwrap();
    for role in [Role::Client, Role::Server] {
        assert_eq!(prove(&party.pki, &files, role).err(), None);
    }
    // As the first of a chain it stands for itself.
    let alone = IdentityFiles {
        cert: root.clone(),
        key: root.with_extension("key"),
    };
    let told = prove(&party.pki, &alone, Role::Server).err().unwrap();
    assert!(told.contains("certificate 1: it was signed with"), "{told}");
}

#[test]
fn a_trusted_certificate_that_nobody_gets_in_by_under_the_profile_is_worth_a_word() {
    let party = Party::of(KeyKind::EcP256);
    let [ed25519, p521] = [&["ED25519"][..], &P521].map(|key| party.authority(key).cert);
    let pinned = party.by_hand(&P521).cert;
    let weak = party.weak_root();
    let trusted = [&party.pki.ca, &ed25519, &p521, &pinned, &weak].map(|file| file.as_path());
    let mut material = material(&trusted, &party.localhost, MinVersion::Tls12);
    let told = |material: &Material| {
        let proven = Credentials::prove(material, &[Role::Server], unix_now());
        proven.unwrap().warnings
    };
    assert_eq!(told(&material), [""; 0]);
    material.profile = Profile::Fips;
    let path = |file: &Path| format!("{}: certificate 1 ", file.display());
    let [by_ed25519, by_pinned] = &told(&material)[..] else {
        panic!("{:#?}", told(&material));
    };
    assert!(by_ed25519.starts_with(&path(&ed25519)), "{by_ed25519}");
    assert!(by_ed25519.contains("its key is Ed25519") && by_ed25519.contains("authority by hand"));
    assert!(by_pinned.starts_with(&path(&pinned)), "{by_pinned}");
    assert!(by_pinned.contains("its key is EC on P-521"));
}

#[test]
fn what_a_server_sends_of_its_own_certificate_has_to_fit_the_profile_too() {
    let party = Party::of(KeyKind::EcP256);
    let responder = Responder::of(&party.pki);
    let delegate = |key: &[&str]| responder.issue_for(key, "extendedKeyUsage=OCSPSigning");
    let (good, other) = (
        delegate(&["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]),
        delegate(&["ed25519"]),
    );
    for (signer, reason) in [(good, None), (other, Some(StapleInvalid))] {
        let staple = responder.response(&party.localhost, GOOD, &signer);
        for version in ["-tls1_2", "-tls1_3"] {
            let met = party.meets_server(&party.localhost, &stapling(version, &staple));
            assert_eq!(met, reason, "{version}");
        }
    }
}

#[test]
fn a_resumed_session_is_one_of_the_profile() {
    let party = Party::of(KeyKind::EcP256);
    let credentials = |files, role| {
        let mut material = material(&[&party.pki.ca], files, MinVersion::Tls12);
        material.profile = Profile::Fips;
        Credentials::prove(&material, &[role], unix_now()).unwrap()
    };
    let client = credentials(&party.alice, Role::Client);
    let server = credentials(&party.localhost, Role::Server);
    let mut seen = Vec::new();
    for _ in 0..2 {
        let pair = Pair {
            client: client_end_to(&client, NAME, "here"),
            server: server_end(&server),
        };
        let mut pair = pair.open();
        pair.server.send(b"welcome");
        pair.settle(&mut Chunks::Whole);
        for end in [&pair.client, &pair.server] {
            let negotiated = end.session.negotiated();
            assert_eq!(Profile::Fips.outside(&negotiated), None);
            seen.push((negotiated.is_resumed, negotiated.group));
        }
    }
    let expected = [false, false, true, true].map(|is_resumed| (is_resumed, "P-256".to_owned()));
    assert_eq!(seen, expected);
}

#[test]
fn the_least_version_that_is_asked_for_is_not_lowered_by_the_profile() {
    let party = Party::of(KeyKind::EcP256);
    let mut material = material(&[&party.pki.ca], &party.localhost, MinVersion::Tls13);
    material.profile = Profile::Fips;
    let credentials = Credentials::prove(&material, &[Role::Server], unix_now()).unwrap();
    let mut server = server_end(&credentials);
    Stranger::client(Some(&party.alice), &["-tls1_2"]).shake(&mut server);
    assert_eq!(server.reason(), Some(TlsVersion));
}
