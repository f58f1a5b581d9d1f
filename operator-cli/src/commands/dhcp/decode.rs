//! `sztp dhcp decode`.

use std::process::ExitCode;

use dhcp::bootstrap_uri::FieldForm;
use serde_json::json;

use super::{
    DhcpFailure, Failure,
    family::Family,
    judged::{Judged, judge},
    octets,
};
use crate::{
    output,
    show::{self, Column, Form, FormArgs, column, plain},
};

/// Arguments of `sztp dhcp decode`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The value in hexadecimal, with or without 0x, colons and blanks; or the whole option, with its code and length
    #[arg(value_name = "HEX", required = true)]
    hex: Vec<String>,
    #[command(flatten)]
    form: FormArgs,
}

const EXAMPLES: &str = "Examples:
  sztp dhcp decode 001168747470733a2f2f3139322e302e322e31
  sztp dhcp decode 00:11:68:74:74:70:73:3a:2f:2f:31:39:32:2e:30:2e:32:2e:31
  sztp dhcp decode 8f 04 c0 00 02 01                   a whole option, and a bare address: 3

Exit codes: 0 a list as RFC 8572 has it, every URI of which is usable; 2 not hexadecimal; 3 anything else.";

const COLUMNS: &[Column] = &[
    column("form", "/form"),
    column("standard", "/standard"),
    column("octets", "/octets"),
    column("option", "/option"),
    column("uris", "/uris"),
];

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let octets = octets::read(&args.hex.join(" ")).map_err(DhcpFailure::Hex)?;
    let whole = [Family::V4, Family::V6].into_iter().find_map(|family| Some((family, family.value(&octets)?)));
    let (family, value) = whole.map_or((None, octets), |(family, value)| (Some(family), value));
    let judged = judge(&value, &[]);
    match args.form.form {
        Form::Table => output::line(&as_text(family, &value, &judged)),
        form => show::one(form, COLUMNS, &as_json(family, &value, &judged)),
    }
    Ok(if judged.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(3) })
}

fn as_json(family: Option<Family>, value: &[u8], judged: &Judged) -> serde_json::Value {
    json!({
        "form": judged.form.map(FieldForm::as_str),
        "standard": judged.faults.is_empty(),
        "option": family,
        "octets": value.len(),
        "uris": judged.servers.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "faults": judged.faults,
        "meant": judged.meant.as_ref().map(|list| octets::hex(&list.encode())),
    })
}

fn as_text(family: Option<Family>, value: &[u8], judged: &Judged) -> String {
    let mut lines = Vec::new();
    if let Some(family) = family {
        lines.push(format!("a whole option {} of {}; looked at is its value", family.code(), family.name()));
    }
    let what = judged.form.map_or("no form that is known", FieldForm::explanation);
    lines.push(format!("{} octets: {what}", value.len()));
    lines.extend(judged.servers.iter().map(|uri| format!("  {uri}")));
    for fault in &judged.faults {
        lines.push(format!("wrong: {}", plain(&fault.what)));
        lines.push(format!("  why: {} ({})", fault.reason, fault.reason.section()));
        lines.push(format!("  do:  {}", plain(&fault.remedy)));
    }
    if let (Some(meant), false) = (&judged.meant, judged.faults.is_empty()) {
        lines.push(format!("The list that was probably meant: {}", octets::hex(&meant.encode())));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dhc_16_a_faulty_value_reads_as_what_is_wrong_why_and_what_to_do() {
        let text = as_text(Some(Family::V4), &[192, 0, 2, 1], &judge(&[192, 0, 2, 1], &[]));
        let expected = "\
a whole option 143 of DHCPv4; looked at is its value
4 octets: four octets that may be an IPv4 address; RFC 8572 §8.3 wants a framed https URI
  https://192.0.2.1
wrong: four octets that may be an IPv4 address; RFC 8572 §8.3 wants a framed https URI; known from guides of Huawei
  why: dhcp-uri-form (RFC 8572 §8.3)
  do:  Write what `sztp dhcp encode` prints; it takes a --form where a class of devices needs another. If your devices want this one, say `--form ipv4-octets`.
The list that was probably meant: 001168747470733a2f2f3139322e302e322e31";
        assert_eq!(text, expected);
    }
}
