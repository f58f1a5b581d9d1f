//! `sztp-device identity`: what a factory does with a device's key and certificate, and whether they are fit.

use std::{path::PathBuf, str::FromStr, sync::Arc};

use device_client::{
    config::ClockTrust,
    identity::{self, CertificatePlace, EnrolPlan, Identity, IdentityPlaces, Installed, KeyPlan, Made},
    storage::{Disk, LinuxDisk},
};
use pki::{
    digest::Digest,
    identity::SerialNumber,
    key::{Locator, Signer},
    new_request::{self, DeviceNames},
    tpm::{EndorsementKind, NvOwner, Tpm},
};
use serde_json::json;

use super::{
    Failure,
    arguments::{Format, Given, IdentityOptions},
    commands::findings_shown,
    output,
};

pub(super) fn show(options: &IdentityOptions) -> Result<u8, Failure> {
    let common = &options.common;
    if let Some(key) = &options.given.key {
        return show_tpm(&key.parse()?, common.format);
    }
    let config = common.config()?;
    let identity = Identity::load(&config.identity)?;
    let chain = identity.chain.iter().map(|it| {
        json!({
            "subject": it.subject().to_string(),
            "issuer": it.issuer().to_string(),
            "not-before": it.not_before().to_string(),
            "not-after": it.not_after().to_string(),
            "sha256": it.sha256(),
        })
    });
    let endorsement = endorsement_keys(&config.identity.key)?;
    let shown = json!({
        "endorsement-keys": listed(&endorsement),
        "certificate-place": config.identity.certificate.to_string(),
        "key-place": config.identity.key.to_string(),
        "serial-number": identity.serial_number.as_str(),
        "public-key": Signer::public_key(&*identity.key).spki_sha256(),
        "chain": chain.collect::<Vec<_>>(),
    });
    if common.format == Format::Json {
        output::say(&serde_json::to_string_pretty(&shown)?);
        return Ok(0);
    }
    // DEV-10: of all the names in a certificate, this is the one that counts.
    output::say(&format!("serial number {} (serialNumber of the subject, 2.5.4.5)", identity.serial_number));
    output::say(&format!("kept in       {}, key {}", config.identity.certificate, config.identity.key));
    output::say(&format!("public key    sha-256 {}", Signer::public_key(&*identity.key).spki_sha256()));
    say_each(&endorsement);
    for certificate in &identity.chain {
        output::say(&format!("certificate   {}", certificate.subject()));
        output::say(&format!("  issued by   {}", certificate.issuer()));
        output::say(&format!("  valid       {} to {}", certificate.not_before(), certificate.not_after()));
    }
    Ok(0)
}

/// What a production order can go by before there is any certificate: the endorsement keys of the TPM with this key.
fn show_tpm(key: &Locator, format: Format) -> Result<u8, Failure> {
    let endorsement = endorsement_keys(key)?;
    if endorsement.is_empty() {
        return Err(Failure::missing("--key: takes a key in a TPM, such as tpm2:0x81020000"));
    }
    match format {
        Format::Json => {
            let shown = json!({"endorsement-keys": listed(&endorsement)});
            output::say(&serde_json::to_string_pretty(&shown)?);
        }
        Format::Text => say_each(&endorsement),
    }
    Ok(0)
}

/// SHA-256 of each endorsement key of the TPM that a key is in; nothing for a key elsewhere.
fn endorsement_keys(key: &Locator) -> Result<Vec<(&'static str, Digest)>, Failure> {
    let Locator::Tpm(address) = key else { return Ok(Vec::new()) };
    let mut tpm = Tpm::open(&address.tpm)?;
    let each = EndorsementKind::ALL.iter().filter_map(|kind| {
        let name = match kind {
            EndorsementKind::Rsa2048 => "rsa2048",
            EndorsementKind::P256 => "p256",
        };
        // A TPM need not have both kinds.
        Some((name, tpm.endorsement_key(*kind).ok()?.key().spki_sha256()))
    });
    Ok(each.collect())
}

fn listed(endorsement: &[(&str, Digest)]) -> Vec<serde_json::Value> {
    endorsement.iter().map(|(kind, digest)| json!({"kind": kind, "sha256": digest})).collect()
}

fn say_each(endorsement: &[(&str, Digest)]) {
    for (kind, digest) in endorsement {
        output::say(&format!("endorsement key  {kind} sha-256 {digest}"));
    }
}

/// Enrols the unit on a factory line.
pub(super) fn enrol(options: &IdentityOptions) -> Result<u8, Failure> {
    let given = &options.given;
    let needed = |value: &Option<String>, what| value.clone().ok_or_else(|| Failure::missing(what));
    let file = |value: &Option<PathBuf>, what| value.clone().ok_or_else(|| Failure::missing(what));
    let url = needed(&given.station, "--station is needed: the server's https://host[:port]")?;
    let order = needed(&given.order, "--order is needed: the production order")?;
    let serial = needed(&given.subject_serial, "--serial-number is needed")?;
    let station_key: Locator = needed(&given.station_key, "--station-key is needed")?.parse()?;
    let chain = identity::certificates(&file(&given.station_certificate, "--station-certificate is needed")?)?;
    let anchors = identity::certificates(&file(&given.anchor, "--anchor is needed: who certified the server")?)?;
    let station_places = IdentityPlaces::new(CertificatePlace::File(PathBuf::new()), station_key);
    let station = (chain, Arc::new(station_places.open_key()?));
    let places = places(options)?;
    let (names, plan) = (device_names(&serial, given)?, key_plan(options)?);
    let mut plan = EnrolPlan::new((url, order), station, anchors, (names, plan, places.certificate.clone()));
    plan.nv_owner = given.nv_owner;
    // Of the platform's password there is none in a factory: firmware sets it when the machine starts.
    plan.nv_password_file = given.owner_password_file.clone().filter(|_| given.nv_owner == NvOwner::Owner);
    installed_shown(&places, &identity::enrol(&plan)?, options.common.format)
}

/// The key that is to be made: what was given, and what the configuration says of the rest.
fn key_plan(options: &IdentityOptions) -> Result<KeyPlan, Failure> {
    let given = &options.given;
    let mut plan = match &given.key {
        Some(key) => KeyPlan::new(key.parse()?),
        None => {
            let places = options.common.config()?.identity;
            let mut plan = KeyPlan::new(places.key);
            plan.passphrase_file = places.key_passphrase_file;
            plan
        }
    };
    if given.passphrase_file.is_some() {
        plan.passphrase_file.clone_from(&given.passphrase_file);
    }
    plan.owner_password_file.clone_from(&given.owner_password_file);
    if let Some(algorithm) = &given.algorithm {
        plan.algorithm = algorithm.parse()?;
    }
    if let Some(label) = &given.label {
        plan.label.clone_from(label);
    }
    Ok(plan)
}

fn device_names(serial: &str, given: &Given) -> Result<DeviceNames, Failure> {
    let mut names = DeviceNames::new(SerialNumber::new(serial)?);
    names.organization.clone_from(&given.organization);
    names.hardware_type = given.hardware_type.as_deref().map(FromStr::from_str).transpose()?;
    Ok(names)
}

/// Makes the key, unless it is there, and a request for its certificate.
pub(super) fn create(options: &IdentityOptions) -> Result<u8, Failure> {
    let given = &options.given;
    let serial = given.subject_serial.as_deref().ok_or_else(|| Failure::missing("--subject-serial is needed"))?;
    let out = given.csr.as_deref().ok_or_else(|| Failure::missing("--csr is needed: where the request is written"))?;
    let (names, plan) = (device_names(serial, given)?, key_plan(options)?);
    let (key, made) = identity::make(&plan)?;
    let request = new_request::sign(&names, &key)?;
    LinuxDisk.replace(out, new_request::to_pem(&request).as_bytes())?;
    let public = Signer::public_key(&key);
    if options.common.format == Format::Json {
        let shown = json!({
            "key": plan.key.to_string(),
            "made": made == Made::New,
            "public-key": public.spki_sha256(),
            "serial-number": serial,
            "csr": out.display().to_string(),
        });
        output::say(&serde_json::to_string_pretty(&shown)?);
        return Ok(0);
    }
    let what = match made {
        Made::New => "made",
        Made::Present => "was there",
    };
    output::say(&format!("key       {} {what}", plan.key));
    output::say(&format!("          sha-256 {}", public.spki_sha256()));
    output::say(&format!("request   {} for serial number {serial}", out.display()));
    Ok(0)
}

/// Keeps the certificate.
pub(super) fn install(options: &IdentityOptions) -> Result<u8, Failure> {
    let given = &options.given;
    let file = given.certificate.as_deref().ok_or_else(|| Failure::missing("--certificate is needed"))?;
    let chain = identity::certificates(file)?;
    let places = places(options)?;
    let installed = identity::install(&places, &chain, given.nv_owner, given.owner_password_file.as_deref())?;
    installed_shown(&places, &installed, options.common.format)
}

fn installed_shown(places: &IdentityPlaces, installed: &Installed, format: Format) -> Result<u8, Failure> {
    if format == Format::Json {
        let shown = json!({
            "certificate": places.certificate.to_string(),
            "key": places.key.to_string(),
            "serial-number": installed.serial_number.as_str(),
            "certificates": installed.certificates,
        });
        output::say(&serde_json::to_string_pretty(&shown)?);
        return Ok(0);
    }
    output::say(&format!("serial number {}", installed.serial_number));
    output::say(&format!("{} certificates at {}", installed.certificates, places.certificate));
    Ok(0)
}

/// Whether it is all fit.
pub(super) fn check(options: &IdentityOptions) -> Result<u8, Failure> {
    let places = places(options)?;
    // Without a configuration there is nothing that says not to believe the clock, except the clock itself.
    let trust = if is_complete(options) { ClockTrust::Trusted } else { options.common.config()?.clock };
    findings_shown(&identity::check::check(&places, trust), options.common.format)
}

fn is_complete(options: &IdentityOptions) -> bool {
    options.given.key.is_some() && options.given.to.is_some()
}

/// Where the identity is: what was given, and what the configuration says of the rest.
fn places(options: &IdentityOptions) -> Result<IdentityPlaces, Failure> {
    let given = &options.given;
    let mut places = if is_complete(options) {
        IdentityPlaces::new(CertificatePlace::File(PathBuf::new()), Locator::File(PathBuf::new()))
    } else {
        options.common.config()?.identity
    };
    if let Some(key) = &given.key {
        places.key = key.parse()?;
    }
    if let Some(to) = &given.to {
        places.certificate = to.parse()?;
    }
    if given.passphrase_file.is_some() {
        places.key_passphrase_file.clone_from(&given.passphrase_file);
    }
    Ok(places)
}
