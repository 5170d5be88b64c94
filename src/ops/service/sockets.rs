//! Sockets that the service manager listens with, for pairs: sd_listen_fds(3).

use std::env;
use std::io;

use listenfd::ListenFd;

use crate::config::{Address, Pair};
use crate::net::{Endpoint, Handed, Inherited, Lent, Listener, adopt};
use crate::ops::upgrade::{Heirloom, Legacy, Title};

/// What a socket is called whose name was not passed with it.
const NAMELESS: &str = "unknown";

/// Listening sockets by the names of the pairs that they are for; several may have one name. They are
/// kept for as long as the program runs: a pair that a reload takes away may come back.
#[derive(Debug, Default)]
pub(in crate::ops) struct Passed {
    sockets: Vec<Socket>,
    /// They come from the program that this one succeeds.
    is_left: bool,
    legacy: Legacy,
}

#[derive(Debug)]
struct Socket {
    name: String,
    endpoint: Endpoint,
    handed: Handed,
}

impl Passed {
    /// Those that this process was started with. Call it once, while there is one thread: it takes them
    /// out of the environment.
    ///
    /// # Errors
    /// Each descriptor that is no listening socket, as a line.
    pub(in crate::ops) fn take() -> Result<Passed, Vec<String>> {
        let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut names = names.split(':');
        let mut descriptors = ListenFd::from_env();
        let (mut sockets, mut problems) = (Vec::new(), Vec::new());
        for index in 0..descriptors.len() {
            let name = names.next().filter(|name| !name.is_empty());
            let name = name.unwrap_or(NAMELESS);
            match socket(&mut descriptors, index, name) {
                Ok(socket) => sockets.push(socket),
                Err(what) => problems.push(format!("passed socket {name:?}: {what}")),
            }
        }
        match problems.is_empty() {
            true => Ok(Passed {
                sockets,
                ..Passed::default()
            }),
            false => Err(problems),
        }
    }

    /// Those that a predecessor has left, which has had some of them passed.
    ///
    /// # Errors
    /// What the system says.
    pub(in crate::ops) fn left(heirlooms: Vec<Heirloom>) -> io::Result<Passed> {
        let mut passed = Passed {
            is_left: true,
            ..Passed::default()
        };
        let mut own = Vec::new();
        for Heirloom { title, lent } in heirlooms {
            match title {
                Title::Passed(name) => passed.sockets.push(Socket {
                    endpoint: lent.handed.endpoint()?,
                    handed: lent.handed,
                    name,
                }),
                _ => own.push(Heirloom { title, lent }),
            }
        }
        passed.legacy = Legacy::new(own);
        Ok(passed)
    }

    /// What a predecessor has listened with by itself.
    pub(in crate::ops) fn legacy(&self) -> &Legacy {
        &self.legacy
    }

    /// Those that were passed, for a successor.
    ///
    /// # Errors
    /// What the system says.
    pub(in crate::ops) fn heirlooms(&self) -> io::Result<Vec<Heirloom>> {
        let heirlooms = self.sockets.iter().map(|socket| {
            let (handed, file) = (socket.handed.try_clone()?, None);
            Ok(Heirloom {
                title: Title::Passed(socket.name.clone()),
                lent: Lent { handed, file },
            })
        });
        heirlooms.collect()
    }

    /// Whether there are any for the pair of that name.
    pub(in crate::ops) fn has(&self, name: &str) -> bool {
        self.of(name).next().is_some()
    }

    fn of(&self, name: &str) -> impl Iterator<Item = &Socket> {
        let sockets = self.sockets.iter();
        sockets.filter(move |socket| socket.name == name)
    }

    /// Those of a name, to accept connections by.
    ///
    /// # Errors
    /// What the system says.
    pub(in crate::ops) fn listeners(
        &self,
        name: &str,
        inherited: &Inherited,
    ) -> io::Result<Vec<Listener>> {
        let own = self
            .of(name)
            .map(|socket| adopt(socket.handed.try_clone()?, inherited));
        own.collect()
    }

    /// Why what was passed for a pair cannot be its inbound end.
    pub(in crate::ops) fn misfit(&self, pair: &Pair) -> Option<String> {
        let mut own = self.of(&pair.name);
        own.find_map(|socket| misfit(&pair.inbound, &socket.endpoint))
    }

    /// Why these pairs cannot be served with what was passed, a line for each socket.
    pub(in crate::ops) fn problems(&self, pairs: &[Pair]) -> Vec<String> {
        // A reload may have left one without its pair before: what was no reason to stop is none to begin with.
        let lone = self.unused(pairs).filter(|_| !self.is_left).map(|name| {
            let names: Vec<_> = pairs
                .iter()
                .map(|pair| format!("{:?}", pair.name))
                .collect();
            format!(
                "passed socket {name:?}: no pair has that name, so nobody would answer there: set \
                 FileDescriptorName= of its unit to one of {}",
                names.join(", ")
            )
        });
        let misfits = pairs.iter().filter_map(|pair| {
            let what = self.misfit(pair)?;
            Some(format!("pair {:?}: {what}", pair.name))
        });
        lone.chain(misfits).collect()
    }

    /// What works but should be looked at.
    pub(in crate::ops) fn warnings(&self, pairs: &[Pair]) -> Vec<String> {
        let elsewhere = pairs.iter().flat_map(|pair| {
            let own = self.of(&pair.name);
            own.filter_map(|socket| elsewhere(pair, &socket.endpoint))
        });
        let unused = self.unused(pairs).map(|name| {
            format!(
                "passed socket {name:?}: no pair has that name any more, so nobody answers there: stop \
                 its unit"
            )
        });
        elsewhere.chain(unused).collect()
    }

    fn unused(&self, pairs: &[Pair]) -> impl Iterator<Item = &str> {
        let names = self.sockets.iter().map(|socket| socket.name.as_str());
        names.filter(|name| pairs.iter().all(|pair| pair.name != *name))
    }
}

fn socket(descriptors: &mut ListenFd, index: usize, name: &str) -> Result<Socket, String> {
    let no_socket = |error: io::Error| format!("is no stream socket: {error}");
    let handed = match descriptors.take_tcp_listener(index) {
        Ok(listener) => listener.map(Handed::Tcp),
        Err(_) => {
            let listener = descriptors.take_unix_listener(index);
            listener.map_err(no_socket)?.map(Handed::Unix)
        }
    };
    let handed = handed.ok_or("was taken already")?;
    if !handed.listens() {
        return Err("is a connection: set Accept=no in its unit".to_owned());
    }
    Ok(Socket {
        name: name.to_owned(),
        endpoint: handed.endpoint().map_err(no_socket)?,
        handed,
    })
}

fn misfit(inbound: &Address, endpoint: &Endpoint) -> Option<String> {
    let (wanted, passed) = match (inbound, endpoint) {
        (Address::Tcp { .. }, Endpoint::Unix(_)) => ("TCP", "UNIX"),
        (Address::Unix(_), Endpoint::Tcp(_)) => ("UNIX", "TCP"),
        _ => return None,
    };
    Some(format!(
        "inbound {inbound} is a {wanted} address, but the socket that was passed under this name is a \
         {passed} socket, {endpoint}: change one of them"
    ))
}

/// The socket counts and not what the pair says; but somebody may rely on the pair.
fn elsewhere(pair: &Pair, endpoint: &Endpoint) -> Option<String> {
    let is_there = match (&pair.inbound, endpoint) {
        (Address::Tcp { port, .. }, Endpoint::Tcp(address)) => [0, address.port()].contains(port),
        (Address::Unix(path), Endpoint::Unix(own)) => path == own,
        _ => true,
    };
    (!is_there).then(|| {
        let Pair { name, inbound, .. } = pair;
        format!(
            "pair {name:?}: inbound is {inbound}, but the socket that was passed is at {endpoint}"
        )
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::config::parse;

    fn pair(inbound: &str) -> Pair {
        let config = serde_json::json!({
            "cert": "c", "key": "k", "ca": "a",
            "address_pairs": [{"name": "db", "inbound": inbound, "outbound": "db:1"}],
        });
        parse(&config.to_string()).unwrap().config.pairs.remove(0)
    }

    fn passed(names: &[&str]) -> Passed {
        let sockets = names.iter().map(|name| {
            let handed = Handed::Tcp(TcpListener::bind("127.0.0.1:0").unwrap());
            Socket {
                name: (*name).to_owned(),
                endpoint: handed.endpoint().unwrap(),
                handed,
            }
        });
        Passed {
            sockets: sockets.collect(),
            ..Passed::default()
        }
    }

    fn endpoint(text: &str) -> Endpoint {
        match text.strip_prefix("unix:") {
            Some(path) => Endpoint::Unix(path.into()),
            None => Endpoint::Tcp(text.parse().unwrap()),
        }
    }

    #[test]
    fn a_socket_of_another_family_is_none_for_the_pair() {
        for (inbound, passed) in [(":5432", "unix:/run/db"), ("unix:/run/db", "[::]:5432")] {
            let told = misfit(&pair(inbound).inbound, &endpoint(passed)).unwrap();
            assert!(told.contains(inbound) && told.contains(passed), "{told}");
        }
        for (inbound, passed) in [(":1", "127.0.0.1:2"), ("unix:/a", "unix:/b")] {
            assert_eq!(misfit(&pair(inbound).inbound, &endpoint(passed)), None);
        }
    }

    #[test]
    fn a_socket_at_another_place_than_the_pair_says_is_told() {
        let is_told = |inbound: &str, passed: &str| elsewhere(&pair(inbound), &endpoint(passed));
        for (inbound, passed) in [(":5432", "0.0.0.0:443"), ("unix:/a", "unix:/b")] {
            let told = is_told(inbound, passed).unwrap();
            assert!(told.contains(inbound) && told.contains(passed), "{told}");
        }
        // An address may have several names, so that only the port tells.
        for (inbound, passed) in [
            ("localhost:5432", "127.0.0.1:5432"),
            ("localhost:0", "[::1]:5432"),
            ("unix:/a", "unix:/a"),
        ] {
            assert_eq!(is_told(inbound, passed), None);
        }
    }

    #[test]
    fn each_socket_must_have_a_pair() {
        let pairs = [pair("localhost:0")];
        assert!(passed(&["db", "db"]).problems(&pairs).is_empty());
        let told = passed(&["db", "web", "mail.socket"]).problems(&pairs);
        assert_eq!(told.len(), 2);
        for (told, name) in told.iter().zip(["\"web\"", "\"mail.socket\""]) {
            assert!(told.contains(name) && told.contains("\"db\""), "{told}");
        }
    }
}
