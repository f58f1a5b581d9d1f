//! Publishing bootstrapping data under a device's name (RFC 8572 §4.2.2).

use super::{Name, RecordError, TxtRecord};
use crate::{BootstrappingData, discovery::ArtifactKind};

/// The TXT records of one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    name: Name,
    records: Vec<TxtRecord>,
}

/// Makes the records that carry `data` under `name`, such as `SN-0001._sztp.example.net.`: one for each artifact, its
/// value raw (DNS-06, DNS-08).
///
/// ```
/// use conveyed_info::{BootstrappingData, ConveyedInformation, discovery::dns::publish};
///
/// let data = BootstrappingData::Unsigned(ConveyedInformation::from_der([0x30, 0x00])?);
/// let publication = publish("SN-0001._sztp.example.net".parse()?, &data)?;
/// assert_eq!(publication.zone_file(3600), "SN-0001._sztp.example.net. 3600 IN TXT \"ci=0\\000\"\n");
/// assert!(publication.fits_multicast());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`RecordError::TooLong`] when an artifact does not fit into a record, [`RecordError::AnswerTooLong`] when all of them
/// do not fit into an answer. Such data cannot be served by DNS: publish a redirect to a bootstrap server (DNS-12).
pub fn publish(name: Name, data: &BootstrappingData) -> Result<Publication, RecordError> {
    let record = TxtRecord::of_artifact;
    let records = match data {
        BootstrappingData::Unsigned(conveyed) => {
            vec![record(ArtifactKind::ConveyedInformation, conveyed.der())?]
        }
        BootstrappingData::Signed { conveyed_information, owner_certificate, ownership_voucher } => vec![
            record(ArtifactKind::ConveyedInformation, conveyed_information.der())?,
            record(ArtifactKind::OwnerCertificate, owner_certificate.der())?,
            record(ArtifactKind::OwnershipVoucher, ownership_voucher.der())?,
        ],
    };
    let publication = Publication { name, records };
    // RFC 1035 §4.2.2: TCP puts the length of a message into two octets.
    match publication.answer_length() {
        ..=MAXIMUM_ANSWER => Ok(publication),
        length => Err(RecordError::AnswerTooLong { length }),
    }
}

impl Publication {
    /// The records, conveyed information first. Resolvers may give them in any order.
    #[must_use]
    pub fn records(&self) -> &[TxtRecord] {
        &self.records
    }

    /// The records as lines of a zone file, `ttl` in seconds.
    #[must_use]
    pub fn zone_file(&self, ttl: u32) -> String {
        let line = |record: &TxtRecord| format!("{} {ttl} IN TXT {}\n", self.name, record.zone_text());
        self.records.iter().map(line).collect()
    }

    /// Whether one packet of multicast DNS can carry all records: 9,000 octets with the headers of IP and UDP (RFC 6762
    /// §17; DNS-12). More than that only unicast can serve, and more than about 500 octets only over TCP.
    #[must_use]
    pub fn fits_multicast(&self) -> bool {
        self.answer_length() <= MAXIMUM_MULTICAST
    }

    /// Octets of an answer with question and all records, no name compressed.
    fn answer_length(&self) -> usize {
        const HEADER: usize = 12;
        // Type and class; with a record also its time to live and length (RFC 1035 §4.1).
        const QUESTION: usize = 4;
        const RECORD: usize = 10;
        let name = self.name.to_wire().len();
        let records =
            self.records.iter().map(|record| name.saturating_add(RECORD).saturating_add(record.rdata_length()));
        records.fold(HEADER.saturating_add(name).saturating_add(QUESTION), usize::saturating_add)
    }
}

const MAXIMUM_ANSWER: usize = 65_535;
/// 9,000 octets without the headers of IPv6 and UDP.
const MAXIMUM_MULTICAST: usize = 9_000 - 40 - 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ConveyedInformation, OwnerCertificate, OwnershipVoucher, discovery::dns::bootstrapping_data};

    fn name() -> Name {
        "SN-1._sztp.example.net".parse().unwrap()
    }

    fn signed(length: usize) -> BootstrappingData {
        BootstrappingData::Signed {
            conveyed_information: ConveyedInformation::from_der(vec![1; length]).unwrap(),
            owner_certificate: OwnerCertificate::from_der(vec![2; 10]).unwrap(),
            ownership_voucher: OwnershipVoucher::from_der(vec![3; 10]).unwrap(),
        }
    }

    #[test]
    fn dns_06_what_is_published_is_read_back() {
        let data = signed(1000);
        let publication = publish(name(), &data).unwrap();
        let received: Vec<TxtRecord> =
            publication.records().iter().rev().map(|it| TxtRecord::from_rdata(&it.rdata()).unwrap()).collect();
        assert_eq!(bootstrapping_data(&received).unwrap().into_inner(), data);
        assert_eq!(publication.zone_file(60).lines().count(), 3);
        assert!(publication.zone_file(60).lines().all(|line| line.starts_with("SN-1._sztp.example.net. 60 IN TXT \"")));
    }

    /// DNS-12: both limits, to the octet.
    #[test]
    fn dns_12_limits_of_multicast_and_of_dns() {
        // Name 24; header 12; question 28; two companions of 24 + 10 + 1 + 13; the record's own 24 + 10 + 3.
        let rest = 12 + 28 + 2 * 48 + 37;
        let multicast = |length| publish(name(), &signed(length)).unwrap().fits_multicast();
        // 36 length octets for up to 9,180 octets of strings.
        let most = 8952 - rest - 35;
        assert!(multicast(most) && !multicast(most + 1), "{most}");

        let most = 65_535 - rest - 256;
        assert!(publish(name(), &signed(most)).is_ok());
        assert_eq!(publish(name(), &signed(most + 1)), Err(RecordError::AnswerTooLong { length: 65_536 }));
        assert!(matches!(publish(name(), &signed(70_000)), Err(RecordError::TooLong { .. })));
    }
}
