//! How far the documents of a device class may depart from their modules, and that it shows when they do.
//!
//! The default is [`InputProfile::Strict`], and a caller who wants nothing else never meets this module: `decode` and
//! `from_json` are strict. `decode_with` and `from_json_with` take a profile and give a [`Lenient`], which names every
//! [`Leniency`] that was needed: none is silent, so that a trace can hold it and an operator can ask for a repair.
//!
//! ```
//! use conveyed_info::{profile::{InputProfile, Leniency}, voucher::Voucher};
//! # mod parties { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/examples/parties.rs")); }
//! # let mut voucher = parties::parties().voucher();
//! # voucher.domain_cert_revocation_checks = Some(false);
//! # let ours = String::from_utf8(voucher.to_json())?;
//!
//! // As some manufacturers write it: a boolean in quotes.
//! let document = ours.replace(r#""domain-cert-revocation-checks":false"#, r#""domain-cert-revocation-checks":"false""#);
//! assert!(Voucher::from_json(document.as_bytes()).is_err());
//!
//! let read = Voucher::from_json_with(document.as_bytes(), InputProfile::AnimaVoucher)?;
//! assert_eq!(read.value.domain_cert_revocation_checks, Some(false));
//! assert_eq!(read.leniencies, [Leniency::QuotedBoolean]);
//! assert_eq!(read.leniencies[0].summary(), "a boolean in quotes counts as one");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::{fmt, str::FromStr};

use crate::{DocumentError, document::Members};

macro_rules! leniencies {
    ($($(#[$doc:meta])* $name:ident $text:literal $summary:literal,)*) => {
        /// One departure from a YANG module that may be passed over.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Leniency {
            $($(#[$doc])* $name,)*
        }

        impl Leniency {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its name, for configurations and traces.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// What was passed over, in half a sentence.
            #[must_use]
            pub const fn summary(self) -> &'static str {
                match self { $(Self::$name => $summary,)* }
            }
        }
    };
}

leniencies! {
    /// A request's `nonce` of no octets is none (RFC 8572 §7.3 wants 16 to 32). The OPI agent always sends one.
    EmptyNonce "empty-nonce" "an empty nonce counts as none",
    /// `ssh-host-keys` and `trust-anchor-certs` with nothing inside, on a report other than `bootstrap-complete`, are not
    /// there (RFC 8572 §7.3 defines them for that one only). The OPI agent puts both on every report.
    EmptyKeyContainers "empty-key-containers" "empty containers of keys are not there",
    /// A `trust-anchor-cert` that is no chain in a degenerate CMS is kept as octets, of which nothing is known. The OPI
    /// agent ends with a text in its place.
    OpaqueTrustAnchor "opaque-trust-anchor" "a trust-anchor-cert that is no chain of certificates is kept unread",
    /// Members that no module defines are ignored, at the top of a request's input. No agent is known to need it;
    /// [`InputProfile::Survey`] finds the one that does.
    UnknownMembers "unknown-members" "members that no module defines are ignored",
    /// A voucher's boolean stands in quotes, as in the printed example of RFC 8366 §5.2 (erratum 6646).
    QuotedBoolean "quoted-boolean" "a boolean in quotes counts as one",
    /// A voucher without `created-on`, as in the printed example of RFC 8995: the module makes it mandatory.
    CreatedOnAbsent "created-on-absent" "a voucher may not say when it was made",
    /// A voucher's `nonce` in base64 without padding, as in the example vouchers of BRSKI.
    UnpaddedNonce "unpadded-nonce" "a nonce in base64 may lack its padding",
    /// A voucher's `nonce` in hexadecimal, as in other example vouchers of BRSKI. A text of nothing but pairs of hex
    /// digits is read as such, though it could be base64: random octets never look like that.
    HexNonce "hex-nonce" "a nonce may be hexadecimal",
}

impl fmt::Display for Leniency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The leniencies that one class of devices needs, by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InputProfile {
    /// None at all: the RFCs and their modules.
    #[default]
    Strict,
    /// The agent of the OPI project for DPUs and IPUs.
    OpiAgent,
    /// Vouchers as the makers and documents of BRSKI (RFC 8995) write them.
    AnimaVoucher,
    /// All of them: to learn, in a laboratory, which ones a device needs.
    Survey,
}

impl InputProfile {
    /// Every profile.
    pub const ALL: [Self; 4] = [Self::Strict, Self::OpiAgent, Self::AnimaVoucher, Self::Survey];

    /// Its name, for configurations.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::OpiAgent => "opi-agent",
            Self::AnimaVoucher => "anima-voucher",
            Self::Survey => "survey",
        }
    }

    /// What it passes over.
    #[must_use]
    pub const fn leniencies(self) -> &'static [Leniency] {
        match self {
            Self::Strict => &[],
            Self::OpiAgent => &[Leniency::EmptyNonce, Leniency::EmptyKeyContainers, Leniency::OpaqueTrustAnchor],
            Self::AnimaVoucher => {
                &[Leniency::QuotedBoolean, Leniency::CreatedOnAbsent, Leniency::UnpaddedNonce, Leniency::HexNonce]
            }
            Self::Survey => Leniency::ALL,
        }
    }
}

impl fmt::Display for InputProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for InputProfile {
    type Err = UnknownInputProfile;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|known| known.as_str() == text).ok_or(UnknownInputProfile)
    }
}

/// The text names no profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an input profile: strict, opi-agent, anima-voucher, survey")]
pub struct UnknownInputProfile;

/// What was read, and what had to be passed over for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lenient<T> {
    /// What was read.
    pub value: T,
    /// The leniencies that it took, each once, in the order in which they were needed.
    pub leniencies: Vec<Leniency>,
    /// The names of members that mean nothing here and were left unread, shortened to 64 characters: those that a
    /// voucher may have from later revisions of its module, those that [`Leniency::UnknownMembers`] passed over.
    pub ignored: Vec<String>,
}

/// What a profile allows, and what of it was made use of, while one document is read.
#[derive(Debug)]
pub(crate) struct Grants {
    profile: InputProfile,
    used: Vec<Leniency>,
    ignored: Vec<String>,
}

impl Grants {
    pub(crate) const fn new(profile: InputProfile) -> Self {
        Self { profile, used: Vec::new(), ignored: Vec::new() }
    }

    /// Whether the document may depart in this way. To be asked where it does, and nowhere else: asking is recorded.
    pub(crate) fn allow(&mut self, leniency: Leniency) -> bool {
        let allowed = self.profile.leniencies().contains(&leniency);
        if allowed && !self.used.contains(&leniency) {
            self.used.push(leniency);
        }
        allowed
    }

    /// Records what is left of these members by name, and reads no more of them.
    pub(crate) fn ignore(&mut self, left: &Members) {
        self.ignored.extend(left.names());
    }

    /// Refuses what is left of a request's members, or ignores it.
    pub(crate) fn finish(&mut self, members: Members) -> Result<(), DocumentError> {
        if members.names().next().is_some() && self.allow(Leniency::UnknownMembers) {
            self.ignore(&members);
            return Ok(());
        }
        members.finish()
    }

    pub(crate) fn into_lenient<T>(self, value: T) -> Lenient<T> {
        Lenient { value, leniencies: self.used, ignored: self.ignored }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_read_back() {
        for profile in InputProfile::ALL {
            assert_eq!(profile.to_string().parse(), Ok(profile));
        }
        assert_eq!("lax".parse::<InputProfile>(), Err(UnknownInputProfile));
        let mut names: Vec<_> = Leniency::ALL.iter().map(|it| it.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Leniency::ALL.len());
    }

    #[test]
    fn strict_is_the_default_and_allows_nothing_and_asking_is_recorded_once() {
        assert_eq!(InputProfile::default(), InputProfile::Strict);
        for leniency in Leniency::ALL {
            let mut grants = Grants::new(InputProfile::Strict);
            assert!(!grants.allow(*leniency));
            assert_eq!(grants.into_lenient(()).leniencies, []);
            let mut grants = Grants::new(InputProfile::Survey);
            assert!(grants.allow(*leniency) && grants.allow(*leniency));
            assert_eq!(grants.into_lenient(()).leniencies, [*leniency]);
        }
    }
}
