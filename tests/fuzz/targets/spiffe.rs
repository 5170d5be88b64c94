//! SPIFFE identities: the first line is the trust domain of the issuer, the others are URIs of a
//! certificate.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mtls_persona::identity::{PeerCert, San, SpiffeError, SpiffeUser, TrustDomain};

fuzz_target!(|text: &str| {
    let mut lines = text.split('\n');
    let first = lines.next().unwrap_or_default();
    let domain = match TrustDomain::parse(first) {
        Ok(domain) => domain,
        Err(what) => {
            assert!(!is_domain(first), "{first:?}: {what}");
            return;
        }
    };
    assert!(is_domain(first) && domain.as_str() == first);
    let uris: Vec<&str> = lines.collect();
    let judged = judge(&uris, &domain);
    match &judged {
        Ok(user) => {
            let ids: Vec<&&str> = uris.iter().filter(|uri| is_meant(uri)).collect();
            let id = format!("spiffe://{domain}/orgs/{}/users/{}", user.org, user.user);
            assert_eq!(ids, [&&id[..]]);
            assert!(
                id.len() <= 2048 && [&user.org, &user.user].iter().all(|name| is_segment(name))
            );
        }
        Err(error) => {
            let text = error.to_string();
            assert!(
                text.len() < 400 && !text.contains(char::is_control),
                "{text:?}"
            );
            if let SpiffeError::OtherDomain(other) = error {
                assert_ne!(*other, domain);
                assert!(is_domain(other.as_str()));
            }
        }
    }
    let backwards: Vec<&str> = uris.iter().rev().copied().collect();
    assert_eq!(
        judge(&backwards, &domain),
        judged,
        "the order of URIs decides"
    );
    if let [org, user] = uris[..]
        && [org, user].into_iter().all(is_segment)
    {
        let id = format!("spiffe://{domain}/orgs/{org}/users/{user}");
        let is_good = judge(&[&id], &domain).is_ok();
        assert_eq!(is_good, id.len() <= 2048, "{id:?}");
    }
});

fn judge(uris: &[&str], domain: &TrustDomain) -> Result<SpiffeUser, SpiffeError> {
    let sans = uris.iter().map(|uri| San::Uri((*uri).to_owned()));
    let cert = PeerCert {
        sans: sans.collect(),
        ..PeerCert::default()
    };
    SpiffeUser::of(&cert, domain)
}

/// Whether a URI is to be an identity.
fn is_meant(uri: &str) -> bool {
    uri.get(..7)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("spiffe:"))
}

fn is_domain(text: &str) -> bool {
    let is_of_domain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-_".contains(c);
    (1..=255).contains(&text.len()) && text.chars().all(is_of_domain)
}

fn is_segment(text: &str) -> bool {
    let is_of_segment = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    !["", ".", ".."].contains(&text) && text.chars().all(is_of_segment)
}
