//! Algorithms with their parameters, of which the crates tell no more than the name.

#[cfg(feature = "boringssl")]
use {boring_sys as ffi, boring_sys::i2d_X509_ALGOR, foreign_types_boring::ForeignTypeRef};
#[cfg(not(feature = "boringssl"))]
use {foreign_types::ForeignTypeRef, openssl_sys as ffi};

use std::ptr::null_mut;

use super::lib::x509::X509AlgorithmRef;

// What the openssl crates lack, as OpenSSL 3.0's x509.h has it.
#[cfg(not(feature = "boringssl"))]
#[allow(unsafe_code)]
unsafe extern "C" {
    fn i2d_X509_ALGOR(
        algorithm: *const ffi::X509_ALGOR,
        to: *mut *mut std::ffi::c_uchar,
    ) -> std::ffi::c_int;
}

/// An AlgorithmIdentifier (RFC 5280, 4.1.1.2), DER.
pub(in crate::tls) fn algorithm_der(algorithm: &X509AlgorithmRef) -> Option<Vec<u8>> {
    let algorithm: *const ffi::X509_ALGOR = algorithm.as_ptr();
    // SAFETY: the pointer is live and only read; the first call tells how long the second's output is, for
    // which there is room then.
    #[allow(unsafe_code)]
    unsafe {
        let mut der = vec![0; usize::try_from(i2d_X509_ALGOR(algorithm, null_mut())).ok()?];
        let mut end = der.as_mut_ptr();
        let written = i2d_X509_ALGOR(algorithm, &mut end);
        (usize::try_from(written) == Ok(der.len())).then_some(der)
    }
}
