//! The wall around the TLS library: which one it is, and every difference between the two.
//!
//! The `boring` and `openssl` crates share most of their interface; the rest of this folder uses it
//! through `lib` and does not know which one it has. What differs is a function here, once for each.

#[cfg(all(feature = "boringssl", feature = "openssl"))]
compile_error!(
    "the features `boringssl` and `openssl` exclude each other: for OpenSSL build with \
     `--no-default-features --features openssl`"
);
#[cfg(not(any(feature = "boringssl", feature = "openssl")))]
compile_error!(
    "a TLS library is needed: keep the default feature `boringssl`, or build with \
     `--no-default-features --features openssl`"
);

#[cfg(feature = "boringssl")]
pub(super) use self::boringssl::*;
#[cfg(all(feature = "openssl", not(feature = "boringssl")))]
pub(super) use self::openssl_crate::*;

/// The library's errors of one call, oldest first: reason code and the library's words for it,
/// in the form `CERTIFICATE_VERIFY_FAILED` whichever library it is.
pub(super) fn reasons(stack: &lib::error::ErrorStack) -> Vec<(i32, String)> {
    let reason = |error: &lib::error::Error| {
        let words = error.reason().unwrap_or("unknown error");
        let words = words.to_ascii_uppercase().replace(' ', "_");
        (error.reason_code(), words)
    };
    stack.errors().iter().map(reason).collect()
}

/// Adds an extension to a certificate under construction.
pub(super) fn append_extension(
    builder: &mut lib::x509::X509Builder,
    extension: &lib::x509::X509ExtensionRef,
) -> Result<(), lib::error::ErrorStack> {
    #[cfg(feature = "boringssl")]
    return builder.append_extension(extension);
    #[cfg(not(feature = "boringssl"))]
    return builder.append_extension2(extension);
}

/// Whether `issuer` may have issued `subject` by names, key identifiers and key usage. The
/// signature is not looked at.
pub(super) fn is_issued_by(issuer: &lib::x509::X509Ref, subject: &lib::x509::X509Ref) -> bool {
    #[cfg(feature = "boringssl")]
    return issuer.issued(subject).is_ok();
    #[cfg(not(feature = "boringssl"))]
    return issuer.issued(subject) == lib::x509::X509VerifyResult::OK;
}

#[cfg(feature = "boringssl")]
mod boringssl {
    pub(in crate::tls) use boring as lib;
    use boring::asn1::Asn1StringRef;
    use boring::error::ErrorStack;
    use boring::ssl::{SslContextBuilder, SslRef};
    use boring::x509::store::X509StoreBuilderRef;
    use boring::x509::verify::X509VerifyFlags;
    use boring::x509::{X509Ref, X509StoreContextRef, X509VerifyError};
    use foreign_types_boring::ForeignTypeRef;

    /// Settings that the other library spells otherwise or lacks.
    pub(in crate::tls) fn configure(
        builder: &mut SslContextBuilder,
        groups: &str,
    ) -> Result<(), ErrorStack> {
        builder.set_curves_list(groups)
    }

    /// Lets a chain end at any certificate of the store, not only at self-signed ones.
    pub(in crate::tls) fn trust_every_anchor(
        store: &mut X509StoreBuilderRef,
    ) -> Result<(), ErrorStack> {
        store.try_set_flags(X509VerifyFlags::PARTIAL_CHAIN)
    }

    /// The error of a chain under verification, 0 for none.
    pub(in crate::tls) fn verify_error(store: &X509StoreContextRef) -> (i32, &'static str) {
        match store.verify_result() {
            Ok(()) => (0, ""),
            Err(error) => (error.as_raw(), error.error_string()),
        }
    }

    /// Marks a chain that the library would accept as refused.
    pub(in crate::tls) fn reject(store: &mut X509StoreContextRef) {
        store.set_error(Err(X509VerifyError::CERT_REJECTED));
    }

    /// Whether a certificate may be what stands at this depth of a server's or client's chain: basic
    /// constraints, key usage and extended key usage.
    ///
    /// BoringSSL does not look at those of an anchor: without this a pinned certificate of a client
    /// would pass as a server's, and its holder as an authority.
    pub(in crate::tls) fn fits_purpose(cert: &X509Ref, is_server: bool, depth: u32) -> bool {
        let purpose = match is_server {
            true => boring_sys::X509_PURPOSE_SSL_SERVER,
            false => boring_sys::X509_PURPOSE_SSL_CLIENT,
        };
        // SAFETY: the pointer is a live certificate; the call only reads it (and fills its cache
        // under its own lock). The crate has no call for it.
        #[allow(unsafe_code)]
        let fits =
            unsafe { boring_sys::X509_check_purpose(cert.as_ptr(), purpose, i32::from(depth > 0)) };
        fits == 1
    }

    /// The key exchange group that was negotiated, by its name in the TLS registry.
    pub(in crate::tls) fn group(ssl: &SslRef) -> Option<String> {
        ssl.curve_name().map(str::to_owned)
    }

    /// The name of a cipher suite in the TLS registry.
    pub(in crate::tls) fn suite(ssl: &SslRef) -> Option<&'static str> {
        ssl.current_cipher()?.standard_name()
    }

    /// A string of a certificate, an embedded NUL included: a name must not look shorter than it is.
    pub(in crate::tls) fn text(value: &Asn1StringRef) -> Option<String> {
        let bytes = value.as_slice();
        let text = value.as_utf8().ok()?.to_string();
        // The crate cuts at a NUL. In UTF-16 every second byte may be one and nothing is cut.
        let is_whole = !bytes.contains(&0) || bytes.len() == 2 * text.chars().count();
        Some(match is_whole {
            true => text,
            false => String::from_utf8_lossy(bytes).into_owned(),
        })
    }

    /// Which release of the library this is, in its own words.
    pub(in crate::tls) fn version() -> String {
        // BoringSSL has no releases of its own; the crate that carries it has.
        let lock = include_str!("../../Cargo.lock");
        let mut lines = lock.lines().skip_while(|l| *l != "name = \"boring-sys\"");
        let release = lines.nth(1).and_then(|l| l.split('"').nth(1));
        format!("BoringSSL of boring-sys {}", release.unwrap_or("?"))
    }

    /// Whether the library runs as a FIPS module.
    pub(in crate::tls) fn is_fips() -> bool {
        boring::fips::enabled()
    }

    /// BoringSSL clears its error queue before each call itself.
    pub(in crate::tls) fn clear_errors() {}
}

#[cfg(all(feature = "openssl", not(feature = "boringssl")))]
mod openssl_crate {
    use foreign_types::ForeignTypeRef;
    pub(in crate::tls) use openssl as lib;
    use openssl::asn1::Asn1StringRef;
    use openssl::error::ErrorStack;
    use openssl::nid::Nid;
    use openssl::ssl::{SslContextBuilder, SslMode, SslOptions, SslRef};
    use openssl::x509::store::X509StoreBuilderRef;
    use openssl::x509::verify::X509VerifyFlags;
    use openssl::x509::{X509Ref, X509StoreContextRef, X509VerifyResult};

    /// Security of at least 112 bits, as RHEL and Debian have it.
    const SECURITY_LEVEL: u32 = 2;

    /// Settings that the other library spells otherwise or lacks.
    pub(in crate::tls) fn configure(
        builder: &mut SslContextBuilder,
        groups: &str,
    ) -> Result<(), ErrorStack> {
        builder.set_groups_list(groups)?;
        builder.set_security_level(SECURITY_LEVEL);
        // An idle session holds no record buffers.
        builder.set_mode(SslMode::RELEASE_BUFFERS);
        builder.set_options(SslOptions::NO_RENEGOTIATION | SslOptions::NO_COMPRESSION);
        builder.set_num_tickets(0)
    }

    /// Lets a chain end at any certificate of the store, not only at self-signed ones.
    pub(in crate::tls) fn trust_every_anchor(
        store: &mut X509StoreBuilderRef,
    ) -> Result<(), ErrorStack> {
        store.set_flags(X509VerifyFlags::PARTIAL_CHAIN)
    }

    /// The error of a chain under verification, 0 for none.
    pub(in crate::tls) fn verify_error(store: &X509StoreContextRef) -> (i32, &'static str) {
        let result = store.error();
        (result.as_raw(), result.error_string())
    }

    /// Marks a chain that the library would accept as refused.
    pub(in crate::tls) fn reject(store: &mut X509StoreContextRef) {
        const X509_V_ERR_CERT_REJECTED: std::ffi::c_int = 28;
        // SAFETY: the number is one of the library's. The crate has no name for it; the peer gets the
        // alert bad_certificate.
        #[allow(unsafe_code)]
        let rejected = unsafe { X509VerifyResult::from_raw(X509_V_ERR_CERT_REJECTED) };
        store.set_error(rejected);
    }

    /// Whether a certificate may be what stands at this depth of a server's or client's chain:
    /// OpenSSL has looked at every certificate, anchors too.
    pub(in crate::tls) fn fits_purpose(_cert: &X509Ref, _is_server: bool, _depth: u32) -> bool {
        true
    }

    /// The key exchange group that was negotiated, by its name in the TLS registry.
    pub(in crate::tls) fn group(ssl: &SslRef) -> Option<String> {
        const SSL_CTRL_GET_NEGOTIATED_GROUP: std::ffi::c_int = 134;
        // SAFETY: the pointer is a live SSL, and this control takes no argument and changes nothing.
        // The crate has no call for it.
        #[allow(unsafe_code)]
        let nid = unsafe {
            let none = std::ptr::null_mut();
            openssl_sys::SSL_ctrl(ssl.as_ptr(), SSL_CTRL_GET_NEGOTIATED_GROUP, 0, none)
        };
        let nid = Nid::from_raw(i32::try_from(nid).ok().filter(|nid| *nid > 0)?);
        Some(match nid {
            Nid::X9_62_PRIME256V1 => "P-256".to_owned(),
            Nid::SECP384R1 => "P-384".to_owned(),
            Nid::SECP521R1 => "P-521".to_owned(),
            other => other.short_name().unwrap_or("unknown").to_owned(),
        })
    }

    /// The name of a cipher suite in the TLS registry.
    pub(in crate::tls) fn suite(ssl: &SslRef) -> Option<&'static str> {
        ssl.current_cipher()?.standard_name()
    }

    /// A string of a certificate, an embedded NUL included: a name must not look shorter than it is.
    pub(in crate::tls) fn text(value: &Asn1StringRef) -> Option<String> {
        value.to_string().ok()
    }

    /// Which release of the library this is, in its own words.
    pub(in crate::tls) fn version() -> String {
        openssl::version::version().to_owned()
    }

    /// Whether the library runs as a FIPS module: its FIPS provider is there and is the default.
    pub(in crate::tls) fn is_fips() -> bool {
        // SAFETY: a null library context is the default one; the call only reads it. The crate has no
        // call for it since OpenSSL 3.
        #[allow(unsafe_code)]
        let enabled =
            unsafe { openssl_sys::EVP_default_properties_is_fips_enabled(std::ptr::null_mut()) };
        enabled == 1
    }

    /// The error queue belongs to the thread: without this one connection's leftovers would be
    /// blamed on another.
    pub(in crate::tls) fn clear_errors() {
        let _ = ErrorStack::get();
    }
}
