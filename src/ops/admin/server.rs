//! The thread that answers.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::process::setpriority_process;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::door::{Door, Guest};
use super::rates;
use super::site::Site;
use crate::config::{Admin, Serves};
use crate::net::{Endpoint, Inherited, Listener};
use crate::ops::board::Board;
use crate::ops::listeners;

/// Until a request is there.
const REQUEST_TIME: Duration = Duration::from_secs(5);

/// From accept to the end, whatever becomes of it.
const GUEST_TIME: Duration = Duration::from_secs(10);

/// The longest request; it is the least that the library takes.
const REQUEST_BYTES_MAX: usize = 8192;

/// How long to wait after the system could not accept.
const BACKOFF: Duration = Duration::from_millis(100);

/// How much less the thread matters than those that serve (nice(2)).
const NICENESS: i32 = 10;

/// The thread, which ends when this is dropped.
pub(in crate::ops) struct Server {
    running: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl Server {
    /// Listens, and starts the thread if there is something to listen on.
    ///
    /// # Errors
    /// An address cannot be listened on, or the system refuses.
    pub(in crate::ops) fn start(admin: &Admin, board: &Arc<Board>) -> Result<Server, String> {
        let listeners = listen(admin)?;
        if listeners.is_empty() {
            return Ok(Server { running: None });
        }
        let site = Arc::new(Site::new(admin, Arc::clone(board)));
        let start = || {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            let doors = open(&runtime, listeners)?;
            let (stop, stopped) = oneshot::channel();
            let body = move || run(runtime, doors, &site, stopped);
            let name = "admin".to_owned();
            let thread = std::thread::Builder::new().name(name).spawn(body)?;
            Ok(Server {
                running: Some((stop, thread)),
            })
        };
        start().map_err(|error: io::Error| format!("the system refused: {error}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.running.take() {
            drop(stop);
            // It has told of a panic itself.
            let _ = thread.join();
        }
    }
}

/// Listens on every address, and says so.
fn listen(admin: &Admin) -> Result<Vec<(Listener, Serves)>, String> {
    let options = Inherited {
        nodelay: true,
        keepalive: None,
        resets_on_close: false,
    };
    let mut opened = Vec::new();
    for wanted in &admin.listeners {
        let cannot = |error| format!("cannot listen on {}: {error}", wanted.address);
        for listener in listeners::listen(&wanted.address, &options).map_err(cannot)? {
            announce(&listener.endpoint().map_err(cannot)?, wanted.serves);
            opened.push((listener, wanted.serves));
        }
    }
    Ok(opened)
}

fn announce(endpoint: &Endpoint, serves: Serves) {
    let what = match serves {
        Serves::Everything => "everything",
        Serves::Health => "health",
        Serves::Metrics => "metrics",
    };
    log::info!(admin:% = what; "listening on {endpoint}");
    if let Endpoint::Tcp(address) = endpoint
        && !address.ip().to_canonical().is_loopback()
    {
        log::warn!(
            "{endpoint} tells other machines who is connected and how much is sent, without asking who \
             they are: listen on localhost or on a unix: socket if that is not meant"
        );
    }
}

fn open(runtime: &Runtime, listeners: Vec<(Listener, Serves)>) -> io::Result<Vec<(Door, Serves)>> {
    let _within = runtime.enter();
    let doors = listeners.into_iter();
    let doors = doors.map(|(listener, serves)| Ok((Door::open(listener)?, serves)));
    doors.collect()
}

fn run(
    runtime: Runtime,
    doors: Vec<(Door, Serves)>,
    site: &Arc<Site>,
    stopped: oneshot::Receiver<()>,
) {
    // On Linux it is the priority of this thread alone, and those that serve keep theirs.
    if let Err(error) = setpriority_process(None, NICENESS) {
        log::debug!("the administrative thread keeps its priority: {error}");
    }
    if doors
        .iter()
        .any(|(_, serves)| *serves == Serves::Everything)
    {
        runtime.spawn(count(Arc::clone(site)));
    }
    for (door, serves) in doors {
        runtime.spawn(receive(door, serves, Arc::clone(site)));
    }
    // It is an error when the server goes, and nothing else is ever sent.
    let _ = runtime.block_on(stopped);
    // Whatever is still looked up for somebody has lost its reader.
    runtime.shutdown_background();
}

/// Counts what the pairs carry, for good.
async fn count(site: Arc<Site>) {
    let mut ticks = interval(rates::EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last = ticks.tick().await;
    loop {
        let now = ticks.tick().await;
        site.count(now - last);
        last = now;
    }
}

/// Lets guests in, for good.
async fn receive(mut door: Door, serves: Serves, site: Arc<Site>) {
    loop {
        let site = Arc::clone(&site);
        let guest = match door.accept().await {
            Ok(Guest::Tcp(stream)) => tokio::spawn(attend(stream, serves, site)),
            Ok(Guest::Unix(stream)) => tokio::spawn(attend(stream, serves, site)),
            Err(error) => {
                log::debug!("an administrative connection cannot be accepted: {error}");
                sleep(BACKOFF).await;
                continue;
            }
        };
        door.note(guest.abort_handle());
        // Its request may be here already: it is answered before many others come in.
        yield_now().await;
    }
}

/// Answers one request.
async fn attend(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    serves: Serves,
    site: Arc<Site>,
) {
    let service = service_fn(|request| {
        let site = Arc::clone(&site);
        async move { Ok::<_, Infallible>(site.answer(&request, serves).await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(REQUEST_TIME)
        .max_buf_size(REQUEST_BYTES_MAX)
        .keep_alive(false)
        .half_close(true);
    let served = http.serve_connection(TokioIo::new(stream), service);
    if let Ok(Err(error)) = timeout(GUEST_TIME, served).await {
        log::debug!("an administrative request came to nothing: {error}");
    }
}
