//! What a device asks DNS for, and in which order (RFC 8572 §4.2.1).

use pki::identity::SerialNumber;

use super::{Name, NameError};

/// The questions, in the order in which they are to be asked, and those that cannot be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryPlan {
    /// Each to be asked only when what came before led to no successful bootstrap (DNS-02, DNS-03).
    pub queries: Vec<Query>,
    /// What the RFC would ask and cannot be asked here, with the reason.
    pub not_asked: Vec<NotAsked>,
}

/// One question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Over which kind of DNS.
    pub transport: Transport,
    /// Under which name.
    pub name: Name,
    /// For which records.
    pub record_type: RecordType,
}

/// Who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// Everybody on the link: multicast DNS, RFC 6762.
    Multicast,
    /// The configured resolver.
    Unicast,
}

/// The kind of record that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecordType {
    /// Artifacts for this device (RFC 8572 §4.2.2).
    Txt,
    /// Bootstrap servers for every device (RFC 8572 §4.2.3).
    Srv,
}

impl RecordType {
    /// The number on the wire (RFC 1035 §3.2.2, RFC 2782).
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Self::Txt => 16,
            Self::Srv => 33,
        }
    }
}

/// A question that is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAsked {
    /// The domain that would have been asked about.
    pub domain: Name,
    /// For which records.
    pub record_type: RecordType,
    /// Why it is not asked.
    pub because: NotAskedBecause,
}

/// Why a question is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAskedBecause {
    /// The serial number has more octets than a label can (RFC 1035 §2.3.4): no record can stand under it.
    #[error("the serial number has {length} octets, a label at most 63")]
    SerialNumberTooLong {
        /// Octets of the serial number.
        length: usize,
    },
    /// The name would be longer than 255 octets.
    #[error("the name would be too long")]
    NameTooLong,
    /// The domain is the root: no owner publishes there, and everybody's resolver would see the serial number.
    #[error("the domain is the root")]
    Root,
    /// The domain is or ends in `local`, which no unicast resolver is to be asked about (RFC 6762 §22.1).
    #[error("the domain belongs to multicast DNS")]
    Local,
    /// More domains than are searched.
    #[error("at most {} domains are searched", QueryPlan::MAXIMUM_DOMAINS)]
    TooManyDomains,
}

impl QueryPlan {
    /// Most domains that are searched; further ones are not asked about.
    pub const MAXIMUM_DOMAINS: usize = 8;

    /// The plan of a device with this serial number (the one in its identity certificate, DNS-04) in a network whose
    /// search list is `domains`, most specific first: from DHCP or configuration (DNS-16).
    ///
    /// A serial number becomes one label, octet by octet. Dots, blanks and letters beyond ASCII are legal there; more than
    /// 63 octets are not, and then only SRV records are asked for. DNS does not tell `a` from `A`: devices whose serial
    /// numbers differ in case alone share a name, and the voucher tells them apart.
    #[must_use]
    pub fn new(serial_number: &SerialNumber, domains: &[Name]) -> Self {
        let mut plan = Self { queries: Vec::new(), not_asked: Vec::new() };
        let mut searched: Vec<&Name> = Vec::new();
        for domain in domains {
            if !searched.iter().any(|other| other.is_same_as(domain)) {
                searched.push(domain);
            }
        }
        let serial_number = serial_number.as_str().as_bytes();
        // RFC 8572 §4.2.1: the device's own names go before the general one, and multicast before unicast.
        for (record_type, prefix) in
            [(RecordType::Txt, [serial_number, b"_sztp"]), (RecordType::Srv, [b"_sztp", b"_tcp"])]
        {
            if let Ok(local) = local() {
                plan.add(Transport::Multicast, prefix, &local, record_type);
            }
            for (index, domain) in searched.iter().enumerate() {
                match refused(domain, index) {
                    Some(because) => plan.leave_out(domain, record_type, because),
                    None => plan.add(Transport::Unicast, prefix, domain, record_type),
                }
            }
        }
        plan
    }

    fn add(&mut self, transport: Transport, prefix: [&[u8]; 2], domain: &Name, record_type: RecordType) {
        let labels = prefix.into_iter().chain(domain.labels().iter().map(Vec::as_slice));
        match Name::new(labels) {
            Ok(name) => self.queries.push(Query { transport, name, record_type }),
            Err(NameError::LabelTooLong { length }) => {
                self.leave_out(domain, record_type, NotAskedBecause::SerialNumberTooLong { length });
            }
            Err(_) => self.leave_out(domain, record_type, NotAskedBecause::NameTooLong),
        }
    }

    fn leave_out(&mut self, domain: &Name, record_type: RecordType, because: NotAskedBecause) {
        self.not_asked.push(NotAsked { domain: domain.clone(), record_type, because });
    }
}

fn refused(domain: &Name, index: usize) -> Option<NotAskedBecause> {
    if index >= QueryPlan::MAXIMUM_DOMAINS {
        Some(NotAskedBecause::TooManyDomains)
    } else if domain.is_root() {
        Some(NotAskedBecause::Root)
    } else if local().is_ok_and(|local| domain.ends_with(&local)) {
        Some(NotAskedBecause::Local)
    } else {
        None
    }
}

/// The domain of multicast DNS (RFC 6762 §3).
fn local() -> Result<Name, NameError> {
    Name::new([*b"local"])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(serial_number: &str, domains: &[&str]) -> QueryPlan {
        let domains: Vec<Name> = domains.iter().map(|domain| domain.parse().unwrap()).collect();
        QueryPlan::new(&SerialNumber::new(serial_number).unwrap(), &domains)
    }

    fn spelled(plan: &QueryPlan) -> Vec<(Transport, String, u16)> {
        plan.queries.iter().map(|it| (it.transport, it.name.to_string(), it.record_type.number())).collect()
    }

    /// DNS-02 to DNS-05: four kinds of names, in this order.
    #[test]
    fn dns_02_own_names_before_the_general_one_and_multicast_before_unicast() {
        use Transport::{Multicast, Unicast};
        let plan = plan("SN-1", &["lab.example.net", "example.net."]);
        assert_eq!(
            spelled(&plan),
            [
                (Multicast, "SN-1._sztp.local.".to_owned(), 16),
                (Unicast, "SN-1._sztp.lab.example.net.".to_owned(), 16),
                (Unicast, "SN-1._sztp.example.net.".to_owned(), 16),
                (Multicast, "_sztp._tcp.local.".to_owned(), 33),
                (Unicast, "_sztp._tcp.lab.example.net.".to_owned(), 33),
                (Unicast, "_sztp._tcp.example.net.".to_owned(), 33),
            ]
        );
        assert_eq!(plan.not_asked, []);
    }

    #[test]
    fn dns_04_a_serial_number_is_one_label_whatever_is_in_it() {
        let plan = plan("PID:X SN:1.2 ä", &[]);
        assert_eq!(spelled(&plan)[0].1, "PID:X\\032SN:1\\.2\\032\\195\\164._sztp.local.");
        assert_eq!(plan.queries[0].name.labels()[0], "PID:X SN:1.2 ä".as_bytes());
    }

    #[test]
    fn dns_04_a_serial_number_longer_than_a_label_leaves_the_general_name() {
        let longest = plan(&"x".repeat(63), &["example.net"]);
        assert_eq!((longest.queries.len(), longest.not_asked.len()), (4, 0));
        let beyond = plan(&"x".repeat(64), &["example.net"]);
        assert!(beyond.queries.iter().all(|query| query.record_type == RecordType::Srv));
        assert_eq!(beyond.not_asked.len(), 2);
        let because = NotAskedBecause::SerialNumberTooLong { length: 64 };
        assert!(beyond.not_asked.iter().all(|it| it.because == because && it.record_type == RecordType::Txt));
    }

    #[test]
    fn dns_16_domains_that_cannot_be_asked_are_named() {
        use NotAskedBecause::{Local, NameTooLong, Root};
        let left_out = |plan: &QueryPlan, record_type| {
            let left_out = plan.not_asked.iter().filter(|it| it.record_type == record_type);
            left_out.map(|it| it.because).collect::<Vec<_>>()
        };
        let some = plan("SN-1", &[".", "local", "sub.LOCAL", "example.net", "Example.NET"]);
        assert_eq!(some.queries.len(), 4, "a domain given twice is asked about once");
        assert_eq!(left_out(&some, RecordType::Txt), [Root, Local, Local]);
        assert_eq!(left_out(&some, RecordType::Srv), [Root, Local, Local]);

        // 243 octets: `_sztp._tcp.` still fits before it, the serial number does not.
        let long = "a.".repeat(120) + "b";
        let long = plan("SN-0000001", &[&long]);
        assert_eq!((left_out(&long, RecordType::Txt), left_out(&long, RecordType::Srv)), (vec![NameTooLong], vec![]));
    }

    #[test]
    fn the_search_list_is_bounded() {
        let domains: Vec<String> = (0..12).map(|index| format!("d{index}.example")).collect();
        let domains: Vec<&str> = domains.iter().map(String::as_str).collect();
        let plan = plan("SN-1", &domains);
        assert_eq!(plan.queries.len(), 2 * (1 + QueryPlan::MAXIMUM_DOMAINS));
        assert_eq!(plan.not_asked.len(), 2 * 4);
    }
}
