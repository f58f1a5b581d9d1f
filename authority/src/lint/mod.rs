//! Every certificate is looked at once more before a key signs it.
//!
//! The look is at the octets that will be signed, read again by another library than the one that wrote them, and knows the
//! profile only as a rule to hold them against. A mistake in the making, or a name that somebody slipped in, is thus found
//! while nobody has a certificate yet. What passed is a [`ToBeSigned`], and nothing else can be signed.

mod extensions;
mod finding;
mod names;
mod text;

pub use finding::{Finding, Findings};
pub(crate) use names::{alternative as alternative_fault, is_http_url, is_masa_url};
pub use text::{TextFault, text_fault};

use der::{Decode, Encode, Tag};
use pki::{
    algorithm::SignatureAlgorithm,
    certificate::Certificate,
    key::{KeySpec, PublicKey, Signer},
    time::Timestamp,
    weakness,
};
use x509_cert::{TbsCertificate, certificate::Version, time::Time};

use crate::{
    Kind, Lifetime, Profile,
    tbs::{self, SigningError},
};

/// Longest certificate that is made, in octets: TPMs and TLS stacks of small devices read little more.
const MAX_DER: usize = 16 * 1024;
/// Most attributes of a subject, and most alternative names.
const MAX_NAMES: usize = 100;

/// A certificate that was written and not looked at.
pub(crate) struct Draft(pub(crate) Vec<u8>);

/// What a draft is held against.
#[derive(Clone, Copy)]
pub(crate) struct Rules<'a> {
    pub(crate) profile: &'a Profile,
    /// Who issues; `None` for a certificate that its own key signs.
    pub(crate) issuer: Option<&'a Certificate>,
    pub(crate) algorithm: SignatureAlgorithm,
    /// When it is issued.
    pub(crate) now: Timestamp,
}

/// A certificate in which nothing was found: the only thing that is signed.
pub(crate) struct ToBeSigned(Vec<u8>);

impl ToBeSigned {
    /// Has the key sign it; gives the certificate, DER.
    pub(crate) fn sign(&self, signer: &dyn Signer) -> Result<Vec<u8>, SigningError> {
        tbs::sign(&self.0, signer)
    }
}

impl Draft {
    /// Looks at it.
    pub(crate) fn examine(self, rules: Rules<'_>) -> Result<ToBeSigned, Findings> {
        if self.0.len() > MAX_DER {
            return Err(Finding::TooLarge.into());
        }
        let read = TbsCertificate::from_der(&self.0).map_err(Finding::Unreadable)?;
        let mut found = Vec::new();
        rules.examine(&read, &mut found).map_err(Finding::Unreadable)?;
        Findings::into_result(found).map(|()| ToBeSigned(self.0))
    }
}

impl Rules<'_> {
    fn examine(self, read: &TbsCertificate, found: &mut Vec<Finding>) -> Result<(), der::Error> {
        if read.version() != Version::V3 {
            found.push(Finding::Version);
        }
        if !is_random_serial(read.serial_number().as_bytes()) {
            found.push(Finding::SerialNumber);
        }
        if *read.signature() != self.algorithm.identifier() {
            found.push(Finding::SignatureAlgorithm);
        }
        // RFC 5280 §4.1.2.4: the issuer's subject, octet by octet, since not everybody compares names as §7.1 says.
        let issuer = self.issuer.map_or_else(|| read.subject(), Certificate::subject);
        if read.issuer() != issuer || issuer.is_empty() {
            found.push(Finding::IssuerName);
        }
        self.dates(read, found);
        names::subject(read, self.profile.kind, found);
        self.key(read, found)?;
        extensions::examine(self, read, found)
    }

    fn dates(self, read: &TbsCertificate, found: &mut Vec<Finding>) {
        let (begins, ends) = (read.validity().not_before, read.validity().not_after);
        // RFC 5280 §4.1.2.5: the form goes with the year.
        let is_right = |time: Time| matches!(time, Time::UtcTime(_)) == (time.to_date_time().year() < 2050);
        if !is_right(begins) || !is_right(ends) {
            found.push(Finding::DateForm);
        }
        let moment =
            |time: Time| Timestamp::from_unix(i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX));
        let (begins, ends) = (moment(begins), moment(ends));
        if begins >= ends {
            found.push(Finding::DateOrder);
        }
        if ends > self.profile.lifetime.end(self.now) {
            found.push(Finding::Lifetime(ends));
        }
        // IEEE 802.1AR §8.7: an IDevID outlives the CA that made it, whose key may be gone long before.
        let outlives = self.profile.kind == Kind::Idevid && self.profile.lifetime == Lifetime::Unlimited;
        if let Some(issuer) = self.issuer {
            let (from, until) = (issuer.not_before(), issuer.not_after());
            if begins < from || ends > until && !outlives {
                found.push(Finding::BeyondIssuer { begins, ends, from, until });
            }
        }
    }

    fn key(self, read: &TbsCertificate, found: &mut Vec<Finding>) -> Result<(), der::Error> {
        let key = PublicKey::from_spki_der(&read.subject_public_key_info().to_der()?);
        let kind = key.as_ref().ok().and_then(KeySpec::of);
        if kind.is_none_or(|kind| !self.profile.keys.contains(&kind)) {
            found.push(Finding::KeyKind(kind));
        }
        let weakness = key.map_or(Err(weakness::Weakness::Malformed), |key| weakness::check(&key));
        found.extend(weakness.err().map(Finding::WeakKey));
        Ok(())
    }
}

/// RFC 5280 §4.1.2.2: positive, at most 20 octets. 64 bits that nobody can foresee fit into 9; a source of randomness that is
/// stuck shows by octets that repeat.
fn is_random_serial(octets: &[u8]) -> bool {
    let is_positive = octets.first().is_some_and(|first| first & 0x80 == 0);
    let mut different = octets.to_vec();
    different.sort_unstable();
    different.dedup();
    is_positive && (9..=20).contains(&octets.len()) && different.len() >= 5
}

/// Whether an attribute's value has one of these types.
fn is_of(value: &der::Any, tags: &[Tag]) -> bool {
    tags.contains(&der::Tagged::tag(value))
}
