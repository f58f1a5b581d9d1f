//! EnvelopedData (RFC 5652 §6.1) and AuthEnvelopedData (RFC 5083 §2.1) as they lie on the wire.

use cms::{content_info::CmsVersion, enveloped_data::EncryptedContentInfo};
use der::{
    Any, Sequence,
    asn1::{OctetString, SetOfVec},
};
use x509_cert::attr::Attribute;

/// EnvelopedData with its recipients left as the bytes they are.
#[derive(Sequence)]
pub(super) struct RawEnvelopedData {
    pub(super) version: CmsVersion,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    pub(super) originator_info: Option<RawOriginatorInfo>,
    pub(super) recipients: SetOfVec<Any>,
    pub(super) content: EncryptedContentInfo,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    pub(super) unprotected_attributes: Option<SetOfVec<Any>>,
}

/// AuthEnvelopedData, likewise.
#[derive(Sequence)]
pub(super) struct RawAuthEnvelopedData {
    pub(super) version: CmsVersion,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    pub(super) originator_info: Option<RawOriginatorInfo>,
    pub(super) recipients: SetOfVec<Any>,
    pub(super) content: EncryptedContentInfo,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    pub(super) attributes: Option<SetOfVec<Attribute>>,
    pub(super) tag: OctetString,
    #[asn1(context_specific = "2", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    pub(super) unauthenticated_attributes: Option<SetOfVec<Any>>,
}

/// OriginatorInfo: the certificates of who encrypted.
#[derive(Sequence)]
pub(super) struct RawOriginatorInfo {
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    pub(super) certificates: Option<SetOfVec<Any>>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    pub(super) crls: Option<SetOfVec<Any>>,
}
