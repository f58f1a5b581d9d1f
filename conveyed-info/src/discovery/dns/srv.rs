//! SRV records (RFC 2782).

use std::fmt;

use super::{Name, RecordError};

/// One SRV record: a bootstrap server for every device (RFC 8572 §4.2.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SrvRecord {
    /// Lower goes first.
    pub priority: u16,
    /// Its share among records of the same priority.
    pub weight: u16,
    /// TCP port of the server.
    pub port: u16,
    /// Name of the server; the root says that there is none.
    pub target: Name,
}

impl SrvRecord {
    /// Reads RDATA.
    ///
    /// # Errors
    /// [`RecordError`]; also for a compressed target, which RFC 2782 forbids and which cannot be read without its message.
    pub fn from_rdata(rdata: &[u8]) -> Result<Self, RecordError> {
        let Some((&[p1, p2, w1, w2, port1, port2], target)) = rdata.split_first_chunk() else {
            return Err(RecordError::SrvTruncated { length: rdata.len() });
        };
        let (target, rest) = Name::from_wire(target)?;
        if !rest.is_empty() {
            return Err(RecordError::TrailingOctets { length: rest.len() });
        }
        Ok(Self {
            priority: u16::from_be_bytes([p1, p2]),
            weight: u16::from_be_bytes([w1, w2]),
            port: u16::from_be_bytes([port1, port2]),
            target,
        })
    }

    /// The record's RDATA.
    #[must_use]
    pub fn rdata(&self) -> Vec<u8> {
        let numbers = [self.priority, self.weight, self.port].map(u16::to_be_bytes);
        [numbers.as_flattened(), &self.target.to_wire()].concat()
    }
}

/// The record's data as a zone file has it.
impl fmt::Display for SrvRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} {}", self.priority, self.weight, self.port, self.target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discovery::dns::NameError;

    #[test]
    fn dns_13_rdata_is_four_fields() {
        let record = SrvRecord { priority: 1, weight: 2, port: 443, target: "sztp1.example.net".parse().unwrap() };
        let rdata = b"\x00\x01\x00\x02\x01\xbb\x05sztp1\x07example\x03net\x00";
        assert_eq!(record.rdata(), rdata);
        assert_eq!(SrvRecord::from_rdata(rdata), Ok(record.clone()));
        assert_eq!(record.to_string(), "1 2 443 sztp1.example.net.");
    }

    #[test]
    fn hostile_rdata_is_refused() {
        for (rdata, expected) in [
            (&b"\0\0\0\0\x01"[..], RecordError::SrvTruncated { length: 5 }),
            (b"\0\0\0\0\x01\xbb", RecordError::Name(NameError::Truncated)),
            (b"\0\0\0\0\x01\xbb\x01a\xc0\x0c", RecordError::Name(NameError::Compressed)),
            (b"\0\0\0\0\x01\xbb\x01a\0x", RecordError::TrailingOctets { length: 1 }),
        ] {
            assert_eq!(SrvRecord::from_rdata(rdata), Err(expected), "{rdata:02x?}");
        }
    }
}
