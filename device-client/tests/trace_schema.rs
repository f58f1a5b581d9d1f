//! `specs/trace.schema.json` says what one line of a decision trace is. The lines of real runs are held against it in
//! `tests/loopback` and in the machine's own tests; here, that it names what there is and refuses what there is not.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may panic")]

mod schema;

use std::{collections::BTreeSet, fs, path::Path};

use device_client::{Decision, Record, Server};
use serde_json::{Value, json};
use verdict::{Digest, Input, ReasonCode, Refusal, Trace};

/// With this in the environment the lists in the file are made anew.
const RENEW: &str = "SZTP_WRITE_TRACE_SCHEMA";

fn path() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../specs/trace.schema.json")
}

/// Literals in the crate that stand where a step is named.
fn steps_in(folder: &Path, steps: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with("tests") {
                steps_in(&path, steps);
            }
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        // What stands behind the tests of a file is no part of the program.
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        for call in ["Record::new(", "Record::refused(", "shared.note(", "::skipped("] {
            for rest in text.split(call).skip(1) {
                let literal = rest.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next());
                steps.extend(literal.filter(|it| call != "::skipped(" && !it.is_empty()).map(str::to_owned));
            }
        }
    }
}

/// The steps that traces have: those named in a call, and the three that are named by what they are about.
fn steps() -> Vec<String> {
    let mut steps: BTreeSet<_> = ["pre-script", "config", "post-script"].map(str::to_owned).into();
    steps_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut steps);
    steps.into_iter().collect()
}

#[test]
fn the_schema_names_every_step_and_every_reason_code() {
    let mut schema = schema::of_traces();
    let codes: Vec<_> = ReasonCode::ALL.iter().map(|code| code.as_str()).collect();
    schema["properties"]["step"]["examples"] = json!(steps());
    schema["$defs"]["reason-code"]["examples"] = json!(codes);
    let text = format!("{schema:#}\n");
    if std::env::var_os(RENEW).is_some() {
        fs::write(path(), &text).unwrap();
    }
    let stands = fs::read_to_string(path()).unwrap();
    assert!(stands == text, "specs/trace.schema.json is behind: renew it with {RENEW}=1, and read the difference");
}

fn lines() -> Vec<Value> {
    let mut trace = Trace::new();
    trace.passed("voucher-signature", "RFC 8572 §5.4", &[Input { name: "ownership-voucher", sha256: Digest([7; 32]) }]);
    trace.skipped("voucher-dates", "RFC 8572 §9.1", "the clock is not trusted");
    let refusal = trace.refused("voucher-nonce", ReasonCode::VoucherExpired, &[], "late\u{1b}");
    let refused = Record::refused("server-passed-over", &refusal).about(Server::new("sztp1", 443));
    let plain = Record::refused("journal", &Refusal::new(ReasonCode::StorageFailed, "full"));
    [refused, plain, Record::new("asking", Decision::Noted, "")].map(|it| serde_json::to_value(it).unwrap()).to_vec()
}

#[test]
fn lines_are_as_the_schema_has_them_and_the_checks_are_those_of_the_server() {
    let schema = schema::of_traces();
    for line in lines() {
        schema::check(&schema, &line);
        // The part that server, operator API and command line share.
        let checks = line.get("checks").cloned().unwrap_or_else(|| json!([]));
        schema::judge(&schema, &schema["$defs"]["checks"], &checks).unwrap();
    }
}

#[test]
fn what_is_no_line_is_refused() {
    let schema = schema::of_traces();
    let good = &lines()[0];
    let bad = |change: &dyn Fn(&mut Value)| {
        let mut line = good.clone();
        change(&mut line);
        assert!(schema::judge(&schema, &schema, &line).is_err(), "{line:#}");
    };
    bad(&|line| line["step"] = json!("Server Passed Over"));
    bad(&|line| line["decision"] = json!("perhaps"));
    bad(&|line| line["reason"] = json!("no_such_form"));
    bad(&|line| line["surprise"] = json!(1));
    bad(&|line| line["time"] = json!("yesterday"));
    bad(&|line| line["detail"] = json!("\u{1b}[2J"));
    bad(&|line| line["checks"][0]["outcome"] = json!("failed"));
    bad(&|line| line["checks"][0]["inputs"][0]["sha256"] = json!("AB"));
    bad(&|line| line["checks"] = json!([]));
    // A refusal says why, where that stands and what to do; nothing else does.
    for member in ["reason", "section", "remedy"] {
        bad(&|line| drop(line.as_object_mut().unwrap().remove(member)));
    }
    bad(&|line| line["decision"] = json!("passed"));
    for member in ["step", "decision"] {
        bad(&|line| drop(line.as_object_mut().unwrap().remove(member)));
    }
}
