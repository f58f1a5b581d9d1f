//! The artifacts and messages of RFC 8572 (secure zero-touch provisioning), RFC 8366 (ownership vouchers) and RFC 9646
//! (certificate signing requests), and the engine that decides whether a device may act on them.
//!
//! # The idea
//!
//! A device leaves the factory with two things: a certificate of its own (the IDevID, with its serial number), and the
//! manufacturer's *voucher anchor*. It knows nothing of its owner. Unpacked and powered, it asks whatever network it
//! finds what to do. Anybody may answer; so the answer must prove that it comes from the owner:
//!
//! 1. The **ownership voucher** is the manufacturer's word: *the device with this serial number belongs to whoever is
//!    certified under this certificate*. It is signed under the voucher anchor and *pins* a certificate of the owner.
//! 2. The **owner certificate** chains to the pinned certificate.
//! 3. The **conveyed information** is what the owner says, signed with the owner certificate's key. It is either a
//!    *redirect* (which bootstrap servers to ask, and by which anchors to know them) or *onboarding information*
//!    (which image to boot, which scripts to run, which configuration to apply).
//!
//! The three together are the device's **bootstrapping data**. They may come from anywhere, a USB stick included, because
//! what they prove does not depend on how they came. Conveyed information may also come alone and unsigned. Then it
//! counts only when it came from a server that the device could authenticate; from anybody else, an unsigned redirect
//! may be followed without believing it, and unsigned onboarding information is refused (RFC 8572 §5.3, §5.5).
//!
//! # Artifacts, forms, types
//!
//! Every artifact is a CMS ContentInfo (RFC 5652) in DER; BER is read too, and noted. These are the clear forms:
//!
//! | artifact | form | as bytes | what it says | made by |
//! |---|---|---|---|---|
//! | conveyed information (§3.1) | SignedData over a document, or the bare document | [`ConveyedInformation`] | [`information::Information`] | [`make::signed_conveyed_information`], [`make::unsigned_conveyed_information`] |
//! | owner certificate (§3.2) | degenerate SignedData: certificates, and revocation lists or OCSP responses stapled to them | [`OwnerCertificate`] | a chain of [`pki::certificate::Certificate`] | [`make::owner_certificate`], [`make::owner_certificate_with_evidence`] |
//! | ownership voucher (§3.3) | SignedData over a voucher | [`OwnershipVoucher`] | [`voucher::Voucher`] | [`make::ownership_voucher`] |
//!
//! Encrypted, each is EnvelopedData around its clear form: signed first, encrypted second (RFC 8572 §3.4). `encrypted_to` of
//! the three types does it. Documents are JSON (RFC 7951) or XML (RFC 7950), an [`Encoding`]; vouchers are JSON. The legal
//! groupings of artifacts are the two variants of [`BootstrappingData`].
//!
//! # From bytes to a decision
//!
//! What arrives is [`Unverified`] and can do nothing. [`verify::verify`] consumes it and gives a [`Verified`]
//! [`verify::Accepted`], or a [`verdict::Refusal`]. Both carry the trace: every check, in order, with the section that
//! demands it and the digest of what it looked at.
//!
//! ```
//! use conveyed_info::{
//!     BootstrappingData, Unverified,
//!     make::{self, Style},
//!     verify::{self, Accepted, Context},
//! };
//! use pki::time::Clock;
//! # mod parties { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/examples/parties.rs")); }
//! # let world = parties::parties();
//! # let (voucher, information, now) = (world.voucher(), world.information(), parties::now());
//! # let parties::Parties { masa, owner, .. } = &world;
//! # let (voucher_anchors, serial_number) = (world.anchors(), world.serial_number());
//!
//! // The manufacturer signs the voucher, the owner signs the redirect and adds the owner certificate.
//! let data = BootstrappingData::Signed {
//!     conveyed_information: make::signed_conveyed_information(&information, Style::default(), &owner.key, &owner.chain)?,
//!     owner_certificate: make::owner_certificate(&owner.chain)?,
//!     ownership_voucher: make::ownership_voucher(&voucher, &masa.key, &masa.chain)?,
//! };
//!
//! // The device. `Context::new` is as strict as can be; its fields widen it.
//! let context = Context::new(voucher_anchors, &serial_number, Clock::Trusted(now));
//! let verified = verify::verify(Unverified::new(data), &context)?;
//! for check in verified.trace().checks() {
//!     println!("{:?} {} ({}) {}", check.outcome, check.check, check.section, check.note.as_deref().unwrap_or_default());
//! }
//! # let checks: Vec<_> = verified.trace().checks().iter().map(|it| it.check).collect();
//! # assert_eq!((checks.len(), checks[0], checks[12]), (14, "voucher-signature", "conveyed-information-document"));
//! let Accepted::TrustedRedirect(redirect) = verified.value() else { panic!("it was a redirect") };
//! assert_eq!(redirect.servers()[0].address, "sztp.example.net");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! It prints, shortened:
//!
//! ```text
//! Passed voucher-signature (RFC 8572 §5.4)
//! Passed voucher-signer (RFC 8572 §5.4) CN=MASA
//! Skipped voucher-signer-revocation (RFC 8366 §6.1) CN=MASA: nothing at hand tells, and nothing is demanded; clock 2026-06-01T00:00:00Z
//! Passed voucher-document (RFC 8366 §5.3)
//! Passed voucher-dates (RFC 8572 §5.4) clock 2026-06-01T00:00:00Z
//! …
//! Passed owner-certificate-path (RFC 8572 §5.4) CN=Owner
//! Passed conveyed-information-signature (RFC 8572 §5.4)
//! Passed conveyed-information-document (RFC 8572 §6.3)
//! Skipped conveyed-information-freshness (RFC 8572 §9.11) not-fresh: nothing tells when it was signed; …
//! ```
//!
//! # Where to go on
//!
//! | you want to | see |
//! |---|---|
//! | make artifacts, in JSON and XML, with the key at hand or in an HSM; staple revocation evidence | [`make`] |
//! | encrypt to devices, open with a key that may live in a TPM; read CMS of any maker | [`cms`] |
//! | judge bootstrapping data, a voucher or a voucher request, and understand a refusal | [`verify`] |
//! | ask a MASA for a voucher, and read what it answers | [`voucher`] |
//! | read documents that depart from their modules, and be told how | [`profile`] |
//! | speak RESTCONF, as a device or as a bootstrap server; CSRs inside requests | [`rpc`] |
//! | find or publish bootstrapping data in DNS and on removable storage | [`discovery`] |
//!
//! # Errors
//!
//! Each layer has its own; the verification turns every one into a [`verdict::ReasonCode`], which is what people see.
//!
//! | error | says | whose fault |
//! |---|---|---|
//! | [`ArtifactError`] | bytes that cannot be an artifact: none, or too many | the sender's |
//! | [`cms::CmsError`], [`cms::BerError`] | a structure is not well-formed, or its signature does not hold | the sender's |
//! | [`cms::OpenError`] | an envelope is not opened. [`Failed`](cms::OpenError::Failed) stands for everything after a recipient was chosen, on purpose (RFC 8572 §9.14) | the sender's, or a wrong key |
//! | [`DocumentError`] | a document is not an instance of its YANG module, and where; becomes a RESTCONF error with [`rpc::RestconfError::from`] | the sender's |
//! | [`make::MakeError`], [`cms::SignCmsError`], [`cms::SealError`] | something is not made, most of all what devices would refuse | the caller's |
//! | [`discovery::dns::DnsDataError`], [`discovery::removable_storage::StorageError`] | what was found is no legal grouping | the publisher's |
//! | [`verdict::Refusal`] | a device must not act; why, by which rule, and what to do | see its reason code |
//!
//! # Bounds
//!
//! Every reader stops at these, with an error that says so. They are far above what real data needs.
//!
//! | what | at most |
//! |---|---|
//! | an artifact, received or made | 512 KiB |
//! | BER: nesting, elements | 32 levels, 131,072 |
//! | certificates in one structure; revocation lists and OCSP responses in one | [16](cms::MAX_CERTIFICATES); [16](cms::MAX_REVOCATION_INFOS) |
//! | recipients of an envelope | [16](cms::MAX_RECIPIENTS) |
//! | certificates that fit one signer's name and are judged | 4 |
//! | a document or message; its values; members of one container | 4 MiB; 4,096; 256 |
//! | nesting of documents | 128 levels in JSON, 32 in XML |
//! | servers of a redirect; download URIs of an image | [32](information::RedirectInformation::MAX_SERVERS); [16](information::BootImage::MAX_URIS) |
//! | a CSR; an AlgorithmIdentifier; entries of a list in `csr-support` | 64 KiB; [1 KiB](rpc::KeyAlgorithm::MAX_DER); [32](rpc::CsrSupport::MAX_ENTRIES) |
//! | host keys, trust anchors in a report; errors in an answer | 32; 256 |
//! | TXT records, SRV records of one name | 32; 64 |
//! | certificates, their paths, revocation lists and OCSP responses | the table in [`pki`] |
//!
//! # Purity
//!
//! The crate opens no socket, reads no clock and draws no randomness: the present comes as a [`pki::time::Clock`], and
//! what encrypts takes a [`pki::key::Entropy`]. Private keys are traits, [`pki::key::Signer`] and [`pki::key::Decryptor`].

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::string_slice))]

mod artifacts;
pub mod cms;
pub mod discovery;
mod document;
pub mod information;
pub mod make;
pub mod profile;
pub mod rpc;
pub mod statement;
mod unverified;
pub mod verify;
pub mod voucher;

pub use artifacts::{
    ArtifactError, BootstrappingData, ConveyedInformation, OwnerCertificate, OwnershipVoucher, SignedVoucherRequest,
};
pub use document::{DocumentError, Encoding};
pub use unverified::{Unverified, Verified};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
