//! What a file is, layer by layer: a pure function from octets to a tree that a person and a script can read.
//!
//! Reads what is broken, too, and says where it breaks. Nothing is verified here: a signature that holds says only that
//! some key made it.

mod armour;
mod ber;
mod certificate;
mod cms;
mod document;
mod enveloped;
pub(crate) mod names;
mod remark;
mod revocation;
mod signed;
mod text;
mod tree;

use ber::{Element, Elements, Tag};
use conveyed_info::voucher::ForeignForm;
use der::Decode;
use pki::time::Timestamp;
pub(crate) use remark::{Level, Remark};
use serde::Serialize;
pub(crate) use text::render;
pub(crate) use tree::{Fact, Layer};
use x509_cert::{request::CertReq, spki::SubjectPublicKeyInfoOwned};

pub(crate) use armour::{Armour, Piece, pieces};

/// Most CMS structures inside each other.
const MAX_DEPTH: usize = 4;

/// How deep BER is looked for where DER is demanded.
const MAX_BER_DEPTH: usize = 6;

/// How a file is to be explained.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// The moment at which dates are judged.
    pub(crate) now: Timestamp,
    /// Whether scripts and configurations are shown.
    pub(crate) content: Content,
}

/// Whether content that may be secret is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// Only its size and digest.
    Hidden,
    /// All of it.
    Shown,
}

/// What a file is.
#[derive(Debug, Serialize)]
pub(crate) struct Explanation {
    /// In one line.
    pub(crate) summary: String,
    /// Its length in octets.
    pub(crate) size: usize,
    /// How its octets are written down.
    pub(crate) form: String,
    /// SHA-256 over the DER, which is what traces and the audit log show.
    pub(crate) sha256: String,
    /// Its layers.
    pub(crate) layers: Vec<Layer>,
}

impl Explanation {
    /// Adds what was inside an envelope.
    pub(crate) fn put_decrypted(&mut self, clear: &[u8], settings: &Settings) {
        let mut layer = explain_der(clear, settings);
        self.summary = format!("encrypted {}", layer.headline());
        layer.title = format!("decrypted: {}", layer.headline());
        self.layers.push(layer);
    }

    /// Whether any part could not be read.
    pub(crate) fn is_broken(&self) -> bool {
        self.layers.iter().any(Layer::is_broken)
    }
}

/// What an artifact is, in one line.
pub(crate) fn summary(artifact: &[u8]) -> String {
    let settings = Settings { now: Timestamp::from_unix(0), content: Content::Hidden };
    explain_der(artifact, &settings).headline().to_owned()
}

/// Explains the octets of a file.
pub(crate) fn explain(file: &[u8], settings: &Settings) -> Explanation {
    /// Most PEM blocks that are looked at.
    const MAX_PIECES: usize = 64;
    let pieces = pieces(file);
    let mut layers: Vec<_> = pieces.iter().take(MAX_PIECES).map(|piece| explain_piece(piece, settings)).collect();
    if let Some(last) = layers.last_mut()
        && pieces.len() > MAX_PIECES
    {
        last.remark(Remark::NotShown(pieces.len() - MAX_PIECES, "PEM blocks"));
    }
    let summary = match layers.as_slice() {
        [] => "an empty file".to_owned(),
        [only] => only.headline().to_owned(),
        [first, ..] => format!("{} PEM blocks, the first: {}", pieces.len(), first.headline()),
    };
    if layers.is_empty() {
        layers.push(document::unknown(file));
    }
    let sha256 = match pieces.as_slice() {
        [only] => pki::digest::sha256(&only.octets),
        _ => pki::digest::sha256(file),
    };
    Explanation { summary, size: file.len(), form: form(&pieces), sha256: sha256.to_string(), layers }
}

/// How the octets are written down: `DER`, `BER in PEM`, `text`.
fn form(pieces: &[Piece<'_>]) -> String {
    let Some(first) = pieces.first() else { return "empty".to_owned() };
    let element = Elements::read(&first.octets, 0).next().filter(|it| it.is(Tag::SEQUENCE));
    let rules = element.map(|it| if it.is_ber(MAX_BER_DEPTH) { "BER" } else { "DER" });
    match (first.armour, rules) {
        (Armour::Binary, Some(rules)) => rules.to_owned(),
        (Armour::Pem | Armour::Base64, Some(rules)) => format!("{rules} in {}", first.armour.as_str()),
        (armour, _) => armour.as_str().to_owned(),
    }
}

fn explain_piece(piece: &Piece<'_>, settings: &Settings) -> Layer {
    let mut layer = match piece.label.as_deref() {
        Some(label) if label.ends_with("PRIVATE KEY") => {
            let mut layer = Layer::new("private-key", label.to_lowercase());
            layer.remark(Remark::PrivateKey);
            layer
        }
        _ if piece.armour == Armour::Text => document::explain(&piece.octets, settings),
        _ => explain_der(&piece.octets, settings),
    };
    if piece.is_torn {
        layer.remark(Remark::Unreadable { what: "PEM block", why: "its base64 or its END line is damaged".to_owned() });
    }
    layer
}

/// Explains DER or BER.
fn explain_der(octets: &[u8], settings: &Settings) -> Layer {
    if let Some(form) = ForeignForm::detect(octets) {
        return document::foreign(form);
    }
    let mut elements = Elements::read(octets, 0);
    let broken = elements.broken;
    let Some(first) = elements.next() else {
        let mut layer = document::unknown(octets);
        if let Some(broken) = broken {
            layer.remark(Remark::Broken(broken));
        }
        return layer;
    };
    if !first.is(Tag::SEQUENCE) {
        return document::unknown(octets);
    }
    let mut layer = explain_element(&first, octets, settings);
    let rest = octets.len() - first.octets.len();
    if rest > 0 {
        // ART-01.
        layer.remark(Remark::TrailingBytes(rest));
    } else if let Some(broken) = broken {
        layer.remark(Remark::Broken(broken));
    }
    layer
}

fn explain_element(element: &Element<'_>, octets: &[u8], settings: &Settings) -> Layer {
    if cms::is_content_info(element) {
        return cms::explain(element, settings, 0);
    }
    if x509_cert::Certificate::from_der(element.octets).is_ok() {
        return certificate::explain_signer(element.octets, settings);
    }
    if revocation::is_crl(element) {
        return revocation::explain_crl(element, settings);
    }
    if let Ok(request) = CertReq::from_der(element.octets) {
        return certificate::explain_request(&request);
    }
    if let Ok(info) = SubjectPublicKeyInfoOwned::from_der(element.octets) {
        return certificate::explain_public_key(&info);
    }
    let mut inside = element.children();
    match inside.next() {
        Some(first) if first.is(Tag::ENUMERATED) => revocation::explain_ocsp(element),
        // PKCS#8, PKCS#1 and SEC1 private keys all begin with a version.
        Some(first) if first.is(Tag::INTEGER) && first.number().is_some_and(|it| it < 3) && inside.len() > 0 => {
            let mut layer = Layer::new("private-key", "private key");
            layer.remark(Remark::PrivateKey);
            layer
        }
        // A certificate that is cut, or otherwise not what it seems.
        Some(first) if first.is(Tag::SEQUENCE) => certificate::explain(element.octets, settings),
        _ => document::unknown(octets),
    }
}

#[cfg(test)]
mod tests {
    use authority::{ManufacturerParty, OwnerParty};
    use conveyed_info::{
        Encoding,
        cms::{ContentType, bare},
        information::{Configuration, ConfigurationHandling, Information, OnboardingInformation, Script},
    };
    use pki::identity::SerialNumber;

    use super::*;

    const NOW: i64 = 1_795_244_400;

    fn settings() -> Settings {
        Settings { now: Timestamp::from_unix(NOW), content: Content::Hidden }
    }

    fn onboarding() -> Information {
        Information::Onboarding(OnboardingInformation {
            pre_configuration_script: Some(Script(b"#!/bin/sh\necho PASSWORD\n".to_vec())),
            configuration: Some(Configuration {
                handling: ConfigurationHandling::Merge,
                content: b"secret PASSWORD".to_vec(),
            }),
            ..OnboardingInformation::default()
        })
    }

    /// The codes of all remarks, outermost first.
    fn codes(explanation: &Explanation) -> Vec<&'static str> {
        fn collect(layer: &Layer, codes: &mut Vec<&'static str>) {
            codes.extend(layer.remarks().iter().map(Remark::code));
            layer.inside().iter().for_each(|inner| collect(inner, codes));
        }
        let mut codes = Vec::new();
        explanation.layers.iter().for_each(|layer| collect(layer, &mut codes));
        codes
    }

    #[test]
    fn the_smallest_artifact_reads_like_this() {
        let document =
            br#"{"ietf-sztp-conveyed-info:redirect-information":{"bootstrap-server":[{"address":"192.0.2.1"}]}}"#;
        let der = bare(ContentType::ConveyedInfoJson, document).unwrap();
        let expected = "\
ci.cms: unsigned redirect information to 192.0.2.1:443
  114 octets, DER, sha256 0ede82c3a22bb76ae93fed30dd382b9cb4c0a86f7d54b789678dad9147432632

ContentInfo, neither signed nor encrypted
  content type  id-ct-sztpConveyedInfoJSON (1.2.840.113549.1.9.16.1.43)

  Redirect information
    encoding  JSON
    size      95 octets
    Bootstrap server 192.0.2.1:443
      address       192.0.2.1
      port          443
      trust anchor  none: the device needs one from elsewhere, or goes there provisionally";
        assert_eq!(render("ci.cms", &explain(&der, &settings())), expected);
    }

    #[test]
    fn content_is_shown_only_when_asked_for() {
        let der = bare(ContentType::ConveyedInfoJson, &onboarding().encode(Encoding::Json)).unwrap();
        let hidden = explain(&der, &settings());
        assert_eq!(codes(&hidden), ["content-hidden"]);
        assert!(!serde_json::to_string(&hidden).unwrap().contains("PASSWORD"));
        let shown = explain(&der, &Settings { content: Content::Shown, ..settings() });
        let text = render("ci.cms", &shown);
        assert!(text.contains("      | #!/bin/sh\n      | echo PASSWORD\n"), "{text}");
        assert_eq!(codes(&shown), [""; 0]);
    }

    #[test]
    fn documents_that_break_their_module_are_named_by_member_and_their_values_kept_secret() {
        let document =
            br#"{"ietf-sztp-conveyed-info:onboarding-information":{"configuration":"PASSWORD","x":[1,true,null]}}"#;
        let explanation = explain(document, &settings());
        assert!(explanation.is_broken());
        let text = render("a.json", &explanation);
        assert!(text.contains("onboarding-information/configuration: text of 8 octets"), "{text}");
        assert!(text.contains("onboarding-information/x[1]: boolean"), "{text}");
        assert!(text.contains("BROKEN: the document cannot be read: "), "{text}");
        assert!(!text.contains("PASSWORD"), "{text}");
    }

    #[test]
    fn what_parties_of_our_own_make_is_explained_without_a_warning() {
        let now = Timestamp::from_unix(NOW);
        let maker = ManufacturerParty::new("Example Maker", now).unwrap();
        let owner = OwnerParty::new("Example Owner", &[], now).unwrap();
        let serial = SerialNumber::new("SN-0001").unwrap();
        let voucher = maker.voucher(&serial, owner.pinned().unwrap(), now).unwrap();
        let explanation = explain(voucher.der(), &settings());
        assert_eq!(explanation.summary, "signed ownership voucher for the device SN-0001");
        assert!(!explanation.is_broken());
        assert_eq!(codes(&explanation), [""; 0]);
        let text = render("ov.vcj", &explanation);
        assert!(text.contains("made by            the key of "), "{text}");
        // Years later it has expired.
        let later = Settings { now: now.plus_seconds(50 * 365 * 86_400), ..settings() };
        assert!(codes(&explain(voucher.der(), &later)).contains(&"expired"));
    }

    #[test]
    fn a_signature_that_does_not_hold_is_a_warning() {
        let now = Timestamp::from_unix(NOW);
        let maker = ManufacturerParty::new("Example Maker", now).unwrap();
        let owner = OwnerParty::new("Example Owner", &[], now).unwrap();
        let serial = SerialNumber::new("SN-0001").unwrap();
        let mut der = maker.voucher(&serial, owner.pinned().unwrap(), now).unwrap().der().to_vec();
        let at = der.windows(7).position(|window| window == b"SN-0001").unwrap();
        der[at] = b'T';
        let explanation = explain(&der, &settings());
        assert_eq!(codes(&explanation), ["signature-fails"]);
        assert!(!explanation.is_broken(), "it can be read, every bit of it");
    }

    #[test]
    fn every_cut_is_explained_and_no_mutation_panics() {
        let now = Timestamp::from_unix(NOW);
        let owner = OwnerParty::new("Example Owner", &[], now).unwrap();
        let maker = ManufacturerParty::new("Example Maker", now).unwrap();
        let serial = SerialNumber::new("SN-0001").unwrap();
        let whole = maker.voucher(&serial, owner.pinned().unwrap(), now).unwrap().der().to_vec();
        for length in (0..whole.len()).step_by(7) {
            let explanation = explain(&whole[..length], &settings());
            assert!(explanation.is_broken(), "{length} octets");
        }
        for at in (0..whole.len()).step_by(17) {
            for change in [0x01, 0x20, 0xff] {
                let mut changed = whole.clone();
                changed[at] ^= change;
                let _read = render("x", &explain(&changed, &settings()));
            }
        }
    }

    #[test]
    fn trailing_octets_and_base64_and_pem_are_told() {
        let der = bare(ContentType::ConveyedInfoJson, &onboarding().encode(Encoding::Json)).unwrap();
        let longer = [der.as_slice(), b"x"].concat();
        assert!(codes(&explain(&longer, &settings())).contains(&"trailing-bytes"));
        let text = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &der);
        assert_eq!(explain(text.as_bytes(), &settings()).form, "DER in base64");
        let pem = format!("-----BEGIN CMS-----\n{text}\n-----END CMS-----\n");
        let explanation = explain(pem.as_bytes(), &settings());
        assert_eq!(explanation.form, "DER in PEM");
        assert_eq!(explanation.sha256, pki::digest::sha256(&der).to_string(), "the digest of traces");
        assert!(explain(b"", &settings()).is_broken());
        assert!(
            explain(b"-----BEGIN PRIVATE KEY-----\nMAMC\n-----END PRIVATE KEY-----\n", &settings())
                .summary
                .contains("private key")
        );
    }

    #[test]
    fn an_answer_of_a_server_is_taken_apart() {
        let der = bare(ContentType::ConveyedInfoJson, &onboarding().encode(Encoding::Json)).unwrap();
        let text = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &der);
        let answer = format!(r#"{{"ietf-sztp-bootstrap-server:output":{{"conveyed-information":"{text}"}}}}"#);
        let explanation = explain(answer.as_bytes(), &settings());
        assert_eq!(explanation.layers[0].inside()[0].kind, "bare-content");
        assert!(!explanation.is_broken());
        let answer = format!(
            "<a:output xmlns:a=\"urn:ietf:params:xml:ns:yang:ietf-sztp-bootstrap-server\">\
             <a:conveyed-information>\n{text}\n</a:conveyed-information></a:output>"
        );
        let explanation = explain(answer.as_bytes(), &settings());
        assert_eq!(explanation.layers[0].inside()[0].kind, "bare-content");
        assert!(!explanation.is_broken());
    }
}
