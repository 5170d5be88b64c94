//! BoringSSL's module lies in the program itself, between two symbols; it tests itself before `main`.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, Output};

use tempfile::TempDir;

use super::require::assert_ends;
use crate::support::peers;
use crate::support::program::{PROGRAM, Program};

/// What a process is killed by that aborts.
const SIGABRT: i32 = 6;

/// A copy of the program, to be damaged.
struct Copy {
    file: PathBuf,
    _folder: TempDir,
}

impl Copy {
    /// With one bit flipped at that place of the file, if any.
    fn flipped_at(place: Option<usize>) -> Copy {
        let folder = TempDir::new().unwrap();
        let (bytes, file) = (folder.path().join("bytes"), folder.path().join("program"));
        let mut content = fs::read(PROGRAM).unwrap();
        if let Some(place) = place {
            content[place] ^= 1;
        }
        fs::write(&bytes, content).unwrap();
        // Another process makes the program of it: one that this process has open for writing cannot
        // be run, and what the other tests start has it open for a moment.
        let mut install = peers::command("install");
        install.args(["-m", "755"]).arg(bytes).arg(&file);
        assert!(install.status().unwrap().success());
        Copy {
            file,
            _folder: folder,
        }
    }

    fn run(&self, words: &[&str]) -> Output {
        Command::new(&self.file).args(words).output().unwrap()
    }
}

/// Some code of the module that does not run before the test or anywhere else here.
const UNUSED: &str = "DH_compute_key_hashed";

/// Where a symbol is to lie in memory, seen from where the program begins there.
fn address(symbol: &str) -> usize {
    let mut symbols = words("nm", &[]).into_iter();
    let found = symbols.find(|words| words.last().is_some_and(|name| name == symbol));
    let found = found.unwrap_or_else(|| panic!("the program has no symbol {symbol}"));
    hex(&found[0])
}

/// Where in the program's file a symbol lies.
fn place(symbol: &str) -> usize {
    let address = address(symbol);
    // Such a line: [16] .text PROGBITS address offset size …
    let section = |words: Vec<String>| {
        let at = words.iter().position(|word| word == "PROGBITS")?;
        let [address, offset, size] = [1, 2, 3].map(|after| hex(&words[at + after]));
        Some((address, offset, size))
    };
    let mut sections = words("readelf", &["-SW"]).into_iter().filter_map(section);
    let (start, offset, _) = sections
        .find(|(start, _, size)| (*start..start + size).contains(&address))
        .unwrap();
    offset + address - start
}

/// The words of each line that a tool prints of the program.
fn words(tool: &str, options: &[&str]) -> Vec<Vec<String>> {
    let mut command = peers::command(tool);
    let output = command.args(options).arg(PROGRAM).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let split = |line: &str| line.split_whitespace().map(str::to_owned).collect();
    text.lines().map(split).collect()
}

fn hex(digits: &str) -> usize {
    usize::from_str_radix(digits, 16).unwrap()
}

/// Asserts that it ends by itself before it has done or said anything.
#[track_caller]
fn assert_refuses(copy: &Copy) {
    for words in [
        &["--version"][..],
        &["demo"],
        &["check", "--config", "none"],
    ] {
        let output = copy.run(words);
        assert_eq!(
            output.status.signal(),
            Some(SIGABRT),
            "{words:?}: {output:?}"
        );
        assert!(output.stdout.is_empty(), "{words:?}: {output:?}");
    }
}

#[test]
fn an_undamaged_copy_starts_and_says_that_it_is_a_fips_module() {
    let output = Copy::flipped_at(None).run(&["--version"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("FIPS module: yes"), "{text}");
}

#[test]
fn one_flipped_bit_anywhere_in_the_module_and_the_program_does_not_start() {
    let first = place("BORINGSSL_bcm_text_start");
    let last = place("BORINGSSL_bcm_text_end") - 1;
    // Nothing but the test can be what refuses.
    let unused = place(UNUSED);
    assert!((first..last).contains(&unused));
    for at in [unused, last] {
        assert_refuses(&Copy::flipped_at(Some(at)));
    }
}

#[test]
fn a_module_that_is_not_the_one_of_its_hash_does_not_start() {
    let hash = place("BORINGSSL_bcm_text_hash");
    assert_refuses(&Copy::flipped_at(Some(hash)));
}

/// Flips a bit of the module in a process.
fn flip_live(program: &Program) {
    let folder = PathBuf::from(format!("/proc/{}", program.pid()));
    // Such a line: 55d0c8a00000-55d0c8b00000 r--p 00000000 fe:00 1234 /…/mtls-persona
    let maps = fs::read_to_string(folder.join("maps")).unwrap();
    let mut lines = maps.lines();
    let first = lines.find(|line| line.ends_with(PROGRAM) && line.contains(" 00000000 "));
    let (start, _) = first.unwrap().split_once('-').unwrap();
    let at = (hex(start) + address(UNUSED)) as u64;
    let mut memory = OpenOptions::new();
    let memory = memory
        .read(true)
        .write(true)
        .open(folder.join("mem"))
        .unwrap();
    let mut byte = [0];
    memory.read_exact_at(&mut byte, at).unwrap();
    memory.write_all_at(&[byte[0] ^ 1], at).unwrap();
}

#[test]
fn a_module_that_is_damaged_while_it_runs_ends_the_program_at_the_next_proof() {
    assert_ends(Program::run, flip_live);
}

#[test]
fn a_byte_that_is_not_the_modules_is_none_of_its_business() {
    let words = b"Gives applications that speak plain TCP";
    let bytes = fs::read(PROGRAM).unwrap();
    let mut pieces = bytes.windows(words.len());
    let at = pieces.position(|piece| piece == words).unwrap();
    let output = Copy::flipped_at(Some(at)).run(&["--version"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}
