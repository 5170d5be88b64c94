//! Certificates and revocation lists, in PEM or DER: what is told of them is bounded by their size, and
//! is the same in either language.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mtls_persona::identity::{PeerCert, SpiffeUser, TrustDomain};
use mtls_persona::tls::{PemFile, describe, describe_lists};

fuzz_target!(|bytes: &[u8]| {
    let as_given = certificates(bytes);
    let as_pem = certificates(&pem("CERTIFICATE", bytes));
    assert!(
        as_pem.len() <= 1,
        "one object is {} certificates",
        as_pem.len()
    );
    for cert in as_given.iter().chain(&as_pem) {
        bounded(cert, bytes.len());
    }
    let lists = lists(bytes);
    for list in [&lists, &self::lists(&pem("X509 CRL", bytes))] {
        let Ok(list) = list else { continue };
        for facts in list {
            assert!(facts.issuer.len() <= 100 + 16 * bytes.len());
            assert!(facts.revoked <= bytes.len());
            let is_number = |number: &String| number.parse::<f64>().is_ok() && number.len() < 60;
            assert!(facts.number.iter().all(is_number), "{facts:?}");
        }
    }
});

fn certificates(pem: &[u8]) -> Vec<PeerCert> {
    match describe(pem) {
        Ok(all) => {
            assert!(!all.is_empty(), "a file of no certificate is one");
            assert_eq!(describe(pem).as_ref(), Ok(&all));
            all.into_iter().map(|facts| facts.cert).collect()
        }
        Err(what) => {
            assert!(what.len() < 500 && !what.contains('\n'), "{what:?}");
            Vec::new()
        }
    }
}

fn lists(bytes: &[u8]) -> Result<Vec<mtls_persona::tls::ListFacts>, String> {
    let lists = describe_lists(&PemFile {
        path: "a.crl".to_owned(),
        bytes: bytes.to_vec(),
    });
    if let Err(what) = &lists {
        assert!(
            what.len() < 500 + 16 * bytes.len() && !what.contains('\n'),
            "{what:?}"
        );
    }
    lists
}

/// Nothing that is told of a certificate of that many bytes is much larger than it is, and none of it
/// breaks the line that it is shown in.
fn bounded(cert: &PeerCert, len: usize) {
    let names: usize = cert
        .ou
        .iter()
        .chain(&cert.org)
        .chain(&cert.cn)
        .map(String::len)
        .sum();
    let told = cert.subject.len() + cert.issuer.len() + cert.serial.len() + names;
    assert!(told + cert.sans_text().len() <= 100 + 16 * len, "{cert:?}");
    assert!(cert.sans.len() <= len);
    assert!(!cert.to_string().contains(char::is_control), "{cert}");
    let domain = TrustDomain::parse("example.org").expect("it is one");
    if let Err(error) = SpiffeUser::of(cert, &domain) {
        assert!(!error.to_string().contains(char::is_control));
    }
}

fn pem(label: &str, der: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = format!("-----BEGIN {label}-----\n").into_bytes();
    for (number, three) in der.chunks(3).enumerate() {
        let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        let digit = |at: usize| match at > three.len() {
            true => b'=',
            false => DIGITS[(bits >> (18 - 6 * at)) as usize & 63],
        };
        text.extend((0..4).map(digit));
        if number % 16 == 15 {
            text.push(b'\n');
        }
    }
    text.extend(format!("\n-----END {label}-----\n").bytes());
    text
}
