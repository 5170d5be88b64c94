//! What the program counts itself.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(10);

/// Results of decisions that are none of this run's.
const OTHERS: [&str; 4] = ["refused", "unavailable", "overloaded", "limited"];

/// A connector's counts.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Counts {
    /// Clients that were let through.
    pub(super) granted: u64,
    /// Clients that were not, for whatever reason.
    pub(super) others: u64,
    /// Questions to the database.
    pub(super) lookups: u64,
    /// Seconds that those took in all.
    pub(super) seconds: f64,
}

impl Counts {
    /// As they are now, by the program's page of metrics.
    pub(super) fn fetch(admin: SocketAddr) -> io::Result<Counts> {
        let mut stream = TcpStream::connect(admin)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let request =
            format!("GET /metrics HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes())?;
        let mut page = String::new();
        stream.read_to_string(&mut page)?;
        let missing = || io::Error::other(format!("no counts of connectors in: {page}"));
        Counts::of(&page).ok_or_else(missing)
    }

    fn of(page: &str) -> Option<Counts> {
        let value = |name: &str| -> Option<f64> {
            let series = format!("mtls_persona_connector_{name} ");
            let line = page.lines().find_map(|line| line.strip_prefix(&*series));
            line?.trim().parse().ok()
        };
        let decisions = |result: &str| value(&format!("decisions_total{{result=\"{result}\"}}"));
        let others: Option<Vec<f64>> = OTHERS.into_iter().map(decisions).collect();
        Some(Counts {
            granted: decisions("granted")? as u64,
            others: others?.into_iter().sum::<f64>() as u64,
            lookups: value("lookups_total")? as u64,
            seconds: value("lookup_seconds_total")?,
        })
    }

    /// What was added since.
    pub(super) fn since(self, before: Counts) -> Counts {
        Counts {
            granted: self.granted - before.granted,
            others: self.others - before.others,
            lookups: self.lookups - before.lookups,
            seconds: self.seconds - before.seconds,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_found_among_others() {
        let mut page = String::from("HTTP/1.1 200 OK\r\n\r\n# HELP x\n");
        for (name, value) in [
            ("decisions_total{result=\"granted\"}", "7"),
            ("decisions_total{result=\"refused\"}", "1"),
            ("decisions_total{result=\"unavailable\"}", "2"),
            ("decisions_total{result=\"overloaded\"}", "0"),
            ("decisions_total{result=\"limited\"}", "0"),
            ("lookups_total", "9"),
            ("lookup_seconds_total", "0.5"),
        ] {
            page += &format!("mtls_persona_connector_{name} {value}\n");
        }
        let expected = Counts {
            granted: 7,
            others: 3,
            lookups: 9,
            seconds: 0.5,
        };
        assert_eq!(Counts::of(&page), Some(expected));
        assert_eq!(Counts::of("HTTP/1.1 404 Not Found\r\n\r\n"), None);
    }
}
