//! The log of a MASA about one device, as owners may ask for it (RFC 8995 §5.8; MAS-09): who was given a voucher, and when.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use pki::{certificate::Certificate, digest::sha256, time::Timestamp};
use serde_json::{Value, json};

use super::{Assertion, Nonce};

/// Names a domain in the log (RFC 8995 §5.8.2): the subject key identifier of the certificate that vouchers pin, or the
/// SHA-256 of its SubjectPublicKeyInfo where it has none (RFC 7469 §2.4).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DomainId(Vec<u8>);

impl DomainId {
    /// Of a certificate that is pinned.
    #[must_use]
    pub fn of(pinned: &Certificate) -> Self {
        let identifier = pinned.extensions().subject_key_identifier.clone();
        Self(identifier.unwrap_or_else(|| sha256(pinned.public_key().spki_der()).0.to_vec()))
    }

    /// As it was kept: 1 to 64 octets.
    #[must_use]
    pub fn from_octets(octets: Vec<u8>) -> Option<Self> {
        (1..=64).contains(&octets.len()).then_some(Self(octets))
    }

    /// The octets.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &self.0
    }
}

/// One voucher that was issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    /// When.
    pub date: Timestamp,
    /// For which domain.
    pub domain_id: DomainId,
    /// The nonce, as it stands in the voucher; `None` for a voucher without one.
    pub nonce: Option<String>,
    /// What the voucher asserts.
    pub assertion: Assertion,
    /// How many earlier events of this domain were left out for this one.
    pub truncated: u64,
}

impl AuditEvent {
    /// The voucher that was issued then.
    #[must_use]
    pub fn new(date: Timestamp, pinned: &Certificate, nonce: Option<&Nonce>, assertion: Assertion) -> Self {
        let nonce = nonce.map(|it| STANDARD.encode(it.octets()));
        Self { date, domain_id: DomainId::of(pinned), nonce, assertion, truncated: 0 }
    }
}

/// How many events were left out, and of which kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Truncation {
    /// Vouchers with a nonce, for a domain that has a later one.
    pub nonced_duplicates: u64,
    /// Vouchers without, likewise.
    pub nonceless_duplicates: u64,
    /// Others: whoever reads the log may have missed an owner.
    pub arbitrary: u64,
}

/// The log about one device, newest event first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MasaAuditLog {
    /// The vouchers that were issued.
    pub events: Vec<AuditEvent>,
    /// What is not among them.
    pub truncation: Truncation,
}

impl MasaAuditLog {
    /// Most events of one answer, made or read.
    pub const MAX_EVENTS: usize = 1024;
    /// The version that is written and read.
    const VERSION: u64 = 1;

    /// The log of these events, oldest first as they were recorded, cut to the newest `limit`. What tells a reader least is
    /// left out first: earlier vouchers of a domain that has a later one, those with a nonce before those without.
    #[must_use]
    pub fn of(recorded: impl IntoIterator<Item = AuditEvent>, limit: usize) -> Self {
        let mut events: Vec<_> = recorded.into_iter().collect();
        events.reverse();
        let mut log = Self { events, truncation: Truncation::default() };
        let limit = limit.clamp(1, Self::MAX_EVENTS);
        log.truncation.nonced_duplicates = log.drop_duplicates(limit, |event| event.nonce.is_some());
        log.truncation.nonceless_duplicates = log.drop_duplicates(limit, |event| event.nonce.is_none());
        let arbitrary = log.events.len().saturating_sub(limit);
        log.events.truncate(limit);
        log.truncation.arbitrary = u64::try_from(arbitrary).unwrap_or(u64::MAX);
        log
    }

    /// Leaves out the oldest events of a kind for which the same domain has a newer event of that kind.
    fn drop_duplicates(&mut self, limit: usize, of_kind: impl Fn(&AuditEvent) -> bool) -> u64 {
        let mut excess = self.events.len().saturating_sub(limit);
        let mut newest: BTreeMap<DomainId, usize> = BTreeMap::new();
        for (index, event) in self.events.iter().enumerate().filter(|(_, event)| of_kind(event)) {
            newest.entry(event.domain_id.clone()).or_insert(index);
        }
        let (mut dropped, mut of_domain) = (0_u64, BTreeMap::<usize, u64>::new());
        let mut kept = Vec::with_capacity(self.events.len());
        // From the oldest on.
        for (index, event) in std::mem::take(&mut self.events).into_iter().enumerate().rev() {
            match newest.get(&event.domain_id) {
                Some(other) if of_kind(&event) && *other != index && excess > 0 => {
                    excess = excess.saturating_sub(1);
                    dropped = dropped.saturating_add(1);
                    let counted = of_domain.entry(*other).or_default();
                    *counted = counted.saturating_add(event.truncated).saturating_add(1);
                }
                _ => kept.push((index, event)),
            }
        }
        self.events = kept
            .into_iter()
            .rev()
            .map(|(index, event)| {
                let more = of_domain.get(&index).copied().unwrap_or_default();
                AuditEvent { truncated: event.truncated.saturating_add(more), ..event }
            })
            .collect();
        dropped
    }

    /// Writes the JSON object of RFC 8995 §5.8.1, its numbers as numbers.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let events: Vec<_> = self.events.iter().map(write_event).collect();
        let Truncation { nonced_duplicates, nonceless_duplicates, arbitrary } = self.truncation;
        let mut object = json!({ "version": Self::VERSION, "events": events });
        if self.truncation != Truncation::default()
            && let Some(object) = object.as_object_mut()
        {
            let truncation = json!({
                "nonced duplicates": nonced_duplicates,
                "nonceless duplicates": nonceless_duplicates,
                "arbitrary": arbitrary,
            });
            object.insert("truncation".to_owned(), truncation);
        }
        object.to_string().into_bytes()
    }

    /// Reads the answer of a MASA. The RFC's grammar says numbers, its example has them in quotes: both are read. What is not
    /// defined is ignored.
    ///
    /// # Errors
    /// [`AuditLogError`].
    pub fn from_json(bytes: &[u8]) -> Result<Self, AuditLogError> {
        let document: Value = serde_json::from_slice(bytes).map_err(|_| AuditLogError::Malformed)?;
        match document.get("version").and_then(number) {
            Some(Self::VERSION) => {}
            _ => return Err(AuditLogError::Version),
        }
        let events = document.get("events").and_then(Value::as_array).ok_or(AuditLogError::Malformed)?;
        if events.len() > Self::MAX_EVENTS {
            return Err(AuditLogError::TooLong);
        }
        let events = (0..).zip(events).map(|(index, event)| read_event(event).ok_or(AuditLogError::Event { index }));
        let counted = |name: &str| {
            let member = document.get("truncation").and_then(|it| it.get(name));
            member.map_or(Ok(0), |it| number(it).ok_or(AuditLogError::Malformed))
        };
        let truncation = Truncation {
            nonced_duplicates: counted("nonced duplicates")?,
            nonceless_duplicates: counted("nonceless duplicates")?,
            arbitrary: counted("arbitrary")?,
        };
        Ok(Self { events: events.collect::<Result<_, _>>()?, truncation })
    }

    /// RFC 8995 §5.8.3: the events of domains other than one's own, which an owner should be able to explain.
    pub fn strangers<'a>(&'a self, own: &'a [DomainId]) -> impl Iterator<Item = &'a AuditEvent> {
        self.events.iter().filter(|event| !own.contains(&event.domain_id))
    }
}

fn write_event(event: &AuditEvent) -> Value {
    let mut object = json!({
        "date": event.date.to_string(),
        "domainID": STANDARD.encode(event.domain_id.octets()),
        "nonce": event.nonce,
        "assertion": event.assertion.as_str(),
    });
    if let Some(object) = object.as_object_mut().filter(|_| event.truncated > 0) {
        object.insert("truncated".to_owned(), Value::from(event.truncated));
    }
    object
}

fn read_event(event: &Value) -> Option<AuditEvent> {
    let text = |name: &str| event.get(name).and_then(Value::as_str);
    let nonce = match event.get("nonce")? {
        Value::Null => None,
        Value::String(nonce) if nonce.len() <= 128 => Some(nonce.clone()),
        _ => return None,
    };
    Some(AuditEvent {
        date: Timestamp::parse_rfc3339(text("date")?)?,
        domain_id: DomainId::from_octets(STANDARD.decode(text("domainID")?).ok()?)?,
        nonce,
        assertion: Assertion::named(text("assertion")?.to_owned())?,
        truncated: event.get("truncated").map_or(Some(0), number)?,
    })
}

fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// An answer that is not a MASA's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuditLogError {
    /// Not the JSON object of RFC 8995 §5.8.1.
    #[error("not the audit log of a MASA")]
    Malformed,
    /// Another version than 1.
    #[error("an audit log of another version than 1")]
    Version,
    /// More events than [`MasaAuditLog::MAX_EVENTS`].
    #[error("more than {} events", MasaAuditLog::MAX_EVENTS)]
    TooLong,
    /// One of the events cannot be read.
    #[error("event {index} cannot be read")]
    Event {
        /// Which, counted from 0.
        index: u64,
    },
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn event(second: i64, domain: u8, nonce: Option<&str>) -> AuditEvent {
        AuditEvent {
            date: Timestamp::from_unix(second),
            domain_id: DomainId(vec![domain; 20]),
            nonce: nonce.map(str::to_owned),
            assertion: Assertion::Verified,
            truncated: 0,
        }
    }

    fn certificate(is_ca: rcgen::IsCa) -> Certificate {
        let mut params = rcgen::CertificateParams::default();
        params.is_ca = is_ca;
        let made = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
        Certificate::from_der(made.der()).unwrap()
    }

    #[test]
    fn mas_09_a_domain_is_named_by_its_key_identifier() {
        let with = certificate(rcgen::IsCa::ExplicitNoCa);
        let identifier = with.extensions().subject_key_identifier.clone().unwrap();
        assert_eq!(DomainId::of(&with).octets(), identifier);
        // RFC 8995 §5.8.2: without one, the SPKI fingerprint.
        let without = certificate(rcgen::IsCa::NoCa);
        assert_eq!(DomainId::of(&without).octets(), sha256(without.public_key().spki_der()).0);
    }

    /// The shape that RFC 8995 §5.8.1 prints, numbers in quotes, with other values.
    #[test]
    fn mas_09_the_printed_shape_is_read() {
        let printed = br#"{"version":"1","events":[
            {"date":"2026-05-15T17:25:55.644-04:00","domainID":"AQEBAQEBAQEBAQEBAQEBAQEBAQE=",
             "nonce":"VOUFT-WwrEv0NuAQEHoV7Q","assertion":"proximity","truncated":"2"},
            {"date":"2024-05-15T17:25:55Z","domainID":"AgICAgICAgICAgICAgICAgICAgI=","nonce":null,"assertion":"logged"}],
            "truncation":{"nonced duplicates":"0","nonceless duplicates":"1","arbitrary":"2"}}"#;
        let log = MasaAuditLog::from_json(printed).unwrap();
        assert_eq!(log.truncation, Truncation { nonced_duplicates: 0, nonceless_duplicates: 1, arbitrary: 2 });
        let [first, second] = log.events.as_slice() else { panic!("two events") };
        assert_eq!((first.truncated, first.assertion.as_str()), (2, "proximity"));
        assert_eq!(first.date, Timestamp::parse_rfc3339("2026-05-15T21:25:55Z").unwrap());
        assert_eq!((second.nonce.as_deref(), second.truncated), (None, 0));
        let own = [DomainId(vec![1; 20])];
        assert_eq!(log.strangers(&own).collect::<Vec<_>>(), [second]);
        // What is written has numbers, and no truncation where there was none.
        let text = String::from_utf8(MasaAuditLog::of([event(0, 1, None)], 10).to_json()).unwrap();
        let expected = r#"{"events":[{"assertion":"verified","date":"1970-01-01T00:00:00Z","domainID":"AQEBAQEBAQEBAQEBAQEBAQEBAQE=","nonce":null}],"version":1}"#;
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), serde_json::from_str::<Value>(expected).unwrap());
    }

    #[test]
    fn mas_09_what_tells_least_is_left_out_first_and_counted() {
        let recorded = [
            event(1, 1, None),
            event(2, 2, Some("a")),
            event(3, 1, Some("b")),
            event(4, 1, Some("c")),
            event(5, 1, None),
            event(6, 1, Some("d")),
        ];
        let seconds = |log: &MasaAuditLog| log.events.iter().map(|it| it.date.unix()).collect::<Vec<_>>();
        let cut = |limit| MasaAuditLog::of(recorded.clone(), limit);
        assert_eq!((seconds(&cut(6)), cut(6).truncation), (vec![6, 5, 4, 3, 2, 1], Truncation::default()));
        let four = cut(4);
        assert_eq!(seconds(&four), [6, 5, 2, 1]);
        assert_eq!(four.truncation, Truncation { nonced_duplicates: 2, ..Truncation::default() });
        assert_eq!(four.events[0].truncated, 2);
        let three = cut(3);
        assert_eq!(seconds(&three), [6, 5, 2]);
        assert_eq!((three.truncation.nonceless_duplicates, three.events[1].truncated), (1, 1));
        // The other domain's only event goes last, and is called what it is.
        let two = cut(2);
        assert_eq!((seconds(&two), two.truncation.arbitrary), (vec![6, 5], 1));
    }

    #[test]
    fn what_is_no_log_is_refused() {
        for (bytes, error) in [
            (&b"[]"[..], AuditLogError::Version),
            (b"{", AuditLogError::Malformed),
            (br#"{"version":2,"events":[]}"#, AuditLogError::Version),
            (br#"{"version":1}"#, AuditLogError::Malformed),
            (br#"{"version":1,"events":[{}]}"#, AuditLogError::Event { index: 0 }),
            (br#"{"version":1,"events":[],"truncation":{"arbitrary":-1}}"#, AuditLogError::Malformed),
        ] {
            assert_eq!(MasaAuditLog::from_json(bytes), Err(error), "{}", String::from_utf8_lossy(bytes));
        }
        let many = format!(r#"{{"version":1,"events":[{}0]}}"#, "0,".repeat(MasaAuditLog::MAX_EVENTS));
        assert_eq!(MasaAuditLog::from_json(many.as_bytes()), Err(AuditLogError::TooLong));
    }

    proptest! {
        #[test]
        fn nothing_is_lost_without_being_counted(
            events in proptest::collection::vec((0_u8..4, any::<bool>()), 0..60),
            limit in 1_usize..40,
        ) {
            let recorded = (0..).zip(&events).map(|(at, (domain, nonced))| event(at, *domain, nonced.then_some("n")));
            let log = MasaAuditLog::of(recorded, limit);
            let Truncation { nonced_duplicates, nonceless_duplicates, arbitrary } = log.truncation;
            let left_out = usize::try_from(nonced_duplicates + nonceless_duplicates + arbitrary).unwrap();
            prop_assert_eq!(log.events.len() + left_out, events.len());
            prop_assert!(log.events.len() == events.len().min(limit));
            prop_assert!(log.events.is_sorted_by(|newer, older| newer.date > older.date));
            prop_assert_eq!(MasaAuditLog::from_json(&log.to_json()).unwrap(), log);
        }
    }
}
