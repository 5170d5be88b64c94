#![allow(clippy::unwrap_used)]
#![allow(clippy::disallowed_methods, reason = "a test's time begins now")]

use std::net::Ipv4Addr;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use super::super::served::tests::{SAME, served};
use super::*;

#[test]
fn an_answer_for_a_name_that_was_given_up_is_not_taken_for_the_next_ones() {
    let (here, _there) = UnixStream::pair().unwrap();
    here.set_nonblocking(true).unwrap();
    let accepted = Accepted {
        id: ConnId {
            slot: 0,
            generation: 1,
        },
        served: Arc::new(served("", SAME)),
        socket: Socket::Unix(mio::net::UnixStream::from_std(here)),
        peer: Endpoint::Unix(PathBuf::new()),
        tally: Arc::default(),
    };
    let now = Instant::now();
    let mut connection = Connection::new(accepted, now);
    assert!(matches!(connection.begin(now), Step::Resolve(name) if &*name == "db"));
    let found: Arc<[IpAddr]> = [IpAddr::from(Ipv4Addr::LOCALHOST)].into();
    let failure = (CloseReason::DnsError, String::new());
    for late in [Ok(Arc::clone(&found)), Err(failure)] {
        connection.resolved("the one before", late, now);
        assert!(matches!(connection.phase, Phase::Resolving(_)));
        assert_eq!(connection.summary.reason(), None);
    }
    connection.resolved("db", Ok(found), now);
    assert!(matches!(connection.phase, Phase::Connecting(_)));
    drop(connection.close(now));
}
