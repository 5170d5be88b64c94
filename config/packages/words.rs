//! Writes a man page for each command, and completions for shells, from the arguments themselves:
//!
//! ```sh
//! cargo run --example words -- FOLDER
//! ```

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use clap::Command;
use clap_complete::{Shell, generate_to};

/// The program itself has nothing of this: who installs it has the files.
fn main() -> io::Result<()> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from);
    let folder = folder.ok_or_else(|| io::Error::other("usage: words FOLDER"))?;
    let mut command = shown(&mtls_persona::cli::command());
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        let to = folder.join(shell.to_string());
        fs::create_dir_all(&to)?;
        generate_to(shell, &mut command, "mtls-persona", to)?;
    }
    let pages = folder.join("man1");
    fs::create_dir_all(&pages)?;
    let mut command = without_help(mtls_persona::cli::command());
    // Gives each of the commands below its whole name.
    command.build();
    write_pages(&command, &pages)
}

/// The program's words without the commands that are hidden: completions would offer these as well, and clap
/// lets nobody take one out.
fn shown(command: &Command) -> Command {
    let below = command.get_subcommands().filter(|each| !each.is_hide_set());
    Command::new("mtls-persona")
        .args(command.get_arguments().cloned())
        .groups(command.get_groups().cloned())
        .subcommands(below.cloned())
}

/// `help` would have a page for each command once more.
fn without_help(command: Command) -> Command {
    let command = command.disable_help_subcommand(true);
    command.mut_subcommands(without_help)
}

/// One page for a command, and one for each below it that somebody is to call.
fn write_pages(command: &Command, folder: &Path) -> io::Result<()> {
    let name = command.get_display_name().unwrap_or(command.get_name());
    let page = clap_mangen::Man::new(command.clone())
        .title(name.to_uppercase())
        .source(concat!("mtls-persona ", env!("CARGO_PKG_VERSION")))
        .manual("mtls-persona");
    page.render(&mut File::create(folder.join(format!("{name}.1")))?)?;
    let mut below = command.get_subcommands().filter(|each| !each.is_hide_set());
    below.try_for_each(|each| write_pages(each, folder))
}
