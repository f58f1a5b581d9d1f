//! What authorities issue: certificates asked for, listed, renewed and revoked, one by one and by the thousand.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::ImportFault;

/// A certificate that is asked for. Also one line of many ([`paths::IMPORT_CERTIFICATES`](crate::paths::IMPORT_CERTIFICATES)).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NewCertificate {
    /// The request (PKCS#10, RFC 2986): PEM, or DER in base64. It proves possession of its key.
    pub csr: String,
    /// By which profile; may be left out where an authority is named that has one alone, or with `renews`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Of which authority; may be left out where one alone has the profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<String>,
    /// The device that it is for. A request that names another one is refused; one that names none gets this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial_number: Option<String>,
    /// The certificate that it goes on from, which still holds: `AUTHORITY/SERIAL`. The names stay, to the octet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renews: Option<String>,
    /// Why the device gets another certificate although it has one that still holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
}

/// A certificate that was issued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Certificate {
    /// Who issued it.
    pub authority: String,
    /// Its own serial number, in hex: with the authority, what it is called by here.
    pub serial: String,
    /// The profile that it was issued by.
    pub profile: String,
    /// Who made the device that holds it, when that is on the owner's list.
    pub manufacturer: Option<String>,
    /// The device that holds it.
    pub serial_number: Option<String>,
    /// Its subject.
    pub subject: String,
    /// When it was issued.
    pub issued: String,
    /// First moment of its validity.
    pub not_before: String,
    /// Last moment of its validity.
    pub not_after: String,
    /// SHA-256 of its key (SubjectPublicKeyInfo).
    pub key: String,
    /// SHA-256 of the certificate.
    pub sha256: String,
    /// `valid`, `expired`, `on-hold` or `revoked`.
    pub standing: String,
    /// When it was revoked.
    pub revoked: Option<String>,
    /// Why it was revoked, as RFC 5280 §5.3.1 spells it.
    pub reason: Option<String>,
    /// The certificate, PEM; below it those that whoever holds it shows with it, without the root.
    pub pem: String,
}

/// An answer to [`NewCertificate`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct IssuedCertificate {
    /// Whether this very request was answered with it before.
    pub issued_before: bool,
    /// The certificate.
    pub certificate: Certificate,
}

/// Which certificates are asked for. Each parameter narrows the choice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CertificateQuery {
    /// Of this authority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<String>,
    /// Issued by this profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Of the devices with this serial number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial_number: Option<String>,
    /// Of devices whose serial numbers start so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial_prefix: Option<String>,
    /// With the key that has this SHA-256 (SubjectPublicKeyInfo), in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// That end before this moment (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_before: Option<String>,
    /// Whether they are revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<bool>,
    /// The `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Most that is wanted, 1 to 1000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// A page of certificates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct CertificatePage {
    /// By authority and serial number of the certificate.
    pub certificates: Vec<Certificate>,
    /// What `after` takes for the next page; absent on the last.
    pub next: Option<String>,
}

/// That a certificate is to be revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RevokeCertificate {
    /// Why, as revocation lists say it: `key-compromise`, `superseded`, `certificate-hold` … (RFC 5280 §5.3.1).
    pub reason: String,
    /// Why, in your words, for the audit log.
    pub because: String,
}

/// An authority.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Authority {
    /// Its name.
    pub name: String,
    /// The subject of its certificate.
    pub subject: String,
    /// What kind of key it has.
    pub algorithm: String,
    /// Last moment of its validity.
    pub not_after: String,
    /// What it issues.
    pub profiles: Vec<AuthorityProfile>,
    /// Its certificate and those above it, PEM.
    pub pem: String,
}

/// What an authority issues.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct AuthorityProfile {
    /// Its name.
    pub name: String,
    /// What its certificates are for.
    pub kind: String,
    /// How long they live: a number of days, or `unlimited`.
    pub lifetime: String,
    /// The kinds of keys that they may have.
    pub keys: Vec<String>,
}

/// All authorities.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct AuthorityList {
    /// By name.
    pub authorities: Vec<Authority>,
}

/// One line of the answer to many requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum CertificateUpdate {
    /// What became of one request.
    Certificate(Box<CertificateOutcome>),
    /// A line that is no request.
    Fault(ImportFault),
    /// The last line.
    Done(CertificatesDone),
}

/// What became of one of many requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct CertificateOutcome {
    /// The line, from 1.
    pub line: u64,
    /// `issued`, `known` (this request was answered with it before) or `refused`.
    pub outcome: String,
    /// The device that it was to be for, as the line or the certificate says it.
    pub serial_number: Option<String>,
    /// Who issued it.
    pub authority: Option<String>,
    /// The certificate's serial number, in hex.
    pub serial: Option<String>,
    /// The certificate, PEM, as [`Certificate::pem`].
    pub pem: Option<String>,
    /// The reason code of a refusal.
    pub reason: Option<String>,
    /// What is wrong.
    pub detail: Option<String>,
    /// What to do about it.
    pub remedy: Option<String>,
}

/// How many requests ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct CertificatesDone {
    /// Requests read.
    pub read: u64,
    /// Certificates issued.
    pub issued: u64,
    /// Requests that were answered before.
    pub known: u64,
    /// Requests that were refused.
    pub refused: u64,
    /// Lines that are none.
    pub faults: u64,
}

impl CertificatesDone {
    /// Counts what became of one request.
    pub fn count(&mut self, outcome: &CertificateOutcome) {
        let number = match outcome.outcome.as_str() {
            "issued" => &mut self.issued,
            "known" => &mut self.known,
            _ => &mut self.refused,
        };
        *number = number.saturating_add(1);
    }
}
