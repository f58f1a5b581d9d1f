//! `sztp completions` and `sztp man`: made from the commands themselves, so that they cannot differ from them.

use std::{fs, io, path::PathBuf, process::ExitCode};

use clap_complete::Shell;

use super::Failure;
use crate::output;

/// Arguments of `sztp completions`.
#[derive(Debug, clap::Args)]
#[command(after_help = COMPLETIONS)]
pub(crate) struct CompletionsArgs {
    /// For which shell
    shell: Shell,
}

const COMPLETIONS: &str = "Examples:
  source <(sztp completions bash)
  sztp completions zsh > ~/.zfunc/_sztp";

/// Arguments of `sztp man`.
#[derive(Debug, clap::Args)]
#[command(after_help = MAN)]
pub(crate) struct ManArgs {
    /// Write the pages of all commands into this folder, instead of showing that of sztp itself
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

const MAN: &str = "Examples:
  sztp man | man -l -
  sztp man --out /usr/local/share/man/man1";

/// Prints what a shell reads.
pub(crate) fn completions(args: &CompletionsArgs, mut command: clap::Command) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "sztp", &mut script);
    output::text(&String::from_utf8_lossy(&script));
    ExitCode::SUCCESS
}

/// Prints or writes manual pages.
pub(crate) fn man(args: &ManArgs, command: clap::Command) -> Result<ExitCode, Failure> {
    match &args.out {
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(command).render(&mut page)?;
            output::text(&String::from_utf8_lossy(&page));
        }
        Some(folder) => {
            let wrap = |source: io::Error| Failure::File { path: folder.clone(), source };
            fs::create_dir_all(folder).map_err(wrap)?;
            clap_mangen::generate_to(command, folder).map_err(wrap)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
