//! From the bytes of a file to revocation lists.

use crate::tls::backend::Crl;
use crate::tls::backend::lib::nid::Nid;
use crate::tls::backend::lib::x509::X509;
use crate::tls::credentials::PemFile;
use crate::tls::facts;
use crate::tls::revocation::Term;

/// One list and where it came from.
pub(super) struct Read<'a> {
    pub(super) path: &'a str,
    pub(super) crl: Crl,
    pub(super) term: Term,
}

/// All lists of a file, or what is wrong with it.
pub(super) fn lists_of(file: &PemFile) -> Result<Vec<Read<'_>>, String> {
    let crls = match contains(&file.bytes, b"-----BEGIN ") {
        true => from_pem(&file.bytes)?,
        false => from_der(&file.bytes)?,
    };
    crls.into_iter().map(|crl| read(&file.path, crl)).collect()
}

fn from_pem(pem: &[u8]) -> Result<Vec<Crl>, String> {
    const LABEL: &[u8] = b"BEGIN X509 CRL-";
    let begun = (0..pem.len())
        .filter(|at| pem[*at..].starts_with(LABEL))
        .count();
    if begun == 0 {
        return Err(match contains(pem, b"CERTIFICATE-") {
            true => IS_CERTIFICATE.to_owned(),
            false => IS_NONE.to_owned(),
        });
    }
    let lists = Crl::stack_from_pem(pem);
    // The library skips what it does not recognise.
    match lists.len() == begun {
        true => Ok(lists),
        false => Err(format!(
            "not all of its revocation lists ({begun}) can be read: fetch it again"
        )),
    }
}

const IS_CERTIFICATE: &str =
    "it holds a certificate and no revocation list: certificates belong into ca";
const IS_NONE: &str = "no revocation list in it: a file in PEM or DER is needed";

fn from_der(der: &[u8]) -> Result<Vec<Crl>, String> {
    let mut lists = Vec::new();
    let mut rest = der;
    while !rest.is_empty() {
        match Crl::from_der(rest) {
            Ok((crl, used @ 1..)) if used <= rest.len() => {
                lists.push(crl);
                rest = &rest[used..];
            }
            _ if X509::from_der(der).is_ok() => return Err(IS_CERTIFICATE.to_owned()),
            _ if lists.is_empty() => return Err(format!("{IS_NONE}, and it is whole")),
            _ => {
                let count = lists.len();
                return Err(format!(
                    "behind its first {count} revocation lists it cannot be read: fetch it again"
                ));
            }
        }
    }
    match lists.is_empty() {
        true => Err(IS_NONE.to_owned()),
        false => Ok(lists),
    }
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|piece| piece == word)
}

/// Takes the facts out of a list; none of one that would not be understood as it is meant.
fn read(path: &str, crl: Crl) -> Result<Read<'_>, String> {
    let issuer = facts::name(crl.issuer_name());
    let problem = |what: &str| format!("the revocation list of {issuer:?}: {what}");
    let mut part = Vec::new();
    for (kind, is_critical, value) in crl.extensions() {
        match kind {
            // OpenSSL would take it for a whole one.
            Nid::DELTA_CRL => {
                let what =
                    "it holds only what has changed since another list: fetch the complete one";
                return Err(problem(what));
            }
            Nid::AUTHORITY_KEY_IDENTIFIER | Nid::ISSUING_DISTRIBUTION_POINT => {
                part.extend(kind.as_raw().to_be_bytes());
                part.extend(value);
            }
            _ if is_critical => {
                let what = "it has a rule that is not understood here: fetch one without it";
                return Err(problem(what));
            }
            _ => {}
        }
    }
    let dates = || {
        let end = crl.next_update().map(facts::seconds).transpose();
        let issuer = crl.issuer_name().to_der();
        Some((
            facts::seconds(crl.this_update()).ok()?,
            end.ok()?,
            issuer.ok()?,
        ))
    };
    let Some((begin, end, issuer)) = dates() else {
        return Err(problem("its dates cannot be read: fetch it again"));
    };
    let term = Term {
        issuer,
        part,
        begin,
        end,
    };
    Ok(Read { path, crl, term })
}
