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
