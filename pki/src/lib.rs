//! Keys, signature algorithms, certificates, path validation, revocation and device identity.
//!
//! What the rest of the system needs from X.509 (RFC 5280) and IEEE 802.1AR, and nothing of RFC 8572 itself. The crate
//! reads no clock: dates are judged against a [`time::Clock`] that the caller brings, and a clock that is
//! not to be trusted is a value of that type, not a special case (RFC 8572 §9.1). Private keys are two traits,
//! [`key::Signer`] and [`key::Decryptor`], so that a key may live in a file, an HSM or a TPM without the code that builds or
//! opens artifacts knowing. Only [`key::Locator::open`] touches the world: it reads key files, and asks tokens and TPMs.
//!
//! | question | module |
//! |---|---|
//! | which algorithms are there, and does this signature verify | [`algorithm`] |
//! | what does this certificate say | [`certificate`] |
//! | what is asked for by this request, and does whoever asks hold the key | [`request`] |
//! | ask for a certificate of a device | [`new_request`] |
//! | does it chain to one of these anchors, for this purpose | [`path`] |
//! | has it been revoked, as far as this evidence tells | [`revocation`] |
//! | which device is it | [`identity`] |
//! | is it a TLS server of this name | [`server_name`] |
//! | does this public key protect anything | [`weakness`] |
//! | sign, decrypt, encrypt; where private keys live, and how they are opened, read and written | [`key`] |
//! | keys and certificates in a TPM 2.0, and what proves that a key is in one | `tpm`, a feature |
//!
//! # A path, and its revocation
//!
//! Both are judged from what the caller brings; nothing is fetched. [`path::validate`] says which certificates make the path,
//! [`revocation::check`] what is known of each.
//!
//! ```
//! use pki::{
//!     certificate::Certificate,
//!     path::{self, Policy, Purpose},
//!     revocation::{self, Crl, Demand, Evidence},
//!     time::{Clock, Timestamp},
//! };
//! # use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
//! # let (ca_key, owner_key) = (KeyPair::generate()?, KeyPair::generate()?);
//! # let mut ca = CertificateParams::default();
//! # ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
//! # ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
//! # let mut owner = CertificateParams::default();
//! # owner.distinguished_name.remove(DnType::CommonName);
//! # owner.distinguished_name.push(DnType::CommonName, "Owner");
//! # owner.key_usages = vec![KeyUsagePurpose::DigitalSignature];
//! # owner.use_authority_key_identifier_extension = true;
//! # let issuer = Issuer::from_params(&ca, &ca_key);
//! # let anchor = Certificate::from_der(ca.self_signed(&ca_key)?.der())?;
//! # let owner = Certificate::from_der(owner.signed_by(&owner_key, &issuer)?.der())?;
//! # let now = Timestamp::parse_rfc3339("2026-06-01T00:00:00Z").expect("a date");
//! # let crl_der = rcgen::CertificateRevocationListParams {
//! #     this_update: now.plus_seconds(-60).to_offset_date_time(), next_update: now.plus_seconds(60).to_offset_date_time(),
//! #     crl_number: rcgen::SerialNumber::from(1_u64), issuing_distribution_point: None, revoked_certs: Vec::new(),
//! #     key_identifier_method: rcgen::KeyIdMethod::Sha256,
//! # }.signed_by(&issuer)?.der().to_vec();
//!
//! let clock = Clock::Trusted(now);
//! let policy = Policy::new(clock, Purpose::Signing);
//! let path = path::validate(&owner, &[], &[anchor], &policy)?;
//! assert_eq!(path.certificates().len(), 2);
//!
//! // Nothing at hand: good enough unless it is demanded.
//! let nothing = Evidence::none();
//! assert!(revocation::check(&path, nothing, clock, Demand::WhenAvailable)?[0].cleared_by.is_none());
//! assert!(revocation::check(&path, nothing, clock, Demand::Required).is_err());
//!
//! // A list that says nothing bad, as long as it is fresh.
//! let mut evidence = Evidence::new();
//! evidence.add_crl(Crl::from_der(&crl_der)?);
//! assert!(revocation::check(&path, &evidence, clock, Demand::Required)?[0].cleared_by.is_some());
//! let tomorrow = Clock::Trusted(now.plus_seconds(86_400));
//! assert!(revocation::check(&path, &evidence, tomorrow, Demand::Required).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # As strict as its RFC
//!
//! Paths are validated after the whole of RFC 5280 §6: constraints on names, policies with RFC 9618's graph, deltas and indirect
//! lists. Names are compared without case and superfluous blanks (§7.1). What binds those who issue, and not those who validate, is
//! looked at under [`path::Strictness::Profile`]: a factory that issues odd certificates will not stop.
//!
//! # Keys
//!
//! [`key::FileKey`] reads PKCS#8, SEC 1 and PKCS#1, PEM or DER, of P-256, P-384, P-521, Ed25519 and RSA. It makes keys, and draws
//! randomness for it from the operating system. A passphrase may protect it (PKCS#8 with PBES2, exchanged with OpenSSL). A
//! [`key::Locator`] is how configurations and commands name a key wherever it is; opened, it is a [`key::OpenKey`].
//!
//! Impure are the opening of a locator, passphrase files, [`key::SystemEntropy`], [`key::random`] and the making of keys. With the
//! feature `pkcs11` threads wait for tokens, each with a time limit.
//!
//! ```
//! use pki::{algorithm::SignatureAlgorithm, key::{FileKey, Signer}};
//!
//! let key = FileKey::generate_p256()?;
//! let signature = key.sign(b"the message itself, not its digest")?;
//! SignatureAlgorithm::EcdsaSha256.verify(key.public_key(), b"the message itself, not its digest", &signature)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Weak, unknown, short
//!
//! Errors keep apart what a person must do about them: [`algorithm::AlgorithmError`] and [`key::KeyError`] tell an algorithm that
//! is known to be broken from one that is merely unknown, and a key that is too short from one that cannot be read.
//!
//! # Bounds
//!
//! | what | at most |
//! |---|---|
//! | a certificate; its extensions | [64 KiB](certificate::Certificate::MAX_DER); [64](certificate::Extensions::MAX) |
//! | a request; its attributes | [64 KiB](request::CertificationRequest::MAX_DER); [32](request::CertificationRequest::MAX_ATTRIBUTES) |
//! | a path, anchor and end entity included | [8](path::Path::MAX_LENGTH) certificates |
//! | signature checks to find one path; to judge its revocation | 64; 128 |
//! | comparisons of names with constraints to find one path | 250,000 |
//! | a revocation list; its entries | [1 MiB](revocation::Crl::MAX_DER); [32,768](revocation::Crl::MAX_ENTRIES) |
//! | an OCSP response; its single responses; its certificates | [64 KiB](revocation::OcspResponse::MAX_DER); [64](revocation::OcspResponse::MAX_RESPONSES); [4](revocation::OcspResponse::MAX_CERTIFICATES) |
//! | lists, responses, and certificates of who signs lists, in one [`revocation::Evidence`] | [64](revocation::Evidence::MAX) each |
//! | a key file; rounds of PBKDF2, memory of scrypt to open one | 1 MiB; 10,000,000, 256 MiB |
//! | an answer of a token; questions that wait for it | 10 seconds; 256 |
//! | an RSA key, public; private | 2048 to 8192 bits; 2048 to 4096 |

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::string_slice))]

pub mod algorithm;
pub mod certificate;
pub mod digest;
pub mod identity;
pub mod key;
pub mod new_request;
pub mod path;
pub mod request;
pub mod revocation;
pub mod server_name;
pub mod time;
#[cfg(feature = "tpm")]
pub mod tpm;
pub mod weakness;
