//! Where a certificate says that its revocation can be looked up. Fetching is the business of whoever has a network.

use const_oid::db::rfc5280 as oid;
use der::Decode;
use x509_cert::ext::pkix::{
    AuthorityInfoAccessSyntax, CrlDistributionPoints, name::DistributionPointName, name::GeneralName,
};

use super::Certificate;

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
    /// octets. Those of indirect CRLs and of lists for some reasons only are left out, since such lists are not used.
    #[must_use]
    pub fn crl_distribution_points(&self) -> Vec<String> {
        fetchable(self.crl_distribution_point_names())
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

    /// Every name of its CRL distribution points, to compare with a list's own.
    pub(crate) fn crl_distribution_point_names(&self) -> Vec<GeneralName> {
        let points = self.extension_value(oid::ID_CE_CRL_DISTRIBUTION_POINTS);
        let points = points.and_then(|value| CrlDistributionPoints::from_der(value).ok());
        let points = points.map(|it| it.0).unwrap_or_default().into_iter();
        let direct = points.filter(|point| point.crl_issuer.is_none() && point.reasons.is_none());
        let names = direct.filter_map(|point| match point.distribution_point {
            Some(DistributionPointName::FullName(names)) => Some(names),
            _ => None,
        });
        names.flatten().take(Self::MAX_DISTRIBUTION_POINT_NAMES).collect()
    }

    fn extension_value(&self, id: const_oid::ObjectIdentifier) -> Option<&[u8]> {
        let mut extensions = self.parsed.tbs_certificate().extensions().into_iter().flatten();
        extensions.find(|extension| extension.extn_id == id).map(|extension| extension.extn_value.as_bytes())
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
