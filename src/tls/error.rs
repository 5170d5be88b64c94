//! What went wrong in a session: the library's errors, told in our closed list.

use std::fmt;

use super::backend::{self, lib};
use crate::base::reason::CloseReason;
use crate::identity::PeerCert;

/// A failed session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsError {
    /// The outcome.
    pub reason: CloseReason,
    /// One line for the operator.
    pub detail: String,
    /// The certificate that was refused.
    pub certificate: Option<Box<PeerCert>>,
}

impl TlsError {
    pub(super) fn new(reason: CloseReason, detail: impl Into<String>) -> TlsError {
        TlsError {
            reason,
            detail: detail.into(),
            certificate: None,
        }
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason.label(), self.detail)?;
        match &self.certificate {
            Some(certificate) => write!(f, " ({certificate})"),
            None => Ok(()),
        }
    }
}

/// Both libraries number a received alert as this plus the alert's code.
const ALERT_REASON_OFFSET: i32 = 1000;

/// The error of one call into the library.
pub(super) enum LibraryError {
    /// More input is needed.
    NeedsInput,
    /// The peer sent close_notify.
    CloseNotify,
    /// The input ended in the middle.
    EndOfInput,
    /// The peer sent a fatal alert, by its code in the TLS registry.
    Alert(i32),
    /// The library refused what came; its word for it.
    Refused(String),
}

/// Sorts an error of either library.
pub(super) fn classify(error: &lib::ssl::Error) -> LibraryError {
    use lib::ssl::ErrorCode;
    match error.code() {
        ErrorCode::WANT_READ | ErrorCode::WANT_WRITE => return LibraryError::NeedsInput,
        ErrorCode::ZERO_RETURN => return LibraryError::CloseNotify,
        _ => {}
    }
    let reasons = error.ssl_error().map(backend::reasons).unwrap_or_default();
    let Some((code, words)) = reasons.into_iter().next() else {
        // The wire itself never fails: without an error of the library its end was met.
        return LibraryError::EndOfInput;
    };
    // OpenSSL 3 has its own error for an input that ends without close_notify.
    if words.starts_with("UNEXPECTED_EOF") {
        return LibraryError::EndOfInput;
    }
    match code - ALERT_REASON_OFFSET {
        alert @ 0..=255 => LibraryError::Alert(alert),
        _ => LibraryError::Refused(words),
    }
}

/// The outcome of a handshake that the library refused, from its word for it.
pub(super) fn handshake_reason(words: &str) -> CloseReason {
    match words {
        "PEER_DID_NOT_RETURN_A_CERTIFICATE" => CloseReason::CertMissing,
        "HTTP_REQUEST" | "HTTPS_PROXY_REQUEST" => CloseReason::TlsPlaintext,
        "UNSUPPORTED_PROTOCOL"
        | "NO_PROTOCOLS_AVAILABLE"
        | "VERSION_TOO_LOW"
        | "UNSUPPORTED_SSL_VERSION" => CloseReason::TlsVersion,
        "NO_SHARED_CIPHER"
        | "NO_SHARED_GROUP"
        | "NO_SUITABLE_KEY_SHARE"
        | "NO_COMMON_SIGNATURE_ALGORITHMS"
        | "NO_SHARED_SIGNATURE_ALGORITHMS"
        | "NO_SUITABLE_SIGNATURE_ALGORITHM"
        | "UNKNOWN_CERTIFICATE_TYPE"
        | "NO_CIPHER_MATCH"
        | "WRONG_CURVE"
        | "WRONG_CIPHER_RETURNED" => CloseReason::TlsNoCommonParameters,
        // A FIPS provider that was told to insist on it fails to make the keys.
        "EMS_NOT_ENABLED" => CloseReason::TlsNoEms,
        "BAD_SIGNATURE" | "KEY_TYPE_MISMATCH" => CloseReason::CertBadSignature,
        // BoringSSL looks at a leaf's key usage before it verifies the chain.
        "KEY_USAGE_BIT_INCORRECT" => CloseReason::CertWrongPurpose,
        "INTERNAL_ERROR" | "MALLOC_FAILURE" | "OVERFLOW" => CloseReason::Internal,
        _ => CloseReason::TlsMalformed,
    }
}

/// The outcome of a call behind the handshake that the library refused, from its word for it.
pub(super) fn session_reason(words: &str) -> CloseReason {
    match words {
        // A write behind our own close_notify.
        "PROTOCOL_IS_SHUTDOWN" => CloseReason::Internal,
        "INTERNAL_ERROR" | "MALLOC_FAILURE" | "OVERFLOW" => CloseReason::Internal,
        _ => CloseReason::TlsBadRecord,
    }
}

/// What a fatal alert of the peer means (RFC 8446, 6.2). `ours` tells whether we have shown the peer
/// a certificate that it may be about.
pub(super) fn alert_reason(alert: i32, ours: bool) -> CloseReason {
    match alert {
        // bad_certificate to certificate_unknown, unknown_ca, access_denied,
        // bad_certificate_status_response, certificate_required
        42..=46 | 48 | 49 | 113 | 116 if ours => CloseReason::CertificateRefused,
        70 => CloseReason::TlsVersion,
        71 => CloseReason::TlsNoCommonParameters,
        20 => CloseReason::TlsBadRecord,
        _ => CloseReason::TlsAlert,
    }
}

/// The alert of a peer that found our certificate revoked.
pub(super) const CERTIFICATE_REVOKED: i32 = 44;

/// The name of an alert in the TLS registry.
pub(super) fn alert_name(alert: i32) -> &'static str {
    match alert {
        10 => "unexpected_message",
        20 => "bad_record_mac",
        22 => "record_overflow",
        40 => "handshake_failure",
        42 => "bad_certificate",
        43 => "unsupported_certificate",
        CERTIFICATE_REVOKED => "certificate_revoked",
        45 => "certificate_expired",
        46 => "certificate_unknown",
        47 => "illegal_parameter",
        48 => "unknown_ca",
        49 => "access_denied",
        50 => "decode_error",
        51 => "decrypt_error",
        70 => "protocol_version",
        71 => "insufficient_security",
        80 => "internal_error",
        86 => "inappropriate_fallback",
        90 => "user_canceled",
        109 => "missing_extension",
        110 => "unsupported_extension",
        112 => "unrecognized_name",
        113 => "bad_certificate_status_response",
        116 => "certificate_required",
        120 => "no_application_protocol",
        _ => "unknown alert",
    }
}

/// The alert that a peer sent unencrypted as its last word.
///
/// OpenSSL's TLS 1.3 client refuses a server's certificate so, having no keys of its own yet. BoringSSL
/// takes nothing but an encrypted alert at that point and calls it a bad packet.
pub(super) fn plain_alert(input: &[u8]) -> Option<i32> {
    const FATAL: u8 = 2;
    match input.last_chunk()? {
        [21, 3, _, 0, 2, FATAL, alert] => Some(i32::from(*alert)),
        _ => None,
    }
}

/// Recognises what a peer speaks that should have spoken TLS, from its first bytes.
pub(super) fn plaintext_protocol(first: &[u8]) -> Option<&'static str> {
    const HTTP: [&[u8]; 10] = [
        b"GET ",
        b"POST ",
        b"PUT ",
        b"HEAD ",
        b"DELETE ",
        b"OPTIONS ",
        b"CONNECT ",
        b"PATCH ",
        b"HTTP/",
        // HTTP/2 without negotiation (RFC 9113, 3.4)
        b"PRI * ",
    ];
    const POSTGRES: [&[u8]; 3] = [
        // SSLRequest, GSSENCRequest, and protocol 3.0 in a start-up message
        b"\0\0\0\x08\x04\xd2\x16\x2f",
        b"\0\0\0\x08\x04\xd2\x16\x30",
        b"\0\x03\0\0",
    ];
    let begins =
        |word: &&[u8]| first.len() >= 4 && first.starts_with(&word[..word.len().min(first.len())]);
    if HTTP.iter().any(begins) {
        return Some("plain HTTP");
    }
    if POSTGRES[..2].iter().any(begins) || first.get(4..8) == Some(POSTGRES[2]) {
        return Some("PostgreSQL, which negotiates TLS inside its own protocol");
    }
    if first.starts_with(b"PROXY ") || first.starts_with(b"\r\n\r\n\0\r\nQ") {
        return Some("the PROXY protocol, for which proxy_protocol.in.from would have to list it");
    }
    if first.starts_with(b"SSH-") {
        return Some("SSH");
    }
    if first.starts_with(b"220 ") || first.starts_with(b"220-") {
        return Some("SMTP or FTP, which negotiate TLS inside their own protocol");
    }
    None
}
