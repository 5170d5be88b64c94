//! TLS contexts: one certificate in one role, with all that a handshake needs.

use std::net::IpAddr;
use std::sync::Arc;

use super::backend;
use super::backend::lib::error::ErrorStack;
use super::backend::lib::ssl::{
    Ssl, SslContext, SslContextBuilder, SslMethod, SslOptions, SslRef, SslVerifyMode, SslVersion,
};
use super::backend::lib::x509::X509;
use super::backend::lib::x509::store::{X509Store, X509StoreBuilder};
use super::backend::lib::x509::verify::X509CheckFlags;
use super::credentials::{Authorities, CredentialsError, Parsed, PemFile, certificates_of};
use super::known::Known;
use super::pool::Key;
use super::profile::Profile;
use super::resumption::Tickets;
use super::session::{Role, Session};
use super::verify::{self, Trust};
use super::{lifetime, name, pinned, request, resumption, staple};

/// The most bytes of authorities' names that a server sends (the message takes 65,535).
const NAMES_BYTES_MAX: usize = 16 * 1024;

/// The lowest protocol version that is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MinVersion {
    /// TLS 1.2 (RFC 5246) or 1.3.
    Tls12,
    /// TLS 1.3 (RFC 8446) alone.
    Tls13,
}

/// Whether a handshake may stand on an earlier one instead of proving everything again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resumption {
    /// It may, in TLS 1.3 and in the same context.
    On,
    /// Every handshake is a full one.
    Off,
}

/// What a context may speak.
#[derive(Clone, Copy)]
pub(super) struct Rules {
    /// The lowest protocol version.
    pub(super) min_version: MinVersion,
    /// Whether sessions are resumed.
    pub(super) resumption: Resumption,
    /// What may be negotiated.
    pub(super) profile: Profile,
}

/// The name that a server's certificate must carry (RFC 9525), if it is names that tell who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpectedName<'a> {
    /// A DNS name among its subject alternative names; also sent as SNI (RFC 6066, 3).
    Dns(&'a str),
    /// An IP address among them; no SNI is sent.
    Ip(IpAddr),
    /// None: its key is pinned. No SNI is sent. A context that pins no keys dials nobody so.
    Pinned,
}

/// One TLS context: a certificate in one role. Immutable but for the tickets that it has at hand;
/// sessions keep what they were made from.
pub struct TlsContext {
    context: SslContext,
    pub(super) role: Role,
    /// What a client has to resume.
    pool: Option<Arc<Tickets>>,
    pub(super) known: Arc<Known>,
    /// What the library verifies peers with.
    pub(super) store: X509Store,
    pub(super) trust: Trust,
}

impl TlsContext {
    /// A session that dials a server and accepts only one with that name. It may resume an earlier one
    /// that had the same name and destination, which is whatever tells servers of one name apart.
    pub fn client_session(
        &self,
        name: ExpectedName<'_>,
        destination: &str,
    ) -> Result<Session, CredentialsError> {
        self.dialling_session(name, destination, |_| {})
    }

    /// As [`TlsContext::client_session`], for whoever wants to know whether the server asks for a
    /// certificate: [`Session::was_asked`] tells.
    pub fn watched_client_session(
        &self,
        name: ExpectedName<'_>,
        destination: &str,
    ) -> Result<Session, CredentialsError> {
        self.dialling_session(name, destination, request::watch)
    }

    fn dialling_session(
        &self,
        name: ExpectedName<'_>,
        destination: &str,
        prepare: impl FnOnce(&mut SslRef),
    ) -> Result<Session, CredentialsError> {
        debug_assert_eq!(self.role, Role::Client);
        if let ExpectedName::Dns(name) = name
            && !is_one_name(name)
        {
            let problem = format!("{name:?} is no host's name: no server can be held to it");
            return Err(CredentialsError(vec![problem]));
        }
        if !self.may_expect(name) {
            let problem = "a server that proves no name must have a key that is pinned";
            return Err(CredentialsError(vec![problem.to_owned()]));
        }
        let session = || -> Result<Session, ErrorStack> {
            let mut ssl = self.ssl(Some(name))?;
            prepare(&mut ssl);
            // Who has issued the certificate does not matter where its key is pinned.
            if self.trust.pins.is_none() {
                staple::ask(&mut ssl)?;
            }
            if let ExpectedName::Dns(name) = name {
                ssl.set_hostname(name)?;
            }
            if let Some(pool) = &self.pool {
                let key = Key {
                    name: name::written(Some(name)),
                    destination: destination.to_owned(),
                };
                resumption::offer(pool, &mut ssl, key)?;
            }
            self.session(ssl)
        };
        session().map_err(CredentialsError::library)
    }

    /// Whether it is enough for this context that a peer proves to be that.
    pub(super) fn may_expect(&self, name: ExpectedName<'_>) -> bool {
        name != ExpectedName::Pinned || self.trust.pins.is_some()
    }

    /// A session that accepts a client with a certificate that our trust vouches for, or a key that it names.
    pub fn server_session(&self) -> Result<Session, CredentialsError> {
        debug_assert_eq!(self.role, Role::Server);
        let session = || self.session(self.ssl(None)?);
        session().map_err(CredentialsError::library)
    }

    /// A session for a proof: it verifies nobody, so that nobody signs anything for it. Its peer holds to
    /// the profile.
    pub(super) fn unverified_session(&self) -> Result<Session, ErrorStack> {
        let mut ssl = self.ssl(None)?;
        ssl.set_verify(SslVerifyMode::NONE);
        Session::new(ssl, self.role, Profile::Ordinary, Arc::clone(&self.known))
    }

    /// A session for a proof: it verifies chain, purpose and validity, but no name. Validity is judged as
    /// of `at`, in seconds since 1970, or else of now.
    pub(super) fn nameless_session(&self, at: Option<i64>) -> Result<Session, ErrorStack> {
        let mut ssl = self.ssl(None)?;
        verify::want_chain(&mut ssl)?;
        if let Some(at) = at {
            ssl.param_mut().set_time(at as _);
            pinned::judge_at(&mut ssl, at)?;
        }
        self.session(ssl)
    }

    fn session(&self, ssl: Ssl) -> Result<Session, ErrorStack> {
        let profile = self.trust.profile;
        Session::new(ssl, self.role, profile, Arc::clone(&self.known))
    }

    /// A session of the library whose peer is held to its chain, and to a name if there is one.
    pub(super) fn ssl(&self, name: Option<ExpectedName<'_>>) -> Result<Ssl, ErrorStack> {
        let mut ssl = Ssl::new(&self.context)?;
        verify::prepare(&mut ssl, name)?;
        if let Some(name) = name {
            hold_to(&mut ssl, name)?;
        }
        lifetime::prepare(&mut ssl)?;
        backend::forget_handshake(&mut ssl);
        Ok(ssl)
    }

    /// A client's context that shows no certificate, for servers that know their clients by other means.
    /// `ca` are the authorities that they must chain to.
    ///
    /// # Errors
    /// Every file that cannot be used, as a line.
    pub fn anonymous(ca: &[PemFile], profile: Profile) -> Result<TlsContext, CredentialsError> {
        let mut authorities = Authorities::default();
        let mut problems = Vec::new();
        for file in ca {
            match certificates_of(&file.bytes) {
                Ok(anchors) => authorities.anchors.extend(anchors),
                Err(what) => problems.push(format!("{}: {what}", file.path)),
            }
        }
        if !problems.is_empty() {
            return Err(CredentialsError(problems));
        }
        let rules = Rules {
            min_version: MinVersion::Tls12,
            resumption: Resumption::Off,
            profile,
        };
        let context = TlsContext::build(Role::Client, None, &authorities, rules);
        context.map_err(CredentialsError::library)
    }

    /// `cert` and `key` are shown to peers; peers must chain to one of the authorities.
    pub(super) fn new(
        role: Role,
        parsed: &Parsed,
        authorities: &Authorities,
        rules: Rules,
    ) -> Result<TlsContext, ErrorStack> {
        TlsContext::build(role, Some(parsed), authorities, rules)
    }

    fn build(
        role: Role,
        own: Option<&Parsed>,
        authorities: &Authorities,
        rules: Rules,
    ) -> Result<TlsContext, ErrorStack> {
        let mut builder = SslContextBuilder::new(SslMethod::tls())?;
        set_protocol(&mut builder, rules)?;
        if let Some(own) = own {
            set_certificate(&mut builder, own)?;
        }
        let known = Arc::new(Known::default());
        let store = set_trust(&mut builder, authorities)?;
        match role {
            Role::Server => name_anchors(&mut builder, &authorities.anchors)?,
            Role::Client => {
                staple::judge_all(&mut builder, &authorities.anchors, rules.profile)?;
            }
        }
        let trust = Trust::of(authorities, role, rules.profile);
        judge_by(&mut builder, &trust, &known);
        let pool = set_resumption(&mut builder, role, rules.resumption)?;
        comply(&mut builder, rules)?;
        Ok(TlsContext {
            context: builder.build(),
            role,
            pool,
            known,
            store,
            trust,
        })
    }
}

/// Whether the libraries hold a certificate to this name and to nothing wider: an empty name switches
/// the check off, and to OpenSSL a dot in front stands for every name below.
fn is_one_name(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && !name.contains(['*', '\0'])
}

/// Holds the server of a session to a name.
fn hold_to(ssl: &mut Ssl, name: ExpectedName<'_>) -> Result<(), ErrorStack> {
    let param = ssl.param_mut();
    match name {
        ExpectedName::Dns(name) => {
            // Names come from the SAN alone, and a wildcard is a whole label.
            param.set_hostflags(
                X509CheckFlags::NEVER_CHECK_SUBJECT | X509CheckFlags::NO_PARTIAL_WILDCARDS,
            );
            param.set_host(name)
        }
        ExpectedName::Ip(address) => param.set_ip(address),
        ExpectedName::Pinned => Ok(()),
    }
}

fn set_protocol(builder: &mut SslContextBuilder, rules: Rules) -> Result<(), ErrorStack> {
    let profile = rules.profile;
    set_min_version(builder, rules.min_version)?;
    builder.set_max_proto_version(Some(SslVersion::TLS1_3))?;
    builder.set_cipher_list(profile.tls12_ciphers())?;
    builder.set_sigalgs_list(profile.signatures())?;
    builder.set_options(SslOptions::CIPHER_SERVER_PREFERENCE);
    backend::configure(builder, profile.groups())
}

fn set_min_version(builder: &mut SslContextBuilder, min: MinVersion) -> Result<(), ErrorStack> {
    let min = match min {
        MinVersion::Tls12 => SslVersion::TLS1_2,
        MinVersion::Tls13 => SslVersion::TLS1_3,
    };
    builder.set_min_proto_version(Some(min))
}

/// Holds a context to the FIPS profile, if it has one. What is set later could widen it again.
fn comply(builder: &mut SslContextBuilder, rules: Rules) -> Result<(), ErrorStack> {
    if !rules.profile.is_fips() {
        return Ok(());
    }
    backend::comply(builder, rules.profile)?;
    // A policy of the library has set its own.
    set_min_version(builder, rules.min_version)
}

fn set_resumption(
    builder: &mut SslContextBuilder,
    role: Role,
    resumption: Resumption,
) -> Result<Option<Arc<Tickets>>, ErrorStack> {
    match (resumption, role) {
        (Resumption::Off, _) => resumption::refuse(builder),
        (Resumption::On, Role::Server) => resumption::issue(builder)?,
        (Resumption::On, Role::Client) => return Ok(Some(resumption::collect(builder))),
    }
    Ok(None)
}

fn set_certificate(builder: &mut SslContextBuilder, parsed: &Parsed) -> Result<(), ErrorStack> {
    builder.set_certificate(&parsed.cert)?;
    for cert in &parsed.chain {
        builder.add_extra_chain_cert(cert.clone())?;
    }
    builder.set_private_key(&parsed.key)
}

/// Tells clients which authorities are trusted, so that one with several certificates can choose; not
/// if the list would be out of proportion, as it travels in every handshake.
fn name_anchors(builder: &mut SslContextBuilder, anchors: &[X509]) -> Result<(), ErrorStack> {
    let mut bytes = 0;
    for anchor in anchors {
        bytes += anchor.subject_name().to_der()?.len();
    }
    if bytes <= NAMES_BYTES_MAX {
        for anchor in anchors {
            builder.add_client_ca(anchor)?;
        }
    }
    Ok(())
}

/// Gives a context its store, and gives the store back.
fn set_trust(
    builder: &mut SslContextBuilder,
    authorities: &Authorities,
) -> Result<X509Store, ErrorStack> {
    let mut store = X509StoreBuilder::new()?;
    // Every certificate of a trust file is an anchor, self-signed or not.
    backend::trust_every_anchor(&mut store)?;
    for anchor in &authorities.anchors {
        store.add_cert(anchor.clone())?;
    }
    authorities.lists.add_to(&mut store)?;
    let store = store.build();
    builder.set_verify_cert_store(backend::share(&store))?;
    builder.set_verify_depth(verify::CHAIN_DEPTH_MAX);
    Ok(store)
}

fn judge_by(builder: &mut SslContextBuilder, trust: &Trust, known: &Arc<Known>) {
    let mode = SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT;
    let judges = trust.clone();
    builder.set_verify_callback(mode, move |agrees, store| {
        verify::judge(&judges, agrees, store)
    });
    let (trust, known) = (trust.clone(), Arc::clone(known));
    backend::verify_with(builder, move |store| verify::verify(&trust, &known, store));
}
