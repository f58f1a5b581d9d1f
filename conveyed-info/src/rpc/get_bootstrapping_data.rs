//! `get-bootstrapping-data` (RFC 8572 §7.1, §7.3).

use super::{CsrInput, INPUT, OUTPUT};
use crate::{
    BootstrappingData, ConveyedInformation, DocumentError, Encoding, OwnerCertificate, OwnershipVoucher, Unverified,
    document::{Container, Members, Node, Out},
    profile::{Grants, InputProfile, Leniency, Lenient},
    voucher::Nonce,
};

/// What a device asks with. The default, with only `signed_data_preferred` set, is all that an untrusted server gets
/// to see (RFC 8572 §9.6; CLI-21).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BootstrappingRequest {
    /// The device does not trust this server and wants data it can verify.
    pub signed_data_preferred: bool,
    /// Hardware model.
    pub hw_model: Option<String>,
    /// Name of the running operating system.
    pub os_name: Option<String>,
    /// Its version.
    pub os_version: Option<String>,
    /// To be copied into the voucher.
    pub nonce: Option<Nonce>,
    /// What the device can do about a CSR, or the CSR (RFC 9646 §2). Never for an untrusted server (CSR-24).
    pub csr: Option<CsrInput>,
}

impl BootstrappingRequest {
    /// Reads a request body; an empty one is a request without any input (RFC 8040 §3.6.1; RCF-13).
    ///
    /// # Errors
    /// [`DocumentError`] for anything the YANG modules do not allow.
    pub fn decode(bytes: &[u8], encoding: Encoding) -> Result<Self, DocumentError> {
        Self::decode_with(bytes, encoding, InputProfile::Strict).map(|read| read.value)
    }

    /// Reads a request body as [`BootstrappingRequest::decode`], but for what `profile` passes over.
    ///
    /// # Errors
    /// As [`BootstrappingRequest::decode`].
    pub fn decode_with(
        bytes: &[u8],
        encoding: Encoding,
        profile: InputProfile,
    ) -> Result<Lenient<Self>, DocumentError> {
        let mut grants = Grants::new(profile);
        if bytes.is_empty() {
            return Ok(grants.into_lenient(Self::default()));
        }
        let mut members = Members::of_container(bytes, encoding, INPUT)?;
        let signed_data_preferred = match members.optional("signed-data-preferred") {
            Some(node) => node.empty().map(|()| true)?,
            None => false,
        };
        let mut text = |name| members.optional(name).map(Node::text).transpose();
        let (hw_model, os_name, os_version) = (text("hw-model")?, text("os-name")?, text("os-version")?);
        let nonce = match members.optional("nonce") {
            None => None,
            Some(node) => {
                // RFC 8572 §7.3: 16 to 32 octets (CLI-23).
                let invalid = node.invalid("16 to 32 octets in base64");
                let octets = node.binary()?;
                if octets.is_empty() && grants.allow(Leniency::EmptyNonce) {
                    None
                } else {
                    Some(Nonce::for_request(octets).ok_or(invalid)?)
                }
            }
        };
        let csr = CsrInput::decode(&mut members)?;
        grants.finish(members)?;
        Ok(grants.into_lenient(Self { signed_data_preferred, hw_model, os_name, os_version, nonce, csr }))
    }

    /// Writes a request body.
    #[must_use]
    pub fn encode(&self, encoding: Encoding) -> Vec<u8> {
        let mut members = Container::new();
        if self.signed_data_preferred {
            members.put("signed-data-preferred", Out::Empty);
        }
        for (name, value) in
            [("hw-model", &self.hw_model), ("os-name", &self.os_name), ("os-version", &self.os_version)]
        {
            if let Some(text) = value {
                members.put_text(name, text);
            }
        }
        if let Some(nonce) = &self.nonce {
            members.put_binary("nonce", nonce.octets());
        }
        if let Some(csr) = &self.csr {
            csr.encode(&mut members);
        }
        members.into_document(INPUT, encoding)
    }
}

/// How much the server wants to hear (RFC 8572 §7.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReportingLevel {
    /// Only what RFC 8572 §5.6 demands.
    #[default]
    Minimal,
    /// Every step.
    Verbose,
}

impl ReportingLevel {
    /// As the YANG module spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Minimal => "minimal",
            Self::Verbose => "verbose",
        }
    }
}

/// A bootstrap server's answer. What `data` holds is opaque until it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootstrappingAnswer<D> {
    /// How much the server wants to hear.
    pub reporting_level: ReportingLevel,
    /// The bootstrapping data.
    pub data: D,
}

impl BootstrappingAnswer<Unverified<BootstrappingData>> {
    /// Reads an answer body.
    ///
    /// # Errors
    /// [`DocumentError`] for anything the YANG module does not allow, one of the two companions alone included
    /// (ART-23).
    pub fn decode(bytes: &[u8], encoding: Encoding) -> Result<Self, DocumentError> {
        let mut members = Members::of_container(bytes, encoding, OUTPUT)?;
        let reporting_level = match members.optional("reporting-level") {
            None => ReportingLevel::Minimal,
            Some(node) => {
                let invalid = node.invalid("minimal or verbose");
                match node.text()?.as_str() {
                    "minimal" => ReportingLevel::Minimal,
                    "verbose" => ReportingLevel::Verbose,
                    _ => return Err(invalid),
                }
            }
        };
        let data = decode_data(&mut members)?;
        members.finish()?;
        Ok(Self { reporting_level, data: Unverified::new(data) })
    }
}

fn decode_data(members: &mut Members) -> Result<BootstrappingData, DocumentError> {
    let conveyed_information = artifact(members.required("conveyed-information")?, ConveyedInformation::from_der)?;
    let owner_certificate = members.optional("owner-certificate");
    let ownership_voucher = members.optional("ownership-voucher");
    match (owner_certificate, ownership_voucher) {
        (None, None) => Ok(BootstrappingData::Unsigned(conveyed_information)),
        (Some(owner_certificate), Some(ownership_voucher)) => Ok(BootstrappingData::Signed {
            conveyed_information,
            owner_certificate: artifact(owner_certificate, OwnerCertificate::from_der)?,
            ownership_voucher: artifact(ownership_voucher, OwnershipVoucher::from_der)?,
        }),
        (Some(_), None) => Err(DocumentError::MissingMember { path: members.path_of("ownership-voucher") }),
        (None, Some(_)) => Err(DocumentError::MissingMember { path: members.path_of("owner-certificate") }),
    }
}

fn artifact<T, E>(node: Node, from_der: impl Fn(Vec<u8>) -> Result<T, E>) -> Result<T, DocumentError> {
    let invalid = node.invalid("a CMS structure in base64, of bounded size");
    from_der(node.binary()?).map_err(|_| invalid)
}

impl BootstrappingAnswer<BootstrappingData> {
    /// Writes an answer body. The default reporting level is left out: some agents refuse members they do not know.
    #[must_use]
    pub fn encode(&self, encoding: Encoding) -> Vec<u8> {
        let mut members = Container::new();
        if self.reporting_level != ReportingLevel::Minimal {
            members.put_text("reporting-level", self.reporting_level.as_str());
        }
        members.put_binary("conveyed-information", self.data.conveyed_information().der());
        if let BootstrappingData::Signed { owner_certificate, ownership_voucher, .. } = &self.data {
            members.put_binary("owner-certificate", owner_certificate.der());
            members.put_binary("ownership-voucher", ownership_voucher.der());
        }
        members.into_document(OUTPUT, encoding)
    }
}
