//! What kind of bootstrap server a server is (RFC 8572 §7.3).

/// What a bootstrap server does for devices: the two features of `ietf-sztp-bootstrap-server` (RFC 8572 §7.3; WKS-04).
///
/// There is no server here that onboards without redirecting: it sends devices that do not trust it yet back to itself, with
/// its anchor (RFC 8572 §9.6, Appendix B).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Roles {
    /// It sends devices to other servers. It gives out no onboarding information and takes no reports.
    RedirectOnly,
    /// It onboards devices, or sends them to other servers.
    #[default]
    RedirectAndOnboarding,
}

impl Roles {
    /// Feature of a server that gives out redirect information.
    pub const REDIRECT_SERVER: &'static str = "redirect-server";
    /// Feature of a server that gives out onboarding information, and with it `report-progress` and `reporting-level`.
    pub const ONBOARDING_SERVER: &'static str = "onboarding-server";

    /// The features that the server has, as the YANG library lists them.
    #[must_use]
    pub const fn features(self) -> &'static [&'static str] {
        match self {
            Self::RedirectOnly => &[Self::REDIRECT_SERVER],
            Self::RedirectAndOnboarding => &[Self::REDIRECT_SERVER, Self::ONBOARDING_SERVER],
        }
    }

    /// Whether onboarding information is given out and reports are taken.
    #[must_use]
    pub const fn onboards(self) -> bool {
        matches!(self, Self::RedirectAndOnboarding)
    }

    /// The roles of a server with these features, in any order; `None` where there is no such server.
    #[must_use]
    pub fn from_features(features: &[impl AsRef<str>]) -> Option<Self> {
        let known = |name: &str| name == Self::REDIRECT_SERVER || name == Self::ONBOARDING_SERVER;
        let has = |name: &str| features.iter().any(|feature| feature.as_ref() == name);
        if !features.iter().all(|feature| known(feature.as_ref())) || !has(Self::REDIRECT_SERVER) {
            return None;
        }
        Some(if has(Self::ONBOARDING_SERVER) { Self::RedirectAndOnboarding } else { Self::RedirectOnly })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wks_04_roles_are_what_their_features_say() {
        for roles in [Roles::RedirectOnly, Roles::RedirectAndOnboarding] {
            assert_eq!(Roles::from_features(roles.features()), Some(roles));
            assert_eq!(roles.onboards(), roles.features().contains(&"onboarding-server"));
        }
        assert_eq!(Roles::from_features(&["onboarding-server", "redirect-server"]), Some(Roles::RedirectAndOnboarding));
        for none in [&[][..], &["onboarding-server"], &["redirect-server", "colour-server"]] {
            assert_eq!(Roles::from_features(none), None, "{none:?}");
        }
    }
}
