//! `pair -- COMMAND`: starts the other end and offers a plain listener that leads to it.

use std::convert::Infallible;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use tempfile::NamedTempFile;

use super::PairArgs;
use super::course::{self, Course, End, believe_all, fault};
use super::exchange::line;
use crate::config::Loaded;
use crate::net::Endpoint;
use crate::tls::authority::Identity;

/// Offers the listener until the child ends.
pub(super) fn run(args: &PairArgs) -> ExitCode {
    // Removed when all else has ended.
    let mut told = None;
    course::run(args, |course, loaded, identity| {
        offer(args, course, (loaded, identity), &mut told)
    })
}

fn offer(
    args: &PairArgs,
    course: &mut Course,
    (mut loaded, identity): (Loaded, &Identity),
    told: &mut Option<AddressFile>,
) -> Result<Infallible, End> {
    if let Some(path) = &args.address_file {
        AddressFile::forget(path).map_err(fault(&path.display().to_string()))?;
    }
    course.start_other(&args.command, &line(&identity.cert_pem, None))?;
    let said = course.hear()?;
    if said.port.is_none() {
        return Err(course.said("what it said has no \"port\""));
    }
    believe_all(&mut loaded, said);
    for pair in &loaded.config.pairs {
        course.reach(pair)?;
    }
    let endpoint = course.serve(loaded)?;
    if let Some(path) = &args.address_file {
        let file = AddressFile::write(path, &endpoint);
        *told = Some(file.map_err(fault(&path.display().to_string()))?);
    }
    course.go_on()
}

/// A file with the address that is listened on, which goes when that does.
struct AddressFile(PathBuf);

impl AddressFile {
    /// Removes what one has left there that was killed: by now somebody else may listen at that address.
    fn forget(path: &Path) -> io::Result<()> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Whoever finds the file finds all of it.
    fn write(path: &Path, endpoint: &Endpoint) -> io::Result<AddressFile> {
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let mut file = NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
        writeln!(file, "{endpoint}")?;
        file.persist(path)?;
        Ok(AddressFile(path.to_owned()))
    }
}

impl Drop for AddressFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
