//! The commands that only look, and `reset`.

use device_client::{
    doctor::{self, Finding, Health},
    state::{self, Status},
};

use super::{
    FAILED, Failure,
    arguments::{Common, DoctorOptions, Format, Reach},
    output,
};

pub(super) fn status(common: &Common) -> Result<u8, Failure> {
    let status = Status::read(&common.config()?, &common.root)?;
    if common.format == Format::Json {
        output::say(&serde_json::to_string_pretty(&status)?);
        return Ok(0);
    }
    show(&status);
    Ok(0)
}

fn show(status: &Status) {
    output::say(&match &status.done {
        Some(done) => format!(
            "bootstrapped at {} by {}",
            done["when"].as_str().unwrap_or("an unknown time"),
            done["place"].as_str().unwrap_or("an unknown server")
        ),
        None if status.enabled => "not bootstrapped".to_owned(),
        None => "not bootstrapped, and bootstrapping is switched off (`enabled = false`)".to_owned(),
    });
    if let Some(last) = status.last_attempt.as_ref().filter(|_| status.done.is_none()) {
        let part = |name: &str| last[name].as_str().unwrap_or("unknown").to_owned();
        output::say(&format!("last attempt  {} {}: {}", part("when"), part("state"), part("detail")));
        if last["reason"].is_string() {
            output::say(&format!("              {} ({}): {}", part("reason"), part("section"), part("remedy")));
        }
    }
    let part = |text: &Option<String>| text.clone().unwrap_or_else(|| "unknown".to_owned());
    let image = part(&status.image);
    output::say(&format!("runs          {} {}, image {image}", part(&status.os_name), part(&status.os_version)));
    output::say(&format!("identity      {}, key {}", status.identity.certificate, status.identity.key));
    let clock = &status.clock;
    let trust = if clock.trusted { "trusted" } else { "untrusted" };
    output::say(&format!("clock         {trust}: {}; it says {}", clock.meaning, clock.now));
    for anchor in &status.anchors {
        output::say(&format!("anchor        for {}: {}", anchor.trusted_for, anchor.file.display()));
        match &anchor.problem {
            Some(problem) => output::say(&format!("              {problem}")),
            None => {
                output::say(&format!("              {}, until {}", part(&anchor.subject), part(&anchor.not_after)));
                output::say(&format!("              sha-256 {}", part(&anchor.sha256)));
            }
        }
    }
    for server in &status.well_known {
        output::say(&format!("well-known    {server}"));
    }
    output::say(&format!(
        "sources       {}",
        if status.sources.is_empty() { "none".to_owned() } else { status.sources.join(", then ") }
    ));
}

pub(super) fn doctor(options: &DoctorOptions) -> Result<u8, Failure> {
    let common = &options.common;
    let config = common.config()?;
    let mut findings = doctor::examine(&config, &common.root);
    if options.reach == Reach::Network {
        findings.extend(doctor::probe(&config)?);
    }
    findings_shown(&findings, common.format)
}

/// Shows findings, and fails when one of them is bad.
pub(super) fn findings_shown(findings: &[Finding], format: Format) -> Result<u8, Failure> {
    if format == Format::Json {
        output::say(&serde_json::to_string_pretty(findings)?);
    } else {
        for finding in findings {
            let mark = match finding.health {
                Health::Good => "ok",
                Health::Doubtful => "??",
                Health::Bad => "NO",
            };
            output::say(&format!("{mark} {}: {}", finding.check, finding.detail));
            if !finding.fix.is_empty() {
                output::say(&format!("     {}", finding.fix));
            }
        }
    }
    let healthy = findings.iter().all(|finding| finding.health != Health::Bad);
    Ok(if healthy { 0 } else { FAILED })
}

pub(super) fn reset(common: &Common) -> Result<u8, Failure> {
    let removed = state::reset(&common.root)?;
    for path in &removed {
        output::say(&format!("removed {}", path.display()));
    }
    if removed.is_empty() {
        output::say("nothing to remove: this device is in factory state");
    }
    Ok(0)
}
