//! A peer that shakes hands as everybody does, and then has its keys in its own hands.

use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use boring::ssl::{
    HandshakeError, MidHandshakeSslStream, Ssl, SslContext, SslContextBuilder, SslFiletype,
    SslMethod, SslOptions, SslRef, SslStream, SslVersion,
};

use crate::records::Writer;
use crate::tls::pair::End;

/// What the library has logged of the secrets of the last handshake.
static SECRETS: Mutex<String> = Mutex::new(String::new());

/// Of TLS 1.2 and 1.3 in this order, and of a client and a server.
pub struct Contexts([[SslContext; 2]; 2]);

impl Contexts {
    /// By the files of the client's certificate and key, and of the server's.
    pub fn new(files: [(&Path, &Path); 2]) -> Contexts {
        Contexts([SslVersion::TLS1_2, SslVersion::TLS1_3].map(|version| {
            files.map(|(cert, key)| context(version, cert, key).expect("a context can be made"))
        }))
    }

    /// Lets such a peer shake hands with an end of ours, which plays the other role.
    ///
    /// # Panics
    /// One of them refuses.
    pub fn shake(&self, end: &mut End, is_tls13: bool, is_client: bool) -> Writer {
        let contexts = &self.0[usize::from(is_tls13)];
        secrets().clear();
        let ssl = Ssl::new(&contexts[usize::from(!is_client)]).expect("a session can be made");
        let mut state = Err(match is_client {
            true => ssl.setup_connect(Wire::default()),
            false => ssl.setup_accept(Wire::default()),
        });
        end.shake();
        while state.is_err() || !end.is_open {
            assert!(end.refusal.is_none(), "it refuses: {:?}", end.refusal);
            state = state.or_else(|middle| further(middle, end));
            if let Ok(stream) = &mut state {
                end.feed(&std::mem::take(&mut stream.get_mut().said));
                stream.get_mut().come.extend(end.output());
            }
        }
        match state {
            Ok(stream) => writer(stream.ssl(), is_tls13, is_client),
            Err(_) => unreachable!("it is done"),
        }
    }
}

type Middle = MidHandshakeSslStream<Wire>;

/// A flight in each direction.
fn further(mut middle: Middle, end: &mut End) -> Result<SslStream<Wire>, Middle> {
    middle.get_mut().come.extend(end.output());
    match middle.handshake() {
        Ok(stream) => Ok(stream),
        Err(HandshakeError::WouldBlock(mut middle)) => {
            end.feed(&std::mem::take(&mut middle.get_mut().said));
            Err(middle)
        }
        Err(error) => panic!("the peer refuses: {error}"),
    }
}

fn context(
    version: SslVersion,
    cert: &Path,
    key: &Path,
) -> Result<SslContext, boring::error::ErrorStack> {
    let mut builder = SslContextBuilder::new(SslMethod::tls())?;
    builder.set_min_proto_version(Some(version))?;
    builder.set_max_proto_version(Some(version))?;
    builder.set_cipher_list("ECDHE-ECDSA-AES128-GCM-SHA256")?;
    // They would be records that nobody here has counted.
    builder.set_options(SslOptions::NO_TICKET);
    builder.set_certificate_chain_file(cert)?;
    builder.set_private_key_file(key, SslFiletype::PEM)?;
    builder.set_keylog_callback(|_, line| {
        let mut all = secrets();
        all.push_str(line);
        all.push('\n');
    });
    Ok(builder.build())
}

fn secrets() -> std::sync::MutexGuard<'static, String> {
    SECRETS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn writer(ssl: &SslRef, is_tls13: bool, is_client: bool) -> Writer {
    let suite = ssl.current_cipher().map(|cipher| cipher.name());
    let label = match (is_tls13, is_client) {
        (false, _) => "CLIENT_RANDOM",
        (true, true) => "CLIENT_TRAFFIC_SECRET_0",
        (true, false) => "SERVER_TRAFFIC_SECRET_0",
    };
    let secrets = secrets();
    let line = secrets.lines().find_map(|line| line.strip_prefix(label));
    let secret = line.and_then(|line| line.split_whitespace().nth(1));
    let secret = unhex(secret.expect("the library logs its secrets"));
    if is_tls13 {
        // The machine's processor decides, if it has instructions for this one.
        assert_eq!(suite, Some("TLS_AES_128_GCM_SHA256"));
        return Writer::tls13(secret.try_into().expect("it is a hash"));
    }
    assert_eq!(suite, Some("ECDHE-ECDSA-AES128-GCM-SHA256"));
    let mut seed = [0; 64];
    ssl.server_random(&mut seed[..32]);
    ssl.client_random(&mut seed[32..]);
    Writer::tls12(&secret, &seed, is_client)
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = (0..text.len() / 2).map(|at| &text[2 * at..2 * at + 2]);
    digits
        .map(|two| u8::from_str_radix(two, 16).expect("it is hexadecimal"))
        .collect()
}

/// What has come and what is said, in memory.
#[derive(Default)]
struct Wire {
    come: std::collections::VecDeque<u8>,
    said: Vec<u8>,
}

impl Read for Wire {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self.come.is_empty() {
            true => Err(io::ErrorKind::WouldBlock.into()),
            false => self.come.read(into),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.said.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
