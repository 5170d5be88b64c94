//! Records of TLS 1.2 and 1.3 that are encrypted by hand, with AES-128-GCM and SHA-256: what is in them is
//! up to whoever has the secret.

use boring::hash::hmac_sha256;
use boring::symm::{Cipher, encrypt_aead};

const KEY_BYTES: usize = 16;
const TAG_BYTES: usize = 16;
/// The version that records name, of 1.2 and of 1.3 (RFC 8446, 5.1).
const VERSION: [u8; 2] = [3, 3];
/// How records of 1.3 look from outside (RFC 8446, 5.2).
const APPLICATION_DATA: u8 = 23;

/// One direction's key, and how many records it has encrypted.
pub struct Writer {
    keys: Keys,
    sequence: u64,
}

enum Keys {
    Tls12 {
        key: [u8; KEY_BYTES],
        /// The part of the nonce that no record tells (RFC 5288, 3).
        salt: [u8; 4],
    },
    Tls13 {
        secret: [u8; 32],
    },
}

impl Writer {
    /// The writer of TLS 1.2 behind its Finished, by the key block (RFC 5246, 6.3) of that master secret. The
    /// seed is the random bytes of the server, and behind them those of the client.
    pub fn tls12(master: &[u8], seed: &[u8; 64], is_client: bool) -> Writer {
        let block = key_block(master, seed);
        let side = usize::from(!is_client);
        let (key, salt) = (side * KEY_BYTES, 2 * KEY_BYTES + side * 4);
        Writer {
            keys: Keys::Tls12 {
                key: array(&block[key..]),
                salt: array(&block[salt..]),
            },
            // Its Finished was the first.
            sequence: 1,
        }
    }

    /// The writer of TLS 1.3 behind the handshake, by its application traffic secret (RFC 8446, 7.1).
    pub fn tls13(secret: [u8; 32]) -> Writer {
        Writer {
            keys: Keys::Tls13 { secret },
            sequence: 0,
        }
    }

    /// Goes on under the next key (RFC 8446, 7.2); in TLS 1.2 there is none.
    pub fn update(&mut self) {
        if let Keys::Tls13 { secret } = &mut self.keys {
            *secret = expanded(secret, "traffic upd");
            self.sequence = 0;
        }
    }

    /// A record of that type. In TLS 1.3 there are so many zeros behind what is in it.
    pub fn record(&mut self, kind: u8, content: &[u8], zeros: usize) -> Vec<u8> {
        let sequence = self.sequence.to_be_bytes();
        self.sequence += 1;
        match &self.keys {
            Keys::Tls12 { key, salt } => {
                let nonce = [&salt[..], &sequence].concat();
                let length = length(content.len());
                let bound = [&sequence[..], &[kind], &VERSION, &length].concat();
                let body = sealed(key, &nonce, &bound, content);
                let header = header(kind, sequence.len() + body.len());
                [&header[..], &sequence, &body].concat()
            }
            Keys::Tls13 { secret } => {
                let mut nonce: [u8; 12] = expanded(secret, "iv");
                for (byte, number) in nonce[4..].iter_mut().zip(sequence) {
                    *byte ^= number;
                }
                let key: [u8; KEY_BYTES] = expanded(secret, "key");
                let inner = [content, &[kind], &vec![0; zeros]].concat();
                let header = header(APPLICATION_DATA, inner.len() + TAG_BYTES);
                let body = sealed(&key, &nonce, &header, &inner);
                [&header[..], &body].concat()
            }
        }
    }
}

fn header(kind: u8, len: usize) -> [u8; 5] {
    let [high, low] = length(len);
    [kind, VERSION[0], VERSION[1], high, low]
}

/// # Panics
/// It is too long for a record.
fn length(len: usize) -> [u8; 2] {
    u16::try_from(len).expect("it is short").to_be_bytes()
}

fn sealed(key: &[u8; KEY_BYTES], nonce: &[u8], bound: &[u8], content: &[u8]) -> Vec<u8> {
    let mut tag = [0; TAG_BYTES];
    let cipher = Cipher::aes_128_gcm();
    let mut body = encrypt_aead(cipher, key, Some(nonce), bound, content, &mut tag)
        .expect("it can be encrypted");
    body.extend(tag);
    body
}

/// HKDF-Expand-Label without a context (RFC 8446, 7.1), of one block of the hash at most.
fn expanded<const N: usize>(secret: &[u8], label: &str) -> [u8; N] {
    let label = format!("tls13 {label}");
    let lengths = [length(N).as_slice(), &[label.len() as u8]].concat();
    let info = [&lengths[..], label.as_bytes(), &[0, 1]].concat();
    array(&hmac(secret, &info))
}

/// As much of the key block as two keys and two salts take (RFC 5246, 5 and 6.3).
fn key_block(master: &[u8], seed: &[u8; 64]) -> Vec<u8> {
    let seed = [b"key expansion".as_slice(), seed].concat();
    let mut block = Vec::new();
    let mut step = hmac(master, &seed);
    while block.len() < 2 * (KEY_BYTES + 4) {
        block.extend(hmac(master, &[&step[..], &seed].concat()));
        step = hmac(master, &step);
    }
    block
}

fn hmac(key: &[u8], data: &[u8]) -> [u8; 32] {
    hmac_sha256(key, data).expect("it can be hashed")
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    *bytes.first_chunk().expect("there are so many")
}
