//! Why a connection ended: the closed list that log, metrics and interfaces share.

/// Why a connection ended. Chosen where the fact is known, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CloseReason {
    /// Both directions reached their end.
    Completed,
    /// A peer stopped taking bytes while the other had more, or had already ended.
    SinkLost,
    /// A peer reset its TCP connection.
    SourceReset,
    /// A TLS peer went away without close_notify (RFC 8446, 6.1).
    TlsTruncated,
    /// A record could not be authenticated or was not allowed.
    TlsBadRecord,
    /// No byte moved in either direction for the configured time.
    Idle,
    /// One direction had ended, and no byte moved in the other for the configured time.
    HalfCloseIdle,
    /// The program was stopping and the connection outlived the drain time.
    Drained,
    /// The program was told twice to stop.
    Stopped,
    /// The peer went away before the destination was reached.
    InboundGone,
    /// The destination's name could not be resolved.
    DnsError,
    /// A queue of ours was full.
    Overloaded,
    /// Every address of the destination refused.
    ConnectRefused,
    /// No route to any address of the destination.
    ConnectUnreachable,
    /// No address of the destination answered in time.
    ConnectTimeout,
    /// The system refused to connect.
    ConnectFailed,
    /// The TLS handshake did not finish in time.
    HandshakeTimeout,
    /// The peer closed its connection during the handshake.
    HandshakeClosed,
    /// The peer spoke something other than TLS, and it could be recognised.
    TlsPlaintext,
    /// The peer's bytes were no TLS handshake.
    TlsMalformed,
    /// No protocol version in common.
    TlsVersion,
    /// No cipher suite, group or signature algorithm in common.
    TlsNoCommonParameters,
    /// The peer ended the handshake with an alert that is not about our certificate.
    TlsAlert,
    /// The peer refused our certificate; in TLS 1.3 a client learns that on its first read.
    CertificateRefused,
    /// The peer sent no certificate.
    CertMissing,
    /// The peer's certificate, or one above it, has expired.
    CertExpired,
    /// The peer's certificate, or one above it, is not valid yet.
    CertNotYetValid,
    /// The peer's certificate is self-signed and no anchor of ours.
    CertSelfSigned,
    /// The chain ends at an authority that we do not trust.
    CertUnknownAuthority,
    /// The chain has a gap: an intermediate certificate was not sent.
    CertMissingIntermediate,
    /// The certificate is not meant for this use (extended key usage, key usage, CA flag).
    CertWrongPurpose,
    /// The certificate does not carry the expected DNS name (RFC 9525).
    CertNameMismatch,
    /// The certificate does not carry the expected IP address (RFC 9525).
    CertIpMismatch,
    /// A signature in the chain uses a broken digest.
    CertWeakSignature,
    /// A key in the chain is too short.
    CertWeakKey,
    /// A signature in the chain is wrong, or the peer does not hold the certificate's key.
    CertBadSignature,
    /// The chain is not acceptable for another reason, which the detail names.
    CertInvalid,
    /// A fault in this program or its TLS library.
    Internal,
}

/// How loudly an outcome is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// An ordinary end.
    Ordinary,
    /// Somebody should look at it.
    Notable,
}

use CloseReason::*;

impl CloseReason {
    /// Every reason, in order.
    pub const ALL: [CloseReason; 38] = [
        Completed,
        SinkLost,
        SourceReset,
        TlsTruncated,
        TlsBadRecord,
        Idle,
        HalfCloseIdle,
        Drained,
        Stopped,
        InboundGone,
        DnsError,
        Overloaded,
        ConnectRefused,
        ConnectUnreachable,
        ConnectTimeout,
        ConnectFailed,
        HandshakeTimeout,
        HandshakeClosed,
        TlsPlaintext,
        TlsMalformed,
        TlsVersion,
        TlsNoCommonParameters,
        TlsAlert,
        CertificateRefused,
        CertMissing,
        CertExpired,
        CertNotYetValid,
        CertSelfSigned,
        CertUnknownAuthority,
        CertMissingIntermediate,
        CertWrongPurpose,
        CertNameMismatch,
        CertIpMismatch,
        CertWeakSignature,
        CertWeakKey,
        CertBadSignature,
        CertInvalid,
        Internal,
    ];

    /// The word for log and metrics; stable.
    pub fn label(self) -> &'static str {
        match self {
            Completed => "completed",
            SinkLost => "sink_lost",
            SourceReset => "source_reset",
            TlsTruncated => "tls_truncated",
            TlsBadRecord => "tls_bad_record",
            Idle => "idle",
            HalfCloseIdle => "half_close_idle",
            Drained => "drained",
            Stopped => "stopped",
            InboundGone => "inbound_gone",
            DnsError => "dns_error",
            Overloaded => "overloaded",
            ConnectRefused => "connect_refused",
            ConnectUnreachable => "connect_unreachable",
            ConnectTimeout => "connect_timeout",
            ConnectFailed => "connect_failed",
            HandshakeTimeout => "handshake_timeout",
            HandshakeClosed => "handshake_closed",
            TlsPlaintext => "tls_plaintext",
            TlsMalformed => "tls_malformed",
            TlsVersion => "tls_version",
            TlsNoCommonParameters => "tls_no_common_parameters",
            TlsAlert => "tls_alert",
            CertificateRefused => "certificate_refused",
            CertMissing => "cert_missing",
            CertExpired => "cert_expired",
            CertNotYetValid => "cert_not_yet_valid",
            CertSelfSigned => "cert_self_signed",
            CertUnknownAuthority => "cert_unknown_authority",
            CertMissingIntermediate => "cert_missing_intermediate",
            CertWrongPurpose => "cert_wrong_purpose",
            CertNameMismatch => "cert_name_mismatch",
            CertIpMismatch => "cert_ip_mismatch",
            CertWeakSignature => "cert_weak_signature",
            CertWeakKey => "cert_weak_key",
            CertBadSignature => "cert_bad_signature",
            CertInvalid => "cert_invalid",
            Internal => "internal",
        }
    }

    /// What to do about it, in one clause; empty for ordinary ends.
    pub fn remedy(self) -> &'static str {
        match self {
            Completed | SinkLost | SourceReset | Idle | HalfCloseIdle | Drained | Stopped
            | InboundGone => "",
            TlsTruncated => {
                "the peer or something between cut the connection; for a peer that never sends \
                 close_notify set on_truncation to end"
            }
            TlsBadRecord => "look for something between that changes bytes",
            DnsError => "check the host of outbound and this machine's resolver",
            Overloaded => "name look-ups are slower than new connections: check the resolver",
            ConnectRefused => "check that the destination runs and listens on that port",
            ConnectUnreachable => "check routes and firewalls towards the destination",
            ConnectTimeout => "check firewalls, and that the destination's host is up",
            ConnectFailed => "the detail names the system's error",
            HandshakeTimeout => "check that the peer speaks TLS on that port, and its load",
            HandshakeClosed => "the peer's log says why; check that it speaks TLS on that port",
            TlsPlaintext | TlsMalformed => "the peer must speak TLS on this port",
            TlsVersion => "allow a common version with min_version here or at the peer",
            TlsNoCommonParameters => "allow a common cipher suite and group at the peer",
            TlsAlert => "the peer's log says why",
            CertificateRefused => {
                "the peer does not accept our certificate: check cert and its chain, its dates and \
                 purpose, and the authorities that the peer trusts"
            }
            CertMissing => "give the peer a client certificate",
            CertExpired => "renew the certificate, or set the clock",
            CertNotYetValid => "wait until it is valid, or set the clock",
            CertSelfSigned => "add that certificate to ca if you trust it",
            CertUnknownAuthority => "add the authority to ca if you trust it",
            CertMissingIntermediate => "let the peer send its intermediates, or add them to ca",
            CertWrongPurpose => {
                "issue the certificate with serverAuth for a server and clientAuth for a client"
            }
            CertNameMismatch => "set server_name to a name in the certificate, or reissue it",
            CertIpMismatch => {
                "reissue the certificate with that address, or set server_name to a name in it"
            }
            CertWeakSignature => "reissue it with SHA-256 or better",
            CertWeakKey => "reissue it with RSA 2048, P-256 or better",
            CertBadSignature => "the certificate was damaged or forged, or key and chain differ",
            CertInvalid => "the detail names the rule that the chain breaks",
            Internal => "please report it",
        }
    }

    /// How loudly it is told.
    pub fn severity(self) -> Severity {
        match self {
            Completed | SinkLost | SourceReset | Idle | HalfCloseIdle | Drained | Stopped
            | InboundGone => Severity::Ordinary,
            _ => Severity::Notable,
        }
    }

    /// Whether a plain peer must see a reset, so that it cannot take a part for the whole.
    pub fn is_abort(self) -> bool {
        !matches!(self, Completed | SinkLost)
    }

    /// Whether a handshake that ends so ends with an alert of ours.
    pub fn sends_alert(self) -> bool {
        (TlsPlaintext..=CertInvalid).contains(&self)
            && !matches!(self, TlsAlert | CertificateRefused)
    }

    /// Whether what was received so far still belongs to the other side before the reset.
    ///
    /// True where a TLS peer failed: all bytes up to there were authenticated.
    pub fn delivers_first(self) -> bool {
        matches!(self, TlsTruncated | TlsBadRecord)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_reason_has_a_label_of_its_own() {
        let labels: HashSet<_> = CloseReason::ALL.iter().map(|r| r.label()).collect();
        assert_eq!(labels.len(), CloseReason::ALL.len());
        let is_word = |l: &&str| l.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        assert!(labels.iter().all(is_word));
    }

    #[test]
    fn what_somebody_should_look_at_says_what_to_do() {
        for reason in CloseReason::ALL {
            let notable = reason.severity() == Severity::Notable;
            assert_eq!(notable, !reason.remedy().is_empty(), "{}", reason.label());
        }
    }
}
