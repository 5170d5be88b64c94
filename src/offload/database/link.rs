//! One connection to the database.

use std::error::Error;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres::{AsyncMessage, Client, Connection, Socket};

use super::secured::Secured;
use super::settings::Settings;

const CLOSED: &str = "the database has closed the connection";

/// A connection, and who speaks on it. Nothing of it happens but while somebody waits.
pub(super) struct Link {
    client: Client,
    connection: Connection<Socket, Secured<Socket>>,
    is_over: bool,
}

/// Why there is no answer.
pub(super) enum Trouble {
    /// It was the connection, not what was asked: another one may do.
    Link(String),
    /// The time was up.
    Silent,
    /// What was asked for cannot be in it.
    Nonsense,
    /// The database refused what was asked.
    Refused(String),
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Trouble::Link(what) | Trouble::Refused(what) => f.write_str(what),
            Trouble::Nonsense => f.write_str("the database has no such text"),
            Trouble::Silent => f.write_str("the database does not answer in time"),
        }
    }
}

impl From<tokio_postgres::Error> for Trouble {
    fn from(error: tokio_postgres::Error) -> Trouble {
        let what = told(&error);
        let code = error.code().map(|code| code.code());
        match code {
            // A server that is stopping or starting.
            Some(code) if code.starts_with("57P") => Trouble::Link(what),
            Some("57014") => Trouble::Silent,
            // What was asked for is no text of this database: it can have nothing by that name.
            Some(code) if code.starts_with("22") => Trouble::Nonsense,
            Some(_) => Trouble::Refused(what),
            None => Trouble::Link(what),
        }
    }
}

/// An error with what is behind it.
fn told(error: &tokio_postgres::Error) -> String {
    let mut what = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let more = error.to_string();
        if !what.contains(&more) {
            what = format!("{what}: {more}");
        }
        source = error.source();
    }
    what
}

impl Link {
    /// Connects and logs in, within the database's time.
    pub(super) async fn open(settings: &Settings) -> Result<Link, Trouble> {
        let login = settings.login().map_err(Trouble::Link)?;
        let security = settings.security().map_err(Trouble::Link)?;
        let patience = settings.database.timeout;
        let connected = timeout(patience, login.connect(security)).await;
        let (client, connection) = connected.map_err(|_| Trouble::Silent)??;
        let mut link = Link {
            client,
            connection,
            is_over: false,
        };
        // What nobody waits for any more is not to go on at the server.
        let set = format!("SET statement_timeout = {}", patience.as_millis());
        link.run(patience, async |client| client.batch_execute(&set).await)
            .await?;
        Ok(link)
    }

    /// Whether nothing more can be asked.
    pub(super) fn is_over(&self) -> bool {
        self.is_over || self.client.is_closed()
    }

    /// Does something with the client, within that time. What the server notifies meanwhile is dropped.
    pub(super) async fn run<T>(
        &mut self,
        patience: Duration,
        work: impl AsyncFnOnce(&Client) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, Trouble> {
        self.run_noting(patience, work, |_| {}).await
    }

    /// As [`Link::run`], and tells of what the server notifies meanwhile.
    pub(super) async fn run_noting<T>(
        &mut self,
        patience: Duration,
        work: impl AsyncFnOnce(&Client) -> Result<T, tokio_postgres::Error>,
        mut note: impl FnMut(&str),
    ) -> Result<T, Trouble> {
        let Link {
            client,
            connection,
            is_over,
        } = self;
        let mut work = pin!(work(client));
        let mut why = None;
        let both = poll_fn(|cx| {
            while !*is_over {
                match connection.poll_message(cx) {
                    Poll::Pending => break,
                    Poll::Ready(Some(Ok(AsyncMessage::Notification(news)))) => note(news.payload()),
                    Poll::Ready(Some(Ok(_))) => {}
                    Poll::Ready(None) => *is_over = true,
                    Poll::Ready(Some(Err(error))) => {
                        *is_over = true;
                        why = Some(told(&error));
                    }
                }
            }
            match work.as_mut().poll(cx) {
                Poll::Ready(done) => Poll::Ready(done.map_err(Trouble::from)),
                // Nobody is left who would answer what was asked.
                Poll::Pending if *is_over => {
                    let what = why.take().unwrap_or_else(|| CLOSED.to_owned());
                    Poll::Ready(Err(Trouble::Link(what)))
                }
                Poll::Pending => Poll::Pending,
            }
        });
        match timeout(patience, both).await {
            Ok(done) => done,
            Err(_) => {
                // An answer that comes after all would be taken for that to the next question.
                *is_over = true;
                Err(Trouble::Silent)
            }
        }
    }

    /// Waits for the next notification, or for that time.
    ///
    /// # Errors
    /// The connection is over.
    pub(super) async fn next(&mut self, patience: Duration) -> Result<Option<String>, Trouble> {
        let connection = &mut self.connection;
        let message = poll_fn(|cx| {
            loop {
                match connection.poll_message(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Some(Ok(AsyncMessage::Notification(news)))) => {
                        return Poll::Ready(Ok(news.payload().to_owned()));
                    }
                    Poll::Ready(Some(Ok(_))) => {}
                    Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(Trouble::from(error))),
                    Poll::Ready(None) => {
                        return Poll::Ready(Err(Trouble::Link(CLOSED.to_owned())));
                    }
                }
            }
        });
        match timeout(patience, message).await {
            Ok(message) => {
                self.is_over |= message.is_err();
                message.map(Some)
            }
            Err(_) => Ok(None),
        }
    }
}
