//! A page that is made once a second at most, however many ask for it.

use std::time::{Duration, Instant};

use hyper::body::Bytes;
use tokio::sync::Mutex;
use tokio::time::sleep_until;

/// For how long a page is good for everybody who asks.
const FRESH: Duration = Duration::from_secs(1);

/// The last one.
#[derive(Default)]
pub(super) struct Fresh(Mutex<Last>);

#[derive(Default)]
struct Last {
    /// When somebody last began to make one, whatever became of it.
    begun: Option<Instant>,
    /// The one that was finished last, and when.
    page: Option<(Instant, Bytes)>,
}

impl Fresh {
    /// The last one, or another one if that is too old. Who asks meanwhile waits for it.
    pub(super) async fn page(&self, make: impl Future<Output = String>) -> Bytes {
        let mut last = self.0.lock().await;
        if let Some((at, page)) = &last.page
            && now() < *at + FRESH
        {
            return page.clone();
        }
        // Who began the last one may have been shown the door meanwhile: what it asked for was asked for
        // all the same.
        if let Some(begun) = last.begun {
            sleep_until((begun + FRESH).into()).await;
        }
        last.begun = Some(now());
        let page = Bytes::from(make.await);
        last.page = Some((now(), page.clone()));
        page
    }
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::cell::Cell;
    use std::future::pending;

    use tokio::runtime::Builder;
    use tokio::time::timeout;

    use super::*;

    #[test]
    fn pages_whose_makers_are_shown_the_door_are_begun_once_a_second_all_the_same() {
        let mut runtime = Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().unwrap();
        let (fresh, begun) = (Fresh::default(), Cell::new(0));
        runtime.block_on(async {
            for _ in 0..30 {
                let make = async {
                    begun.set(begun.get() + 1);
                    pending::<String>().await
                };
                // Somebody else's place is wanted.
                let _ = timeout(FRESH / 10, fresh.page(make)).await;
            }
        });
        // In three seconds.
        assert!((3..=4).contains(&begun.get()), "{}", begun.get());
    }

    #[test]
    fn a_page_is_shown_to_everybody_for_a_second_and_then_made_anew_at_once() {
        let mut runtime = Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().unwrap();
        let fresh = Fresh::default();
        runtime.block_on(async {
            let first = fresh.page(async { "first".to_owned() }).await;
            let again = fresh.page(async { "again".to_owned() }).await;
            assert_eq!((&first[..], &again[..]), (&b"first"[..], &b"first"[..]));
            tokio::time::sleep(FRESH).await;
            let before = now();
            let second = fresh.page(async { "second".to_owned() }).await;
            assert_eq!(
                (&second[..], now() - before),
                (&b"second"[..], Duration::ZERO)
            );
        });
    }
}
