//! The load's own TLS ends: BoringSSL, TLS 1.3, mutual, one group.

use std::path::Path;
use std::sync::{Arc, Mutex};

use boring::error::ErrorStack;
use boring::ssl::{
    Ssl, SslContext, SslContextBuilder, SslFiletype, SslMethod, SslOptions, SslSession,
    SslSessionCacheMode, SslVerifyMode, SslVersion,
};

use crate::peers::Pki;

/// The name that the server's certificate carries.
const SERVER_NAME: &str = "localhost";

/// Tickets that the service issues for each connection, as BoringSSL and OpenSSL do.
const TICKETS: usize = 2;

/// Tickets that wait to be used.
const TICKETS_MAX: usize = 4096;

/// Whom an end claims to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    /// With a certificate that the subject trusts.
    Known,
    /// With a certificate of an authority that the subject does not know.
    Stranger,
    /// With none.
    Nobody,
}

fn builder(
    ca: &Path,
    identity: Option<(&Path, &Path)>,
    group: &str,
) -> Result<SslContextBuilder, ErrorStack> {
    let mut builder = SslContextBuilder::new(SslMethod::tls())?;
    builder.set_min_proto_version(Some(SslVersion::TLS1_3))?;
    // One alone, so that no handshake takes a second round for it; hybrids are not in OpenSSL 3.0.
    builder.set_curves_list(group)?;
    builder.set_ca_file(ca)?;
    if let Some((cert, key)) = identity {
        builder.set_certificate_chain_file(cert)?;
        builder.set_private_key_file(key, SslFiletype::PEM)?;
    }
    builder.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
    Ok(builder)
}

/// Contexts of the serving end.
pub(crate) struct ServerTls {
    with_tickets: SslContext,
    without_tickets: SslContext,
    stranger: SslContext,
}

impl ServerTls {
    /// `stranger` is a second authority's files.
    pub(crate) fn new(pki: &Pki, stranger: &Pki, group: &str) -> Result<ServerTls, ErrorStack> {
        ServerTls::with_tickets(pki, stranger, group, TICKETS)
    }

    /// As [`ServerTls::new`], with so many tickets for each connection.
    pub(crate) fn with_tickets(
        pki: &Pki,
        stranger: &Pki,
        group: &str,
        count: usize,
    ) -> Result<ServerTls, ErrorStack> {
        let context = |files: &Pki, tickets: bool| -> Result<SslContext, ErrorStack> {
            let identity = (files.server_cert.as_path(), files.server_key.as_path());
            let mut builder = builder(&pki.ca, Some(identity), group)?;
            builder.set_session_id_context(b"bench")?;
            if !tickets {
                builder.set_options(SslOptions::NO_TICKET);
            }
            // SAFETY: the pointer is a live context, and the call stores a number.
            #[allow(unsafe_code)]
            unsafe {
                boring_sys::SSL_CTX_set_num_tickets(builder.as_ptr(), count);
            }
            Ok(builder.build())
        };
        Ok(ServerTls {
            with_tickets: context(pki, true)?,
            without_tickets: context(pki, false)?,
            stranger: context(stranger, false)?,
        })
    }

    /// A session for one connection.
    pub(crate) fn accept(&self, identity: Identity, tickets: bool) -> Result<Ssl, ErrorStack> {
        Ssl::new(match (identity, tickets) {
            (Identity::Known, true) => &self.with_tickets,
            (Identity::Known, false) => &self.without_tickets,
            _ => &self.stranger,
        })
    }
}

/// A context of the connecting end and the tickets that it got.
pub(crate) struct ClientTls {
    context: SslContext,
    /// Of the one subject that is loaded at a time; each is used once.
    tickets: Arc<Mutex<Vec<SslSession>>>,
}

impl ClientTls {
    /// `stranger` is a second authority's files.
    pub(crate) fn new(
        pki: &Pki,
        stranger: &Pki,
        identity: Identity,
        group: &str,
    ) -> Result<ClientTls, ErrorStack> {
        let files = match identity {
            Identity::Known => Some(pki),
            Identity::Stranger => Some(stranger),
            Identity::Nobody => None,
        };
        let identity = files.map(|files| (files.client_cert.as_path(), files.client_key.as_path()));
        let mut builder = builder(&pki.ca, identity, group)?;
        let tickets: Arc<Mutex<Vec<SslSession>>> = Arc::default();
        let kept = Arc::clone(&tickets);
        builder
            .set_session_cache_mode(SslSessionCacheMode::CLIENT | SslSessionCacheMode::NO_INTERNAL);
        builder.set_new_session_callback(move |_, session| {
            if let Ok(mut kept) = kept.lock()
                && kept.len() < TICKETS_MAX
            {
                kept.push(session);
            }
        });
        Ok(ClientTls {
            context: builder.build(),
            tickets,
        })
    }

    /// Forgets the tickets, which were another subject's.
    pub(crate) fn forget(&self) {
        if let Ok(mut tickets) = self.tickets.lock() {
            tickets.clear();
        }
    }

    /// A session for one connection.
    pub(crate) fn connect(&self, resumes: bool) -> Result<Ssl, ErrorStack> {
        let mut ssl = Ssl::new(&self.context)?;
        ssl.set_hostname(SERVER_NAME)?;
        ssl.param_mut().set_host(SERVER_NAME)?;
        if resumes
            && let Ok(mut tickets) = self.tickets.lock()
            && let Some(ticket) = tickets.pop()
        {
            // SAFETY: the ticket comes from the callback of this same context.
            #[allow(unsafe_code)]
            unsafe {
                ssl.set_session(&ticket)?;
            }
        }
        Ok(ssl)
    }
}
