//! What a session with a client has to say to those whom its connection is passed on to.

use super::backend;
use super::backend::lib::nid::Nid;
use super::backend::lib::pkey::Id;
use super::backend::lib::ssl::NameType;
use super::backend::lib::x509::X509Ref;
use super::session::Session;

/// Facts of a session beside those of [`Negotiated`](super::Negotiated), in the words that OpenSSL has for
/// them, as others use these. Empty is unknown, or without such a word.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Particulars {
    /// The server name that the client has asked for (RFC 6066, 3).
    pub server_name: String,
    /// The cipher suite.
    pub cipher: &'static str,
    /// The algorithm that our certificate is signed with.
    pub signature: &'static str,
    /// The algorithm and size of our key, such as `RSA2048` or `EC256`.
    pub key: String,
}

impl Session {
    /// The particulars of a session with a client, whose handshake is done.
    pub fn particulars(&self) -> Particulars {
        let (ssl, _) = self.inside();
        // The session itself has forgotten it, with all that only a handshake needs.
        let own = ssl.ssl_context().certificate();
        Particulars {
            server_name: ssl
                .servername(NameType::HOST_NAME)
                .unwrap_or_default()
                .to_owned(),
            cipher: match ssl.version_str() {
                // The names of TLS 1.3 are those of the registry to everybody.
                "TLSv1.3" => backend::suite(ssl).unwrap_or_default(),
                _ => ssl.current_cipher().map_or("", |cipher| cipher.name()),
            },
            signature: own.and_then(signature).unwrap_or_default(),
            key: own.and_then(key).unwrap_or_default(),
        }
    }
}

impl Session {
    /// The peer's own certificate in PEM, once it is there.
    pub fn peer_pem(&self) -> Option<String> {
        let (ssl, _) = self.inside();
        pem(&*ssl.peer_certificate()?)
    }

    /// Our own certificate in PEM.
    pub fn own_pem(&self) -> Option<String> {
        let (ssl, _) = self.inside();
        pem(ssl.ssl_context().certificate()?)
    }
}

fn pem(cert: &X509Ref) -> Option<String> {
    String::from_utf8(cert.to_pem().ok()?).ok()
}

fn signature(cert: &X509Ref) -> Option<&'static str> {
    let nid = cert.signature_algorithm().object().nid();
    (nid != Nid::UNDEF).then(|| nid.short_name().ok())?
}

fn key(cert: &X509Ref) -> Option<String> {
    let key = cert.public_key().ok()?;
    let kind = match key.id() {
        Id::RSA => "RSA",
        Id::EC => "EC",
        _ => return None,
    };
    Some(format!("{kind}{}", key.bits()))
}
