//! `[[redirect]]` in a profile: the servers that its devices are sent to, in place of being onboarded here.

use conveyed_info::{
    DocumentError,
    cms::CmsError,
    information::{BootstrapServer, RedirectInformation, TrustAnchor},
};
use pki::certificate::{Certificate, CertificateError};
use serde::Deserialize;

/// The port of a bootstrap server when none is given (RFC 8572 §6.3).
const PORT: u16 = 443;

/// One `[[redirect]]` entry, as people write it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(in crate::domain) struct DocumentRedirect {
    /// DNS name or IP address.
    address: String,
    /// TCP port; 443 unless said.
    #[serde(default = "usual_port")]
    port: u16,
    /// PEM: the chain that the server's certificate is validated to, lowest CA first, root last. A device that was sent
    /// there without one, or by unsigned information, does not trust that server yet (RFC 8572 §5.5).
    #[serde(default)]
    trust_anchor: Option<String>,
}

const fn usual_port() -> u16 {
    PORT
}

/// The redirect that these entries make; `None` when there are none.
///
/// # Errors
/// [`RedirectInvalid`] names the entry.
pub(super) fn redirect(entries: &[DocumentRedirect]) -> Result<Option<RedirectInformation>, RedirectInvalid> {
    if entries.is_empty() {
        return Ok(None);
    }
    let servers = entries.iter().map(|entry| {
        let address = || entry.address.clone();
        if entry.port == 0 {
            return Err(RedirectInvalid::Port { address: address() });
        }
        let trust_anchor = entry.trust_anchor.as_ref().map(|pem| {
            let chain = Certificate::chain_from_file(pem.as_bytes())
                .map_err(|source| RedirectInvalid::Certificate { address: address(), source })?;
            TrustAnchor::new(&chain).map_err(|source| RedirectInvalid::TrustAnchor { address: address(), source })
        });
        Ok(BootstrapServer { address: address(), port: entry.port, trust_anchor: trust_anchor.transpose()? })
    });
    Ok(Some(RedirectInformation::new(servers.collect::<Result<_, _>>()?)?))
}

/// Devices cannot be sent there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RedirectInvalid {
    /// No port.
    #[error("{address}: port 0 is none")]
    Port {
        /// Which server.
        address: String,
    },
    /// Not certificates.
    #[error("{address}: trust-anchor: {source}")]
    Certificate {
        /// Which server's.
        address: String,
        /// Why.
        source: CertificateError,
    },
    /// Not one chain up to a root.
    #[error("{address}: trust-anchor must hold one chain, lowest CA first, up to a self-signed root: {source}")]
    TrustAnchor {
        /// Which server's.
        address: String,
        /// Why.
        source: CmsError,
    },
    /// The list breaks the module.
    #[error(transparent)]
    List(#[from] DocumentError),
}

#[cfg(test)]
mod tests {
    use authority::OwnerParty;
    use pki::time::Timestamp;

    use crate::domain::{OnboardingProfile, ProfileInvalid, ProfileName};

    fn parse(document: &str) -> Result<OnboardingProfile, ProfileInvalid> {
        OnboardingProfile::from_toml(ProfileName::new("elsewhere").unwrap(), document)
    }

    #[test]
    fn wks_04_a_profile_may_send_its_devices_to_other_servers() {
        let owner = OwnerParty::new("O", &["127.0.0.1".to_owned()], Timestamp::from_unix(1_700_000_000)).unwrap();
        let root = owner.tls_chain.last().unwrap().to_pem();
        let text = format!(
            "[[redirect]]\naddress = 'a.example'\ntrust-anchor = '''{root}'''\n[[redirect]]\naddress = '2001:db8::1'\nport = 8443\n"
        );
        let profile = parse(&text).unwrap();
        let servers = profile.redirect.as_ref().unwrap().servers().to_vec();
        assert_eq!((servers[0].address.as_str(), servers[0].port), ("a.example", 443));
        assert!(servers[0].trust_anchor.is_some() && servers[1].trust_anchor.is_none());
        assert_eq!((servers[1].address.as_str(), servers[1].port), ("2001:db8::1", 8443));
    }

    #[test]
    fn a_redirect_that_leads_nowhere_is_refused_and_says_why() {
        let refused = |text: &str| parse(text).unwrap_err().to_string();
        let entry = "[[redirect]]\naddress = 'a.example'\n";
        assert!(refused("redirect = []\n").contains("a profile needs"));
        assert!(refused(&format!("post-configuration-script = 'x'\n{entry}")).contains("not both"));
        assert!(refused(&format!("reporting-level = 'verbose'\n{entry}")).contains("not both"));
        assert!(refused(&format!("{entry}port = 0\n")).contains("port 0"));
        assert!(refused(&format!("{entry}trust-anchor = 'x'\n")).contains("a.example: trust-anchor"));
        assert!(refused(&format!("{entry}{entry}")).contains("twice"));
        assert!(refused("[[redirect]]\naddress = 'https://a.example'\n").contains("host names"));
    }
}
