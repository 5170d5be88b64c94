//! Signs that files have changed, from the system (inotify(7)).

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crossbeam_channel::Sender;
use inotify::{EventMask, Inotify, WatchDescriptor, WatchMask, Watches};

use super::points::points;
use crate::ops::control::Control;

/// What counts: an entry appears, goes, is another one, was written to, or may be read now.
const SIGNS: WatchMask = WatchMask::CREATE
    .union(WatchMask::DELETE)
    .union(WatchMask::MOVE)
    .union(WatchMask::CLOSE_WRITE)
    .union(WatchMask::ATTRIB)
    .union(WatchMask::MOVE_SELF)
    .union(WatchMask::DELETE_SELF)
    .union(WatchMask::ONLYDIR);

/// Bytes of signs that are read at once.
const SIGNS_BYTES: usize = 4096;

/// The names that matter in each watched folder.
type Names = Arc<Mutex<HashMap<WatchDescriptor, BTreeSet<OsString>>>>;

/// Watches files.
pub(super) struct Watcher {
    watches: Watches,
    names: Names,
    is_told: Arc<AtomicBool>,
    /// It was told that a folder gives no signs.
    is_blindness_told: bool,
}

impl Watcher {
    /// Starts to watch; the signs go to the supervisor, one until it has looked.
    pub(super) fn start(control: Sender<Control>) -> io::Result<Watcher> {
        let inotify = Inotify::init()?;
        let watcher = Watcher {
            watches: inotify.watches(),
            names: Names::default(),
            is_told: Arc::default(),
            is_blindness_told: false,
        };
        let (names, is_told) = (Arc::clone(&watcher.names), Arc::clone(&watcher.is_told));
        let body = move || watch(inotify, &names, &is_told, &control);
        std::thread::Builder::new()
            .name("watch".to_owned())
            .spawn(body)?;
        Ok(watcher)
    }

    /// Watches these files and no others. Call before they are read: what changes later is told. Whether
    /// signs come from elsewhere now: what has changed there before was not told.
    pub(super) fn follow(&mut self, files: &BTreeSet<PathBuf>) -> bool {
        self.is_told.store(false, Ordering::Release);
        let mut wanted = HashMap::new();
        for (folder, names) in points(files, |path| fs::read_link(path).ok()) {
            match self.watches.add(&folder, SIGNS) {
                Ok(watch) => {
                    let known: &mut BTreeSet<OsString> = wanted.entry(watch).or_default();
                    known.extend(names);
                }
                // It shows in the folder above, or when the files are read without a sign.
                Err(error) if is_missing(&error) => {}
                Err(error) if !std::mem::replace(&mut self.is_blindness_told, true) => {
                    log::warn!(
                        "{}: cannot be watched, but its files are read every ten seconds: {error}",
                        folder.display()
                    );
                }
                Err(_) => {}
            }
        }
        let mut known = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let gone = known.keys().filter(|watch| !wanted.contains_key(*watch));
        for watch in gone.cloned().collect::<Vec<_>>() {
            // Its folder may be gone, and its watch with it.
            let _ = self.watches.remove(watch);
        }
        let is_changed = *known != wanted;
        *known = wanted;
        is_changed
    }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

fn watch(mut inotify: Inotify, names: &Names, is_told: &AtomicBool, control: &Sender<Control>) {
    let mut buffer = [0; SIGNS_BYTES];
    loop {
        let mut is_sign = false;
        match inotify.read_events_blocking(&mut buffer) {
            Ok(events) => {
                let names = names.lock().unwrap_or_else(PoisonError::into_inner);
                for event in events {
                    // Without a name it is about the folder itself, or signs were lost.
                    is_sign |= match (event.name, names.get(&event.wd)) {
                        (Some(name), Some(names)) => names.contains(name),
                        (Some(_), None) => false,
                        (None, _) => event.mask != EventMask::IGNORED,
                    };
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                log::error!("files are no longer watched, but read every ten seconds: {error}");
                return;
            }
        }
        if is_sign
            && !is_told.swap(true, Ordering::AcqRel)
            && control.send(Control::FilesChanged).is_err()
        {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
