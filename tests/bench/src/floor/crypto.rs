//! What BoringSSL's ciphers and handshakes cost by themselves, over memory, in one thread.

use std::io::{self, Read, Write};
use std::time::Duration;

use boring::aead::{AeadCtx, Algorithm};
use boring::error::ErrorStack;
use boring::ssl::{ErrorCode, Ssl, SslStream};

use crate::clock;
use crate::load::{ClientTls, Identity, ServerTls};
use crate::peers::{GROUP, Pki};

/// How long each figure is measured, in CPU time.
const EACH: Duration = Duration::from_millis(300);

const NONCE: [u8; 12] = [7; 12];
const TAG_BYTES: usize = 16;

/// CPU seconds of one operation.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Crypto {
    /// Sealing a record of 16 KiB.
    pub(crate) seal_large: f64,
    /// Opening it.
    pub(crate) open_large: f64,
    /// Sealing a record of 64 bytes.
    pub(crate) seal_small: f64,
    /// Opening it.
    pub(crate) open_small: f64,
    /// A full mutual handshake, the client's part.
    pub(crate) client_full: f64,
    /// The server's part.
    pub(crate) server_full: f64,
    /// A resumed handshake, the client's part.
    pub(crate) client_resumed: f64,
    /// The server's part.
    pub(crate) server_resumed: f64,
}

impl Crypto {
    /// Measures all of it.
    pub(crate) fn measure(pki: &Pki, stranger: &Pki) -> io::Result<Crypto> {
        let (seal_large, open_large) = cipher(16 * 1024)?;
        let (seal_small, open_small) = cipher(64)?;
        // One ticket is the least with which resumption goes on.
        let server = ServerTls::with_tickets(pki, stranger, GROUP, 1);
        let server = server.map_err(io::Error::other)?;
        let client = ClientTls::new(pki, stranger, Identity::Known, GROUP);
        let client = client.map_err(io::Error::other)?;
        let (client_full, server_full) = handshakes(&client, &server, false)?;
        let (client_resumed, server_resumed) = handshakes(&client, &server, true)?;
        Ok(Crypto {
            seal_large,
            open_large,
            seal_small,
            open_small,
            client_full,
            server_full,
            client_resumed,
            server_resumed,
        })
    }
}

/// Seconds for sealing and for opening one record of that size.
fn cipher(bytes: usize) -> io::Result<(f64, f64)> {
    let algorithm = Algorithm::aes_128_gcm();
    let mut context = AeadCtx::new_default_tag(&algorithm, &[1; 16]).map_err(io::Error::other)?;
    let mut data = vec![3; bytes];
    let mut tag = [0; TAG_BYTES];
    let seal = each(|| {
        let sealed = context.seal_in_place_mut(&NONCE, &mut data, &mut tag, b"head.");
        sealed.map(drop).map_err(io::Error::other)
    })?;
    // Each opening is of a record that was sealed just before, whose cost is known.
    let both = each(|| {
        let sealed = context.seal_in_place_mut(&NONCE, &mut data, &mut tag, b"head.");
        sealed.map(drop).map_err(io::Error::other)?;
        let opened = context.open_in_place_mut(&NONCE, &mut data, &tag, b"head.");
        opened.map_err(io::Error::other)
    })?;
    Ok((seal, (both - seal).max(0.0)))
}

/// CPU seconds of one call, over many.
fn each(mut call: impl FnMut() -> io::Result<()>) -> io::Result<f64> {
    const BATCH: u32 = 64;
    (0..BATCH).try_for_each(|_| call())?;
    let (begin, mut calls) = (clock::thread()?, 0);
    loop {
        (0..BATCH).try_for_each(|_| call())?;
        calls += BATCH;
        let spent = clock::thread()? - begin;
        if spent >= EACH {
            return Ok(spent.as_secs_f64() / f64::from(calls));
        }
    }
}

/// A direction of bytes in memory.
#[derive(Default)]
struct Pipe {
    input: Vec<u8>,
    output: Vec<u8>,
}

impl Read for Pipe {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.input.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = into.len().min(self.input.len());
        into[..count].copy_from_slice(&self.input[..count]);
        self.input.drain(..count);
        Ok(count)
    }
}

impl Write for Pipe {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.output.extend_from_slice(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// CPU seconds of a client's and of a server's part of one handshake.
fn handshakes(client: &ClientTls, server: &ServerTls, resumes: bool) -> io::Result<(f64, f64)> {
    client.forget();
    if resumes {
        // The first one brings tickets; each that is used brings others.
        handshake(client, server, false, true)?;
        handshake(client, server, false, true)?;
    }
    let (mut spent, mut count) = ((Duration::ZERO, Duration::ZERO), 0);
    while spent.0 + spent.1 < 2 * EACH {
        let (client_part, server_part) = handshake(client, server, resumes, resumes)?;
        spent = (spent.0 + client_part, spent.1 + server_part);
        count += 1;
    }
    let mean = |spent: Duration| spent.as_secs_f64() / f64::from(count);
    Ok((mean(spent.0), mean(spent.1)))
}

fn handshake(
    client: &ClientTls,
    server: &ServerTls,
    resumes: bool,
    tickets: bool,
) -> io::Result<(Duration, Duration)> {
    let (mut client_spent, mut server_spent) = (Duration::ZERO, Duration::ZERO);
    let mut here = timed(&mut client_spent, || stream(client.connect(resumes)))?;
    let mut there = timed(&mut server_spent, || {
        stream(server.accept(Identity::Known, tickets))
    })?;
    let (mut here_done, mut there_done) = (false, false);
    while !(here_done && there_done) {
        if !here_done {
            here_done = timed(&mut client_spent, || is_done(here.connect()))?;
        }
        there.get_mut().input.append(&mut here.get_mut().output);
        if !there_done {
            there_done = timed(&mut server_spent, || is_done(there.accept()))?;
        }
        here.get_mut().input.append(&mut there.get_mut().output);
    }
    if here.ssl().session_reused() != resumes {
        return Err(io::Error::other(
            "a handshake was not of the kind that was asked for",
        ));
    }
    // BoringSSL's tickets wait for the first byte behind them.
    timed(&mut server_spent, || one_byte(there.ssl_write(&[0])))?;
    here.get_mut().input.append(&mut there.get_mut().output);
    timed(&mut client_spent, || one_byte(here.ssl_read(&mut [0])))?;
    timed(&mut client_spent, || {
        drop(here);
        Ok(())
    })?;
    timed(&mut server_spent, || {
        drop(there);
        Ok(())
    })?;
    Ok((client_spent, server_spent))
}

fn stream(ssl: Result<Ssl, ErrorStack>) -> io::Result<SslStream<Pipe>> {
    SslStream::new(ssl.map_err(io::Error::other)?, Pipe::default()).map_err(io::Error::other)
}

fn is_done(result: Result<(), boring::ssl::Error>) -> io::Result<bool> {
    match result {
        Ok(()) => Ok(true),
        Err(error) if error.code() == ErrorCode::WANT_READ => Ok(false),
        Err(error) => Err(io::Error::other(error.to_string())),
    }
}

fn one_byte(result: Result<usize, boring::ssl::Error>) -> io::Result<()> {
    match result {
        Ok(1) => Ok(()),
        other => Err(io::Error::other(format!("expected one byte: {other:?}"))),
    }
}

fn timed<T>(spent: &mut Duration, call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let begin = clock::thread()?;
    let result = call();
    *spent += clock::thread()? - begin;
    result
}
