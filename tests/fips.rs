//! A FIPS module tests itself when it starts: a damaged or missing one lets nothing start on it.
//!
//! `make fips-test` runs these. BoringSSL's exist in a build with that module alone; OpenSSL's are
//! ignored elsewhere, as they need its provider (`fips/with-openssl-fips`).

#![allow(clippy::unwrap_used)]

#[cfg(any(feature = "fips", not(feature = "boringssl")))]
mod support;

#[cfg(feature = "fips")]
#[path = "fips/boringssl.rs"]
mod boringssl;
#[cfg(not(feature = "boringssl"))]
#[path = "fips/openssl.rs"]
mod openssl;
