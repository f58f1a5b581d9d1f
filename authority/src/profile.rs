//! Which certificate for which use.

use pki::{identity::SerialNumber, key::KeyType, time::Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, DnValue, ExtendedKeyUsagePurpose, IsCa,
    KeyUsagePurpose,
};

/// X.520 serialNumber, the attribute that carries a device's serial number.
const SERIAL_NUMBER: &[u64] = &[2, 5, 4, 5];
const DAY: i64 = 24 * 60 * 60;

/// What a certificate is for. Decides its extensions and how long it lives.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Profile {
    /// A self-signed root: 30 years.
    Root,
    /// A CA below the root that issues end-entity certificates only: 10 years.
    IssuingCa,
    /// A device's IDevID (IEEE 802.1AR §8): the serial number in the subject, no expiration date (§8.7; RFC 5280
    /// §4.1.2.5).
    Idevid {
        /// The device's serial number.
        serial_number: SerialNumber,
    },
    /// An owner certificate (RFC 8572 §3.2): 2 years.
    Owner,
    /// A MASA's voucher signer: 5 years.
    VoucherSigner,
    /// A TLS server: 90 days.
    TlsServer {
        /// DNS names and IP addresses by which it is reached.
        names: Vec<String>,
    },
}

impl Profile {
    /// The parameters of a certificate for `subject`, valid from `now` (an hour earlier, for clocks that lag).
    pub(crate) fn params(
        &self,
        subject: &str,
        key: KeyType,
        now: Timestamp,
    ) -> Result<CertificateParams, rcgen::Error> {
        let names = match self {
            Self::TlsServer { names } => names.clone(),
            _ => Vec::new(),
        };
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, subject);
        params.not_before = now.plus_seconds(-60 * 60).to_offset_date_time();
        params.not_after = self.not_after(now).to_offset_date_time();
        // RFC 5280 §4.2.1.1: identifies the issuer's key; a self-signed certificate may go without.
        params.use_authority_key_identifier_extension = !matches!(self, Self::Root);
        // RFC 5280 §4.2.1.2: end entities should have a subject key identifier too; this is how it is asked for. Signers and
        // recipients can then be named by it.
        params.is_ca = IsCa::ExplicitNoCa;
        match self {
            Self::Root => {
                params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
                params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
            }
            Self::IssuingCa => {
                params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
                params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
            }
            Self::Idevid { serial_number } => {
                // X.520 §6.2.9: PrintableString where the characters allow it.
                let text = serial_number.as_str();
                let value =
                    text.try_into().map_or_else(|_| DnValue::Utf8String(text.to_owned()), DnValue::PrintableString);
                params.distinguished_name.push(DnType::from_oid(SERIAL_NUMBER), value);
                params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
                params.key_usages.extend(receiving(key));
            }
            Self::Owner | Self::VoucherSigner => params.key_usages = vec![KeyUsagePurpose::DigitalSignature],
            Self::TlsServer { .. } => {
                params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            }
        }
        Ok(params)
    }

    fn not_after(&self, now: Timestamp) -> Timestamp {
        match self {
            Self::Root => now.plus_seconds(30 * 365 * DAY),
            Self::IssuingCa => now.plus_seconds(10 * 365 * DAY),
            Self::Idevid { .. } => Timestamp::INFINITY,
            Self::Owner => now.plus_seconds(2 * 365 * DAY),
            Self::VoucherSigner => now.plus_seconds(5 * 365 * DAY),
            Self::TlsServer { .. } => now.plus_seconds(90 * DAY),
        }
    }
}

/// What lets artifacts be encrypted to a device (RFC 5652 §6.2.1, §6.2.2; ENC-06, ENC-07); its TLS key may open them too
/// (RFC 8572 §9.13).
const fn receiving(key: KeyType) -> Option<KeyUsagePurpose> {
    match key {
        KeyType::Rsa => Some(KeyUsagePurpose::KeyEncipherment),
        KeyType::P256 | KeyType::P384 | KeyType::P521 => Some(KeyUsagePurpose::KeyAgreement),
        KeyType::RsaPss | KeyType::Ed25519 => None,
    }
}
