//! However a stream is cut into pieces, the same comes of it.

use super::*;

/// Numbers that look random and follow from a seed: SplitMix64.
struct Random(u64);

impl Random {
    /// A number from 0 to `bound` - 1.
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }

    fn one_of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        let count = self.below(most);
        (0..count).map(|_| self.below(256) as u8).collect()
    }

    /// A stream in pieces.
    fn cut<'a>(&mut self, mut stream: &'a [u8]) -> Vec<&'a [u8]> {
        let most = [1, 2, 7, 50, 1000][self.below(5)];
        let mut pieces = Vec::new();
        while !stream.is_empty() {
            let (piece, rest) = stream.split_at((1 + self.below(most)).min(stream.len()));
            pieces.push(piece);
            stream = rest;
        }
        pieces
    }
}

/// Headers that pass as they are.
const PASSED: [&str; 5] = [
    "Accept: */*",
    "X-Client: Cert",
    "Cookie: a=b; c=\"d\"",
    "Via: ",
    "Connection: close",
];

/// Headers that are left out.
const FORGED: [&str; 5] = [
    "Client-Cert: :f:",
    "X_CLIENT_CERT: f",
    "x-client-cert:f",
    "X-Client-Cert-Hash:  f ",
    "client.cert.chain: f",
];

/// A stream, and what is to come of it.
#[derive(Default)]
struct Sample {
    stream: Vec<u8>,
    expected: Vec<u8>,
}

impl Sample {
    fn both(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.extend_from_slice(bytes.as_ref());
        self.expected.extend_from_slice(bytes.as_ref());
    }

    fn headers(&mut self, random: &mut Random) {
        for _ in 0..random.below(4) {
            self.both(format!("{}\r\n", random.one_of(&PASSED)));
            let forged = format!("{}\r\n", random.one_of(&FORGED));
            self.stream.extend_from_slice(forged.as_bytes());
        }
    }

    fn end_head(&mut self) {
        self.expected.extend_from_slice(OURS.as_bytes());
        self.both("\r\n");
    }

    /// Adds a good request.
    fn request(&mut self, random: &mut Random) {
        let method = random.one_of(&["GET", "HEAD", "POST", "PUT", "PATCH"]);
        let path = random.below(1000);
        self.both(format!("{method} /{path} HTTP/1.1\r\nHost: h\r\n"));
        self.headers(random);
        if ["GET", "HEAD"].contains(&method) {
            return self.end_head();
        }
        if random.below(2) == 0 {
            let body = random.bytes(300);
            self.both(format!("Content-Length: {}\r\n", body.len()));
            self.end_head();
            return self.both(body);
        }
        self.both("Transfer-Encoding: chunked\r\n");
        self.end_head();
        for _ in 0..random.below(5) {
            let chunk = [random.bytes(200), b"x".to_vec()].concat();
            let extension = random.one_of(&["", ";", ";a=b", "; c = \"d\""]);
            self.both(format!("{:x}{extension}\r\n", chunk.len()));
            self.both(chunk);
            self.both("\r\n");
        }
        self.both(random.one_of(&["0\r\n", "000;last\r\n"]));
        self.headers(random);
        self.both("\r\n");
    }
}

fn sample(random: &mut Random) -> Sample {
    let mut sample = Sample::default();
    for _ in 0..1 + random.below(5) {
        sample.request(random);
    }
    sample
}

#[test]
fn good_requests_come_out_with_our_headers_and_without_theirs() {
    for seed in 0..200 {
        let mut random = Random(seed);
        let Sample { stream, expected } = sample(&mut random);
        let expected = (text(expected), None);
        assert_eq!(outcome(&[&stream]), expected, "seed {seed}");
        for _ in 0..4 {
            let pieces = random.cut(&stream);
            assert_eq!(outcome(&pieces), expected, "seed {seed}");
        }
    }
}

#[test]
fn every_place_to_cut_a_stream_in_two_is_the_same() {
    for seed in 1000..1008 {
        let Sample { stream, expected } = sample(&mut Random(seed));
        let expected = (text(expected), None);
        for at in 0..=stream.len() {
            let (one, other) = stream.split_at(at);
            assert_eq!(outcome(&[one, other]), expected, "seed {seed} at {at}");
        }
    }
}

#[test]
fn a_damaged_stream_is_refused_at_the_same_byte_however_it_is_cut() {
    const SEEDS: usize = 800;
    let mut refusals = 0;
    for seed in 0..SEEDS {
        let mut random = Random(5000 + seed as u64);
        let mut stream = sample(&mut random).stream;
        for _ in 0..1 + random.below(3) {
            let at = random.below(stream.len());
            match random.below(4) {
                0 => stream[at] = random.below(256) as u8,
                1 if stream.len() > 1 => drop(stream.remove(at)),
                2 => stream.insert(at, b"\r\n :;\0"[random.below(6)]),
                _ => stream.truncate(at + 1),
            }
        }
        let whole = outcome(&[&stream]);
        refusals += usize::from(whole.1.is_some());
        for _ in 0..3 {
            let pieces = random.cut(&stream);
            assert_eq!(outcome(&pieces), whole, "seed {seed}");
        }
    }
    assert!((SEEDS / 4..SEEDS).contains(&refusals), "{refusals}");
}
