//! Which page is asked for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{
    ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};

use super::accept;
use super::fresh::Fresh;
use super::pages::{self, Page};
use super::pulse::Pulse;
use super::rates::{Carried, Rates};
use super::{connections, status};
use crate::base::tally::PairSum;
use crate::config::{Admin, Serves};
use crate::ops::board::Board;
use crate::ops::metrics::{MTLSD, Metrics};
use crate::ops::supervisor::unix_now;

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";

/// The page for a browser: one file, which asks for nothing but this site's own pages.
const PAGE: &str = include_str!("page.html");

/// What a browser lets that page do.
const PAGE_POLICY: &str = "default-src 'none'; connect-src 'self'; style-src 'unsafe-inline'; \
    script-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const INDEX: &str = "\
/metrics      figures for Prometheus
/healthz      the process runs, and its threads answer
/readyz       it serves
/certz        certificates, and the days that they have left
/connections  live connections
/status       the program, its pairs, what was loaded and what has failed
/fips         what there is to show of FIPS
";

/// A page of this site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Index,
    Health,
    Readiness,
    Certificates,
    Metrics,
    Connections,
    Status,
    Fips,
}

/// What a path leads to, at a listener that serves so much.
fn place(path: &str, serves: Serves) -> Option<Place> {
    let (place, needed) = match path {
        "/healthz" => (Place::Health, Serves::Health),
        "/readyz" => (Place::Readiness, Serves::Health),
        "/certz" => (Place::Certificates, Serves::Health),
        "/metrics" => (Place::Metrics, Serves::Metrics),
        "/connections" => (Place::Connections, Serves::Everything),
        "/status" => (Place::Status, Serves::Everything),
        "/fips" => (Place::Fips, Serves::Everything),
        "/" => (Place::Index, Serves::Everything),
        _ => return None,
    };
    (serves == needed || serves == Serves::Everything).then_some(place)
}

/// Everything that can be asked for.
pub(super) struct Site {
    board: Arc<Board>,
    metrics: Metrics,
    connections: Fresh,
    status: Fresh,
    fips: Fresh,
    rates: Mutex<Rates>,
    pulse: Mutex<Pulse>,
    /// Health and certificates are told as mtlsd tells them.
    is_mtlsd: bool,
}

impl Site {
    pub(super) fn new(admin: &Admin, board: Arc<Board>) -> Site {
        Site {
            metrics: Metrics::new(&admin.metric_prefix, Arc::clone(&board)),
            board,
            connections: Fresh::default(),
            status: Fresh::default(),
            fips: Fresh::default(),
            rates: Mutex::default(),
            pulse: Mutex::default(),
            is_mtlsd: admin.metric_prefix == MTLSD,
        }
    }

    /// Answers a request; its body is not looked at.
    pub(super) async fn answer<B>(
        &self,
        request: &Request<B>,
        serves: Serves,
    ) -> Response<Full<Bytes>> {
        let Some(place) = place(request.uri().path(), serves) else {
            return response(StatusCode::NOT_FOUND, TEXT, "there is no such page\n");
        };
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let status = StatusCode::METHOD_NOT_ALLOWED;
            let mut response = response(status, TEXT, "nothing can be changed here\n");
            let allowed = HeaderValue::from_static("GET, HEAD");
            response.headers_mut().insert(ALLOW, allowed);
            return response;
        }
        match place {
            Place::Index => index(request.headers()),
            Place::Health => json(self.health()),
            Place::Readiness => json(self.readiness()),
            Place::Certificates => json(self.certificates()),
            Place::Metrics => self.metrics(request.headers()),
            Place::Connections => {
                let page = self.connections.page(connections::page(&self.board));
                response(StatusCode::OK, JSON, page.await)
            }
            Place::Status => {
                let page = self.status.page(status::page(&self.board, &self.rates));
                response(StatusCode::OK, JSON, page.await)
            }
            Place::Fips => {
                let page = self.fips.page(fips(Arc::clone(&self.board)));
                response(StatusCode::OK, JSON, page.await)
            }
        }
    }

    /// Notes what the pairs have carried, that long after the last time.
    pub(super) fn count(&self, elapsed: Duration) {
        let generation = self.board.generation();
        let posts = generation.posts().iter().take(status::PAIRS_MAX);
        let carried = posts.map(|post| {
            let mut sum = PairSum::default();
            post.counters.add_to(&mut sum);
            let carried = Carried {
                outward: sum.outward,
                inward: sum.inward,
            };
            (post.served.pair.name.as_str(), carried)
        });
        rates(&self.rates).take(elapsed, carried);
    }

    fn health(&self) -> Page {
        let ask = |roll| {
            // While it starts there is nobody to ask, and nobody who does not answer.
            if let Some(crew) = self.board.crew() {
                crew.ask_all(roll);
            }
        };
        let mut pulse = self.pulse.lock().unwrap_or_else(PoisonError::into_inner);
        pages::health(pulse.feel(tokio::time::Instant::now().into_std(), ask))
    }

    fn readiness(&self) -> Page {
        let generation = self.board.generation();
        // One expired certificate of many must not take all pairs out of service.
        let own = match self.is_mtlsd {
            true => pages::own(&generation),
            false => Vec::new(),
        };
        pages::readiness(self.board.stage(), &own, unix_now())
    }

    fn certificates(&self) -> Page {
        let generation = self.board.generation();
        let own = pages::own(&generation);
        match self.is_mtlsd {
            true => pages::first_to_end(&own, unix_now()),
            false => pages::certificates(&own, unix_now()),
        }
    }

    fn metrics(&self, headers: &HeaderMap) -> Response<Full<Bytes>> {
        let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
        let format = accept::format(accept);
        match self.metrics.write(format) {
            Ok(page) => response(StatusCode::OK, format.content_type(), page),
            Err(_) => {
                let status = StatusCode::INTERNAL_SERVER_ERROR;
                response(status, TEXT, "the metrics cannot be written\n")
            }
        }
    }
}

/// What there is to show of FIPS. The first time the whole program is read for its hash, beside the thread
/// that answers.
async fn fips(board: Arc<Board>) -> String {
    let page = tokio::task::spawn_blocking(move || pages::fips(&board).json);
    // It fails only as a panic does, which is in the log.
    page.await.unwrap_or_default()
}

/// The rates, whatever became of who had them before.
pub(super) fn rates(rates: &Mutex<Rates>) -> MutexGuard<'_, Rates> {
    rates.lock().unwrap_or_else(PoisonError::into_inner)
}

/// For a browser a page, and for everybody else a list of the pages.
fn index(headers: &HeaderMap) -> Response<Full<Bytes>> {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    if !accept.is_some_and(|accept| accept.contains("text/html")) {
        return response(StatusCode::OK, TEXT, INDEX);
    }
    let mut response = response(StatusCode::OK, HTML, PAGE);
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, PAGE_POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn json(page: Page) -> Response<Full<Bytes>> {
    let status = match page.is_well {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    response(status, JSON, page.json)
}

fn response(
    status: StatusCode,
    kind: &'static str,
    body: impl Into<Bytes>,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_has_the_pages_that_it_is_for_and_no_others() {
        let pages = [
            "/healthz",
            "/readyz",
            "/certz",
            "/metrics",
            "/connections",
            "/status",
            "/fips",
            "/",
        ];
        let found = |serves| pages.map(|path| place(path, serves).is_some());
        assert_eq!(found(Serves::Everything), [true; 8]);
        let health = [true, true, true, false, false, false, false, false];
        assert_eq!(found(Serves::Health), health);
        let metrics = [false, false, false, true, false, false, false, false];
        assert_eq!(found(Serves::Metrics), metrics);
        for path in ["", "/metrics/", "//metrics", "/healthz2", "*"] {
            assert_eq!(place(path, Serves::Everything), None, "{path}");
        }
    }
}
