//! What was found, for people and for scripts.

use std::path::Path;

use dhcp::bootstrap_uri::FieldForm;
use serde::Serialize;
use verdict::ReasonCode;

use super::{
    super::{
        judged::{Fault, judge},
        octets::hex,
    },
    Family, Found,
};
use crate::{
    output,
    show::{self, Column, Form, Listing, column, plain},
};

/// Every option that was looked at, and everything that is wrong.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    options: Vec<Looked>,
    findings: Vec<Finding>,
}

/// An option that was looked at.
#[derive(Debug, Serialize)]
struct Looked {
    file: String,
    line: usize,
    option: Family,
    /// What the server sends, where that can be told.
    hex: Option<String>,
    form: Option<&'static str>,
    uris: Vec<String>,
    clean: bool,
}

/// Something that is wrong.
#[derive(Debug, Serialize)]
struct Finding {
    file: String,
    line: usize,
    option: Family,
    what: String,
    reason: ReasonCode,
    section: &'static str,
    remedy: String,
    /// The line as it should be, where that can be told.
    write: Option<String>,
}

const FINDINGS: &[Column] = &[
    column("file", "/file"),
    column("line", "/line"),
    column("option", "/option"),
    column("reason", "/reason"),
    column("what", "/what"),
    column("remedy", "/remedy"),
    column("write", "/write"),
];

impl Report {
    /// Judges what a file holds.
    pub(super) fn add(&mut self, path: &Path, options: &[Found], wanted: &[FieldForm]) {
        let file = path.display().to_string();
        for found in options {
            let judged = found.value.as_ref().map(|value| judge(value, wanted));
            let in_value = judged.iter().flat_map(|judged| &judged.faults);
            let mut faults: Vec<_> = found.faults.iter().chain(in_value).cloned().collect();
            let meant = judged.as_ref().and_then(|judged| judged.meant.as_ref()).map(|list| list.encode());
            let as_it_is = found.value.as_ref().filter(|_| judged.as_ref().is_some_and(|it| it.faults.is_empty()));
            let written = as_it_is.or(meant.as_ref()).map(|value| found.place.write(found.family, value));
            let (write, unsendable) = match written {
                Some(Ok(line)) => (Some(line), None),
                Some(Err(unsendable)) => (None, Some(unsendable)),
                None => (None, None),
            };
            faults.extend(unsendable.map(Fault::unsendable));
            self.options.push(Looked {
                file: file.clone(),
                line: found.line,
                option: found.family,
                hex: found.value.as_deref().map(hex),
                form: judged.as_ref().and_then(|judged| judged.form).map(FieldForm::as_str),
                uris: judged.iter().flat_map(|judged| &judged.servers).map(ToString::to_string).collect(),
                clean: faults.is_empty(),
            });
            self.findings.extend(faults.into_iter().map(|fault| Finding {
                file: file.clone(),
                line: found.line,
                option: found.family,
                section: fault.reason.section(),
                what: fault.what,
                reason: fault.reason,
                remedy: fault.remedy,
                write: write.clone(),
            }));
        }
    }

    /// Whether no option was found.
    pub(super) fn is_empty(&self) -> bool {
        self.options.is_empty()
    }

    /// Whether nothing is wrong.
    pub(super) fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    /// Prints it.
    pub(super) fn show(&self, form: Form) {
        match form {
            Form::Json | Form::Yaml => show::one(form, &[], self),
            Form::Csv => Listing::whole(form, FINDINGS, &self.findings),
            Form::Table => output::text(&self.text()),
        }
    }

    fn text(&self) -> String {
        let mut lines = Vec::new();
        for option in self.options.iter().filter(|option| option.clean) {
            let Looked { file, line, option, uris, .. } = option;
            lines.push(format!("{file}:{line}: option {} is good: {}", option.code(), uris.join(", ")));
        }
        for (index, finding) in self.findings.iter().enumerate() {
            let Finding { file, line, option, what, reason, section, remedy, write } = finding;
            lines.push(format!("{file}:{line}: option {}: {what}", option.code()));
            lines.push(format!("  why:   {reason} ({section})"));
            lines.push(format!("  do:    {remedy}"));
            // What several faults of one line have in common is said once.
            let next = self.findings.get(index.saturating_add(1)).map(|next| (&next.file, next.line));
            if let Some(write) = write.as_ref().filter(|_| next != Some((file, *line))) {
                lines.push(format!("  write: {write}"));
            }
        }
        lines.iter().map(|line| format!("{}\n", plain(line))).collect()
    }
}
