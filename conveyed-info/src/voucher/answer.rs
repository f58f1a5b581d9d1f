//! What a MASA answers to a voucher request (RFC 8995 §5.6), read by whoever asked.

use pki::certificate::Certificate;

use super::{Voucher, VoucherRequestDocument};
use crate::{ArtifactError, OwnershipVoucher};

/// Where a MASA takes voucher requests (RFC 8995 §5.5; MAS-01), below its address.
pub const REQUEST_VOUCHER_PATH: &str = "/.well-known/brski/requestvoucher";

/// Where it takes requests for its log (RFC 8995 §5.8; MAS-09), below its address.
pub const REQUEST_AUDIT_LOG_PATH: &str = "/.well-known/brski/requestauditlog";

/// The media type of vouchers and voucher requests (RFC 8366 §8.3; VCH-20).
pub const MEDIA_TYPE: &str = "application/voucher-cms+json";

/// Longest that anybody waits before asking again, in seconds (RFC 8995 §5.6; MAS-11).
pub const MAX_RETRY_AFTER: u32 = 60;

/// Longest text of an error that is kept, in characters.
const MAX_TEXT: usize = 1024;

/// The parts of an HTTP answer that count.
#[derive(Clone, Copy, Debug)]
pub struct HttpAnswer<'a> {
    /// The status.
    pub status: u16,
    /// The Content-Type, if there is one.
    pub content_type: Option<&'a str>,
    /// The Retry-After, if there is one.
    pub retry_after: Option<&'a str>,
    /// The Location, if there is one.
    pub location: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
}

/// What a MASA says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MasaAnswer {
    /// A voucher. Nothing in it was looked at: [`crate::verify::verify_voucher_as_holder`], then
    /// [`VoucherRequestDocument::check_answer`].
    Voucher(OwnershipVoucher),
    /// Somebody has to decide: ask again with the same request after so many seconds, at most [`MAX_RETRY_AFTER`].
    Later {
        /// How many.
        seconds: u32,
    },
    /// Ask there. At most one redirect that leads to another origin is followed: [`Redirects`].
    Elsewhere {
        /// The Location.
        location: String,
    },
    /// No voucher, and asking again will not help (4xx).
    Refused {
        /// The status.
        status: u16,
        /// What the MASA says about it, on one line.
        text: String,
    },
    /// The MASA failed (5xx): ask again later.
    Failed {
        /// The status.
        status: u16,
    },
}

impl MasaAnswer {
    /// Reads an answer.
    ///
    /// # Errors
    /// [`AnswerError`] when it is none that a MASA gives.
    pub fn read(answer: &HttpAnswer<'_>) -> Result<Self, AnswerError> {
        match answer.status {
            200 => {
                let found = answer.content_type.unwrap_or_default();
                let essence = found.split(';').next().unwrap_or_default().trim();
                if !essence.eq_ignore_ascii_case(MEDIA_TYPE) {
                    return Err(AnswerError::MediaType { found: readable(found.as_bytes()) });
                }
                Ok(Self::Voucher(OwnershipVoucher::from_der(answer.body)?))
            }
            202 => Ok(Self::Later { seconds: retry_after(answer.retry_after) }),
            300..=399 => match answer.location {
                Some(location) => Ok(Self::Elsewhere { location: location.to_owned() }),
                None => Err(AnswerError::Status { status: answer.status }),
            },
            status @ 400..=499 => Ok(Self::Refused { status, text: readable(answer.body) }),
            status @ 500..=599 => Ok(Self::Failed { status }),
            status => Err(AnswerError::Status { status }),
        }
    }
}

/// RFC 8995 §5.6 (MAS-11): at most 60 seconds, whatever the MASA says; a date, or nothing at all, counts as that.
fn retry_after(header: Option<&str>) -> u32 {
    let seconds = header.and_then(|it| it.trim().parse::<u32>().ok());
    seconds.unwrap_or(MAX_RETRY_AFTER).clamp(1, MAX_RETRY_AFTER)
}

/// The text of a stranger, on one line and of bounded length.
fn readable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes.get(..bytes.len().min(4 * MAX_TEXT)).unwrap_or_default());
    verdict::Trace::readable(&text)
}

/// Counts redirects (RFC 8995 §5.6; MAS-11).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Redirects {
    followed: u8,
    crossed: u8,
}

impl Redirects {
    /// Most redirects in all.
    pub const MAX: u8 = 5;

    /// After one more redirect, from one origin (`scheme://host:port`) to another or the same; `None` when it is one too
    /// many.
    #[must_use]
    pub fn follow(self, from: &str, to: &str) -> Option<Self> {
        let crossed = self.crossed.saturating_add(u8::from(!from.eq_ignore_ascii_case(to)));
        let followed = self.followed.saturating_add(1);
        (crossed <= 1 && followed <= Self::MAX).then_some(Self { followed, crossed })
    }
}

impl VoucherRequestDocument {
    /// Whether a voucher is the one that was asked for: the device's, with the nonce that was sent, and pinning one of
    /// `own`, the domain certificates of the owner who asked. Its signature is somebody else's business.
    ///
    /// # Errors
    /// [`AnswerMismatch`]: what the MASA got wrong. A device would refuse such a voucher, or obey somebody else.
    pub fn check_answer(&self, voucher: &Voucher, own: &[Certificate]) -> Result<(), AnswerMismatch> {
        if voucher.serial_number != self.serial_number {
            return Err(AnswerMismatch::SerialNumber { found: voucher.serial_number.as_str().to_owned() });
        }
        // RFC 8995 §5.5.6: with the nonce, or not at all.
        if self.nonce().is_some() && voucher.nonce() != self.nonce() {
            return Err(AnswerMismatch::Nonce);
        }
        if self.nonce().is_none() && voucher.nonce().is_some() {
            return Err(AnswerMismatch::Nonce);
        }
        if !own.contains(&voucher.pinned_domain_cert) {
            return Err(AnswerMismatch::Pinned { subject: voucher.pinned_domain_cert.subject_text() });
        }
        Ok(())
    }
}

/// An answer that no MASA should give.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// A status that RFC 8995 does not know, or a redirect to nowhere.
    #[error("the MASA answered with the status {status}")]
    Status {
        /// The status.
        status: u16,
    },
    /// A voucher of another form.
    #[error("the MASA answered with {found} where {MEDIA_TYPE} was expected")]
    MediaType {
        /// The Content-Type.
        found: String,
    },
    /// A body that cannot be a voucher.
    #[error("the MASA's voucher: {0}")]
    Artifact(#[from] ArtifactError),
}

/// A voucher that was not asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerMismatch {
    /// For another device.
    #[error("the voucher is for {found}")]
    SerialNumber {
        /// Which.
        found: String,
    },
    /// With another nonce than the one sent, or without.
    #[error("the voucher does not hold the nonce that was sent, or holds one that was not")]
    Nonce,
    /// For another owner, or another domain of this one.
    #[error("the voucher pins {subject}, which is none of the domain certificates of this owner")]
    Pinned {
        /// Whom it pins.
        subject: String,
    },
}

#[cfg(test)]
mod tests {
    use pki::{identity::SerialNumber, time::Timestamp};

    use super::*;
    use crate::voucher::{Assertion, Freshness, Nonce};

    fn answer(status: u16) -> HttpAnswer<'static> {
        HttpAnswer { status, content_type: Some(MEDIA_TYPE), retry_after: None, location: None, body: b"0" }
    }

    #[test]
    fn mas_01_an_answer_is_a_voucher_a_wait_or_a_refusal() {
        let read = |it: HttpAnswer<'_>| MasaAnswer::read(&it);
        let voucher = OwnershipVoucher::from_der(b"0".as_slice()).unwrap();
        assert_eq!(read(answer(200)), Ok(MasaAnswer::Voucher(voucher.clone())));
        let parameter = Some("Application/Voucher-CMS+JSON; charset=x");
        assert_eq!(read(HttpAnswer { content_type: parameter, ..answer(200) }), Ok(MasaAnswer::Voucher(voucher)));
        for content_type in [None, Some("text/html")] {
            assert!(matches!(read(HttpAnswer { content_type, ..answer(200) }), Err(AnswerError::MediaType { .. })));
        }
        assert!(matches!(read(HttpAnswer { body: b"", ..answer(200) }), Err(AnswerError::Artifact(_))));
        for status in [0, 100, 204, 302, 600, 65_535] {
            assert_eq!(read(answer(status)), Err(AnswerError::Status { status }));
        }
        let body = &b"no\r\n\x1b[2Jsuch \xff device"[..];
        let Ok(MasaAnswer::Refused { status: 404, text }) = read(HttpAnswer { body, ..answer(404) }) else { panic!() };
        assert!(text.starts_with("no") && !text.contains(char::is_control), "{text:?}");
        let long = vec![b'x'; 1 << 20];
        let Ok(MasaAnswer::Refused { text, .. }) = read(HttpAnswer { body: &long, ..answer(403) }) else { panic!() };
        assert!(text.len() <= MAX_TEXT);
        assert_eq!(read(answer(503)), Ok(MasaAnswer::Failed { status: 503 }));
    }

    #[test]
    fn mas_11_nobody_waits_for_longer_than_a_minute() {
        for (header, seconds) in [
            (Some("30"), 30),
            (Some("60"), 60),
            (Some("61"), 60),
            (Some("0"), 1),
            (Some("4294967296"), 60),
            (Some("Sat, 21 Nov 2026 20:00:00 GMT"), 60),
            (Some("-1"), 60),
            (None, 60),
        ] {
            let answer = HttpAnswer { retry_after: header, ..answer(202) };
            assert_eq!(MasaAnswer::read(&answer), Ok(MasaAnswer::Later { seconds }), "{header:?}");
        }
    }

    #[test]
    fn mas_11_one_redirect_to_another_origin() {
        let redirected = HttpAnswer { location: Some("https://b"), ..answer(307) };
        assert_eq!(MasaAnswer::read(&redirected), Ok(MasaAnswer::Elsewhere { location: "https://b".to_owned() }));
        let start = Redirects::default();
        let once = start.follow("https://a:443", "https://b:443").unwrap();
        assert_eq!(once.follow("https://b:443", "https://c:443"), None);
        // Nor back.
        assert_eq!(once.follow("https://b:443", "https://a:443"), None);
        let same = (0..5).try_fold(start, |it, _| it.follow("https://a:443", "https://A:443")).unwrap();
        assert_eq!(same.follow("https://a:443", "https://a:443"), None);
    }

    #[test]
    fn mas_06_what_comes_is_what_was_asked_for() {
        let certificate = |name: &str| {
            let params = rcgen::CertificateParams::new([name.to_owned()]).unwrap();
            let made = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
            Certificate::from_der(made.der()).unwrap()
        };
        let (own, other) = (certificate("own"), certificate("other"));
        let nonce = |octet| Freshness::Nonce(Nonce::for_request(vec![octet; 16]).unwrap());
        let serial = |text: &str| SerialNumber::new(text).unwrap();
        let asked = VoucherRequestDocument::new(serial("SN-1"), Timestamp::from_unix(0));
        let nonced = VoucherRequestDocument { freshness: nonce(1), ..asked.clone() };
        let voucher = Voucher {
            created_on: None,
            freshness: nonce(1),
            assertion: Assertion::Verified,
            serial_number: serial("SN-1"),
            idevid_issuer: None,
            pinned_domain_cert: own.clone(),
            domain_cert_revocation_checks: None,
        };
        let with = |freshness: Freshness| Voucher { freshness, ..voucher.clone() };
        let own = std::slice::from_ref(&own);
        assert_eq!(nonced.check_answer(&voucher, own), Ok(()));
        assert_eq!(asked.check_answer(&with(Freshness::Unlimited), own), Ok(()));
        assert_eq!(nonced.check_answer(&with(nonce(2)), own), Err(AnswerMismatch::Nonce));
        assert_eq!(nonced.check_answer(&with(Freshness::Unlimited), own), Err(AnswerMismatch::Nonce));
        assert_eq!(asked.check_answer(&voucher, own), Err(AnswerMismatch::Nonce));
        let foreign = Voucher { serial_number: serial("SN-2"), ..voucher.clone() };
        assert!(matches!(nonced.check_answer(&foreign, own), Err(AnswerMismatch::SerialNumber { .. })));
        assert!(matches!(nonced.check_answer(&voucher, &[other]), Err(AnswerMismatch::Pinned { .. })));
    }
}
