//! What a new certificate lacks that the old one had.

use super::peer::{PeerCert, San};

/// The subject alternative names of `old` that `new` does not vouch for, in the old one's order: a peer
/// that expects one of them would refuse the new certificate. A wildcard of the new one stands for the
/// names that it covers (RFC 9525, 6.3), and DNS names are the same in capital and small letters.
pub fn lost_names(old: &PeerCert, new: &PeerCert) -> Vec<San> {
    let is_lost = |name: &&San| !new.sans.iter().any(|other| stands_for(other, name));
    let mut lost: Vec<San> = Vec::new();
    for name in old.sans.iter().filter(is_lost) {
        if !lost.contains(name) {
            lost.push(name.clone());
        }
    }
    lost
}

/// Whether who expects `name` is content with `other`.
fn stands_for(other: &San, name: &San) -> bool {
    match (other, name) {
        (San::Dns(other), San::Dns(name)) => covers(&other.to_lowercase(), &name.to_lowercase()),
        _ => other == name,
    }
}

/// Whether a DNS name of a certificate is that name, or a wildcard for its first label.
fn covers(pattern: &str, name: &str) -> bool {
    if pattern == name {
        return true;
    }
    let (Some(domain), Some((label, rest))) = (pattern.strip_prefix("*."), name.split_once('.'))
    else {
        return false;
    };
    !label.is_empty() && domain == rest
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn lost(old: &[&str], new: &[&str]) -> Vec<String> {
        let cert = |sans: &[&str]| PeerCert {
            sans: sans.iter().map(|san| read(san)).collect(),
            ..PeerCert::default()
        };
        let lost = lost_names(&cert(old), &cert(new));
        lost.iter().map(San::to_string).collect()
    }

    /// The name that is shown as that text.
    fn read(text: &str) -> San {
        match text.split_once(':').unwrap() {
            ("DNS", name) => San::Dns(name.to_owned()),
            ("URI", uri) => San::Uri(uri.to_owned()),
            (_, address) => San::Ip(address.parse().unwrap()),
        }
    }

    #[test]
    fn a_name_of_each_kind_that_is_gone_is_told_in_the_old_order() {
        let old = ["DNS:a.example", "IP:192.0.2.7", "URI:spiffe://x/y", "DNS:b"];
        assert_eq!(lost(&old, &["DNS:b"]), old[..3]);
        assert_eq!(lost(&old, &[]), old);
        assert_eq!(lost(&["DNS:a", "DNS:a"], &[]), ["DNS:a"]);
    }

    #[test]
    fn names_that_stay_change_places_or_letters_or_come_along_are_not() {
        let old = ["DNS:a.example", "IP:192.0.2.7"];
        for new in [
            &["DNS:a.example", "IP:192.0.2.7"][..],
            &["IP:192.0.2.7", "DNS:new", "DNS:A.Example"],
        ] {
            assert_eq!(lost(&old, new), [""; 0], "{new:?}");
        }
    }

    #[test]
    fn a_name_of_another_kind_with_the_same_text_is_not_the_same() {
        assert_eq!(lost(&["DNS:a"], &["URI:a"]), ["DNS:a"]);
        assert_eq!(lost(&["URI:a"], &["URI:A"]), ["URI:a"]);
    }

    #[test]
    fn a_wildcard_covers_one_label_and_nothing_else() {
        let new = ["DNS:*.example.org"];
        assert_eq!(lost(&["DNS:db.Example.org"], &new), [""; 0]);
        assert_eq!(lost(&["DNS:*.example.org"], &new), [""; 0]);
        for name in [
            "DNS:example.org",
            "DNS:a.db.example.org",
            "DNS:.example.org",
            "DNS:db.example.com",
            "DNS:*.db.example.org",
        ] {
            assert_eq!(lost(&[name], &new), [name]);
        }
        let lone = lost(&["DNS:*.example.org"], &["DNS:db.example.org"]);
        assert_eq!(lone, ["DNS:*.example.org"]);
    }
}
