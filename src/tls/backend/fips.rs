//! The library's FIPS module, and what the FIPS profile asks of the library.

#[cfg(feature = "boringssl")]
pub(in crate::tls) use self::boringssl::*;
#[cfg(not(feature = "boringssl"))]
pub(in crate::tls) use self::openssl_crate::*;
#[cfg(feature = "boringssl")]
use {boring_sys as ffi, foreign_types_boring::ForeignTypeRef};
#[cfg(not(feature = "boringssl"))]
use {foreign_types::ForeignTypeRef, openssl_sys as ffi};

use super::lib::x509::X509Ref;

/// Whether a certificate says that its key may sign (key usage digitalSignature), and names what it is for
/// (extended key usage).
pub(in crate::tls) fn states_purpose(cert: &X509Ref) -> bool {
    const DIGITAL_SIGNATURE: u32 = 0x80;
    const ABSENT: u32 = u32::MAX;
    // SAFETY: the pointer is a live certificate; the calls only read it (and fill its cache under its own
    // lock). The crates have no calls for these.
    #[allow(unsafe_code)]
    let (usage, extended) = unsafe {
        let cert = cert.as_ptr();
        (
            ffi::X509_get_key_usage(cert),
            ffi::X509_get_extended_key_usage(cert),
        )
    };
    usage != ABSENT && usage & DIGITAL_SIGNATURE != 0 && extended != ABSENT
}

#[cfg(feature = "boringssl")]
mod boringssl {
    use std::ffi::CStr;

    use boring::error::ErrorStack;
    use boring::ssl::{CompliancePolicy, SslContextBuilder, SslRef};
    use foreign_types_boring::ForeignTypeRef;

    use crate::tls::fips::{FipsCheck, FipsModule};
    use crate::tls::profile::{Profile, signature_name};

    /// Narrows a context to AES-GCM in TLS 1.3 too, which no other call of BoringSSL does, and to what the
    /// profile has. The last call but for a higher least version: a policy takes the place of what was set
    /// before it.
    pub(in crate::tls) fn comply(
        builder: &mut SslContextBuilder,
        profile: Profile,
    ) -> Result<(), ErrorStack> {
        builder.set_compliance_policy(CompliancePolicy::FIPS_202205)?;
        // Where the crate patches BoringSSL, it puts an X25519 hybrid, a draft of Kyber and ML-DSA into the
        // policy.
        builder.set_curves_list(profile.groups())?;
        builder.set_sigalgs_list(profile.signatures())
    }

    /// Why no hybrid group is offered that its FIPS module computes as a whole.
    pub(in crate::tls) fn hybrid_fault(_groups: &str) -> Option<&'static str> {
        Some(
            "BoringSSL has one hybrid group, X25519MLKEM768, and computes the X25519 in it outside of its \
             FIPS module",
        )
    }

    /// Whether the keys of a session of TLS 1.2 that is done depend on its whole handshake (RFC 7627).
    pub(in crate::tls) fn has_ems(ssl: &SslRef) -> bool {
        // SAFETY: the pointer is a live SSL with a handshake, and the call only reads it, from a place
        // that is not forgotten with the handshake. The crate has no call for it.
        #[allow(unsafe_code)]
        let has = unsafe { boring_sys::SSL_get_extms_support(ssl.as_ptr()) };
        has == 1
    }

    /// The algorithm with which the peer has signed a handshake that is done, by its name in the TLS
    /// registry; in a session that was resumed, the first one. None if it signed nothing.
    pub(in crate::tls) fn peer_signature(ssl: &SslRef) -> Option<&'static str> {
        // SAFETY: as above.
        #[allow(unsafe_code)]
        let number = unsafe { boring_sys::SSL_get_peer_signature_algorithm(ssl.as_ptr()) };
        (number != 0).then(|| signature_name(number))
    }

    /// Whether the library runs as a FIPS module.
    pub(in crate::tls) fn is_fips() -> bool {
        boring::fips::enabled()
    }

    /// What the module says of itself.
    pub(in crate::tls) fn module() -> Option<FipsModule> {
        const ALGORITHMS: [&CStr; 11] = [
            c"AES-GCM",
            c"ctrDRBG",
            c"ECC-SSC",
            c"ECDSA-sign",
            c"ECDSA-verify",
            c"HMAC",
            c"RSA-sign",
            c"RSA-verify",
            c"SHA2-256",
            c"SHA2-384",
            c"SHA2-512",
        ];
        if !boring::fips::enabled() {
            return None;
        }
        // SAFETY: none of these changes anything, and the names are C strings, that of the module for ever.
        // The crate has no calls for these.
        #[allow(unsafe_code)]
        let (name, version, algorithms) = unsafe {
            let has = |name: &&CStr| boring_sys::FIPS_query_algorithm_status(name.as_ptr()) == 1;
            (
                CStr::from_ptr(boring_sys::FIPS_module_name()),
                boring_sys::FIPS_version(),
                ALGORITHMS.into_iter().filter(has).collect::<Vec<_>>(),
            )
        };
        let text = |words: &CStr| words.to_string_lossy().into_owned();
        Some(FipsModule {
            name: text(name),
            version: match version {
                0 => None,
                version => Some(version.to_string()),
            },
            hash: hash(),
            build: option_env!("PERSONA_MODULE_BUILD").map(str::to_owned),
            algorithms: algorithms.into_iter().map(text).collect(),
        })
    }

    /// How many steps a whole proof has.
    pub(in crate::tls) const STEPS: usize = 3;

    /// Lets the module prove itself. Its tests take some milliseconds of CPU time.
    pub(in crate::tls) fn checks() -> Vec<FipsCheck> {
        let is_there = boring::fips::enabled();
        let mut checks = vec![FipsCheck {
            what: "the TLS library was built with its FIPS module",
            otherwise: "this program was built without BoringSSL's FIPS module: `make fips` builds it with \
                        one",
            is_passed: is_there,
            is_presence: true,
        }];
        if is_there {
            checks.push(FipsCheck {
                what: "the module's code in memory is that of its hash",
                otherwise: "the module's code in memory is not that of its hash",
                is_passed: is_intact(),
                is_presence: false,
            });
            // SAFETY: it computes on values of its own. The crate has no call for it.
            #[allow(unsafe_code)]
            let is_passed = unsafe { boring_sys::BORINGSSL_self_test() } == 1;
            checks.push(FipsCheck {
                what: "the module's known-answer tests pass",
                otherwise: "the module's known-answer tests fail",
                is_passed,
                is_presence: false,
            });
        }
        checks
    }

    /// The module's own hash, in hexadecimal. The call exists in builds with the module alone.
    #[cfg(feature = "fips")]
    fn hash() -> Option<String> {
        const HASH_BYTES: usize = 32;
        // SAFETY: the hash has that many bytes, for ever. The crate has no call for it.
        #[allow(unsafe_code)]
        let hash =
            unsafe { std::slice::from_raw_parts(boring_sys::FIPS_module_hash(), HASH_BYTES) };
        Some(hash.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    #[cfg(not(feature = "fips"))]
    fn hash() -> Option<String> {
        None
    }

    /// The call exists in builds with the module alone.
    #[cfg(feature = "fips")]
    fn is_intact() -> bool {
        // SAFETY: it reads the module's own code. The crate has no call for it.
        #[allow(unsafe_code)]
        let is_intact = unsafe { boring_sys::BORINGSSL_integrity_test() };
        is_intact == 1
    }

    #[cfg(not(feature = "fips"))]
    fn is_intact() -> bool {
        false
    }
}

#[cfg(not(feature = "boringssl"))]
mod openssl_crate {
    use std::ffi::{CStr, c_char, c_int, c_long, c_void};
    use std::ptr::{null, null_mut};

    use foreign_types::ForeignTypeRef;
    use openssl::error::ErrorStack;
    use openssl::nid::Nid;
    use openssl::ssl::{SslContextBuilder, SslMethod, SslRef};
    use openssl_sys::{
        EVP_CIPHER, EVP_CIPHER_fetch, EVP_CIPHER_free, EVP_MD, EVP_MD_fetch, EVP_MD_free,
        OSSL_LIB_CTX, OSSL_PARAM, OSSL_PARAM_construct_end, OSSL_PROVIDER, OSSL_PROVIDER_try_load,
        OSSL_PROVIDER_unload, SSL, SSL_ctrl,
    };

    use crate::tls::fips::{FipsCheck, FipsModule};
    use crate::tls::profile::Profile;

    /// The name by which OpenSSL knows its FIPS module.
    const PROVIDER: &CStr = c"fips";

    /// The suites of TLS 1.3 with AES-GCM.
    const TLS13_SUITES: &str = "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256";

    // What the crates lack, as OpenSSL 3.0's provider.h, evp.h, params.h and ssl.h have it.
    #[allow(unsafe_code)]
    unsafe extern "C" {
        fn OSSL_PROVIDER_available(context: *mut OSSL_LIB_CTX, name: *const c_char) -> c_int;
        fn OSSL_PROVIDER_get_params(provider: *const OSSL_PROVIDER, to: *mut OSSL_PARAM) -> c_int;
        fn OSSL_PROVIDER_self_test(provider: *const OSSL_PROVIDER) -> c_int;
        fn OSSL_PROVIDER_get0_name(provider: *const OSSL_PROVIDER) -> *const c_char;
        fn OSSL_PARAM_construct_utf8_ptr(
            key: *const c_char,
            to: *mut *mut c_char,
            bytes: usize,
        ) -> OSSL_PARAM;
        fn OSSL_PARAM_construct_int(key: *const c_char, to: *mut c_int) -> OSSL_PARAM;
        fn EVP_MD_get0_provider(digest: *const EVP_MD) -> *const OSSL_PROVIDER;
        fn EVP_CIPHER_get0_provider(cipher: *const EVP_CIPHER) -> *const OSSL_PROVIDER;
        fn SSL_get_peer_signature_type_nid(ssl: *const SSL, to: *mut c_int) -> c_int;
    }

    /// Narrows a context to AES-GCM in TLS 1.3 too; the rest of the profile is set already.
    pub(in crate::tls) fn comply(
        builder: &mut SslContextBuilder,
        _profile: Profile,
    ) -> Result<(), ErrorStack> {
        builder.set_ciphersuites(TLS13_SUITES)
    }

    /// Why no hybrid group is offered that its FIPS module computes as a whole.
    pub(in crate::tls) fn hybrid_fault(groups: &str) -> Option<&'static str> {
        let context = SslContextBuilder::new(SslMethod::tls());
        // Without a context, which a library in trouble does not make, nothing is known to be spoken.
        let has = context.is_ok_and(|mut context| context.set_groups_list(groups).is_ok());
        let _ = ErrorStack::get();
        (!has).then_some(
            "this OpenSSL has no hybrid group that its FIPS module computes (3.5 and newer may have \
             SecP256r1MLKEM768 and SecP384r1MLKEM1024)",
        )
    }

    /// Whether the keys of a session of TLS 1.2 that is done depend on its whole handshake (RFC 7627).
    pub(in crate::tls) fn has_ems(ssl: &SslRef) -> bool {
        const SSL_CTRL_GET_EXTMS_SUPPORT: c_int = 122;
        control(ssl, SSL_CTRL_GET_EXTMS_SUPPORT, null_mut()) == 1
    }

    /// The algorithm with which the peer has signed a handshake that is done, by its name in the TLS
    /// registry. None if it signed nothing.
    pub(in crate::tls) fn peer_signature(ssl: &SslRef) -> Option<&'static str> {
        const SSL_CTRL_GET_PEER_SIGNATURE_NID: c_int = 108;
        let (mut digest, mut kind): (c_int, c_int) = (0, 0);
        let has = control(
            ssl,
            SSL_CTRL_GET_PEER_SIGNATURE_NID,
            (&raw mut digest).cast(),
        );
        // SAFETY: the pointer is a live SSL, and the number goes where there is room for it. The crate has
        // no call for it.
        #[allow(unsafe_code)]
        let has_kind = unsafe { SSL_get_peer_signature_type_nid(ssl.as_ptr(), &raw mut kind) };
        (has == 1 && has_kind == 1).then(|| signature(kind, Nid::from_raw(digest)))
    }

    /// What there is of a session's that only a control tells: one that changes nothing, and needs no
    /// argument or room for a number.
    fn control(ssl: &SslRef, command: c_int, to: *mut c_void) -> c_long {
        // SAFETY: the pointer is a live SSL, and see above. The crate has no calls for these.
        #[allow(unsafe_code)]
        unsafe {
            SSL_ctrl(ssl.as_ptr(), command, 0, to)
        }
    }

    /// By OpenSSL's numbers of the kind of signature and of the digest.
    fn signature(kind: c_int, digest: Nid) -> &'static str {
        const RSA: c_int = 6;
        const RSA_PSS: c_int = 912;
        const EC: c_int = 408;
        const ED25519: c_int = 1087;
        match (kind, digest) {
            (RSA, Nid::SHA256) => "rsa_pkcs1_sha256",
            (RSA, Nid::SHA384) => "rsa_pkcs1_sha384",
            (RSA, Nid::SHA512) => "rsa_pkcs1_sha512",
            (RSA_PSS, Nid::SHA256) => "rsa_pss_rsae_sha256",
            (RSA_PSS, Nid::SHA384) => "rsa_pss_rsae_sha384",
            (RSA_PSS, Nid::SHA512) => "rsa_pss_rsae_sha512",
            (EC, Nid::SHA256) => "ecdsa_secp256r1_sha256",
            (EC, Nid::SHA384) => "ecdsa_secp384r1_sha384",
            (EC, Nid::SHA512) => "ecdsa_secp521r1_sha512",
            (ED25519, _) => "ed25519",
            _ => "other",
        }
    }

    /// Whether the library has its FIPS module at hand; none is loaded by asking.
    fn is_available() -> bool {
        // SAFETY: no context is the default one, and the name is a C string; the call only reads.
        #[allow(unsafe_code)]
        let is_available = unsafe { OSSL_PROVIDER_available(null_mut(), PROVIDER.as_ptr()) };
        is_available == 1
    }

    /// Whether what everybody gets is the module's, in the words of the library's settings.
    fn is_default() -> bool {
        // SAFETY: no context is the default one; the call only reads.
        #[allow(unsafe_code)]
        let is_default = unsafe { openssl_sys::EVP_default_properties_is_fips_enabled(null_mut()) };
        is_default == 1
    }

    /// Lends the module, if it is at hand.
    fn with_provider<R>(ask: impl FnOnce(*const OSSL_PROVIDER) -> R) -> Option<R> {
        if !is_available() {
            return None;
        }
        // SAFETY: the provider is active already, so that this only counts one more user of it, who goes
        // again below; it is there in between.
        #[allow(unsafe_code)]
        unsafe {
            let provider = OSSL_PROVIDER_try_load(null_mut(), PROVIDER.as_ptr(), 1);
            if provider.is_null() {
                return None;
            }
            let answer = ask(provider);
            OSSL_PROVIDER_unload(provider);
            Some(answer)
        }
    }

    /// Whether the library runs as a FIPS module: its FIPS provider is the default, is there, and is not in
    /// its error state. The default alone says what was wanted.
    pub(in crate::tls) fn is_fips() -> bool {
        let is_running = with_provider(is_running) == Some(true);
        let _ = ErrorStack::get();
        is_running && is_default()
    }

    /// What the module says of itself.
    pub(in crate::tls) fn module() -> Option<FipsModule> {
        with_provider(|provider| FipsModule {
            name: text_of(provider, c"name").unwrap_or_default(),
            version: text_of(provider, c"version"),
            hash: None,
            build: text_of(provider, c"buildinfo"),
            algorithms: Vec::new(),
        })
    }

    fn text_of(provider: *const OSSL_PROVIDER, key: &CStr) -> Option<String> {
        let mut text: *mut c_char = null_mut();
        // SAFETY: the provider is lent by `with_provider`; the list ends with its end, and what it points
        // to outlives the call. The text is the provider's own, for as long as it is loaded.
        #[allow(unsafe_code)]
        unsafe {
            let mut asked = [
                OSSL_PARAM_construct_utf8_ptr(key.as_ptr(), &raw mut text, 0),
                OSSL_PARAM_construct_end(),
            ];
            let done = OSSL_PROVIDER_get_params(provider, asked.as_mut_ptr());
            (done == 1 && !text.is_null()).then(|| CStr::from_ptr(text).to_string_lossy().into())
        }
    }

    /// Whether the module says that it is running, and not in its error state.
    fn is_running(provider: *const OSSL_PROVIDER) -> bool {
        let mut status: c_int = 0;
        // SAFETY: as in `text_of`.
        #[allow(unsafe_code)]
        let done = unsafe {
            let mut asked = [
                OSSL_PARAM_construct_int(c"status".as_ptr(), &raw mut status),
                OSSL_PARAM_construct_end(),
            ];
            OSSL_PROVIDER_get_params(provider, asked.as_mut_ptr())
        };
        done == 1 && status == 1
    }

    /// How many steps a whole proof has.
    pub(in crate::tls) const STEPS: usize = 8;

    /// What a module comes to that was lent and has tested itself.
    struct Tested {
        is_good: bool,
        is_running: bool,
    }

    /// Lets the module prove itself. Its tests take some tens of milliseconds.
    pub(in crate::tls) fn checks() -> Vec<FipsCheck> {
        // SAFETY: the provider is lent by `with_provider`. Of the test nobody but its own thread sees more
        // than its outcome.
        #[allow(unsafe_code)]
        let tested = with_provider(|provider| Tested {
            is_good: unsafe { OSSL_PROVIDER_self_test(provider) } == 1,
            is_running: is_running(provider),
        });
        let mut checks = presence(is_available(), tested.is_some());
        if let Some(tested) = tested {
            checks.extend(soundness(&tested));
        }
        let _ = ErrorStack::get();
        checks
    }

    /// The steps that are gone in any case; the second is left out where the first fails.
    fn presence(is_available: bool, is_lent: bool) -> Vec<FipsCheck> {
        let active = FipsCheck {
            what: "OpenSSL's provider \"fips\" is active",
            otherwise: "OpenSSL's FIPS provider is not active: start the program where the system's \
                        openssl.cnf, or the one that OPENSSL_CONF names, activates it",
            is_passed: is_available,
            is_presence: true,
        };
        if !is_available {
            return vec![active];
        }
        let lent = FipsCheck {
            what: "it can be asked",
            otherwise: "OpenSSL calls its FIPS provider active, and does not hand it out to be asked",
            is_passed: is_lent,
            is_presence: false,
        };
        vec![active, lent]
    }

    /// The steps that need the module.
    fn soundness(tested: &Tested) -> [FipsCheck; STEPS - 2] {
        let check = |what, otherwise, is_passed| FipsCheck {
            what,
            otherwise,
            is_passed,
            is_presence: false,
        };
        let default = FipsCheck {
            what: "it is what is used: the default properties are fips=yes",
            otherwise: "OpenSSL's FIPS provider is active but not what is used: set \
                        default_properties = fips=yes in openssl.cnf",
            is_passed: is_default(),
            is_presence: true,
        };
        [
            default,
            check(
                "its self-test passes",
                "the self-test of OpenSSL's FIPS provider fails",
                tested.is_good,
            ),
            check(
                "it is running",
                "OpenSSL's FIPS provider is in its error state",
                tested.is_running,
            ),
            check(
                "SHA-256 and AES-128-GCM are its own",
                "SHA-256 or AES-128-GCM is not the FIPS provider's",
                digest_is_its_own(c"SHA2-256") == Some(true)
                    && cipher_is_its_own(c"AES-128-GCM") == Some(true),
            ),
            check(
                "MD5 is not to be had",
                "MD5 is to be had, so that other algorithms than FIPS's are in use",
                digest_is_its_own(c"MD5").is_none(),
            ),
            check(
                "ChaCha20-Poly1305 is not to be had",
                "ChaCha20-Poly1305 is to be had, so that other algorithms than FIPS's are in use",
                cipher_is_its_own(c"ChaCha20-Poly1305").is_none(),
            ),
        ]
    }

    /// Whether a digest as everybody gets it is the module's; none if there is none.
    fn digest_is_its_own(name: &CStr) -> Option<bool> {
        // SAFETY: the name is a C string, and what is fetched is given back once it was looked at.
        #[allow(unsafe_code)]
        unsafe {
            let digest = EVP_MD_fetch(null_mut(), name.as_ptr(), null());
            if digest.is_null() {
                return None;
            }
            let is_its_own = is_the_module(EVP_MD_get0_provider(digest));
            EVP_MD_free(digest);
            Some(is_its_own)
        }
    }

    /// As [`digest_is_its_own`], of a cipher.
    fn cipher_is_its_own(name: &CStr) -> Option<bool> {
        // SAFETY: as above.
        #[allow(unsafe_code)]
        unsafe {
            let cipher = EVP_CIPHER_fetch(null_mut(), name.as_ptr(), null());
            if cipher.is_null() {
                return None;
            }
            let is_its_own = is_the_module(EVP_CIPHER_get0_provider(cipher));
            EVP_CIPHER_free(cipher);
            Some(is_its_own)
        }
    }

    fn is_the_module(provider: *const OSSL_PROVIDER) -> bool {
        // SAFETY: the provider is that of a fetched algorithm, which keeps it.
        #[allow(unsafe_code)]
        let name = unsafe { CStr::from_ptr(OSSL_PROVIDER_get0_name(provider)) };
        name == PROVIDER
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_provider_that_is_called_active_and_cannot_be_asked_fails_a_step() {
            let failed = |checks: Vec<FipsCheck>| {
                let failed = checks.into_iter().filter(|check| !check.is_passed);
                failed.map(|check| check.is_presence).collect::<Vec<_>>()
            };
            assert_eq!(failed(presence(true, false)), [false]);
            assert_eq!(failed(presence(false, false)), [true]);
            assert_eq!(failed(presence(true, true)), [false; 0]);
        }
    }
}
