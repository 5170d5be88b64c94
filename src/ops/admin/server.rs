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
use tokio::sync::{mpsc, watch};
use tokio::task::yield_now;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::door::{Door, Guest};
use super::rates;
use super::site::Site;
use crate::config::{Address, Admin, Serves};
use crate::net::{Endpoint, Inherited, Listener};
use crate::ops::board::Board;
use crate::ops::listeners;
use crate::ops::upgrade::{Heirloom, Legacy, Title};

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
    running: Option<(watch::Sender<Phase>, JoinHandle<()>)>,
    /// Where it is told; the files of UNIX sockets go with them, behind the thread.
    places: Vec<Place>,
}

/// A listener, with the address that the configuration has for it and what is told there.
struct Place {
    address: Address,
    listener: Listener,
    serves: Serves,
}

/// How far the thread is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// A predecessor answers still.
    Waiting,
    Open,
    /// A successor answers.
    Retired,
}

impl Server {
    /// Listens, with what a predecessor has left if there is one, and starts the thread if there is something
    /// to listen on. Behind a predecessor it answers nobody until [`Server::open`].
    ///
    /// # Errors
    /// An address cannot be listened on, or the system refuses.
    pub(in crate::ops) fn start(
        admin: &Admin,
        board: &Arc<Board>,
        (legacy, is_successor): (&Legacy, bool),
    ) -> Result<Server, String> {
        let places = listen(admin, legacy)?;
        if places.is_empty() {
            return Ok(Server {
                running: None,
                places,
            });
        }
        let site = Arc::new(Site::new(admin, Arc::clone(board)));
        let start = || {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            let doors = open(&runtime, &places)?;
            let phase = match is_successor {
                true => Phase::Waiting,
                false => Phase::Open,
            };
            let (phase, phases) = watch::channel(phase);
            let body = move || run(runtime, doors, &site, phases);
            let name = "admin".to_owned();
            let thread = std::thread::Builder::new().name(name).spawn(body)?;
            Ok(Server {
                running: Some((phase, thread)),
                places,
            })
        };
        start().map_err(|error: io::Error| format!("the system refused: {error}"))
    }

    /// Answers from now on, where a predecessor did up to now.
    pub(in crate::ops) fn open(&mut self) {
        for place in &mut self.places {
            place.listener.set_owner(true);
        }
        self.set_phase(Phase::Open);
    }

    /// Lets nobody in any more, as a successor does. Who is in gets the answer.
    pub(in crate::ops) fn retire(&mut self) {
        for mut place in self.places.drain(..) {
            place.listener.set_owner(false);
        }
        self.set_phase(Phase::Retired);
    }

    fn set_phase(&self, phase: Phase) {
        if let Some((phases, _)) = &self.running {
            // Nobody hears it only when the thread has failed.
            let _ = phases.send(phase);
        }
    }

    /// What it listens with, for a successor.
    ///
    /// # Errors
    /// What the system says.
    pub(in crate::ops) fn heirlooms(&self) -> io::Result<Vec<Heirloom>> {
        let heirlooms = self.places.iter().map(|place| {
            Ok(Heirloom {
                title: Title::Admin(place.address.to_string()),
                lent: place.listener.lend()?,
            })
        });
        heirlooms.collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some((phases, thread)) = self.running.take() {
            drop(phases);
            // It has told of a panic itself.
            let _ = thread.join();
        }
    }
}

/// Listens on every address, and says so.
fn listen(admin: &Admin, legacy: &Legacy) -> Result<Vec<Place>, String> {
    let options = Inherited {
        nodelay: true,
        keepalive: None,
        resets_on_close: false,
    };
    let mut opened = Vec::new();
    for wanted in &admin.listeners {
        let cannot = |error| format!("cannot listen on {}: {error}", wanted.address);
        let left = legacy.of_admin(&wanted.address).map_err(cannot)?;
        let listeners = match left.is_empty() {
            true => listeners::listen(&wanted.address, &options).map_err(cannot)?,
            false => left,
        };
        for listener in listeners {
            announce(&listener.endpoint().map_err(cannot)?, wanted.serves);
            opened.push(Place {
                address: wanted.address.clone(),
                listener,
                serves: wanted.serves,
            });
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

fn open(runtime: &Runtime, places: &[Place]) -> io::Result<Vec<(Door, Serves)>> {
    let _within = runtime.enter();
    let doors = places.iter();
    let doors = doors.map(|place| Ok((Door::open(&place.listener)?, place.serves)));
    doors.collect()
}

fn run(
    runtime: Runtime,
    doors: Vec<(Door, Serves)>,
    site: &Arc<Site>,
    phases: watch::Receiver<Phase>,
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
    runtime.block_on(keep_house(doors, site, phases));
    // Whatever is still looked up for somebody has lost its reader.
    runtime.shutdown_background();
}

/// Lets guests in while that is the phase; comes back when the server goes, or when it has retired and the last
/// guest has left.
async fn keep_house(
    doors: Vec<(Door, Serves)>,
    site: &Arc<Site>,
    mut phases: watch::Receiver<Phase>,
) {
    // It is an error when the server goes.
    if phases
        .wait_for(|phase| *phase != Phase::Waiting)
        .await
        .is_err()
    {
        return;
    }
    let (presence, mut absence) = mpsc::channel(1);
    let receive = |(door, serves)| {
        let presence: Presence = presence.clone();
        tokio::spawn(receive(door, serves, Arc::clone(site), presence))
    };
    let receiving: Vec<_> = doors.into_iter().map(receive).collect();
    if phases
        .wait_for(|phase| *phase == Phase::Retired)
        .await
        .is_err()
    {
        return;
    }
    for receiving in receiving {
        receiving.abort();
        // That it was aborted.
        let _ = receiving.await;
    }
    drop(presence);
    // Nothing is ever sent: it ends with the last who could, and `GUEST_TIME` bounds that.
    let _ = absence.recv().await;
}

/// Says by being there that somebody is.
type Presence = mpsc::Sender<Infallible>;

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
async fn receive(mut door: Door, serves: Serves, site: Arc<Site>, presence: Presence) {
    loop {
        let site = (Arc::clone(&site), presence.clone());
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
    (site, _presence): (Arc<Site>, Presence),
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
