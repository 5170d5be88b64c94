//! A page that is made once a second at most, however many ask for it.

use std::time::{Duration, Instant};

use hyper::body::Bytes;
use tokio::sync::Mutex;

/// For how long a page is good for everybody who asks.
const FRESH: Duration = Duration::from_secs(1);

/// The last one, and when it was made.
#[derive(Default)]
pub(super) struct Fresh(Mutex<Option<(Instant, Bytes)>>);

impl Fresh {
    /// The last one, or another one if that is too old. Who asks meanwhile waits for it.
    pub(super) async fn page(&self, make: impl Future<Output = String>) -> Bytes {
        let mut last = self.0.lock().await;
        if let Some((at, page)) = &*last
            && now() < *at + FRESH
        {
            return page.clone();
        }
        let page = Bytes::from(make.await);
        *last = Some((now(), page.clone()));
        page
    }
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
