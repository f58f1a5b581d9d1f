//! Where a certificate says that its revocation can be looked up. Fetching is the business of whoever has a network.

use const_oid::db::rfc5280 as oid;
use der::{Decode, Encode};
use x509_cert::{
    ext::pkix::{
        AuthorityInfoAccessSyntax, CrlDistributionPoints,
        crl::dp::ReasonFlags,
        name::{DistributionPointName, GeneralName},
    },
    name::Name,
};

use super::{Certificate, same_name};

/// id-ad-ocsp (RFC 5280 §4.2.2.1).
const AD_OCSP: const_oid::ObjectIdentifier = const_oid::ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1");

/// Most locations that one certificate is asked for.
const MAX_LOCATIONS: usize = 8;
/// Longest location, in octets.
const MAX_LOCATION: usize = 1024;

impl Certificate {
    /// Most names of distribution points that are looked at: they are compared with a list's own, which has no more.
    pub(crate) const MAX_DISTRIBUTION_POINT_NAMES: usize = 64;

    /// The `http` and `https` URIs of its CRL distribution points (RFC 5280 §4.2.1.13), at most eight of at most 1024
    /// octets, in their order.
    #[must_use]
    pub fn crl_distribution_points(&self) -> Vec<String> {
        fetchable(self.distribution_points().into_iter().flat_map(|point| point.names))
    }

    /// The `http` and `https` URIs of OCSP responders (RFC 5280 §4.2.2.1), at most eight of at most 1024 octets.
    #[must_use]
    pub fn ocsp_responders(&self) -> Vec<String> {
        let access = self.extension_value(oid::ID_PE_AUTHORITY_INFO_ACCESS);
        let access = access.and_then(|value| AuthorityInfoAccessSyntax::from_der(value).ok());
        let descriptions = access.map(|it| it.0).unwrap_or_default();
        let responders = descriptions.into_iter().filter(|it| it.access_method == AD_OCSP);
        fetchable(responders.map(|it| it.access_location))
    }

    /// Its CRL distribution points, to compare with a list's own.
    pub(crate) fn distribution_points(&self) -> Vec<DistributionPoint> {
        let points = self.extension_value(oid::ID_CE_CRL_DISTRIBUTION_POINTS);
        let points = points.and_then(|value| CrlDistributionPoints::from_der(value).ok());
        let mut room = Self::MAX_DISTRIBUTION_POINT_NAMES;
        let points = points.map(|it| it.0).unwrap_or_default().into_iter().take(room);
        let read = points.map(|point| {
            let issuers = point.crl_issuer.unwrap_or_default().into_iter();
            let crl_issuers: Vec<_> = issuers.filter_map(directory_name).take(room).collect();
            let base = crl_issuers.first().unwrap_or_else(|| self.issuer());
            let names = point.distribution_point.map_or_else(Vec::new, |name| full_names(name, base));
            let names: Vec<_> = names.into_iter().take(room).collect();
            room = room.saturating_sub(names.len());
            DistributionPoint { names, crl_issuers, flags: point.reasons }
        });
        read.collect()
    }

    fn extension_value(&self, id: const_oid::ObjectIdentifier) -> Option<&[u8]> {
        let mut extensions = self.parsed.tbs_certificate().extensions().into_iter().flatten();
        extensions.find(|extension| extension.extn_id == id).map(|extension| extension.extn_value.as_bytes())
    }
}

/// Where lists about a certificate are, and whose they are (RFC 5280 §4.2.1.13).
#[derive(Clone, Debug)]
pub(crate) struct DistributionPoint {
    /// In full; none when the point has no name.
    pub(crate) names: Vec<GeneralName>,
    /// Who else than the CA issues the lists.
    pub(crate) crl_issuers: Vec<Name>,
    /// For which reasons; `None` means all.
    pub(crate) flags: Option<ReasonFlags>,
}

impl DistributionPoint {
    /// Whether the CA leaves its lists to `issuer`.
    pub(crate) fn is_left_to(&self, issuer: &Name) -> bool {
        self.crl_issuers.iter().any(|it| same_name(it, issuer))
    }
}

/// The names of a distribution point; one that is relative is that of `issuer` with something added.
pub(crate) fn full_names(name: DistributionPointName, issuer: &Name) -> Vec<GeneralName> {
    match name {
        DistributionPointName::FullName(names) => names,
        DistributionPointName::NameRelativeToCRLIssuer(rdn) => {
            let rdns: Vec<_> = issuer.iter_rdn().cloned().chain([rdn]).collect();
            let full = rdns.to_der().and_then(|der| Name::from_der(&der));
            full.map(GeneralName::DirectoryName).into_iter().collect()
        }
    }
}

fn directory_name(name: GeneralName) -> Option<Name> {
    match name {
        GeneralName::DirectoryName(name) => Some(name),
        _ => None,
    }
}

fn fetchable(names: impl IntoIterator<Item = GeneralName>) -> Vec<String> {
    let uris = names.into_iter().filter_map(|name| match name {
        GeneralName::UniformResourceIdentifier(uri) => Some(uri.to_string()),
        _ => None,
    });
    let usable = |uri: &String| {
        uri.len() <= MAX_LOCATION
            && ["http://", "https://"]
                .iter()
                .any(|scheme| uri.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)))
    };
    uris.filter(usable).take(MAX_LOCATIONS).collect()
}
