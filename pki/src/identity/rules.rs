//! All that must be known of one manufacturer to judge its devices' certificates.

use const_oid::{ObjectIdentifier, db::rfc5280 as oid};

use super::{IdentityError, RulesInvalid, SerialNumber, SerialNumberRule};
use crate::{
    certificate::Certificate,
    path::{self, Path, PathError, Policy, Purpose, Signatures},
    time::Clock,
};

/// What one manufacturer's IDevID certificates are like. The default is IEEE 802.1AR: the subject's serialNumber, no extension
/// that nobody understands, extended key usage ignored, every intermediate sent by the device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityRules {
    serial_number_rules: Vec<SerialNumberRule>,
    accepted_critical: Vec<ObjectIdentifier>,
    key_purposes: Vec<ObjectIdentifier>,
    intermediates: Vec<Certificate>,
}

impl Default for IdentityRules {
    fn default() -> Self {
        Self {
            serial_number_rules: vec![SerialNumberRule::default()],
            accepted_critical: Vec::new(),
            key_purposes: Vec::new(),
            intermediates: Vec::new(),
        }
    }
}

/// RFC 5280 §6.1: what these say decides who may issue, for whom and for what. Passing over them unread would take the
/// decision away from the CA.
const NEVER_IGNORED: &[ObjectIdentifier] = &[
    oid::ID_CE_BASIC_CONSTRAINTS,
    oid::ID_CE_KEY_USAGE,
    oid::ID_CE_EXT_KEY_USAGE,
    oid::ID_CE_NAME_CONSTRAINTS,
    oid::ID_CE_POLICY_CONSTRAINTS,
    oid::ID_CE_POLICY_MAPPINGS,
    oid::ID_CE_INHIBIT_ANY_POLICY,
];

impl IdentityRules {
    /// Most rules for serial numbers.
    pub const MAX_SERIAL_NUMBER_RULES: usize = 8;
    /// Most critical extensions that are let pass.
    pub const MAX_CRITICAL: usize = 32;
    /// Most extended key usages.
    pub const MAX_KEY_PURPOSES: usize = 16;
    /// Most intermediates that devices do not send.
    pub const MAX_INTERMEDIATES: usize = 16;

    /// With these rules for the serial number instead. Those that find nothing in their place, or something of another form,
    /// are passed over; the others must agree.
    ///
    /// # Errors
    /// [`RulesInvalid::SerialNumberRules`] when there are none, too many, or one twice.
    pub fn with_serial_number_rules(mut self, rules: Vec<SerialNumberRule>) -> Result<Self, RulesInvalid> {
        let twice = rules.iter().enumerate().any(|(index, rule)| rules.iter().take(index).any(|before| before == rule));
        if twice || !(1..=Self::MAX_SERIAL_NUMBER_RULES).contains(&rules.len()) {
            return Err(RulesInvalid::SerialNumberRules);
        }
        self.serial_number_rules = rules;
        Ok(self)
    }

    /// Lets these critical extensions pass although nobody here understands them.
    ///
    /// # Errors
    /// [`RulesInvalid::TooManyCritical`], and [`RulesInvalid::Critical`] for one that path validation rests on.
    pub fn with_accepted_critical(mut self, extensions: Vec<ObjectIdentifier>) -> Result<Self, RulesInvalid> {
        if extensions.len() > Self::MAX_CRITICAL {
            return Err(RulesInvalid::TooManyCritical);
        }
        if let Some(never) = extensions.iter().find(|extension| NEVER_IGNORED.contains(extension)) {
            return Err(RulesInvalid::Critical(*never));
        }
        self.accepted_critical = extensions;
        Ok(self)
    }

    /// Takes only certificates whose ExtendedKeyUsage, which must be there, names one of these. With none, whatever it
    /// says is ignored.
    ///
    /// # Errors
    /// [`RulesInvalid::TooManyKeyPurposes`].
    pub fn with_key_purposes(mut self, purposes: Vec<ObjectIdentifier>) -> Result<Self, RulesInvalid> {
        if purposes.len() > Self::MAX_KEY_PURPOSES {
            return Err(RulesInvalid::TooManyKeyPurposes);
        }
        self.key_purposes = purposes;
        Ok(self)
    }

    /// Brings these CA certificates, which the devices do not send. They are no anchors.
    ///
    /// # Errors
    /// [`RulesInvalid::TooManyIntermediates`], [`RulesInvalid::IntermediateNoCa`].
    pub fn with_intermediates(mut self, certificates: Vec<Certificate>) -> Result<Self, RulesInvalid> {
        if certificates.len() > Self::MAX_INTERMEDIATES {
            return Err(RulesInvalid::TooManyIntermediates);
        }
        if let Some(other) = certificates.iter().find(|certificate| !certificate.extensions().is_ca()) {
            return Err(RulesInvalid::IntermediateNoCa { subject: other.subject_text() });
        }
        self.intermediates = certificates;
        Ok(self)
    }

    /// The rules for the serial number.
    #[must_use]
    pub fn serial_number_rules(&self) -> &[SerialNumberRule] {
        &self.serial_number_rules
    }

    /// The critical extensions that are let pass.
    #[must_use]
    pub fn accepted_critical(&self) -> &[ObjectIdentifier] {
        &self.accepted_critical
    }

    /// The extended key usages of which a certificate must name one; empty for any.
    #[must_use]
    pub fn key_purposes(&self) -> &[ObjectIdentifier] {
        &self.key_purposes
    }

    /// The intermediates that devices do not send.
    #[must_use]
    pub fn intermediates(&self) -> &[Certificate] {
        &self.intermediates
    }

    /// The path from a device's certificate to one of this manufacturer's anchors, over what the device sent and what
    /// is configured.
    ///
    /// # Errors
    /// [`PathError`], as [`path::validate`].
    pub fn path(
        &self,
        certificate: &Certificate,
        sent: &[Certificate],
        anchors: &[Certificate],
        clock: Clock,
        signatures: Signatures,
    ) -> Result<Path, PathError> {
        let accepted_critical = &self.accepted_critical;
        let policy = Policy { signatures, accepted_critical, ..Policy::new(clock, Purpose::DeviceIdentity) };
        if self.intermediates.is_empty() {
            return path::validate(certificate, sent, anchors, &policy);
        }
        let missing = self.intermediates.iter().filter(|known| !sent.contains(known));
        let all: Vec<_> = sent.iter().chain(missing).cloned().collect();
        path::validate(certificate, &all, anchors, &policy)
    }

    /// Whether the certificate is one that a device of this manufacturer has: none that could issue others, and for a
    /// purpose that theirs are for.
    ///
    /// # Errors
    /// [`IdentityError::IsCa`], [`IdentityError::SignsCertificates`], [`IdentityError::KeyPurpose`].
    pub fn admit(&self, certificate: &Certificate) -> Result<(), IdentityError> {
        let extensions = certificate.extensions();
        // IEEE 802.1AR §8.10: an IDevID is an end entity. A CA's certificate in this place is a copy from some chain, or a
        // CA that poses as a device it has not issued.
        if extensions.is_ca() {
            return Err(IdentityError::IsCa);
        }
        if extensions.key_usage.is_some_and(|usage| usage.key_cert_sign) {
            return Err(IdentityError::SignsCertificates);
        }
        let purposes = extensions.extended_key_usage.as_deref().unwrap_or_default();
        if self.key_purposes.is_empty() || purposes.iter().any(|purpose| self.key_purposes.contains(purpose)) {
            Ok(())
        } else {
            Err(IdentityError::KeyPurpose)
        }
    }

    /// What each rule says of the certificate, in order.
    pub fn readings(
        &self,
        certificate: &Certificate,
    ) -> impl Iterator<Item = (&SerialNumberRule, Result<SerialNumber, IdentityError>)> {
        self.serial_number_rules.iter().map(|rule| (rule, SerialNumber::by_rule(certificate, rule)))
    }

    /// The device's serial number.
    ///
    /// # Errors
    /// [`IdentityError`]: [`IdentityError::RulesDisagree`] when two rules give different ones; whatever is ambiguous or
    /// unusable for any rule; and what the first rule found when none finds a serial number.
    pub fn serial_number(&self, certificate: &Certificate) -> Result<SerialNumber, IdentityError> {
        use IdentityError::{SerialNumberForm, SerialNumberMissing};
        let (mut found, mut without) = (None::<SerialNumber>, None);
        for (_, reading) in self.readings(certificate) {
            match (reading, &found) {
                (Ok(serial), Some(before)) if *before != serial => return Err(IdentityError::RulesDisagree),
                (Ok(serial), _) => found = Some(serial),
                // Made for other certificates of this manufacturer.
                (Err(error @ (SerialNumberMissing | SerialNumberForm)), _) => drop(without.get_or_insert(error)),
                (Err(error), _) => return Err(error),
            }
        }
        found.ok_or_else(|| without.unwrap_or(SerialNumberMissing))
    }
}
