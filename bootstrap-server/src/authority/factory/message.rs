//! What a station sends and gets: JSON, octets in base64 (RFC 4648 §4). `docs/factory.md` describes it.

use authority::factory::Endorsement;
use base64::{Engine, engine::general_purpose::STANDARD};
use pki::{
    certificate::Certificate,
    request::CertificationRequest,
    tpm::{
        PublicArea,
        attestation::{Certification, Credential},
    },
};
use serde::{Deserialize, Serialize};

use super::Fault;

/// Most certificates of a TPM maker.
const MAX_CHAIN: usize = 8;

/// What is asked: for the first time, or with the answer to a challenge.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Asked {
    csr: String,
    #[serde(default)]
    tpm: Option<TpmSaid>,
    #[serde(default)]
    pub(super) answer: Option<Answered>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct TpmSaid {
    endorsement_key: String,
    #[serde(default)]
    endorsement_certificates: Vec<String>,
    key: String,
    attestor: String,
    statement: String,
    signature: String,
}

/// The answer to a challenge.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Answered {
    /// What came with the challenge.
    state: String,
    /// Until when it can be answered, as it came with the challenge.
    pub(super) expires: i64,
    /// What the TPM opened.
    secret: String,
}

/// What a TPM said.
pub(super) struct TpmProof {
    pub(super) endorsement: Endorsement,
    pub(super) certification: Certification,
}

impl Asked {
    /// Reads a body.
    pub(super) fn read(octets: &[u8]) -> Result<Self, Fault> {
        serde_json::from_slice(octets).map_err(|error| Fault::malformed(&error.to_string()))
    }

    /// The request, whose key is possessed.
    pub(super) fn csr(&self) -> Result<CertificationRequest, Fault> {
        CertificationRequest::from_der(&octets("csr", &self.csr)?).map_err(|error| Fault::csr(&error))
    }

    /// What the TPM said, if anything.
    pub(super) fn tpm(&self) -> Result<Option<TpmProof>, Fault> {
        let Some(said) = &self.tpm else { return Ok(None) };
        if said.endorsement_certificates.len() > MAX_CHAIN {
            return Err(Fault::malformed("tpm.endorsement-certificates: at most 8"));
        }
        let chain = said.endorsement_certificates.iter().map(|text| {
            let der = octets("tpm.endorsement-certificates", text)?;
            Certificate::from_der(&der).map_err(|error| Fault::malformed(&format!("endorsement-certificates: {error}")))
        });
        Ok(Some(TpmProof {
            endorsement: Endorsement {
                key: area("tpm.endorsement-key", &said.endorsement_key)?,
                chain: chain.collect::<Result<_, _>>()?,
            },
            certification: Certification {
                key: area("tpm.key", &said.key)?,
                attestor: area("tpm.attestor", &said.attestor)?,
                statement: octets("tpm.statement", &said.statement)?,
                signature: octets("tpm.signature", &said.signature)?,
            },
        }))
    }
}

impl Answered {
    /// What came with the challenge.
    pub(super) fn state(&self) -> Result<Vec<u8>, Fault> {
        octets("answer.state", &self.state)
    }

    /// What the TPM opened.
    pub(super) fn secret(&self) -> Result<Vec<u8>, Fault> {
        octets("answer.secret", &self.secret)
    }
}

fn octets(member: &str, text: &str) -> Result<Vec<u8>, Fault> {
    STANDARD.decode(text).map_err(|error| Fault::malformed(&format!("{member}: {error}")))
}

/// A TPMT_PUBLIC.
fn area(member: &str, text: &str) -> Result<PublicArea, Fault> {
    PublicArea::from_octets(&octets(member, text)?).map_err(|error| Fault::malformed(&format!("{member}: {error}")))
}

/// What is given.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Given {
    /// The unit's certificate, and those above it but for the root.
    Certificates(Vec<String>),
    /// What the unit's TPM has to open.
    #[serde(rename_all = "kebab-case")]
    Challenge { id_object: String, encrypted_secret: String, state: String, expires: i64 },
}

impl Given {
    pub(super) fn certificates(own: &Certificate, above: &[Certificate]) -> Self {
        let above = above.iter().filter(|it| !it.is_self_issued());
        Self::Certificates(std::iter::once(own).chain(above).map(|it| STANDARD.encode(it.der())).collect())
    }

    pub(super) fn challenge(credential: &Credential, state: &[u8], expires: i64) -> Self {
        Self::Challenge {
            id_object: STANDARD.encode(credential.id_object()),
            encrypted_secret: STANDARD.encode(credential.encrypted_secret()),
            state: STANDARD.encode(state),
            expires,
        }
    }
}
