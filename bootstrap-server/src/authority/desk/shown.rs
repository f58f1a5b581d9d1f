//! Certificates and authorities as operators see them, and what they look for.

use std::time::SystemTime;

use operator_api::{Authority as ShownAuthority, AuthorityProfile, Certificate, CertificateQuery};
use pki::{certificate, identity::SerialNumber, key::KeySpec, revocation::Reason, time::Timestamp};

use super::{super::Authority, DeskRefused};
use crate::{
    domain::ledger::Holder,
    domain::{
        AuthorityName, CertificateProfile,
        ledger::{CertificateId, IssuedCertificate, LedgerFilter, LedgerStanding, Revoked, from_hex, hex},
        parse_sha256,
    },
};

/// A certificate as operators see it.
pub(super) fn certificate(
    issued: &IssuedCertificate,
    at: Timestamp,
    revoked: Option<Revoked>,
    authority: Option<&std::sync::Arc<Authority>>,
) -> Certificate {
    let own = &issued.certificate;
    let now = Timestamp::from_system(SystemTime::now());
    let standing = match revoked {
        Some(Revoked { reason: Reason::CertificateHold, .. }) => "on-hold",
        Some(_) => "revoked",
        None if own.not_after() < now => "expired",
        None => "valid",
    };
    let revoked_at = |it: Revoked| Timestamp::from_unix(i64::try_from(it.at.0 / 1000).unwrap_or(i64::MAX)).to_string();
    let manufacturer = match &issued.holder {
        Holder::Owned(device) => Some(device.manufacturer.to_string()),
        Holder::Made(_) | Holder::NoDevice => None,
    };
    Certificate {
        authority: issued.authority.to_string(),
        serial: hex(own.certificate_serial()),
        profile: issued.profile.to_string(),
        manufacturer,
        serial_number: issued.holder.serial_number().map(ToString::to_string),
        subject: own.subject_text(),
        issued: at.to_string(),
        not_before: own.not_before().to_string(),
        not_after: own.not_after().to_string(),
        key: own.public_key().spki_sha256().to_string(),
        sha256: own.sha256().to_string(),
        standing: standing.to_owned(),
        revoked: revoked.map(revoked_at),
        reason: revoked.map(|it| it.reason.as_str().to_owned()),
        pem: chain(own, authority.map_or(&[][..], |authority| authority.ca.chain())),
    }
}

/// What the holder of a certificate shows: it and those above it. The root is left out: who trusts it has it.
fn chain(own: &certificate::Certificate, above: &[certificate::Certificate]) -> String {
    let above = above.iter().filter(|it| !it.is_self_issued());
    std::iter::once(own).chain(above).map(certificate::Certificate::to_pem).collect()
}

/// An authority as operators see it.
pub(super) fn authority(authority: &Authority) -> ShownAuthority {
    let own = authority.ca.chain().first();
    let key = own.and_then(|own| KeySpec::of(own.public_key()));
    let profiles = authority.profiles.iter().map(|(name, profile)| AuthorityProfile {
        name: name.to_string(),
        kind: profile.kind().to_string(),
        lifetime: profile.lifetime().to_string(),
        keys: profile.keys().iter().map(ToString::to_string).collect(),
    });
    ShownAuthority {
        name: authority.name.to_string(),
        subject: own.map(certificate::Certificate::subject_text).unwrap_or_default(),
        algorithm: key.map_or("unknown", KeySpec::name).to_owned(),
        not_after: own.map(|own| own.not_after().to_string()).unwrap_or_default(),
        profiles: profiles.collect(),
        pem: authority.ca.chain().iter().map(certificate::Certificate::to_pem).collect(),
    }
}

/// Reads `AUTHORITY/SERIAL`, as certificates are called here.
pub(super) fn id(text: &str) -> Option<CertificateId> {
    let (authority, serial) = text.split_once('/')?;
    Some(CertificateId { authority: AuthorityName::new(authority).ok()?, serial: from_hex(serial)? })
}

/// What is looked for, and the place after which it begins.
pub(super) fn filter(wanted: &CertificateQuery) -> Result<(LedgerFilter, Option<CertificateId>), DeskRefused> {
    let refuse = |parameter, expected| move || DeskRefused::Query { parameter, expected };
    let name = refuse("authority", "takes the name of an authority");
    let authority = wanted.authority.as_deref().map(AuthorityName::new).transpose().map_err(|_| name())?;
    let name = refuse("profile", "takes the name of a profile");
    let profile = wanted.profile.as_deref().map(CertificateProfile::new).transpose().map_err(|_| name())?;
    let digest = refuse("key", "takes a SHA-256, 64 digits in lower case");
    let key = wanted.key.as_deref().map(|text| parse_sha256(text).ok_or_else(digest)).transpose()?;
    let date = refuse("expires-before", "takes a date such as 2027-01-31T00:00:00Z (RFC 3339)");
    let expires = wanted.expires_before.as_deref().map(|text| Timestamp::parse_rfc3339(text).ok_or_else(date));
    let place = refuse("after", "takes the `next` of the page before");
    let after = wanted.after.as_deref().map(|text| id(text).ok_or_else(place)).transpose()?;
    let name = refuse("serial-number", "takes a serial number: 1 to 64 octets of text without control characters");
    let serial_number = wanted.serial_number.as_deref().map(SerialNumber::new).transpose().map_err(|_| name())?;
    let standing = wanted.revoked.map(|it| if it { LedgerStanding::Revoked } else { LedgerStanding::Standing });
    let filter = LedgerFilter {
        authority,
        profile,
        serial_number,
        serial_prefix: wanted.serial_prefix.clone(),
        key,
        expiring_before: expires.transpose()?,
        standing,
    };
    Ok((filter, after))
}
