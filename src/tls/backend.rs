//! The wall around the TLS library: which one it is, and every difference between the two.

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
pub(super) use boring as lib;
#[cfg(all(feature = "openssl", not(feature = "boringssl")))]
pub(super) use openssl as lib;

// ---- making certificates ----

use lib::{
    error::ErrorStack,
    x509::{X509Builder, X509ExtensionRef, X509Ref},
};

/// Adds an extension to a certificate under construction.
pub(super) fn append_extension(
    builder: &mut X509Builder,
    extension: &X509ExtensionRef,
) -> Result<(), ErrorStack> {
    #[cfg(feature = "boringssl")]
    return builder.append_extension(extension);
    #[cfg(not(feature = "boringssl"))]
    return builder.append_extension2(extension);
}

/// Whether `issuer` may have issued `subject` by names, key identifiers and key usage. The
/// signature is not looked at.
pub(super) fn is_issued_by(issuer: &X509Ref, subject: &X509Ref) -> bool {
    #[cfg(feature = "boringssl")]
    return issuer.issued(subject).is_ok();
    #[cfg(not(feature = "boringssl"))]
    return issuer.issued(subject) == lib::x509::X509VerifyResult::OK;
}
