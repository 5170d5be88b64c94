//! `mtls-persona pki`: a small certificate authority in a folder, for bring-up and tests.
//!
//! [`execute`] takes the time and returns what to tell the operator; [`run`] adds the clock and the
//! standard output.

mod args;
mod crl;
mod error;
mod folder;
mod report;

use std::io::Write;
use std::net::IpAddr;

use super::unix_now;
use crate::tls::authority::{
    Authority, Identity, LeafRequest, Purpose, Subject, Validity, is_dns_name,
};
use args::{ClientArgs, InitArgs, IssueArgs, PkiCommand, ServerArgs};
use folder::{CA, Folder, INTERMEDIATE, NewFile};

pub use args::PkiArgs;
pub use error::PkiError;
pub(super) use report::shell_word;

/// Performs the command now and prints what it did.
pub fn run(args: PkiArgs) -> Result<(), PkiError> {
    let report = execute(&args, unix_now())?;
    let mut output = std::io::stdout().lock();
    output
        .write_all(report.as_bytes())
        .and_then(|()| output.flush())
        .map_err(PkiError::Output)
}

/// Performs the command as of `now` (Unix seconds) and returns what it did, in lines for a person.
pub fn execute(args: &PkiArgs, now: i64) -> Result<String, PkiError> {
    let folder = Folder::new(&args.dir)?;
    match &args.command {
        PkiCommand::Init(init) => make_authority(&folder, init, now),
        PkiCommand::Server(server) => make_server(&folder, server, now),
        PkiCommand::Client(client) => make_client(&folder, client, now),
        PkiCommand::Crl(crl) => crl::make(&folder, crl, now),
    }
}

fn make_authority(folder: &Folder, args: &InitArgs, now: i64) -> Result<String, PkiError> {
    if !args.force {
        // An older intermediate would go on signing, so it is in the way of a plain root as well.
        folder.refuse_existing(&[CA, INTERMEDIATE])?;
    }
    let validity = Validity::days(now, args.days);
    let kind = args.key.kind();
    let root = Authority::new(&Subject::named(&args.name), kind, validity)?;
    let mut files = authority_files(CA, &root)?;
    if args.intermediate {
        let subject = Subject::named(&format!("{} intermediate", args.name));
        let below = root.intermediate(&subject, kind, validity)?;
        files.extend(authority_files(INTERMEDIATE, &below)?);
    } else if args.force {
        folder.remove_pair(INTERMEDIATE)?;
    }
    folder.write(&files, args.force)?;
    if args.force {
        // They are those of the old authority.
        folder.remove_lists()?;
    }
    Ok(report::authority(folder, args, validity))
}

fn authority_files(stem: &str, authority: &Authority) -> Result<Vec<NewFile>, PkiError> {
    Ok(vec![
        NewFile::key(stem, authority.key_pem()?),
        NewFile::certificate(stem, authority.cert_pem()?),
    ])
}

fn make_server(folder: &Folder, args: &ServerArgs, now: i64) -> Result<String, PkiError> {
    let unnamed = args.dns.is_empty() && args.ip.is_empty();
    if unnamed && !looks_like_a_host(&args.issue.name) {
        return Err(PkiError::NoServerName {
            name: args.issue.name.clone(),
        });
    }
    issue(folder, &args.issue, now, |validity| {
        let mut request = LeafRequest::server(&args.issue.name, validity);
        if !unnamed {
            request.dns.clone_from(&args.dns);
            request.ips.clone_from(&args.ip);
        }
        if args.both {
            request.purpose = Purpose::Both;
        }
        request
    })
}

fn looks_like_a_host(name: &str) -> bool {
    is_dns_name(name) || name.parse::<IpAddr>().is_ok()
}

fn make_client(folder: &Folder, args: &ClientArgs, now: i64) -> Result<String, PkiError> {
    issue(folder, &args.issue, now, |validity| {
        let mut request = LeafRequest::client(&args.issue.name, validity);
        request.subject.ou.clone_from(&args.ou);
        request.subject.org.clone_from(&args.org);
        request.dns.clone_from(&args.dns);
        request.uris.clone_from(&args.uri);
        request
    })
}

fn issue(
    folder: &Folder,
    args: &IssueArgs,
    now: i64,
    request: impl FnOnce(Validity) -> LeafRequest,
) -> Result<String, PkiError> {
    folder::check_name(&args.name)?;
    if !args.force {
        folder.refuse_existing(&[&args.name])?;
    }
    let signing = folder.signing_authority(now)?;
    let validity = Validity::days(now, args.days).ending_by(signing.not_after);
    let mut request = request(validity);
    request.key = args.key.kind();
    let identity = signing.authority.issue(&request)?;
    folder.write(&identity_files(&args.name, &identity), args.force)?;
    Ok(report::identity(folder, args, &request, &signing))
}

fn identity_files(stem: &str, identity: &Identity) -> Vec<NewFile> {
    vec![
        NewFile::key(stem, identity.key_pem.clone()),
        NewFile::certificate(stem, identity.cert_pem.clone()),
    ]
}
