//! What is asked for, read: which authority, by which profile, for whom.

use std::sync::Arc;

use authority::{Approved, Asker, Kind, Profile, judge};
use base64::{Engine, engine::general_purpose::STANDARD};
use operator_api::NewCertificate;
use pki::{certificate::Certificate, digest::Digest, identity::SerialNumber, request::CertificationRequest};

use super::{
    super::{Authorities, Authority, Judged, Wanted},
    DeskRefused, reason_given, shown,
};
use crate::{
    domain::{
        AuthorityName, CertificateProfile,
        ledger::{Holder, IssuedCertificate, Occasion},
    },
    store::Ledger,
};

/// A certificate that is asked for, of an authority that there is, by a profile that it has.
pub(super) struct Order {
    pub(super) authority: Arc<Authority>,
    pub(super) profile: CertificateProfile,
    pub(super) occasion: Occasion,
    request: CertificationRequest,
    serial_number: Option<SerialNumber>,
    /// What is renewed, and who holds it.
    renewed: Option<(Certificate, Holder)>,
}

impl Order {
    pub(super) async fn read(
        wanted: &NewCertificate,
        authorities: &Authorities,
        ledger: &dyn Ledger,
    ) -> Result<Self, DeskRefused> {
        Self::new(wanted, request(&wanted.csr)?, authorities, ledger).await
    }

    /// Where the request was read.
    pub(super) async fn new(
        wanted: &NewCertificate,
        request: CertificationRequest,
        authorities: &Authorities,
        ledger: &dyn Ledger,
    ) -> Result<Self, DeskRefused> {
        let serial_number = wanted.serial_number.as_deref().map(SerialNumber::new).transpose()?;
        let because = wanted.because.as_deref().map(reason_given).transpose()?;
        let Some(renews) = &wanted.renews else {
            let (authority, profile) = find(authorities, wanted.authority.as_deref(), wanted.profile.as_deref())?;
            let occasion = because.map_or(Occasion::First, |because| Occasion::Another { because });
            return Ok(Self { authority, profile, occasion, request, serial_number, renewed: None });
        };
        let id = shown::id(renews).ok_or_else(|| DeskRefused::NoCertificate(renews.clone()))?;
        let entry = ledger.issued(&id).await?.ok_or_else(|| DeskRefused::NoCertificate(renews.clone()))?.issued;
        let name = entry.authority.as_str();
        let (authority, profile) = find(authorities, Some(name), Some(entry.profile.as_str()))?;
        let occasion = Occasion::Renewal { of: id.serial };
        let renewed = Some((entry.certificate, entry.holder));
        Ok(Self { authority, profile, occasion, request, serial_number, renewed })
    }

    /// The request, judged by its profile.
    pub(super) fn judge(&self) -> Result<Approved<'_>, DeskRefused> {
        let profile = self.settings()?;
        let asker = match (&self.renewed, &self.serial_number) {
            (Some((certificate, _)), _) => Asker::Holder(certificate),
            (None, Some(serial_number)) => Asker::Device(serial_number),
            (None, None) => Asker::Operator,
        };
        Ok(judge(&self.request, profile, asker)?)
    }

    /// Whom a certificate for what was approved speaks for.
    pub(super) fn holder(&self, approved: &Approved<'_>) -> Result<Holder, DeskRefused> {
        if let Some((_, holder)) = &self.renewed {
            return Ok(holder.clone());
        }
        if !matches!(self.settings()?.kind(), Kind::Idevid | Kind::Ldevid) {
            return Ok(Holder::NoDevice);
        }
        let named = approved.subject().serial_number().unwrap_or_default();
        Ok(Holder::Made(SerialNumber::new(named)?))
    }

    /// The certificate, which is worth nothing before it is on record; and the digest of its request.
    pub(super) fn make(&self) -> Result<(Box<IssuedCertificate>, Digest), DeskRefused> {
        let approved = self.judge()?;
        let (request, holder) = (approved.request(), self.holder(&approved)?);
        let (profile, occasion) = (self.profile.clone(), self.occasion.clone());
        let made = self.authority.certify(&Wanted {
            judged: Judged::Request(Box::new(approved)),
            profile,
            holder,
            occasion,
        })?;
        Ok((Box::new(made), request))
    }

    fn settings(&self) -> Result<&Profile, DeskRefused> {
        self.authority
            .profiles
            .get(&self.profile)
            .ok_or_else(|| DeskRefused::NoProfile { profile: self.profile.to_string(), known: names(&self.authority) })
    }
}

/// A request, in PEM or in base64.
pub(super) fn request(text: &str) -> Result<CertificationRequest, DeskRefused> {
    let text = text.trim();
    if text.starts_with("-----") {
        return Ok(CertificationRequest::from_pem(text.as_bytes())?);
    }
    if text.len() > CertificationRequest::MAX_DER.saturating_mul(2) {
        return Err(DeskRefused::Request(pki::request::CertificationRequestError::TooLarge.into()));
    }
    let octets: Vec<u8> = text.bytes().filter(|octet| !octet.is_ascii_whitespace()).collect();
    let der = STANDARD.decode(octets).map_err(|_| DeskRefused::NoRequest)?;
    Ok(CertificationRequest::from_der(&der)?)
}

/// The authority that is meant, and its profile.
fn find(
    authorities: &Authorities,
    authority: Option<&str>,
    profile: Option<&str>,
) -> Result<(Arc<Authority>, CertificateProfile), DeskRefused> {
    let among: Vec<_> = match authority {
        None => authorities.iter().cloned().collect(),
        Some(name) => {
            let found = AuthorityName::new(name).ok().and_then(|name| authorities.get(&name).cloned());
            vec![found.ok_or_else(|| DeskRefused::NoAuthority {
                authority: name.to_owned(),
                known: authorities.iter().map(|it| it.name.to_string()).collect(),
            })?]
        }
    };
    let known = || among.iter().flat_map(|it| names(it)).collect::<Vec<_>>();
    let Some(profile) = profile else {
        return match among.as_slice() {
            [only] if only.profiles.len() == 1 => {
                let name = only.profiles.keys().next().cloned();
                Ok((Arc::clone(only), name.ok_or_else(|| DeskRefused::WhichProfile { known: known() })?))
            }
            _ => Err(DeskRefused::WhichProfile { known: known() }),
        };
    };
    let named = |it: &&Arc<Authority>| it.profiles.keys().any(|name| name.as_str() == profile);
    let mut with = among.iter().filter(named);
    match (with.next(), with.next(), CertificateProfile::new(profile)) {
        (Some(one), None, Ok(profile)) => Ok((Arc::clone(one), profile)),
        (Some(_), Some(_), _) => Err(DeskRefused::WhichAuthority {
            profile: profile.to_owned(),
            known: among.iter().filter(named).map(|it| it.name.to_string()).collect(),
        }),
        _ => Err(DeskRefused::NoProfile { profile: profile.to_owned(), known: known() }),
    }
}

fn names(authority: &Authority) -> Vec<String> {
    authority.profiles.keys().map(ToString::to_string).collect()
}
