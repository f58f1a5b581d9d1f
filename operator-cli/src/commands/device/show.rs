//! `sztp device show`.

use std::process::ExitCode;

use operator_api::{Device, Report, ReportedCertificate, ReportedKey};
use serde::Serialize;
use serde_json::{Value, json};

use super::{Failure, name::find};
use crate::{
    output,
    server::ServerArgs,
    show::{self, Column, Form, FormArgs, Listing, column},
};

/// Arguments of `sztp device show`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The device: SERIAL, or MANUFACTURER/SERIAL where several makers use the number
    device: String,
    #[command(flatten)]
    form: FormArgs,
    #[command(flatten)]
    server: ServerArgs,
}

const EXAMPLES: &str = "Examples:
  sztp device show SN-0001
  sztp device show example-maker/SN-0001 --output json

`sztp explain SN-0001` says what happened to it, what it waits for, and what to do.";

const COLUMNS: &[Column] = &[
    column("manufacturer", "/manufacturer"),
    column("serial-number", "/serial-number"),
    column("profile", "/profile"),
    column("model", "/model"),
    column("mac-addresses", "/mac-addresses"),
    column("uuid", "/uuid"),
    column("host", "/host"),
    column("slot", "/slot"),
    column("rack", "/rack"),
    column("state", "/state"),
    column("detail", "/detail"),
    column("since", "/since"),
    column("vouched", "/vouched"),
    column("waits-for", "/waiting/responsible"),
    column("until", "/waiting/deadline"),
    column("stuck", "/waiting/stuck/summary"),
    column("do", "/waiting/stuck/remedy"),
    column("last-proof", "/proof/at"),
    column("from", "/proof/source"),
    column("certificate", "/proof/certificate"),
    column("alarm", "/alarm/reason"),
    column("alarm-since", "/alarm/at"),
    column("alarm-do", "/alarm/remedy"),
    column("version", "/version"),
];

const REPORTS: &[Column] =
    &[column("reported", "/at"), column("progress-type", "/progress-type"), column("message", "/message")];

const KEYS: &[Column] = &[
    column("key", "/kind"),
    column("fingerprint", "/fingerprint"),
    column("subject", "/subject"),
    column("issuer", "/issuer"),
    column("not-after", "/not-after"),
];

/// A line for each key and certificate by which the device can be authenticated since it was bootstrapped.
fn key_lines(reports: &[Report]) -> Vec<Value> {
    let latest = reports.iter().rfind(|report| !report.keys.is_empty());
    let lines = |key: &ReportedKey| -> Vec<Value> {
        let of = |certificate: &ReportedCertificate| {
            json!({"kind": key.kind, "fingerprint": certificate.sha256, "subject": certificate.subject,
                "issuer": certificate.issuer, "not-after": certificate.not_after})
        };
        match key.certificates.as_slice() {
            [] => vec![json!({"kind": key.kind, "fingerprint": key.fingerprint})],
            certificates => certificates.iter().map(of).collect(),
        }
    };
    latest.into_iter().flat_map(|report| &report.keys).flat_map(lines).collect()
}

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    device: Device,
    reports: Vec<Report>,
}

pub(super) async fn run(args: &Args) -> Result<ExitCode, Failure> {
    let client = args.server.client()?;
    let key = find(&client, &args.device).await?;
    let device = client.device(&key).await?;
    let reports = client.reports(&key).await?.reports;
    let shown = Shown { device, reports };
    show::one(args.form.form, COLUMNS, &shown);
    if args.form.form == Form::Table && !shown.reports.is_empty() {
        output::line("");
        Listing::whole(Form::Table, REPORTS, &shown.reports);
        let keys = key_lines(&shown.reports);
        if !keys.is_empty() {
            output::line("");
            Listing::whole(Form::Table, KEYS, &keys);
        }
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn srv_13_each_certificate_of_the_latest_chain_has_a_line() {
        let certificate = |subject: &str| ReportedCertificate {
            subject: subject.to_owned(),
            issuer: "CN=Root".to_owned(),
            sha256: "ab".to_owned(),
            not_after: "2030-01-01T00:00:00Z".to_owned(),
        };
        let key = |kind: &str, fingerprint: Option<&str>, certificates| ReportedKey {
            kind: kind.to_owned(),
            data: String::new(),
            fingerprint: fingerprint.map(str::to_owned),
            certificates,
        };
        let report = |keys| Report {
            leaf: 1,
            at: String::new(),
            progress_type: "bootstrap-complete".to_owned(),
            message: None,
            keys,
        };
        let chain = key("trust-anchor-cert", None, vec![certificate("CN=Lowest"), certificate("CN=Root")]);
        let reports = [
            report(vec![key("ssh-rsa", Some("SHA256:old"), Vec::new())]),
            report(vec![key("ssh-ed25519", Some("SHA256:new"), Vec::new()), chain]),
            report(Vec::new()),
        ];
        let lines = key_lines(&reports);
        let fingerprints: Vec<_> = lines.iter().map(|line| line["fingerprint"].as_str().unwrap()).collect();
        assert_eq!(fingerprints, ["SHA256:new", "ab", "ab"]);
        assert_eq!(
            (&lines[1]["subject"], &lines[2]["not-after"]),
            (&json!("CN=Lowest"), &json!("2030-01-01T00:00:00Z"))
        );
        assert!(key_lines(&[]).is_empty());
    }
}
