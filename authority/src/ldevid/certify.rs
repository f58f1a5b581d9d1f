//! The certificate itself.

use pki::{certificate::Certificate, time::Timestamp};

use super::Order;
use crate::{AlternativeName, AuthorityError, CertificateAuthority, CertificateSerial, Kind, Profile, Subject};

impl Order {
    /// The certificate that this order is for, by `ca`: for a year, and the device's whatever the CSR said, with its model as the
    /// common name and `names` beside it.
    ///
    /// # Errors
    /// As [`CertificateAuthority::issue`].
    pub fn certify(
        &self,
        ca: &CertificateAuthority,
        (model, names): (&str, &[String]),
        serial: CertificateSerial,
        now: Timestamp,
    ) -> Result<Certificate, AuthorityError> {
        let named = |name: &String| match name.parse() {
            Ok(address) => AlternativeName::Address(address),
            Err(_) => AlternativeName::Dns(name.clone()),
        };
        let subject = names.iter().map(named).fold(Subject::device(model, self.serial_number()), Subject::also);
        ca.issue(&Profile::of(Kind::Ldevid), &subject, self.key(), serial, now)
    }
}
