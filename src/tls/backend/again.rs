//! A peer's chain is verified once more, outside a handshake.

#[cfg(feature = "boringssl")]
use {boring_sys as ffi, foreign_types_boring::ForeignTypeRef};
#[cfg(not(feature = "boringssl"))]
use {foreign_types::ForeignTypeRef, openssl_sys as ffi};

use std::ffi::{CStr, c_int};

use super::lib::error::ErrorStack;
use super::lib::ssl::SslRef;
use super::lib::stack::StackRef;
use super::lib::x509::store::X509StoreRef;
use super::lib::x509::{X509, X509Ref, X509StoreContext, X509StoreContextRef};

#[cfg(feature = "boringssl")]
use ffi::{
    SSL_get_verify_callback, X509_STORE_CTX_get0_param, X509_STORE_CTX_set_default,
    X509_STORE_CTX_set_ex_data, X509_STORE_CTX_set_verify_cb, X509_VERIFY_PARAM_set1,
};

#[cfg(not(feature = "boringssl"))]
type Judge = Option<unsafe extern "C" fn(c_int, *mut ffi::X509_STORE_CTX) -> c_int>;

// What the openssl crates lack, as OpenSSL 3.0's ssl.h and x509_vfy.h have it.
#[cfg(not(feature = "boringssl"))]
#[allow(unsafe_code)]
unsafe extern "C" {
    fn SSL_get_verify_callback(ssl: *const ffi::SSL) -> Judge;
    fn X509_STORE_CTX_get0_param(store: *mut ffi::X509_STORE_CTX) -> *mut ffi::X509_VERIFY_PARAM;
    fn X509_STORE_CTX_set_default(
        store: *mut ffi::X509_STORE_CTX,
        name: *const std::ffi::c_char,
    ) -> c_int;
    fn X509_STORE_CTX_set_ex_data(
        store: *mut ffi::X509_STORE_CTX,
        index: c_int,
        data: *mut std::ffi::c_void,
    ) -> c_int;
    fn X509_STORE_CTX_set_verify_cb(store: *mut ffi::X509_STORE_CTX, judge: Judge);
    fn X509_VERIFY_PARAM_set1(
        to: *mut ffi::X509_VERIFY_PARAM,
        from: *const ffi::X509_VERIFY_PARAM,
    ) -> c_int;
}

/// Whether a session that a ticket resumes knows the whole chain that its peer has sent in the full
/// handshake: OpenSSL puts the peer's own certificate alone into a session's ticket.
pub(in crate::tls) const TICKETS_HOLD_CHAINS: bool = cfg!(feature = "boringssl");

/// A peer whose chain is to be verified.
pub(in crate::tls) struct Presented<'a> {
    /// Which end it is.
    pub(in crate::tls) is_server: bool,
    /// Its own certificate.
    pub(in crate::tls) cert: &'a X509Ref,
    /// All that it has sent.
    pub(in crate::tls) sent: &'a StackRef<X509>,
}

/// Lends `verify` a chain to verify in the way in which the handshake of `ssl` would, which has not begun:
/// with its rules, its callback, and what it has in its slots.
pub(in crate::tls) fn as_handshake<R>(
    ssl: &SslRef,
    store: &X509StoreRef,
    peer: &Presented<'_>,
    verify: impl FnOnce(&mut X509StoreContextRef) -> R,
) -> Result<R, ErrorStack> {
    let mut context = X509StoreContext::new()?;
    context.init(store, peer.cert, peer.sent, |context| {
        prepare(context, ssl, peer.is_server)?;
        Ok(verify(context))
    })
}

/// What the libraries do with a store's context before a handshake verifies a chain with it.
fn prepare(
    context: &mut X509StoreContextRef,
    ssl: &SslRef,
    is_server: bool,
) -> Result<(), ErrorStack> {
    let rules: &CStr = match is_server {
        true => c"ssl_server",
        false => c"ssl_client",
    };
    // SAFETY: both pointers are live, and the context is used up before `ssl` goes, which is borrowed for
    // longer. The rules of `ssl` are there as its handshake has not begun, and they are copied. The callback
    // is the one that the crate has set, which finds its closure by way of `ssl`.
    #[allow(unsafe_code)]
    unsafe {
        let (context, ssl) = (context.as_ptr(), ssl.as_ptr());
        let index = ffi::SSL_get_ex_data_X509_STORE_CTX_idx();
        done(X509_STORE_CTX_set_ex_data(context, index, ssl.cast()))?;
        done(X509_STORE_CTX_set_default(context, rules.as_ptr()))?;
        let param = X509_STORE_CTX_get0_param(context);
        #[cfg(not(feature = "boringssl"))]
        ffi::X509_VERIFY_PARAM_set_auth_level(param, ffi::SSL_get_security_level(ssl));
        done(X509_VERIFY_PARAM_set1(param, ffi::SSL_get0_param(ssl)))?;
        X509_STORE_CTX_set_verify_cb(context, SSL_get_verify_callback(ssl));
    }
    Ok(())
}

fn done(result: c_int) -> Result<(), ErrorStack> {
    match result {
        1 => Ok(()),
        _ => Err(ErrorStack::get()),
    }
}
