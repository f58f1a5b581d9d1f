//! The commands that only look, and `reset`.

use device_client::{
    doctor::{self, Health},
    identity::Identity,
    state::{self, Status},
};
use pki::key::Signer;
use serde_json::json;

use super::{
    FAILED, Failure,
    arguments::{Common, Format},
    output,
};

pub(super) fn status(common: &Common) -> Result<u8, Failure> {
    let status = Status::read(&common.config()?, &common.root)?;
    if common.format == Format::Json {
        output::say(&serde_json::to_string_pretty(&status)?);
        return Ok(0);
    }
    let part = |text: &Option<String>| text.clone().unwrap_or_else(|| "unknown".to_owned());
    output::say(&match &status.done {
        Some(done) => format!(
            "bootstrapped at {} by {}",
            done["when"].as_str().unwrap_or("an unknown time"),
            done["server"].as_str().unwrap_or("an unknown server")
        ),
        None if status.enabled => "not bootstrapped".to_owned(),
        None => "not bootstrapped, and bootstrapping is switched off".to_owned(),
    });
    output::say(&format!("runs {} {}, image {}", part(&status.os_name), part(&status.os_version), part(&status.image)));
    Ok(0)
}

pub(super) fn doctor(common: &Common) -> Result<u8, Failure> {
    let findings = doctor::examine(&common.config()?, &common.root);
    if common.format == Format::Json {
        output::say(&serde_json::to_string_pretty(&findings)?);
    } else {
        for finding in &findings {
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

pub(super) fn identity(common: &Common) -> Result<u8, Failure> {
    let config = common.config()?;
    let identity = Identity::load(&config.idevid_certificate, &config.idevid_key)?;
    let chain = identity.chain.iter().map(|it| {
        json!({
            "subject": it.subject().to_string(),
            "issuer": it.issuer().to_string(),
            "not-before": it.not_before().to_string(),
            "not-after": it.not_after().to_string(),
            "sha256": it.sha256(),
        })
    });
    let shown = json!({
        "serial-number": identity.serial_number.as_str(),
        "public-key": identity.key.public_key().spki_sha256(),
        "chain": chain.collect::<Vec<_>>(),
    });
    if common.format == Format::Json {
        output::say(&serde_json::to_string_pretty(&shown)?);
        return Ok(0);
    }
    output::say(&format!("serial number {}", identity.serial_number));
    output::say(&format!("public key    sha-256 {}", identity.key.public_key().spki_sha256()));
    for certificate in &identity.chain {
        output::say(&format!("certificate   {}", certificate.subject()));
        output::say(&format!("  issued by   {}", certificate.issuer()));
        output::say(&format!("  valid       {} to {}", certificate.not_before(), certificate.not_after()));
    }
    Ok(0)
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
