//! Whether a request gets the certificate that it asks for.
//!
//! What is judged here needs the request, the profile and who asks. Whether a key or a device has a certificate already is for whoever
//! keeps what was issued.

use std::borrow::Cow;

use const_oid::{AssociatedOid, ObjectIdentifier};
use der::Decode;
use pki::{
    algorithm::AlgorithmError,
    certificate::Certificate,
    digest::{Digest, sha256},
    identity::SerialNumber,
    key::{KeySpec, PublicKey},
    request::{CertificationRequest, CertificationRequestError},
    time::Timestamp,
    weakness::{self, Weakness},
};
use verdict::ReasonCode;
use x509_cert::{
    ext::{
        Extension,
        pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAltName, SubjectKeyIdentifier, name::GeneralName},
    },
    name::Name,
};

use crate::{
    AlternativeName, AuthorityError, CertificateAuthority, CertificateSerial, Finding, Profile, RequestedNames,
    Subject, SubjectAttribute, SubjectError, TextFault, lint, subject::text_of, text_fault,
};

/// Most attributes and names that are read of one request.
const MAX_NAMES: usize = 100;

/// Who asks, as far as it is known without the request: a request says nothing about that (CSR-16, CSR-20).
#[derive(Clone, Copy, Debug)]
pub enum Asker<'a> {
    /// Somebody who may ask for whatever the profile allows: who holds the authority's key, say.
    Operator,
    /// The device with this serial number, or who vouches for it.
    Device(&'a SerialNumber),
    /// The holder of this certificate, who renews it.
    Holder(&'a Certificate),
}

/// A request that was found good, under a profile.
#[derive(Clone, Debug)]
pub struct Approved<'a> {
    profile: Cow<'a, Profile>,
    subject: Subject,
    key: PublicKey,
    request: Digest,
}

impl Approved<'_> {
    /// Whom the certificate will speak for.
    #[must_use]
    pub const fn subject(&self) -> &Subject {
        &self.subject
    }

    /// The key, whose possession is proved.
    #[must_use]
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }

    /// SHA-256 of the request: the same request again is the same wish (CSR-28).
    #[must_use]
    pub const fn request(&self) -> Digest {
        self.request
    }
}

impl CertificateAuthority {
    /// Issues what was approved, under the profile under which it was.
    ///
    /// # Errors
    /// As [`CertificateAuthority::issue`].
    pub fn enrol(
        &self,
        approved: &Approved<'_>,
        serial: CertificateSerial,
        now: Timestamp,
    ) -> Result<Certificate, AuthorityError> {
        self.issue(&approved.profile, &approved.subject, &approved.key, serial, now)
    }
}

/// Judges a request.
///
/// # Errors
/// [`RequestRefused`], for the first thing that stands against it.
pub fn judge<'a>(
    request: &CertificationRequest,
    profile: &'a Profile,
    asker: Asker<'_>,
) -> Result<Approved<'a>, RequestRefused> {
    let key = request.public_key();
    let found = KeySpec::of(key);
    if found.is_none_or(|found| !profile.keys.contains(&found)) {
        return Err(RequestRefused::KeyKind { found, allowed: profile.keys.clone() });
    }
    weakness::check(key)?;
    let names = requested_names(request)?;
    let subject = match asker {
        Asker::Operator => compose(request, profile, &names, None)?,
        Asker::Device(serial_number) => compose(request, profile, &names, Some(serial_number))?,
        Asker::Holder(certificate) => renewed(request, &names, certificate)?,
    };
    for extension in request.extensions() {
        grantable(profile, found, extension)?;
    }
    let profile = match asker {
        // EST-05: what the profile would add to the names by now was not asked for.
        Asker::Holder(_) => Cow::Owned(Profile { hardware_module_type: None, ..profile.clone() }),
        Asker::Operator | Asker::Device(_) => Cow::Borrowed(profile),
    };
    Ok(Approved { profile, subject, key: key.clone(), request: sha256(request.der()) })
}

/// The alternative names that are asked for.
fn requested_names(request: &CertificationRequest) -> Result<Vec<AlternativeName>, RequestRefused> {
    let Some(extension) = request.extensions().iter().find(|it| it.extn_id == SubjectAltName::OID) else {
        return Ok(Vec::new());
    };
    let unreadable = || RequestRefused::Extension(SubjectAltName::OID);
    let names: Vec<GeneralName> =
        SubjectAltName::from_der(extension.extn_value.as_bytes()).map_err(|_| unreadable())?.0;
    if names.len() > MAX_NAMES {
        return Err(unreadable());
    }
    names.iter().map(AlternativeName::read).collect::<Option<_>>().ok_or_else(unreadable)
}

/// RFC 7030 §4.2.2 (EST-05): a renewal asks for the names that are there. They are taken from the certificate, to the octet.
fn renewed(
    request: &CertificationRequest,
    names: &[AlternativeName],
    old: &Certificate,
) -> Result<Subject, RequestRefused> {
    let subject = Subject::of(old)?;
    if !is_same_name(request.subject(), old.subject()) || !is_same_set(names, &subject.alternative) {
        return Err(RequestRefused::RenewalDiffers);
    }
    Ok(subject)
}

/// Whether two names say the same. Clients write one name in several string types, so that the text is compared and not the octets.
fn is_same_name(one: &Name, other: &Name) -> bool {
    one.len() == other.len()
        && one.iter_rdn().zip(other.iter_rdn()).all(|(one, other)| {
            one.len() == other.len()
                && one.iter().zip(other.iter()).all(|(one, other)| {
                    let same_text = text_of(&one.value).is_some_and(|text| text_of(&other.value) == Some(text));
                    one.oid == other.oid && (same_text || one.value == other.value)
                })
        })
}

fn is_same_set(one: &[AlternativeName], other: &[AlternativeName]) -> bool {
    one.len() == other.len()
        && one.iter().all(|name| other.contains(name))
        && other.iter().all(|name| one.contains(name))
}

/// The subject as the profile lets it be asked for.
fn compose(
    request: &CertificationRequest,
    profile: &Profile,
    names: &[AlternativeName],
    device: Option<&SerialNumber>,
) -> Result<Subject, RequestRefused> {
    let mut subject = Subject::unnamed();
    let mut seen = Vec::new();
    for attribute in request.subject().iter().take(MAX_NAMES) {
        let taken = |known: &SubjectAttribute| {
            profile.from_request.contains(known) || profile.fixed.iter().any(|(it, _)| it == known)
        };
        let known = SubjectAttribute::from_oid(attribute.oid).filter(taken);
        let known = known.ok_or(RequestRefused::Attribute(attribute.oid))?;
        let text = text_of(&attribute.value).ok_or(RequestRefused::Attribute(attribute.oid))?;
        if seen.contains(&known) {
            return Err(RequestRefused::AttributeTwice(known));
        }
        seen.push(known);
        if let Some((_, fixed)) = profile.fixed.iter().find(|(it, _)| *it == known) {
            if fixed != text {
                return Err(RequestRefused::Fixed { attribute: known, value: fixed.clone() });
            }
            continue;
        }
        if let Some(fault) = text_fault(known, text) {
            return Err(RequestRefused::Text { attribute: known, fault });
        }
        // CSR-20, MAS-03: whose device it is, the request does not decide.
        if known == SubjectAttribute::SerialNumber
            && let Some(own) = device
            && own.as_str() != text
        {
            return Err(RequestRefused::OtherDevice { own: own.clone() });
        }
        subject = subject.with(known, text);
    }
    if let Some(own) = device.filter(|_| !seen.contains(&SubjectAttribute::SerialNumber)) {
        subject = subject.with(SubjectAttribute::SerialNumber, own.as_str());
        seen.push(SubjectAttribute::SerialNumber);
    }
    seen.extend(profile.fixed.iter().map(|(attribute, _)| *attribute));
    if let Some(missing) = profile.kind.required_attributes().iter().find(|it| !seen.contains(it)) {
        return Err(RequestRefused::Missing(*missing));
    }
    for name in names {
        let is_own_module = match name {
            AlternativeName::HardwareModule { hardware_type, serial_number } => {
                profile.hardware_module_type == Some(*hardware_type)
                    && subject.serial_number().is_some_and(|own| own.as_bytes() == serial_number)
            }
            _ => false,
        };
        if !is_own_module && profile.requested_names == RequestedNames::Refuse {
            return Err(RequestRefused::Extension(SubjectAltName::OID));
        }
        if let Some(finding) = lint::alternative_fault(name, profile.kind) {
            return Err(RequestRefused::Name(finding));
        }
        subject = subject.also(name.clone());
    }
    Ok(subject)
}

/// Whether the profile says by itself what is asked for. Nothing else is granted, and nothing that was asked for is left out in
/// silence.
fn grantable(profile: &Profile, key: Option<KeySpec>, extension: &Extension) -> Result<(), RequestRefused> {
    let (id, value) = (extension.extn_id, extension.extn_value.as_bytes());
    let refused = || RequestRefused::Extension(id);
    let is_granted = match id {
        BasicConstraints::OID => {
            let asked = BasicConstraints::from_der(value).map_err(|_| refused())?;
            asked.ca == profile.kind.is_ca() && (asked.path_len_constraint.is_none() || profile.kind.is_ca())
        }
        KeyUsage::OID => {
            let asked = KeyUsage::from_der(value).map_err(|_| refused())?;
            let granted = key.map(|key| profile.kind.key_usages(key)).unwrap_or_default();
            asked.0.into_iter().all(|usage| granted.contains(&usage))
        }
        ExtendedKeyUsage::OID => {
            let asked = ExtendedKeyUsage::from_der(value).map_err(|_| refused())?;
            asked.0.iter().all(|purpose| profile.kind.extended_key_usages().contains(purpose))
        }
        // Ours names the same key, made by our rule; the names were looked at before.
        SubjectKeyIdentifier::OID | SubjectAltName::OID => true,
        _ => false,
    };
    if is_granted { Ok(()) } else { Err(refused()) }
}

/// Why a request gets no certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestRefused {
    /// It cannot be read, or does not prove possession of its key.
    #[error(transparent)]
    Request(#[from] CertificationRequestError),
    /// A key of a kind that the profile does not allow.
    #[error("the key is {}; the profile allows {}", named(*.found), list(.allowed))]
    KeyKind {
        /// What it is; none of those that are worked with.
        found: Option<KeySpec>,
        /// What it may be.
        allowed: Vec<KeySpec>,
    },
    /// A weak key.
    #[error(transparent)]
    WeakKey(#[from] Weakness),
    /// An attribute that is not taken from requests.
    #[error("the subject has an attribute of type {0}, which the profile does not take from requests")]
    Attribute(ObjectIdentifier),
    /// An attribute stands twice.
    #[error("the subject has more than one {0}")]
    AttributeTwice(SubjectAttribute),
    /// An attribute is missing.
    #[error("the subject has no {0}")]
    Missing(SubjectAttribute),
    /// The profile says another value.
    #[error("the profile says {attribute}={value}, and the request says otherwise")]
    Fixed {
        /// Of which attribute.
        attribute: SubjectAttribute,
        /// The profile's.
        value: String,
    },
    /// A value that is not fit to stand in a name.
    #[error("the value of {attribute} {fault}")]
    Text {
        /// Of which attribute.
        attribute: SubjectAttribute,
        /// What is wrong with it.
        fault: TextFault,
    },
    /// The serial number of another device.
    #[error("the request names another device than {own}, which asks")]
    OtherDevice {
        /// Who asks.
        own: SerialNumber,
    },
    /// An alternative name that is not fit to stand in such a certificate.
    #[error(transparent)]
    Name(Finding),
    /// An extension that the profile does not grant, or that asks for more than it grants.
    #[error("the request asks for extension {0}, or for more of it than the profile grants")]
    Extension(ObjectIdentifier),
    /// Names that are not those of the certificate that is renewed.
    #[error("the names are not those of the certificate that is renewed")]
    RenewalDiffers,
    /// The certificate that is renewed was not made here.
    #[error(transparent)]
    Renewal(#[from] SubjectError),
}

fn named(kind: Option<KeySpec>) -> &'static str {
    kind.map_or("of another kind", KeySpec::name)
}

fn list(keys: &[KeySpec]) -> String {
    keys.iter().map(|key| key.name()).collect::<Vec<_>>().join(", ")
}

impl RequestRefused {
    /// The reason code, with what to do about it.
    #[must_use]
    pub const fn reason(&self) -> ReasonCode {
        match self {
            Self::Request(error) => match error {
                CertificationRequestError::Signature(AlgorithmError::RsaTooShort(_)) => ReasonCode::KeyWeak,
                CertificationRequestError::Signature(_) => ReasonCode::PossessionUnproved,
                CertificationRequestError::Key(_) => ReasonCode::KeyNotAllowed,
                _ => ReasonCode::CsrInvalid,
            },
            Self::KeyKind { .. } => ReasonCode::KeyNotAllowed,
            Self::WeakKey(_) => ReasonCode::KeyWeak,
            Self::Attribute(_) | Self::Fixed { .. } | Self::OtherDevice { .. } => ReasonCode::SubjectForeign,
            Self::AttributeTwice(_) | Self::Missing(_) | Self::Text { .. } | Self::Name(_) => ReasonCode::NameUnfit,
            Self::Extension(_) => ReasonCode::ExtensionForbidden,
            Self::RenewalDiffers | Self::Renewal(_) => ReasonCode::RenewalDiffers,
        }
    }
}
