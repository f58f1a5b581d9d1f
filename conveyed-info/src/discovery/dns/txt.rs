//! TXT records that carry artifacts (RFC 8572 §4.2.2).

use std::fmt;

use super::{DnsDataError, RecordError, error::key};
use crate::{
    BootstrappingData, Unverified,
    discovery::{ArtifactKind, Found},
};

/// One TXT record: its character-strings, joined.
///
/// DNS cuts the data of a record into strings of at most 255 octets (RFC 1035 §3.3.14). For an artifact the cuts mean
/// nothing, so they are gone here, and made anew when the record is written (DNS-09).
#[derive(Clone, PartialEq, Eq)]
pub struct TxtRecord(Vec<u8>);

impl TxtRecord {
    /// Most octets of RDATA (RFC 1035 §3.2.1; DNS-12).
    pub const MAXIMUM_RDATA: usize = 65_535;

    /// The record of one artifact: its key, an equals sign, and the artifact as it is (DNS-06, DNS-08).
    ///
    /// # Errors
    /// [`RecordError::TooLong`] when the artifact does not fit into a record. Publish a redirect instead.
    pub fn of_artifact(kind: ArtifactKind, der: &[u8]) -> Result<Self, RecordError> {
        let record = Self([key(kind).as_bytes(), b"=", der].concat());
        match record.rdata_length() {
            ..=Self::MAXIMUM_RDATA => Ok(record),
            length => Err(RecordError::TooLong { length }),
        }
    }

    /// The record whose character-strings are these.
    ///
    /// # Errors
    /// [`RecordError::StringTooLong`], [`RecordError::TooLong`].
    pub fn from_strings<'a>(strings: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, RecordError> {
        let mut joined = Vec::new();
        let mut length = 0_usize;
        for string in strings {
            if string.len() > MAXIMUM_STRING {
                return Err(RecordError::StringTooLong { length: string.len() });
            }
            length = length.saturating_add(string.len()).saturating_add(1);
            if length > Self::MAXIMUM_RDATA {
                return Err(RecordError::TooLong { length });
            }
            joined.extend_from_slice(string);
        }
        Ok(Self(joined))
    }

    /// Reads RDATA. None at all is read as one empty string (RFC 6763 §6.1).
    ///
    /// # Errors
    /// [`RecordError::StringTruncated`], [`RecordError::TooLong`].
    pub fn from_rdata(rdata: &[u8]) -> Result<Self, RecordError> {
        if rdata.len() > Self::MAXIMUM_RDATA {
            return Err(RecordError::TooLong { length: rdata.len() });
        }
        let mut joined = Vec::with_capacity(rdata.len());
        let mut rest = rdata;
        while let Some((announced, after)) = rest.split_first() {
            let (string, after) = after
                .split_at_checked(usize::from(*announced))
                .ok_or(RecordError::StringTruncated { announced: *announced, available: after.len() })?;
            joined.extend_from_slice(string);
            rest = after;
        }
        Ok(Self(joined))
    }

    /// The record's RDATA: strings of 255 octets, the last one shorter.
    #[must_use]
    pub fn rdata(&self) -> Vec<u8> {
        let mut rdata = Vec::with_capacity(self.rdata_length());
        for string in self.strings() {
            rdata.extend(u8::try_from(string.len()));
            rdata.extend_from_slice(string);
        }
        rdata
    }

    /// The record's data as a zone file has it (RFC 1035 §5.1): quoted strings, every octet that is no printable ASCII
    /// as `\DDD`.
    #[must_use]
    pub fn zone_text(&self) -> String {
        let mut text = String::new();
        for string in self.strings() {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push('"');
            for octet in string {
                match octet {
                    b'"' | b'\\' => text.extend(['\\', char::from(*octet)]),
                    b' '..=b'~' => text.push(char::from(*octet)),
                    _ => text.push_str(&format!("\\{octet:03}")),
                }
            }
            text.push('"');
        }
        text
    }

    /// The joined octets, `key=value`.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &self.0
    }

    /// Key and value: what stands before and after the first equals sign. Without one, all is key.
    fn key_and_value(&self) -> (&[u8], &[u8]) {
        let mut parts = self.0.splitn(2, |octet| *octet == b'=');
        (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
    }

    fn strings(&self) -> impl Iterator<Item = &[u8]> {
        // RFC 1035 §3.3.14: one string or more, so an empty record has an empty one.
        let empty = self.0.is_empty().then_some(&[][..]);
        self.0.chunks(MAXIMUM_STRING).chain(empty)
    }

    pub(super) fn rdata_length(&self) -> usize {
        self.0.len().saturating_add(self.0.len().div_ceil(MAXIMUM_STRING).max(1))
    }
}

impl fmt::Debug for TxtRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (key, value) = self.key_and_value();
        write!(f, "TxtRecord({}, {} octets)", key.escape_ascii(), value.len())
    }
}

/// Reads bootstrapping data from the TXT records of one name, in the order in which they came.
///
/// Keys are compared without regard to case, other keys are ignored, and of a repeated key the first counts, even when it
/// has no value (RFC 6763 §6.4; DNS-07, DNS-10). Values are the artifacts as they are (DNS-08). Conveyed information alone
/// is unsigned (DNS-11).
///
/// ```
/// use conveyed_info::discovery::dns::{TxtRecord, bootstrapping_data};
///
/// let records = [TxtRecord::from_rdata(b"\x05foo=1")?, TxtRecord::from_rdata(b"\x05CI=\x30\x00")?];
/// let unverified = bootstrapping_data(&records)?;
/// # let _ = unverified;
/// assert!(bootstrapping_data(&records[..1]).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`DnsDataError`], which names the key that is missing or wrong.
pub fn bootstrapping_data(records: &[TxtRecord]) -> Result<Unverified<BootstrappingData>, DnsDataError> {
    if records.len() > MAXIMUM_RECORDS {
        return Err(DnsDataError::TooManyRecords { count: records.len() });
    }
    let mut found = Found::default();
    for (name, value) in records.iter().map(TxtRecord::key_and_value) {
        let kind = ArtifactKind::ALL.into_iter().find(|kind| name.eq_ignore_ascii_case(key(*kind).as_bytes()));
        if let Some(kind) = kind {
            found.slot(kind).get_or_insert_with(|| value.to_vec());
        }
    }
    Ok(found.group()?)
}

/// Most octets of one character-string (RFC 1035 §3.3).
const MAXIMUM_STRING: usize = 255;

/// Most records of one name that are looked at. Three have a meaning.
pub(super) const MAXIMUM_RECORDS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ArtifactError, ConveyedInformation};

    fn record(octets: &[u8]) -> TxtRecord {
        TxtRecord::from_strings(octets.chunks(255)).unwrap()
    }

    fn unsigned(octets: &[u8]) -> Unverified<BootstrappingData> {
        Unverified::new(BootstrappingData::Unsigned(ConveyedInformation::from_der(octets).unwrap()))
    }

    /// DNS-09: 900 octets of artifact stand in four strings, and only the first of them begins with the key.
    #[test]
    fn dns_09_an_artifact_is_cut_and_joined() {
        let artifact: Vec<u8> = (0..900_u32).map(|index| (index % 256).to_le_bytes()[0]).collect();
        let written = TxtRecord::of_artifact(ArtifactKind::ConveyedInformation, &artifact).unwrap();
        let rdata = written.rdata();
        assert_eq!(rdata.len(), 903 + 4);
        assert_eq!(rdata[..4], *b"\xffci=");
        assert_eq!([rdata[256], rdata[512], rdata[768]], [255, 255, 138]);
        // DNS-08: raw octets.
        assert_eq!(rdata[4..256], artifact[..252]);
        let read = TxtRecord::from_rdata(&rdata).unwrap();
        assert_eq!(read, written);
        assert_eq!(bootstrapping_data(&[read]), Ok(unsigned(&artifact)));

        // Any other cut means the same, and a key-like start of a later string means nothing.
        let strings: [&[u8]; 4] = [b"c", b"", b"i=ov=", b"oc=1"];
        let odd = TxtRecord::from_strings(strings).unwrap();
        assert_eq!(bootstrapping_data(&[odd]), Ok(unsigned(b"ov=oc=1")));
    }

    #[test]
    fn dns_06_three_keys_make_a_signed_grouping() {
        let records = [record(b"ov=\x03"), record(b"ci=\x01=\x01"), record(b"oc=\x02")];
        let BootstrappingData::Signed { conveyed_information, owner_certificate, ownership_voucher } =
            bootstrapping_data(&records).unwrap().into_inner()
        else {
            panic!("unsigned")
        };
        assert_eq!(conveyed_information.der(), b"\x01=\x01", "only the first equals sign separates");
        assert_eq!((owner_certificate.der(), ownership_voucher.der()), (&b"\x02"[..], &b"\x03"[..]));
    }

    #[test]
    fn dns_07_other_keys_are_ignored() {
        let records = [record(b"foo=bar"), record(b"=x"), record(b""), record(b"cix=1"), record(b" ci=1")];
        assert_eq!(bootstrapping_data(&records), Err(DnsDataError::Nothing));
        let records = [&records[..], &[record(b"ci=1")]].concat();
        assert_eq!(bootstrapping_data(&records), Ok(unsigned(b"1")));
    }

    #[test]
    fn dns_10_case_is_ignored_and_the_first_of_a_key_counts() {
        assert_eq!(bootstrapping_data(&[record(b"CI=1"), record(b"ci=2")]), Ok(unsigned(b"1")));
        for first in [&b"ci"[..], b"Ci="] {
            let refused = bootstrapping_data(&[record(first), record(b"ci=2")]).unwrap_err();
            let artifact = ArtifactKind::ConveyedInformation;
            assert_eq!(refused, DnsDataError::Artifact { artifact, because: ArtifactError::Empty });
        }
    }

    #[test]
    fn dns_11_an_incomplete_grouping_names_the_missing_key() {
        for (records, key, missing) in [
            (&[record(b"oc=1"), record(b"ov=1")][..], "`ci=`", ArtifactKind::ConveyedInformation),
            (&[record(b"ci=1"), record(b"ov=1")], "`oc=`", ArtifactKind::OwnerCertificate),
            (&[record(b"ci=1"), record(b"oc=1")], "`ov=`", ArtifactKind::OwnershipVoucher),
        ] {
            let refused = bootstrapping_data(records).unwrap_err();
            assert_eq!(refused, DnsDataError::Incomplete { missing });
            assert!(refused.to_string().contains(key), "{refused}");
        }
    }

    #[test]
    fn dns_12_a_record_has_at_most_65535_octets() {
        // The key, this artifact and 256 length octets.
        let kind = ArtifactKind::OwnershipVoucher;
        let longest = TxtRecord::of_artifact(kind, &[0; 65_276]).unwrap();
        assert_eq!(longest.rdata().len(), 65_535);
        assert_eq!(TxtRecord::from_rdata(&longest.rdata()), Ok(longest));
        assert_eq!(TxtRecord::of_artifact(kind, &[0; 65_277]), Err(RecordError::TooLong { length: 65_536 }));
    }

    #[test]
    fn hostile_rdata_is_refused() {
        let truncated = RecordError::StringTruncated { announced: 5, available: 2 };
        assert_eq!(TxtRecord::from_rdata(b"\x01a\x05bc"), Err(truncated));
        assert_eq!(TxtRecord::from_rdata(&[0; 65_536]), Err(RecordError::TooLong { length: 65_536 }));
        assert_eq!(TxtRecord::from_rdata(&[0; 65_535]).unwrap().octets(), b"");
        assert_eq!(TxtRecord::from_rdata(b"").unwrap().rdata(), [0]);
        let strings = [&[0; 256][..]];
        assert_eq!(TxtRecord::from_strings(strings), Err(RecordError::StringTooLong { length: 256 }));
        let flood = vec![record(b"ci=1"); 33];
        assert_eq!(bootstrapping_data(&flood), Err(DnsDataError::TooManyRecords { count: 33 }));
    }

    #[test]
    fn zone_text_escapes_what_is_not_printable() {
        assert_eq!(record(b"ci=\"a\\ \x00\xff;").zone_text(), r#""ci=\"a\\ \000\255;""#);
        let long = record(&[b'a'; 256]).zone_text();
        assert_eq!(long, format!("\"{}\" \"a\"", "a".repeat(255)));
        assert_eq!(record(b"").zone_text(), "\"\"");
    }
}
