//! TLS to the database: our sessions under the traits of tokio.

use std::error::Error;
use std::future::{Future, poll_fn};
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};

use crate::base::scratch::Scratch;
use crate::config::ServerName;
use crate::tls::{Credentials, ExpectedName, Handshake, ReadOutcome, Role, Session, TlsContext};

/// The most that one write puts into the session, and that may wait for the socket.
const PIECE: usize = 64 * 1024;

/// What TLS to a database is made with.
#[derive(Clone)]
pub(super) struct Security {
    context: Option<Arc<Own>>,
    server_name: ServerName,
}

/// A context, with or without a certificate of ours.
enum Own {
    Anonymous(TlsContext),
    Known(Box<Credentials>),
}

impl Security {
    /// There is no TLS.
    pub(super) fn none() -> Security {
        Security {
            context: None,
            server_name: ServerName::Ip(IpAddr::from([0; 4])),
        }
    }

    /// We show no certificate.
    pub(super) fn anonymous(context: TlsContext, server_name: ServerName) -> Security {
        Security {
            context: Some(Arc::new(Own::Anonymous(context))),
            server_name,
        }
    }

    /// We show ours.
    pub(super) fn known(credentials: Credentials, server_name: ServerName) -> Security {
        Security {
            context: Some(Arc::new(Own::Known(Box::new(credentials)))),
            server_name,
        }
    }

    fn session(&self) -> Result<Session, String> {
        let context = match self.context.as_deref() {
            Some(Own::Anonymous(context)) => Some(context),
            Some(Own::Known(credentials)) => credentials.context(Role::Client),
            None => None,
        };
        let context = context.ok_or("there is no TLS to this database")?;
        let name = match &self.server_name {
            ServerName::Dns(name) => ExpectedName::Dns(name),
            ServerName::Ip(ip) => ExpectedName::Ip(*ip),
        };
        let session = context.client_session(name, &self.server_name.to_string());
        session.map_err(|error| error.to_string())
    }
}

type Failure = Box<dyn Error + Send + Sync>;

impl<S: AsyncRead + AsyncWrite + Unpin + 'static> MakeTlsConnect<S> for Security {
    type Stream = Secured<S>;
    type TlsConnect = Security;
    type Error = Failure;

    /// The name is the configured one, not the one that was dialled.
    fn make_tls_connect(&mut self, _: &str) -> Result<Security, Failure> {
        Ok(self.clone())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + 'static> TlsConnect<S> for Security {
    type Stream = Secured<S>;
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Secured<S>, Failure>>>>;

    fn connect(self, stream: S) -> Self::Future {
        Box::pin(async move {
            let mut secured = Secured {
                session: self.session()?,
                stream,
                scratch: Scratch::default(),
                unread: Vec::new(),
                unsent: Vec::new(),
                is_closed: false,
            };
            poll_fn(|cx| secured.shake_hands(cx)).await?;
            Ok(secured)
        })
    }
}

/// A TLS session over a stream.
pub(super) struct Secured<S> {
    session: Session,
    stream: S,
    scratch: Scratch,
    /// Plain text that nobody has taken yet.
    unread: Vec<u8>,
    /// Ciphertext that the stream has not taken yet.
    unsent: Vec<u8>,
    is_closed: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Secured<S> {
    fn shake_hands(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        loop {
            let progress = self.session.handshake(&mut self.scratch);
            let sent = self.push(cx);
            match progress {
                Ok(Handshake::Done) => return Poll::Ready(Ok(())),
                // The alert is on its way, or never will be.
                Err(error) => return Poll::Ready(Err(error.to_string().into())),
                Ok(Handshake::NeedsInput) => {}
            }
            if let Poll::Ready(Err(error)) = sent {
                return Poll::Ready(Err(error.into()));
            }
            ready!(self.pull(cx))?;
        }
    }

    /// Receives ciphertext into the session.
    fn pull(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut room = ReadBuf::new(self.scratch.received.space());
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut room))?;
        match room.filled().len() {
            0 => self.session.end_input(),
            count => self.scratch.received.commit(count),
        }
        Poll::Ready(Ok(()))
    }

    /// Sends what the session has put out.
    fn push(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.unsent.extend_from_slice(self.scratch.outgoing.data());
        self.scratch.outgoing.clear();
        while !self.unsent.is_empty() {
            let sent = Pin::new(&mut self.stream).poll_write(cx, &self.unsent);
            match ready!(sent)? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => drop(self.unsent.drain(..count)),
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Secured<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.unread.is_empty() {
            if !this.session.may_hold_more() {
                ready!(this.pull(cx))?;
            }
            let outcome = this.session.read(&mut this.scratch);
            this.unread.extend_from_slice(this.scratch.plain.data());
            this.scratch.plain.clear();
            // Reading may have put something out; what the stream does not take goes with the next write.
            if let Poll::Ready(Err(error)) = this.push(cx) {
                return Poll::Ready(Err(error));
            }
            match outcome {
                ReadOutcome::Bytes(_) | ReadOutcome::Last(_) | ReadOutcome::NeedsInput => {}
                ReadOutcome::End => return Poll::Ready(Ok(())),
                ReadOutcome::Truncated => {
                    return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
                }
                ReadOutcome::Failed(error) => {
                    return Poll::Ready(Err(io::Error::other(error.to_string())));
                }
            }
        }
        let count = into.remaining().min(this.unread.len());
        into.put_slice(&this.unread[..count]);
        this.unread.drain(..count);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Secured<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.push(cx))?;
        let piece = &data[..data.len().min(PIECE)];
        this.scratch.plain.append(piece);
        let written = this.session.write(&mut this.scratch);
        written.map_err(|error| io::Error::other(error.to_string()))?;
        match this.push(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            _ => Poll::Ready(Ok(piece.len())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.push(cx))?;
        Pin::new(&mut this.stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !std::mem::replace(&mut this.is_closed, true) {
            this.session.close_notify(&mut this.scratch);
        }
        ready!(this.push(cx))?;
        Pin::new(&mut this.stream).poll_shutdown(cx)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for Secured<S> {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}
