//! The wall around the TLS library: which one it is, and every difference between the two.
//!
//! The `boring` and `openssl` crates share most of their interface; the rest of this folder uses it
//! through `lib` and does not know which one it has. What differs is a function here, once for each; what both
//! crates lack alike is in the folder.

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

mod again;
mod algorithm;
mod crl;
mod fips;

pub(super) use self::again::{Presented, TICKETS_HOLD_CHAINS, as_handshake};
pub(super) use self::algorithm::algorithm_der;
#[cfg(feature = "boringssl")]
pub(super) use self::boringssl::*;
pub(super) use self::crl::{Crl, CrlDraft, may_issue};
pub(super) use self::fips::*;
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

/// Gives memory that was freed back to the system.
///
/// Nearly all that a connection had was the TLS library's, in hundreds of small pieces. The C library
/// keeps such memory for the next connections, and after a crowd that would be most of the process.
pub(super) fn return_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // SAFETY: as glibc's malloc.h has it; any thread may call it at any time.
        #[allow(unsafe_code)]
        unsafe extern "C" {
            fn malloc_trim(keep_bytes: usize) -> std::ffi::c_int;
        }
        // SAFETY: as above.
        #[allow(unsafe_code)]
        unsafe {
            malloc_trim(0);
        }
    }
}

#[cfg(feature = "boringssl")]
mod boringssl {
    use std::ffi::{c_int, c_void};

    pub(in crate::tls) use boring as lib;
    use boring::asn1::Asn1StringRef;
    use boring::error::ErrorStack;
    use boring::ssl::{SslContextBuilder, SslOptions, SslRef, SslSession};
    use boring::stack::StackRef;
    use boring::x509::store::{X509Store, X509StoreBuilderRef};
    use boring::x509::verify::X509VerifyFlags;
    use boring::x509::{X509, X509Ref, X509StoreContextRef, X509VerifyError};
    use foreign_types_boring::ForeignTypeRef;

    use crate::tls::request;

    /// Settings that the other library spells otherwise or lacks.
    pub(in crate::tls) fn configure(
        builder: &mut SslContextBuilder,
        groups: &str,
    ) -> Result<(), ErrorStack> {
        builder.set_curves_list(groups)
    }

    /// Lets a server issue no ticket in one session.
    pub(in crate::tls) fn issue_no_ticket(ssl: &mut SslRef) {
        ssl.set_options(SslOptions::NO_TICKET);
    }

    /// Lets a server issue one ticket for each connection.
    pub(in crate::tls) fn issue_one_ticket(builder: &mut SslContextBuilder) {
        // SAFETY: the pointer is a live context, and the call stores a number. The crate has no call for
        // it. It cannot fail.
        #[allow(unsafe_code)]
        unsafe {
            boring_sys::SSL_CTX_set_num_tickets(builder.as_ptr(), 1);
        }
    }

    /// Sends a ticket together with the data that is written next: BoringSSL does so itself.
    pub(in crate::tls) fn send_ticket(_ssl: &SslRef) {}

    /// Lets a session that a ticket resumes end when the first one would have.
    ///
    /// BoringSSL does so itself: a session has a time for which it was authenticated, which goes into
    /// its tickets and on from there, and each resumption takes off what has passed.
    pub(in crate::tls) fn seal_lifetimes(
        _builder: &mut SslContextBuilder,
    ) -> Result<(), ErrorStack> {
        Ok(())
    }

    /// When a session under way began, in seconds since 1970.
    pub(in crate::tls) fn begun(ssl: &SslRef) -> Option<i64> {
        i64::try_from(ssl.session()?.time()).ok()
    }

    /// Lets the session of a full handshake under way end at that time, in seconds since 1970.
    pub(in crate::tls) fn limit(ssl: &SslRef, until: i64) -> Option<()> {
        let session = ssl.session()?;
        let seconds = until.saturating_sub(begun(ssl)?).max(0);
        let seconds = u32::try_from(seconds).ok()?;
        // SAFETY: the pointer is a live session, which its handshake has to itself until it is done.
        // The crate has no call for it.
        #[allow(unsafe_code)]
        let done = unsafe { boring_sys::SSL_SESSION_set_timeout(session.as_ptr(), seconds) };
        (done == 1).then_some(())
    }

    /// Lets a session forget what only its handshake needs, once that is done: above a kilobyte.
    pub(in crate::tls) fn forget_handshake(ssl: &mut SslRef) {
        // SAFETY: the pointer is a live SSL, and nothing of its configuration is asked for or changed
        // once its handshake is done. The crate has no call for it.
        #[allow(unsafe_code)]
        unsafe {
            boring_sys::SSL_set_shed_handshake_config(ssl.as_ptr(), 1);
        }
    }

    /// Sends a fatal alert in a session whose handshake is done; whether that can be done.
    pub(in crate::tls) fn send_alert(ssl: &SslRef, alert: u8) -> bool {
        // SAFETY: the pointer is a live SSL, which nobody else uses meanwhile; of its handshake's
        // configuration, which it may have forgotten, the call needs nothing. The crate has no call for it.
        #[allow(unsafe_code)]
        let sent = unsafe { boring_sys::SSL_send_fatal_alert(ssl.as_ptr(), alert) };
        sent == 1
    }

    /// Lets `request` note it when the server of a client's session asks for a certificate.
    pub(in crate::tls) fn watch_request(ssl: &mut SslRef) {
        // SAFETY: the pointer is a live SSL, and the function needs no argument. The crate has no call
        // for it.
        #[allow(unsafe_code)]
        unsafe {
            boring_sys::SSL_set_cert_cb(ssl.as_ptr(), Some(asked), std::ptr::null_mut());
        }
    }

    /// The server has asked, and the certificate is there already.
    extern "C" fn asked(ssl: *mut boring_sys::SSL, _: *mut c_void) -> c_int {
        // SAFETY: the library lends a live SSL for this call.
        #[allow(unsafe_code)]
        let ssl = unsafe { SslRef::from_ptr(ssl) };
        request::note(ssl);
        1
    }

    /// A session that waits to be resumed: once it was told of, BoringSSL changes it no more.
    pub(in crate::tls) type KeptSession = SslSession;

    /// Makes a session ready to wait; how many bytes it holds: its ticket, the peer's staple and chain.
    pub(in crate::tls) fn keep_session(session: SslSession) -> Option<(KeptSession, usize)> {
        let (mut lent, mut bytes, mut staple) = (std::ptr::null(), 0, 0);
        // SAFETY: the pointer is a live session, which lends what it has; only the lengths are looked
        // at. The crate has no calls for these.
        #[allow(unsafe_code)]
        let certs = unsafe {
            boring_sys::SSL_SESSION_get0_ticket(session.as_ptr(), &mut lent, &mut bytes);
            boring_sys::SSL_SESSION_get0_ocsp_response(session.as_ptr(), &mut lent, &mut staple);
            boring_sys::SSL_SESSION_get0_peer_certificates(session.as_ptr())
        };
        // SAFETY: the session's own list of buffers, or null, which counts as empty.
        #[allow(unsafe_code)]
        let lengths = unsafe {
            let count = boring_sys::sk_num(certs.cast());
            (0..count).map(|at| {
                boring_sys::CRYPTO_BUFFER_len(boring_sys::sk_value(certs.cast(), at).cast())
            })
        };
        let bytes = lengths.fold(bytes.saturating_add(staple), usize::saturating_add);
        Some((session, bytes))
    }

    /// Offers an earlier session to the server.
    pub(in crate::tls) fn resume(
        ssl: &mut SslRef,
        session: &KeptSession,
    ) -> Result<(), ErrorStack> {
        // SAFETY: the session was made in this one's context, whose pool it comes from, and the
        // handshake has not begun.
        #[allow(unsafe_code)]
        unsafe {
            ssl.set_session(session)
        }
    }

    /// Lets a chain end at any certificate of the store, not only at self-signed ones.
    pub(in crate::tls) fn trust_every_anchor(
        store: &mut X509StoreBuilderRef,
    ) -> Result<(), ErrorStack> {
        store.try_set_flags(X509VerifyFlags::PARTIAL_CHAIN)
    }

    /// A store that a context keeps too.
    pub(in crate::tls) fn share(store: &X509Store) -> X509Store {
        store.clone()
    }

    /// Looks the peer's certificate up in the store's revocation lists, and those above it if `all`.
    pub(in crate::tls) fn look_up(
        store: &mut X509StoreBuilderRef,
        all: bool,
    ) -> Result<(), ErrorStack> {
        store.try_set_flags(match all {
            true => X509VerifyFlags::CRL_CHECK | X509VerifyFlags::CRL_CHECK_ALL,
            false => X509VerifyFlags::CRL_CHECK,
        })
    }

    /// The error of a chain under verification, 0 for none.
    pub(in crate::tls) fn verify_error(store: &X509StoreContextRef) -> (i32, &'static str) {
        match store.verify_result() {
            Ok(()) => (0, ""),
            Err(error) => (error.as_raw(), error.error_string()),
        }
    }

    /// Lets `verify` verify a peer's chain instead of the library.
    pub(in crate::tls) fn verify_with(
        builder: &mut SslContextBuilder,
        verify: impl Fn(&mut X509StoreContextRef) -> bool + Send + Sync + 'static,
    ) {
        builder.set_cert_verify_callback(verify);
    }

    /// The certificate of a peer that is to be verified, and all that it has sent.
    pub(in crate::tls) fn presented(
        store: &X509StoreContextRef,
    ) -> Option<(&X509Ref, &StackRef<X509>)> {
        Some((store.cert()?, store.untrusted()?))
    }

    /// Marks a chain as accepted that the library was not asked about.
    pub(in crate::tls) fn accept(store: &mut X509StoreContextRef) {
        store.set_error(Ok(()));
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

    /// BoringSSL reads no file.
    pub(in crate::tls) fn prepare() {}

    /// BoringSSL clears its error queue before each call itself.
    pub(in crate::tls) fn clear_errors() {}
}

#[cfg(all(feature = "openssl", not(feature = "boringssl")))]
mod openssl_crate {
    use std::ffi::{c_int, c_long, c_uchar, c_void};

    use foreign_types::{ForeignType, ForeignTypeRef};
    pub(in crate::tls) use openssl as lib;
    use openssl::asn1::Asn1StringRef;
    use openssl::error::ErrorStack;
    use openssl::nid::Nid;
    use openssl::ssl::{SslContextBuilder, SslMode, SslOptions, SslRef, SslSession, SslSessionRef};
    use openssl::stack::StackRef;
    use openssl::x509::store::{X509Store, X509StoreBuilderRef};
    use openssl::x509::verify::X509VerifyFlags;
    use openssl::x509::{X509, X509Ref, X509StoreContextRef, X509VerifyResult};
    use openssl_sys::{SSL, SSL_CTX, SSL_SESSION, X509_STORE};

    use crate::tls::{lifetime, request};

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
        // Tickets wait for data. A peer that sends, reads nothing and closes would reset its connection
        // over tickets that it has not read, and its last bytes would be lost.
        builder.set_num_tickets(0)
    }

    type Told = extern "C" fn(*mut SSL, *mut c_void) -> c_int;
    type Unseal = extern "C" fn(
        *mut SSL,
        *mut SSL_SESSION,
        *const c_uchar,
        usize,
        c_int,
        *mut c_void,
    ) -> c_int;

    // What the crates lack, as OpenSSL 3.0's ssl.h has it.
    #[allow(unsafe_code)]
    unsafe extern "C" {
        fn SSL_get_options(ssl: *const SSL) -> u64;
        fn SSL_set_options(ssl: *mut SSL, options: u64) -> u64;
        fn SSL_new_session_ticket(ssl: *mut SSL) -> c_int;
        fn X509_STORE_up_ref(store: *mut X509_STORE) -> c_int;
        fn SSL_set_cert_cb(ssl: *mut SSL, told: Told, argument: *mut c_void);
        fn SSL_SESSION_set_time(session: *mut SSL_SESSION, seconds: c_long) -> c_long;
        fn SSL_SESSION_set_timeout(session: *mut SSL_SESSION, seconds: c_long) -> c_long;
        fn SSL_CTX_set_session_ticket_cb(
            context: *mut SSL_CTX,
            seal: Told,
            unseal: Unseal,
            argument: *mut c_void,
        ) -> c_int;
    }

    /// Lets a server issue no ticket in one session, which is of TLS 1.2.
    pub(in crate::tls) fn issue_no_ticket(ssl: &mut SslRef) {
        // SAFETY: the pointer is a live SSL, and the call sets bits in it. The crate has no call for it.
        #[allow(unsafe_code)]
        unsafe {
            SSL_set_options(ssl.as_ptr(), SslOptions::NO_TICKET.bits());
        }
    }

    /// Tickets are sent one by one, see [`send_ticket`].
    pub(in crate::tls) fn issue_one_ticket(_builder: &mut SslContextBuilder) {}

    /// Sends a ticket together with the data that is written next.
    pub(in crate::tls) fn send_ticket(ssl: &SslRef) {
        // SAFETY: the pointer is a live SSL, which nobody else uses meanwhile. The crate has no calls for
        // it. Without a ticket the data goes out all the same.
        #[allow(unsafe_code)]
        unsafe {
            if SSL_get_options(ssl.as_ptr()) & SslOptions::NO_TICKET.bits() == 0 {
                SSL_new_session_ticket(ssl.as_ptr());
            }
        }
    }

    /// Lets a session that a ticket resumes end when the first one would have.
    ///
    /// To OpenSSL every ticket is as young as if its session had just been verified.
    pub(in crate::tls) fn seal_lifetimes(
        builder: &mut SslContextBuilder,
    ) -> Result<(), ErrorStack> {
        let none = std::ptr::null_mut();
        // SAFETY: the pointer is a live context, and the functions need no argument. The crate has no
        // call for it. It cannot fail.
        #[allow(unsafe_code)]
        unsafe {
            SSL_CTX_set_session_ticket_cb(builder.as_ptr(), seal, unseal, none);
        }
        Ok(())
    }

    /// A ticket is about to be sealed, and its time has begun anew: it is to end when the first did.
    extern "C" fn seal(ssl: *mut SSL, _: *mut c_void) -> c_int {
        // SAFETY: the library lends a live SSL for this call.
        #[allow(unsafe_code)]
        let ssl = unsafe { SslRef::from_ptr(ssl) };
        if let Some(session) = ssl.session() {
            // OpenSSL counts the last second in, and takes 0 seconds in a ticket for three.
            let last = lifetime::of(ssl).saturating_sub(1);
            let time = session.time().min(last.saturating_sub(1)).max(0);
            let seconds = last.saturating_sub(time).max(1);
            // SAFETY: the pointer is a live session, which belongs to this SSL alone until it is
            // sealed. The crate has no calls for it.
            #[allow(unsafe_code)]
            unsafe {
                SSL_SESSION_set_time(session.as_ptr(), time);
                SSL_SESSION_set_timeout(session.as_ptr(), seconds);
            }
        }
        1
    }

    /// A ticket came from a client.
    extern "C" fn unseal(
        ssl: *mut SSL,
        session: *mut SSL_SESSION,
        _name: *const c_uchar,
        _name_bytes: usize,
        status: c_int,
        _: *mut c_void,
    ) -> c_int {
        const SUCCESS: [c_int; 2] = [5, 6];
        const IGNORE_AND_RENEW: c_int = 2;
        const USE_AND_RENEW: c_int = 4;
        if !SUCCESS.contains(&status) {
            return IGNORE_AND_RENEW;
        }
        // SAFETY: the library lends a live SSL, and the session that it has found in the ticket, for
        // this call.
        #[allow(unsafe_code)]
        let (ssl, session) = unsafe { (SslRef::from_ptr(ssl), SslSessionRef::from_ptr(session)) };
        // If the library finds that it has ended, a full handshake says how long the next one lasts.
        let last = session.time().saturating_add(session.timeout());
        lifetime::inherit(ssl, last.saturating_add(1));
        USE_AND_RENEW
    }

    /// When a session under way began, in seconds since 1970.
    pub(in crate::tls) fn begun(ssl: &SslRef) -> Option<i64> {
        Some(ssl.session()?.time())
    }

    /// Lets the session of a full handshake under way end at that time: its tickets are told when
    /// they are sealed.
    pub(in crate::tls) fn limit(_ssl: &SslRef, _until: i64) -> Option<()> {
        Some(())
    }

    /// OpenSSL has no way to forget it.
    pub(in crate::tls) fn forget_handshake(_ssl: &mut SslRef) {}

    /// OpenSSL sends alerts of its own accord alone, and none once a handshake is done.
    pub(in crate::tls) fn send_alert(_ssl: &SslRef, _alert: u8) -> bool {
        false
    }

    /// Lets `request` note it when the server of a client's session asks for a certificate.
    pub(in crate::tls) fn watch_request(ssl: &mut SslRef) {
        // SAFETY: the pointer is a live SSL, and the function needs no argument. The crate has no call
        // for it.
        #[allow(unsafe_code)]
        unsafe {
            SSL_set_cert_cb(ssl.as_ptr(), asked, std::ptr::null_mut());
        }
    }

    /// The server has asked, and the certificate is there already.
    extern "C" fn asked(ssl: *mut SSL, _: *mut c_void) -> c_int {
        // SAFETY: the library lends a live SSL for this call.
        #[allow(unsafe_code)]
        let ssl = unsafe { SslRef::from_ptr(ssl) };
        request::note(ssl);
        1
    }

    /// A session that waits to be resumed, as the library writes it. A live one would be shared with the
    /// connection that it is from, which marks it as unfit if it ends without close_notify.
    pub(in crate::tls) type KeptSession = Vec<u8>;

    /// Makes a session ready to wait; how many bytes it holds.
    pub(in crate::tls) fn keep_session(session: SslSession) -> Option<(KeptSession, usize)> {
        let session = session.to_der().ok()?;
        let bytes = session.len();
        Some((session, bytes))
    }

    /// Offers an earlier session to the server.
    pub(in crate::tls) fn resume(
        ssl: &mut SslRef,
        session: &KeptSession,
    ) -> Result<(), ErrorStack> {
        let session = SslSession::from_der(session)?;
        // SAFETY: the session was made in this one's context, whose pool it comes from, and nobody
        // else has it.
        #[allow(unsafe_code)]
        unsafe {
            ssl.set_session(&session)
        }
    }

    /// Lets a chain end at any certificate of the store, not only at self-signed ones.
    pub(in crate::tls) fn trust_every_anchor(
        store: &mut X509StoreBuilderRef,
    ) -> Result<(), ErrorStack> {
        store.set_flags(X509VerifyFlags::PARTIAL_CHAIN)
    }

    /// Looks the peer's certificate up in the store's revocation lists, and those above it if `all`.
    pub(in crate::tls) fn look_up(
        store: &mut X509StoreBuilderRef,
        all: bool,
    ) -> Result<(), ErrorStack> {
        store.set_flags(match all {
            true => X509VerifyFlags::CRL_CHECK | X509VerifyFlags::CRL_CHECK_ALL,
            false => X509VerifyFlags::CRL_CHECK,
        })
    }

    /// A store that a context keeps too.
    pub(in crate::tls) fn share(store: &X509Store) -> X509Store {
        // SAFETY: the pointer is a live store, and the count that is raised here is lowered when the
        // new owner goes. The crate has no call for it.
        #[allow(unsafe_code)]
        unsafe {
            X509_STORE_up_ref(store.as_ptr());
            X509Store::from_ptr(store.as_ptr())
        }
    }

    /// The error of a chain under verification, 0 for none.
    pub(in crate::tls) fn verify_error(store: &X509StoreContextRef) -> (i32, &'static str) {
        let result = store.error();
        (result.as_raw(), result.error_string())
    }

    /// The library goes on to verify each chain itself: the crate has no call to take its place.
    pub(in crate::tls) fn verify_with(
        _builder: &mut SslContextBuilder,
        _verify: impl Fn(&mut X509StoreContextRef) -> bool + Send + Sync + 'static,
    ) {
    }

    /// What a peer has sent is not to be had before it is verified.
    pub(in crate::tls) fn presented(
        _store: &X509StoreContextRef,
    ) -> Option<(&X509Ref, &StackRef<X509>)> {
        None
    }

    /// Marks a chain as accepted that the library was not asked about.
    pub(in crate::tls) fn accept(store: &mut X509StoreContextRef) {
        store.set_error(X509VerifyResult::OK);
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
        if let Some(hybrid) = hybrid_group(nid) {
            return Some(hybrid.to_owned());
        }
        let nid = Nid::from_raw(i32::try_from(nid).ok().filter(|nid| *nid > 0)?);
        Some(match nid {
            Nid::X9_62_PRIME256V1 => "P-256".to_owned(),
            Nid::SECP384R1 => "P-384".to_owned(),
            Nid::SECP521R1 => "P-521".to_owned(),
            other => other.short_name().unwrap_or("unknown").to_owned(),
        })
    }

    /// The name of a group that has none of the library's numbers: it has its number in the TLS registry
    /// then, and a mark.
    fn hybrid_group(number: c_long) -> Option<&'static str> {
        const TLSEXT_NID_UNKNOWN: c_long = 0x0100_0000;
        Some(match number ^ TLSEXT_NID_UNKNOWN {
            0x11eb => "SecP256r1MLKEM768",
            0x11ec => "X25519MLKEM768",
            0x11ed => "SecP384r1MLKEM1024",
            _ => return None,
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

    /// Reads the library's configuration and loads the providers that it names.
    pub(in crate::tls) fn prepare() {
        openssl::init();
    }

    /// The error queue belongs to the thread: without this one connection's leftovers would be
    /// blamed on another.
    pub(in crate::tls) fn clear_errors() {
        let _ = ErrorStack::get();
    }
}
