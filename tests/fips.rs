//! FIPS: what the program makes of the word in its configuration, and of its module.
//!
//! A FIPS module tests itself when it starts. On a damaged one of BoringSSL nothing starts at all; on a
//! damaged or missing one of OpenSSL nothing works, and what requires FIPS says so. One that is damaged
//! later ends the program. The tests of that need a module: BoringSSL's exist in a build with it alone;
//! OpenSSL's are ignored elsewhere, as they need its provider (`fips/with-openssl-fips`). `make fips-test`
//! runs them. All others run on every build, and expect of it what it is.

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
