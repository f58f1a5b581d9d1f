//! `[masa]`: a server that issues vouchers.

use std::path::{Path, PathBuf};

use authority::{
    Masa,
    masa::{Approvals, Bound, Claims, Clockless, MasaPolicy, Nonceless},
};
use conveyed_info::verify::RegistrarUsage;
use pki::{
    key::Locator,
    revocation::{Crl, Demand, Evidence},
};
use serde::Deserialize;

use super::{ConfigError, KeyPlace, certificates, key::locator, read};
use crate::{authority::masa::Office, domain::parse_duration};

/// `[masa]`: the manufacturer's key for vouchers, and the rules by which it signs.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct MasaSection {
    /// PEM: the certificate that signs vouchers, and those above it.
    pub certificate: PathBuf,
    /// Its key: PEM, or where it is in an HSM or a TPM.
    #[serde(deserialize_with = "locator")]
    pub key: Locator,
    /// The file of the passphrase that opens the key's file.
    #[serde(default)]
    pub passphrase_file: Option<PathBuf>,
    /// PEM: what the IDevIDs of the devices chain to, for requests that devices signed.
    #[serde(default)]
    pub device_anchors: Vec<PathBuf>,
    /// Revocation lists of the owners' authorities, PEM or DER.
    #[serde(default)]
    pub owner_revocation_lists: Vec<PathBuf>,
    /// Whether every certificate of an owner must be shown not to be revoked.
    #[serde(default)]
    pub revocation_required: bool,
    /// Whether a registrar's certificate must hold the extended key usage id-kp-cmcRA (RFC 8995 §5.5.4; MAS-04).
    #[serde(default = "yes")]
    pub registrars_need_cmc_ra: bool,
    /// Who may have vouchers: `recorded-owner`, or also, for devices that were never sold, `any-known-owner`.
    #[serde(default)]
    pub claims: ClaimsRule,
    /// Whether vouchers without a nonce are issued.
    #[serde(default = "yes")]
    pub nonceless: bool,
    /// Whether devices without a clock get vouchers for ever where nobody sends their nonce; otherwise they get none.
    #[serde(default)]
    pub unlimited_for_clockless: bool,
    /// How long a voucher without a nonce lives, such as `90d` or `20m`.
    #[serde(default)]
    pub lifetime: Option<String>,
    /// For how long after its making a voucher may be renewed, such as `365d`.
    #[serde(default)]
    pub renewable: Option<String>,
    /// Whether the first end of what is known of the registrar's certificates ends its vouchers too (MAS-08).
    #[serde(default = "yes")]
    pub bound_by_evidence: bool,
    /// What vouchers say in `domain-cert-revocation-checks` (VCH-13).
    #[serde(default)]
    pub domain_cert_revocation_checks: bool,
    /// The oldest voucher request that is answered, such as `1d`.
    #[serde(default)]
    pub request_age: Option<String>,
    /// Whether a second person must agree to each voucher.
    #[serde(default)]
    pub second_person: bool,
    /// After how many seconds a registrar asks again, while nobody has agreed: at most 60 (MAS-11).
    #[serde(default = "half_a_minute")]
    pub retry_after: u32,
}

/// Who may have a voucher for which device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClaimsRule {
    /// The owner on record.
    #[default]
    RecordedOwner,
    /// That one, and of a device that was never sold any owner that is on record.
    AnyKnownOwner,
}

const fn yes() -> bool {
    true
}

const fn half_a_minute() -> u32 {
    30
}

/// Loads the files that `section` names.
pub(super) fn load(section: &MasaSection, folder: &Path) -> Result<Office, ConfigError> {
    let path = folder.join(&section.certificate);
    let place = KeyPlace::new(folder, &section.key, section.passphrase_file.as_deref());
    let masa = Masa::new(Box::new(place.open()?), certificates(&path)?)
        .map_err(|_| ConfigError::KeyMismatch { path, key: place.locator().clone() })?;
    let anchors = section.device_anchors.iter().map(|path| certificates(&folder.join(path)));
    let device_anchors = anchors.collect::<Result<Vec<_>, _>>()?.concat();
    let mut revocation = Evidence::new();
    for path in &section.owner_revocation_lists {
        let path = folder.join(path);
        let list = Crl::from_file(&read(&path)?)
            .map_err(|source| ConfigError::RevocationList { path: path.clone(), source })?;
        revocation.add_crl(list);
    }
    Ok(Office {
        masa,
        policy: policy(section)?,
        device_anchors,
        usage: if section.registrars_need_cmc_ra { RegistrarUsage::CmcRa } else { RegistrarUsage::Any },
        revocation,
        demand: if section.revocation_required { Demand::Required } else { Demand::WhenAvailable },
    })
}

fn policy(section: &MasaSection) -> Result<MasaPolicy, ConfigError> {
    let standard = MasaPolicy::default();
    let seconds = |text: &Option<String>| {
        let read = |text: &String| {
            let duration = parse_duration(text).map_err(ConfigError::MasaDuration)?;
            Ok::<_, ConfigError>(i64::try_from(duration.as_secs()).unwrap_or(i64::MAX))
        };
        text.as_ref().map(read).transpose()
    };
    Ok(MasaPolicy {
        claims: match section.claims {
            ClaimsRule::RecordedOwner => Claims::RecordedOwner,
            ClaimsRule::AnyKnownOwner => Claims::AnyKnownOwner,
        },
        nonceless: if section.nonceless { Nonceless::Issued } else { Nonceless::Refused },
        clockless: if section.unlimited_for_clockless { Clockless::Unlimited } else { Clockless::NonceOnly },
        lifetime: seconds(&section.lifetime)?.unwrap_or(standard.lifetime),
        bound: if section.bound_by_evidence { Bound::Evidence } else { Bound::Nothing },
        renewable: seconds(&section.renewable)?,
        revocation_checks: Some(section.domain_cert_revocation_checks),
        request_age: seconds(&section.request_age)?.unwrap_or(standard.request_age),
        approvals: if section.second_person { Approvals::SecondPerson } else { Approvals::None },
        retry_after: section.retry_after,
    })
}
