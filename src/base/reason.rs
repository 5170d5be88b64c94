//! Why a connection ended: the closed list that log, metrics and interfaces share.

/// How loudly an outcome is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// An ordinary end.
    Ordinary,
    /// Somebody should look at it.
    Notable,
}

/// Makes the list, the labels and the remedies from one text, so that they cannot disagree.
macro_rules! close_reasons {
    ($($(#[$doc:meta])* $reason:ident = $label:literal $(=> $remedy:literal)?,)+) => {
        /// Why a connection ended. Chosen where the fact is known, once.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum CloseReason {
            $($(#[$doc])* $reason,)+
        }

        impl CloseReason {
            /// Every reason, in order.
            pub const ALL: &'static [CloseReason] = &[$(CloseReason::$reason,)+];

            /// The word for log and metrics; stable.
            pub fn label(self) -> &'static str {
                match self {
                    $(CloseReason::$reason => $label,)+
                }
            }

            /// What to do about it, in one clause; empty for ordinary ends.
            pub fn remedy(self) -> &'static str {
                match self {
                    $(CloseReason::$reason => concat!($($remedy)?),)+
                }
            }
        }
    };
}

close_reasons! {
    /// Both directions reached their end.
    Completed = "completed",
    /// A peer stopped taking bytes while the other had more, or had already ended.
    SinkLost = "sink_lost",
    /// A peer reset its TCP connection.
    SourceReset = "source_reset",
    /// A TLS peer went away without close_notify (RFC 8446, 6.1).
    TlsTruncated = "tls_truncated"
        => "the peer or something between cut the connection; for a peer that never sends \
            close_notify set on_truncation to end",
    /// A record could not be authenticated or was not allowed.
    TlsBadRecord = "tls_bad_record"
        => "look for something between that changes bytes",
    /// With client_cert_header, a client sent something other than clear HTTP/1.1.
    HttpInvalid = "http_invalid"
        => "the detail names the rule that is broken: client_cert_header is for HTTP/1.1 and HTTP/1.0 alone",
    /// With client_cert_header, a client sent a head of more than 64 KiB or with more than 128 headers.
    HttpHeadTooLarge = "http_head_too_large"
        => "let the client send fewer or shorter headers",
    /// No byte moved in either direction for the configured time.
    Idle = "idle",
    /// One direction had ended, and no byte moved in the other for the configured time.
    HalfCloseIdle = "half_close_idle",
    /// The program was stopping and the connection outlived the drain time.
    Drained = "drained",
    /// The program was told twice to stop.
    Stopped = "stopped",
    /// A reload has changed the pair, and on_reload does not keep its connections.
    Reloaded = "reloaded",
    /// The connection was as old as timeouts.lifetime allows.
    Lifetime = "lifetime",
    /// The peer's certificate ended while it was connected, and on_peer_expiry is close.
    PeerExpired = "peer_expired"
        => "renew the peer's certificate; the peer must connect again",
    /// The peer went away before the destination was reached.
    InboundGone = "inbound_gone",
    /// The destination's name could not be resolved.
    DnsError = "dns_error"
        => "check the host of outbound and this machine's resolver",
    /// A queue of ours was full.
    Overloaded = "overloaded"
        => "look-ups are slower than new connections: check the resolver, or the connector's database",
    /// Every address of the destination refused.
    ConnectRefused = "connect_refused"
        => "check that the destination runs and listens on that port",
    /// No route to any address of the destination.
    ConnectUnreachable = "connect_unreachable"
        => "check routes and firewalls towards the destination",
    /// No address of the destination answered in time.
    ConnectTimeout = "connect_timeout"
        => "check firewalls, and that the destination's host is up",
    /// The system refused to connect.
    ConnectFailed = "connect_failed"
        => "the detail names the system's error",
    /// A peer that must begin with a PROXY header began with something else.
    ProxyHeaderMissing = "proxy_header_missing"
        => "let the peer send a PROXY header (send-proxy in HAProxy, proxy_protocol on in nginx), or \
            take its address out of proxy_protocol.in.from",
    /// The peer's PROXY header breaks the rules of its version, or is cut short.
    ProxyHeaderInvalid = "proxy_header_invalid"
        => "the detail names the rule that the header breaks: look at what sends it",
    /// The peer's PROXY header was not complete in time.
    ProxyHeaderTimeout = "proxy_header_timeout"
        => "check that the peer sends a PROXY header, or take its address out of proxy_protocol.in.from",
    /// The TLS handshake did not finish in time.
    HandshakeTimeout = "handshake_timeout"
        => "check that the peer speaks TLS on that port, and its load",
    /// The peer closed its connection during the handshake.
    HandshakeClosed = "handshake_closed"
        => "the peer's log says why; check that it speaks TLS on that port",
    /// The peer spoke something other than TLS, and it could be recognised.
    TlsPlaintext = "tls_plaintext"
        => "the peer must speak TLS on this port",
    /// The peer's bytes were no TLS handshake.
    TlsMalformed = "tls_malformed"
        => "the peer must speak TLS on this port",
    /// No protocol version in common.
    TlsVersion = "tls_version"
        => "allow a common version with min_version here or at the peer",
    /// No cipher suite, group or signature algorithm in common.
    TlsNoCommonParameters = "tls_no_common_parameters"
        => "allow a common cipher suite and group at the peer",
    /// In TLS 1.2 the peer does without the extended master secret (RFC 7627), which FIPS asks for.
    TlsNoEms = "tls_no_ems"
        => "let the peer speak TLS 1.3, or offer the extended master secret in TLS 1.2",
    /// What was negotiated, or a certificate of the peer's chain, is outside of the FIPS profile.
    FipsProfile = "fips_profile"
        => "the detail names what FIPS does not allow: let the peer use something else",
    /// The peer ended the handshake with an alert that is not about our certificate.
    TlsAlert = "tls_alert"
        => "the peer's log says why",
    /// The peer refused our certificate; in TLS 1.3 a client learns that on its first read.
    CertificateRefused = "certificate_refused"
        => "the peer does not accept our certificate: check cert and its chain, its dates \
            and purpose, and the authorities that the peer trusts",
    /// The peer sent no certificate.
    CertMissing = "cert_missing"
        => "give the peer a client certificate",
    /// The peer's certificate, or one above it, has expired.
    CertExpired = "cert_expired"
        => "renew the certificate, or set the clock",
    /// The peer's certificate, or one above it, is not valid yet.
    CertNotYetValid = "cert_not_yet_valid"
        => "wait until it is valid, or set the clock",
    /// The peer's certificate is self-signed and no anchor of ours.
    CertSelfSigned = "cert_self_signed"
        => "add that certificate to ca if you trust it",
    /// The chain ends at an authority that we do not trust.
    CertUnknownAuthority = "cert_unknown_authority"
        => "add the authority to ca if you trust it",
    /// The chain has a gap: an intermediate certificate was not sent.
    CertMissingIntermediate = "cert_missing_intermediate"
        => "let the peer send its intermediates, or add them to ca",
    /// The certificate is not meant for this use (extended key usage, key usage, CA flag).
    CertWrongPurpose = "cert_wrong_purpose"
        => "issue the certificate with serverAuth for a server and clientAuth for a client",
    /// The certificate does not carry the expected DNS name (RFC 9525).
    CertNameMismatch = "cert_name_mismatch"
        => "set server_name to a name in the certificate, or reissue it",
    /// The certificate does not carry the expected IP address (RFC 9525).
    CertIpMismatch = "cert_ip_mismatch"
        => "reissue the certificate with that address, or set server_name to a name in it",
    /// Where keys are pinned, the peer has another one.
    KeyNotPinned = "key_not_pinned"
        => "add the digest that the detail tells to the pair's pins, if the peer is meant to be admitted",
    /// A signature in the chain uses a broken digest.
    CertWeakSignature = "cert_weak_signature"
        => "reissue it with SHA-256 or better",
    /// A key in the chain is too short.
    CertWeakKey = "cert_weak_key"
        => "reissue it with RSA 2048, P-256 or better",
    /// A signature in the chain is wrong, or the peer does not hold the certificate's key.
    CertBadSignature = "cert_bad_signature"
        => "the certificate was damaged or forged, or key and chain differ",
    /// The chain is not acceptable for another reason, which the detail names.
    CertInvalid = "cert_invalid"
        => "the detail names the rule that the chain breaks",
    /// The certificate, or one above it, is on a revocation list, or its own OCSP response says so.
    CertRevoked = "cert_revoked"
        => "its authority has revoked it: let the peer get a new one, if that is meant",
    /// There is no revocation list of the authority that issued a certificate of the chain.
    CrlMissing = "crl_missing"
        => "add the list of the authority that the detail names to crl, or set crl_scope to leaf or \
            on_stale_crl to warn",
    /// The revocation list that a certificate is looked up in is overdue or not valid yet.
    CrlStale = "crl_stale"
        => "fetch a new list, or set the clock; on_stale_crl may give it a grace time",
    /// The revocation list cannot be used: signature, scope or a rule that is not understood.
    CrlInvalid = "crl_invalid"
        => "the detail names the rule that the list breaks: fetch it from the authority again",
    /// The OCSP response that a server sent with its certificate proves nothing (RFC 6960).
    StapleInvalid = "staple_invalid"
        => "let the server fetch a new OCSP response, or send none",
    /// The certificate is good, but the pair's access list does not name its holder.
    AclDenied = "acl_denied"
        => "add the peer to allow of the pair, if it is meant to be admitted",
    /// The certificate is good, but names no user of the connector's issuer by a SPIFFE identity.
    SpiffeInvalid = "spiffe_invalid"
        => "issue the client a certificate with one URI spiffe://<issuer>/orgs/<org>/users/<user>",
    /// A client of a connector began with something other than a line with a connect id.
    PreambleInvalid = "preamble_invalid"
        => "let the client send the connect id and a newline first, or set connect_id to sni",
    /// A client of a connector did not say in time which host it wants.
    PreambleTimeout = "preamble_timeout"
        => "let the client send the connect id and a newline first, or set connect_id to sni",
    /// The database grants the user no such host: there is none, or it is not for this user.
    NotAuthorized = "not_authorized"
        => "list the user, or a team of the user, on a host of the user's organisation",
    /// The database gave no answer.
    DatabaseError = "database_error"
        => "the detail says why: check the database, its address and its password",
    /// What the database has as the address of a host is none.
    RouteInvalid = "route_invalid"
        => "correct internal_ip_addr of the host: an address, with or without a port",
    /// The user's grant was taken back while it was connected, and on_revoke is close.
    Revoked = "revoked",
    /// A user or an organisation has more connections, or opens them faster, than it may.
    RateLimited = "rate_limited"
        => "raise the limits of the directory, if so many are meant",
    /// The connector does not let us reach the host.
    ConnectorRefused = "connector_refused"
        => "the detail is what the connector says; its log and its database say why",
    /// The destination does not answer as a connector does.
    ConnectorInvalid = "connector_invalid"
        => "check that outbound is a connector, or leave connect_id out",
    /// A fault in this program or its TLS library.
    Internal = "internal"
        => "please report it",
}

use CloseReason::*;

impl CloseReason {
    /// How loudly it is told.
    pub fn severity(self) -> Severity {
        match self.remedy() {
            "" => Severity::Ordinary,
            _ => Severity::Notable,
        }
    }

    /// Whether a handshake that ends so ends with an alert of ours.
    pub fn sends_alert(self) -> bool {
        (TlsPlaintext..=AclDenied).contains(&self) && !matches!(self, TlsAlert | CertificateRefused)
    }

    /// Whether it is that a client of a connector has no right to what it wants.
    pub fn is_of_grants(self) -> bool {
        matches!(self, SpiffeInvalid | NotAuthorized | RateLimited | Revoked)
    }

    /// Whether it is the outcome of a TLS handshake.
    pub fn is_about_handshake(self) -> bool {
        (HandshakeTimeout..=StapleInvalid).contains(&self)
    }

    /// Whether it is that the destination could not be reached.
    pub fn is_about_dial(self) -> bool {
        (DnsError..=ConnectFailed).contains(&self)
    }

    /// Whether it is only that time has passed: for a certificate, or for a revocation list.
    pub fn is_of_time(self) -> bool {
        matches!(self, CertExpired | CertNotYetValid | CrlStale)
    }

    /// Whether what was received so far still belongs to the other side before the reset.
    ///
    /// True where a TLS peer failed: all bytes up to there were authenticated. And where a request is refused:
    /// those before it were whole.
    pub fn delivers_first(self) -> bool {
        matches!(
            self,
            TlsTruncated | TlsBadRecord | TlsAlert | HttpInvalid | HttpHeadTooLarge
        )
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
}
