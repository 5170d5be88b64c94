//! A configuration in each form of an older program: one file, and where a line `%%` parts it, the
//! file that one of the forms has beside it.

#![no_main]

use std::fs;
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use mtls_persona::config::{Form, Source};
use mtls_persona_fuzz::configs::check;
use tempfile::TempDir;

fuzz_target!(|bytes: &[u8]| {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    let folder = FOLDER
        .get_or_init(|| TempDir::new().expect("a folder can be made"))
        .path();
    // Without an extension, so that the text alone tells which language it is in.
    let path = folder.join("config");
    let (file, beside) = parted(bytes);
    fs::write(&path, file).expect("the file can be written");
    fs::write(folder.join("mtls-id.yaml"), beside).expect("the file can be written");
    for form in [None, Some(Form::Persona), Some(Form::Mtlsd)] {
        let source = Source {
            form,
            ..Source::new(&path)
        };
        check(bytes.len(), source.load());
    }
});

fn parted(bytes: &[u8]) -> (&[u8], &[u8]) {
    const LINE: &[u8] = b"\n%%\n";
    let at = bytes.windows(LINE.len()).position(|piece| piece == LINE);
    at.map_or((bytes, b""), |at| {
        (&bytes[..=at], &bytes[at + LINE.len()..])
    })
}
