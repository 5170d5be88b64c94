//! Certificate, key and authorities: what a pair does not name it takes from the top level.

use std::path::PathBuf;

use crate::config::reader::{ObjectReader, Reported, Taken};
use crate::config::value;

/// The two names of each key; the first is the one that messages use.
const CERT: [&str; 2] = ["cert", "client_cert"];
const KEY: [&str; 2] = ["key", "client_key"];
const CA: [&str; 2] = ["ca", "ca_cert"];

/// The files that one object names.
pub(super) struct Files {
    cert: Taken<PathBuf>,
    key: Taken<PathBuf>,
    ca: Taken<Vec<PathBuf>>,
}

impl Files {
    /// What `reader`'s object says.
    pub(super) fn read(reader: &mut ObjectReader<'_>) -> Self {
        Self {
            cert: reader.take_named(CERT, value::path),
            key: reader.take_named(KEY, value::path),
            ca: reader.take_one_or_more(CA, value::path),
        }
    }

    /// Completes a pair's certificate and key. They come together, from the pair or from the top
    /// level: one of each would not match.
    pub(super) fn identity(
        &self,
        top: &mut Self,
        reader: &mut ObjectReader<'_>,
    ) -> Result<(PathBuf, PathBuf), Reported> {
        match (&self.cert, &self.key) {
            (Ok(Some(cert)), Ok(Some(key))) => Ok((cert.clone(), key.clone())),
            (Ok(None), Ok(None)) => {
                let cert = inherit(&mut top.cert, CERT, reader);
                let key = inherit(&mut top.key, KEY, reader);
                Ok((cert?, key?))
            }
            (Ok(Some(_)), Ok(None)) => Err(reader.report(
                "key",
                "missing: a pair with its own cert has its own key too",
            )),
            (Ok(None), Ok(Some(_))) => Err(reader.report(
                "cert",
                "missing: a pair with its own key has its own cert too",
            )),
            (Err(reported), _) | (_, Err(reported)) => Err(*reported),
        }
    }

    /// Completes a pair's authorities; its own replace those of the top level.
    pub(super) fn authorities(
        &self,
        top: &mut Self,
        reader: &mut ObjectReader<'_>,
    ) -> Result<Vec<PathBuf>, Reported> {
        match &self.ca {
            Ok(Some(ca)) => Ok(ca.clone()),
            Ok(None) => inherit(&mut top.ca, CA, reader),
            Err(reported) => Err(*reported),
        }
    }
}

/// What the top level gives; that it gives nothing is told once, however many pairs miss it.
fn inherit<T: Clone>(
    top: &mut Taken<T>,
    [name, other_name]: [&'static str; 2],
    reader: &mut ObjectReader<'_>,
) -> Result<T, Reported> {
    match top {
        Ok(Some(value)) => Ok(value.clone()),
        Err(reported) => Err(*reported),
        Ok(None) => {
            let what = format!(
                "missing, and {} has none of its own: name a PEM file here (\"{other_name}\" is \
                 the same key) or in every pair",
                reader.path()
            );
            let reported = reader.report_at(name, what);
            *top = Err(reported);
            Err(reported)
        }
    }
}
