//! FIPS: what the program makes of the word in its configuration, and of its module.
//!
//! A FIPS module tests itself when it starts: a damaged or missing one lets nothing start on it. The tests
//! of that need a module: BoringSSL's exist in a build with it alone; OpenSSL's are ignored elsewhere, as
//! they need its provider (`fips/with-openssl-fips`). `make fips-test` runs them. All others run on every
//! build, and expect of it what it is.

#![allow(clippy::unwrap_used, unreachable_pub)]

mod support;

#[cfg(feature = "fips")]
#[path = "fips/boringssl.rs"]
mod boringssl;
#[cfg(not(feature = "boringssl"))]
#[path = "fips/error_state.rs"]
mod error_state;
#[path = "fips/evidence.rs"]
mod evidence;
#[cfg(not(feature = "boringssl"))]
#[path = "fips/openssl.rs"]
mod openssl;
#[path = "fips/require.rs"]
mod require;
