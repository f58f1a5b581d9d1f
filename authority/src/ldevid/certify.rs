//! The certificate itself.

use pki::{certificate::Certificate, time::Timestamp};

use super::Order;
use crate::{AuthorityError, CertificateAuthority, CertificateSerial, Profile, Subject};

impl Order {
    /// The certificate that this order is for, by `ca` and as `profile`, which is one of LDevIDs, has it: the device's whatever the CSR said, with its model as the common name and
    /// `names` (each an IP address, or else a DNS name) beside it.
    ///
    /// # Errors
    /// As [`CertificateAuthority::issue`].
    pub fn certify(
        &self,
        (ca, profile): (&CertificateAuthority, &Profile),
        (model, names): (&str, &[String]),
        serial: CertificateSerial,
        now: Timestamp,
    ) -> Result<Certificate, AuthorityError> {
        let subject = Subject::device(model, self.serial_number()).reached_by(names);
        ca.issue(profile, &subject, self.key(), serial, now)
    }
}
