//! Which device a certificate is of: the one rule, for the listeners and for those who ask what they would do.
//!
//! Pure: what is known of manufacturers and of revoked certificates comes in, and the time.

use std::{collections::BTreeMap, sync::Arc};

use pki::{
    certificate::Certificate,
    digest::Digest,
    identity::{IdentityError, SerialNumber},
    path::{Path, PathError, Signatures},
    revocation::{self, Crl, Demand, Evidence, RevocationError},
    time::{Clock, Timestamp},
};
use verdict::{ReasonCode, Refusal};

use super::{DeviceId, Manufacturer, ManufacturerName};

/// At which listener a device knocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doorway {
    /// The one for all devices: anchors count, and no weak signature.
    Ordinary,
    /// The one for old devices: legacy anchors count and no others, and SHA-1 below them.
    Legacy,
}

impl Doorway {
    /// The anchors of a manufacturer that count here.
    #[must_use]
    pub fn anchors(self, manufacturer: &Manufacturer) -> &[Certificate] {
        match self {
            Self::Ordinary => &manufacturer.anchors,
            Self::Legacy => &manufacturer.legacy_anchors,
        }
    }

    const fn signatures(self) -> Signatures {
        match self {
            Self::Ordinary => Signatures::Strong,
            Self::Legacy => Signatures::AlsoSha1,
        }
    }
}

/// What the configuration's files say of revoked device certificates, and how much must be known.
#[derive(Clone, Debug)]
pub struct Revocation {
    /// The manufacturers' revocation lists.
    pub evidence: Evidence,
    /// What a certificate is worth of which nothing is known.
    pub demand: Demand,
}

impl Revocation {
    /// Most lists that files may bring: as many again have room in the database, for each manufacturer.
    pub const MAX_LISTS: usize = Evidence::MAX / 2;
}

impl Default for Revocation {
    fn default() -> Self {
        Self { evidence: Evidence::new(), demand: Demand::WhenAvailable }
    }
}

/// The revocation lists that operators stored, by manufacturer.
#[derive(Clone, Debug, Default)]
pub struct StoredLists(BTreeMap<ManufacturerName, (Digest, Evidence)>);

impl StoredLists {
    /// Most lists of one manufacturer.
    pub const MAX: usize = Evidence::MAX / 2;

    /// With these lists of one manufacturer; `digest` is that of the row which holds them.
    pub fn put(&mut self, manufacturer: ManufacturerName, digest: Digest, lists: Vec<Crl>) {
        let mut evidence = Evidence::new();
        lists.into_iter().for_each(|list| evidence.add_crl(list));
        self.0.insert(manufacturer, (digest, evidence));
    }

    /// Takes over from `known` what it has of this row; says whether it has it.
    pub fn keep(&mut self, manufacturer: &ManufacturerName, digest: Digest, known: &Self) -> bool {
        let has = known.0.get(manufacturer).filter(|(known, _)| *known == digest);
        has.map(|it| self.0.insert(manufacturer.clone(), it.clone())).is_some()
    }

    /// Which row it was that a manufacturer's lists came from.
    #[must_use]
    pub fn digest(&self, manufacturer: &ManufacturerName) -> Option<Digest> {
        self.0.get(manufacturer).map(|(digest, _)| *digest)
    }

    /// Each manufacturer's.
    pub fn iter(&self) -> impl Iterator<Item = (&ManufacturerName, &Evidence)> {
        self.0.iter().map(|(name, (_, evidence))| (name, evidence))
    }

    fn is(&self, other: &Self) -> bool {
        let digests = |lists: &Self| lists.0.iter().map(|(name, (it, _))| (name.clone(), *it)).collect::<Vec<_>>();
        digests(self) == digests(other)
    }
}

/// What certificates are judged by.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    manufacturers: Arc<[Manufacturer]>,
    files: Arc<Revocation>,
    stored: Arc<StoredLists>,
    /// Of each manufacturer that has stored lists: those, and the files.
    together: Arc<BTreeMap<ManufacturerName, Evidence>>,
}

impl Trust {
    /// These manufacturers, and what is known of revoked certificates.
    #[must_use]
    pub fn new(manufacturers: &[Manufacturer], files: Arc<Revocation>, stored: StoredLists) -> Self {
        let together = stored.iter().map(|(name, stored)| {
            let mut all = stored.clone();
            all.add_all(&files.evidence);
            (name.clone(), all)
        });
        let together = Arc::new(together.collect());
        Self { manufacturers: manufacturers.into(), files, stored: Arc::new(stored), together }
    }

    /// Whose devices this owner takes in.
    #[must_use]
    pub fn manufacturers(&self) -> &[Manufacturer] {
        &self.manufacturers
    }

    /// With these manufacturers; nothing when they are the same as before.
    #[must_use]
    pub fn taking_in(&self, manufacturers: &[Manufacturer]) -> Option<Self> {
        let changed = *self.manufacturers != *manufacturers;
        changed.then(|| Self { manufacturers: manufacturers.into(), ..self.clone() })
    }

    /// With what the files say now.
    #[must_use]
    pub fn with_files(&self, files: &Arc<Revocation>) -> Self {
        Self::new(&self.manufacturers, Arc::clone(files), self.stored.as_ref().clone())
    }

    /// With these stored lists; nothing when they are the same as before.
    #[must_use]
    pub fn with_stored(&self, stored: &StoredLists) -> Option<Self> {
        let changed = !self.stored.is(stored);
        changed.then(|| Self::new(&self.manufacturers, Arc::clone(&self.files), stored.clone()))
    }

    /// What the files say of revoked certificates.
    #[must_use]
    pub fn files(&self) -> &Arc<Revocation> {
        &self.files
    }

    /// The stored lists.
    #[must_use]
    pub fn stored(&self) -> &StoredLists {
        &self.stored
    }

    /// Every list that devices are judged by, and whose it is; those of files are of no manufacturer in particular.
    pub fn lists(&self) -> impl Iterator<Item = (Option<&ManufacturerName>, &Crl)> {
        let files = self.files.evidence.crls().map(|list| (None, list));
        files.chain(self.stored.iter().flat_map(|(name, lists)| lists.crls().map(move |list| (Some(name), list))))
    }

    /// The lists that may say something about a manufacturer's certificates.
    fn evidence(&self, manufacturer: &ManufacturerName) -> &Evidence {
        self.together.get(manufacturer).unwrap_or(&self.files.evidence)
    }
}

/// What was concluded of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identified {
    /// Whose it is.
    pub device: DeviceId,
    /// The conclusion holds from this moment on.
    pub from: Timestamp,
    /// The last moment at which it holds.
    pub until: Timestamp,
}

/// What one manufacturer's anchors and rules make of a certificate.
#[derive(Clone, Debug)]
pub struct Opinion<'t> {
    /// Whose.
    pub manufacturer: &'t Manufacturer,
    /// The path to its anchors that count here.
    pub path: Result<Path, PathError>,
    /// Whether a device may have such a certificate.
    pub admitted: Result<(), IdentityError>,
    /// What its rules give.
    pub serial_number: Result<SerialNumber, IdentityError>,
}

/// What each manufacturer that is known makes of `certificate`, sent with the chain `sent`.
pub fn opinions<'t>(
    trust: &'t Trust,
    certificate: &'t Certificate,
    sent: &'t [Certificate],
    doorway: Doorway,
    now: Timestamp,
) -> impl Iterator<Item = Opinion<'t>> {
    trust.manufacturers().iter().map(move |manufacturer| {
        let (rules, anchors) = (&manufacturer.identity, doorway.anchors(manufacturer));
        let path = rules.path(certificate, sent, anchors, Clock::Trusted(now), doorway.signatures());
        let (admitted, serial_number) = (rules.admit(certificate), rules.serial_number(certificate));
        Opinion { manufacturer, path, admitted, serial_number }
    })
}

/// Says which device `certificate` is of.
///
/// # Errors
/// [`Refusal`]: no manufacturer that is known here vouches for it, or several do; it is revoked; or it does not say, or
/// says in two ways, which device it is.
pub fn identify(
    trust: &Trust,
    certificate: &Certificate,
    sent: &[Certificate],
    doorway: Doorway,
    now: Timestamp,
) -> Result<Identified, Refusal> {
    let clock = Clock::Trusted(now);
    let (mut closest, mut found) = (None, None::<(&Manufacturer, Path)>);
    for manufacturer in trust.manufacturers() {
        let anchors = doorway.anchors(manufacturer);
        // The path alone: what else certificates say is looked at when somebody vouches for it.
        match (manufacturer.identity.path(certificate, sent, anchors, clock, doorway.signatures()), &found) {
            (Ok(path), None) => found = Some((manufacturer, path)),
            // Whose serial number it is cannot be told, and guessing would give one maker's device to another.
            (Ok(_), Some((first, _))) => {
                let detail = format!("ambiguous: {} and {} both vouch for it", first.name, manufacturer.name);
                return Err(Refusal::new(ReasonCode::IdevidUntrusted, detail));
            }
            (Err(error), _) => {
                if !matches!(error, PathError::NoPath { .. }) || closest.is_none() {
                    closest = Some(error);
                }
            }
        }
    }
    let Some((manufacturer, path)) = found else { return Err(untrusted(certificate, closest, doorway)) };
    let demand = trust.files.demand;
    let findings = revocation::check(&path, trust.evidence(&manufacturer.name), clock, demand).map_err(unacceptable)?;
    let refused = |error: IdentityError| {
        Refusal::new(error.reason(), format!("{error}, by the rules of the manufacturer {}", manufacturer.name))
    };
    manufacturer.identity.admit(certificate).map_err(refused)?;
    let serial_number = manufacturer.identity.serial_number(certificate).map_err(refused)?;
    let certificates = path.certificates();
    // Where "not revoked" must be shown, the judgement holds no longer than what shows it.
    let shown = findings.iter().filter_map(|finding| finding.cleared_by?.period.next_update);
    let shown = if demand == Demand::Required { shown.min() } else { None };
    let until = certificates.iter().map(Certificate::not_after).min().unwrap_or(now);
    Ok(Identified {
        device: DeviceId { manufacturer: manufacturer.name.clone(), serial_number },
        from: certificates.iter().map(Certificate::not_before).max().unwrap_or(now),
        until: shown.map_or(until, |shown| shown.min(until)),
    })
}

fn untrusted(certificate: &Certificate, closest: Option<PathError>, doorway: Doorway) -> Refusal {
    let reason = closest.as_ref().and_then(PathError::reason).unwrap_or(ReasonCode::IdevidUntrusted);
    let claimed = SerialNumber::from_certificate(certificate).map_or_else(|_| "none".to_owned(), |it| it.to_string());
    let why = match (closest, doorway) {
        (None, _) => "no manufacturer is known here".to_owned(),
        (Some(PathError::NoPath { issuer, .. }), Doorway::Legacy) => {
            format!("no legacy anchor of a manufacturer issued it under the name {issuer}; others do not count here")
        }
        (Some(error), _) => error.to_string(),
    };
    Refusal::new(reason, format!("claimed serial number {claimed}: {why}"))
}

/// RFC 5280 §6.3: revoked, or not shown not to be where that is demanded.
fn unacceptable(error: RevocationError) -> Refusal {
    let reason = match &error {
        RevocationError::Revoked { .. } => ReasonCode::CertificateRevoked,
        _ => ReasonCode::RevocationUnchecked,
    };
    Refusal::new(reason, error.to_string())
}
