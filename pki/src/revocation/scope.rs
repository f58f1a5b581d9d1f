//! Which certificates a revocation list speaks about (RFC 5280 §5.2.5, §6.3.3 (b)).

use const_oid::db::rfc5280 as oid;
use der::Decode;
use x509_cert::{
    ext::{
        Extensions,
        pkix::{crl::IssuingDistributionPoint, name::GeneralName},
    },
    name::Name,
};

use super::{EvidenceError, ReasonSet};
use crate::certificate::{Certificate, DistributionPoint, full_names, same_name};

/// What a list says of itself. The default is everything that its issuer issued.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Scope {
    /// For which reasons certificates are on it.
    reasons: ReasonSet,
    /// Whether other CAs' certificates may be on it.
    pub(super) indirect: bool,
    /// Kinds of certificates that it leaves out.
    without_ca: bool,
    without_end_entities: bool,
    /// The distribution point's names: it speaks about certificates that name one of them. `None` means all.
    names: Option<Vec<GeneralName>>,
}

impl Scope {
    pub(super) fn read(extensions: &Extensions, issuer: &Name) -> Result<Self, EvidenceError> {
        let point = extensions.iter().find(|it| it.extn_id == oid::ID_CE_ISSUING_DISTRIBUTION_POINT);
        let Some(point) = point else { return Ok(Self::default()) };
        let point = IssuingDistributionPoint::from_der(point.extn_value.as_bytes())?;
        // Serial numbers of attribute certificates mean something else.
        if point.only_contains_attribute_certs {
            return Err(EvidenceError::AttributeCertificates);
        }
        let names = point.distribution_point.map(|name| full_names(name, issuer));
        if names.as_ref().is_some_and(|names| names.len() > Certificate::MAX_DISTRIBUTION_POINT_NAMES) {
            return Err(EvidenceError::TooManyEntries);
        }
        Ok(Self {
            reasons: point.only_some_reasons.map_or(ReasonSet::ALL, ReasonSet::from),
            indirect: point.indirect_crl,
            without_ca: point.only_contains_user_certs,
            without_end_entities: point.only_contains_ca_certs,
            names,
        })
    }

    /// Whether a list of `issuer` with this scope may say anything about `certificate`: it is its own CA's, or the CA
    /// wrote into the certificate who speaks for it (RFC 5280 §4.2.1.13, cRLIssuer).
    pub(super) fn is_entitled(&self, issuer: &Name, certificate: &Certificate, points: &[DistributionPoint]) -> bool {
        same_name(issuer, certificate.issuer()) || (self.indirect && points.iter().any(|it| it.is_left_to(issuer)))
    }

    /// For which reasons silence about `certificate` means that it is not revoked.
    pub(super) fn covers(&self, issuer: &Name, certificate: &Certificate, points: &[DistributionPoint]) -> ReasonSet {
        let left_out = if certificate.extensions().is_ca() { self.without_ca } else { self.without_end_entities };
        if left_out {
            return ReasonSet::NONE;
        }
        let direct = same_name(issuer, certificate.issuer());
        let speaks_at = |point: &&DistributionPoint| {
            let ours = if point.crl_issuers.is_empty() { direct } else { self.indirect && point.is_left_to(issuer) };
            ours && self.is_at(point)
        };
        let pointed = points
            .iter()
            .filter(speaks_at)
            .map(|point| self.reasons.and(point.flags.map_or(ReasonSet::ALL, ReasonSet::from)));
        // RFC 5280 §6.3.3: after all the points, whatever the CA itself publishes under its own name.
        let named = |name: &GeneralName| matches!(name, GeneralName::DirectoryName(name) if same_name(name, issuer));
        let own = direct && self.names.as_ref().is_none_or(|names| names.iter().any(named));
        pointed.fold(if own { self.reasons } else { ReasonSet::NONE }, ReasonSet::or)
    }

    /// RFC 5280 §6.3.3 (b)(2)(i).
    fn is_at(&self, point: &DistributionPoint) -> bool {
        let Some(names) = &self.names else { return true };
        if point.names.is_empty() {
            let directory = |name: &GeneralName| matches!(name, GeneralName::DirectoryName(it) if point.is_left_to(it));
            return names.iter().any(directory);
        }
        names.iter().any(|ours| point.names.iter().any(|theirs| same_general_name(ours, theirs)))
    }
}

fn same_general_name(a: &GeneralName, b: &GeneralName) -> bool {
    match (a, b) {
        (GeneralName::DirectoryName(a), GeneralName::DirectoryName(b)) => same_name(a, b),
        _ => a == b,
    }
}
