//! What commands that change something have in common.

use operator_api::client::Intent;
use serde::Serialize;

use crate::{
    output,
    server::ServerArgs,
    show::{Column, Form, FormArgs},
};

/// Where a change goes, and whether it is made.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ChangeArgs {
    /// Have the server judge it, and leave everything as it is
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    pub(crate) form: FormArgs,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

impl ChangeArgs {
    pub(crate) const fn intent(&self) -> Intent {
        if self.dry_run { Intent::Rehearse } else { Intent::Make }
    }

    /// Says what was done: in a sentence for people, as the record that came of it for programs.
    pub(crate) fn tell(&self, done: &str, columns: &[Column], made: Option<&impl Serialize>) {
        match (made, self.form.form) {
            (Some(_), Form::Table) => output::line(&crate::show::plain(done)),
            (Some(made), form) => crate::show::one(form, columns, made),
            (None, _) => self.tell_nothing_made(done),
        }
    }

    /// As [`ChangeArgs::tell`], for a change of which no record is left: what to do, what was done, and to what.
    pub(crate) fn tell_gone(&self, verb: &str, done: &str, what: &str) {
        match (self.intent(), self.form.form) {
            (Intent::Make, Form::Table) => output::line(&crate::show::plain(&format!("{done} {what}"))),
            (_, _) => self.tell_nothing_made(&format!("{verb} {what}")),
        }
    }

    /// Says to people what would be done to one of several: programs get a list at the end, of records that were made.
    pub(crate) fn tell_would(&self, done: &str) {
        if self.form.form == Form::Table {
            output::line(&format!("would be done: {}", crate::show::plain(done)));
        }
    }

    fn tell_nothing_made(&self, done: &str) {
        self.tell_would(done);
        // A record that does not exist is not shown; the exit code says that it could be.
        if self.form.form == Form::Json {
            output::line("null");
        }
    }
}

/// Runs a command that talks to a server.
pub(crate) fn block_on<T>(command: impl Future<Output = Result<T, super::Failure>>) -> Result<T, super::Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(command)
}
