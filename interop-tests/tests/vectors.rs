//! The known inputs and outputs of `specs/vectors`: what named programs made is read as what it is.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use conveyed_info::{
    BootstrappingData, ConveyedInformation, Encoding, OwnerCertificate, OwnershipVoucher, Unverified,
    cms::{ContentInfo, ContentType, Form, SignedData},
    information::Information,
    verify::{self, Accepted, Context},
    voucher::Voucher,
};
use pki::{
    certificate::Certificate,
    identity::SerialNumber,
    time::{Clock, Timestamp},
};
use serde_json::{Value, json};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("specs/vectors")
}

fn folders_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<_> = entries.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

fn artifact(case: &Path) -> Vec<u8> {
    let text = fs::read_to_string(case.join("artifact.b64")).unwrap();
    STANDARD.decode(text.split_whitespace().collect::<String>()).unwrap()
}

/// What we find in an artifact, in the words of `expected.json`, and the octets of the document in it.
fn found(artifact: &[u8]) -> (Value, Option<Vec<u8>>) {
    let (info, form) = ContentInfo::from_ber(artifact).unwrap();
    let form = if form == Form::Der { "DER" } else { "BER" };
    let mut found = json!({ "form": form, "content-type": info.content_type().oid().to_string() });
    let (content_type, document) = if info.content_type() == ContentType::SignedData {
        let signed = SignedData::from_content_info(&info).unwrap();
        let mut certificates: Vec<_> = signed.certificates().iter().map(|it| it.subject().to_string()).collect();
        certificates.sort();
        let content_type = signed.content_type();
        found["signed"] = json!({ "content-type": content_type.oid().to_string(), "certificates": certificates });
        let content = signed.unverified_content().map(<[u8]>::to_vec);
        if content.is_some() {
            let signer = signed.verify_signer().unwrap();
            found["signed"]["signer"] = signer.certificate.subject().to_string().into();
        }
        (content_type, content)
    } else {
        (info.content_type(), Some(info.octets().unwrap().to_vec()))
    };
    if let Some(document) = &document {
        found["document"] = serde_json::from_slice(&meaning(content_type, document)).unwrap();
    }
    (found, document)
}

/// A document read and written again, as JSON.
fn meaning(content_type: ContentType, document: &[u8]) -> Vec<u8> {
    if content_type == ContentType::AnimaJsonVoucher {
        return Voucher::from_json(document).unwrap().to_json();
    }
    Information::decode(document, Encoding::detect(document).unwrap()).unwrap().encode(Encoding::Json)
}

#[test]
fn every_vector_is_what_its_maker_says() {
    let mut read = 0;
    for case in folders_in(&folder()).iter().flat_map(|producer| folders_in(producer)) {
        let expected: Value = serde_json::from_slice(&fs::read(case.join("expected.json")).unwrap()).unwrap();
        let (found, document) = found(&artifact(&case));
        assert_eq!(found, expected, "{}", case.display());
        let written = ["document.json", "document.xml"].into_iter().find_map(|name| fs::read(case.join(name)).ok());
        assert_eq!(document, written, "{}", case.display());
        assert!(case.join("HOW.md").is_file(), "{}", case.display());
        read += 1;
    }
    assert!(read >= 8, "only {read} vectors were found");
}

#[test]
fn the_signed_vectors_make_groupings_that_a_device_accepts() {
    let openssl = folder().join("openssl-3.0");
    let anchors = Certificate::chain_from_pem(&fs::read(openssl.join("voucher-signed/anchor.pem")).unwrap()).unwrap();
    for (conveyed_information, voucher) in [
        ("redirect-json-signed", "voucher-signed"),
        ("onboarding-json-signed-as-data", "voucher-signed"),
        ("onboarding-xml-streamed", "voucher-signed"),
        ("redirect-json-signed", "voucher-signed-pss"),
    ] {
        let data = BootstrappingData::Signed {
            conveyed_information: ConveyedInformation::from_der(artifact(&openssl.join(conveyed_information))).unwrap(),
            owner_certificate: OwnerCertificate::from_der(artifact(&openssl.join("owner-certificate"))).unwrap(),
            ownership_voucher: OwnershipVoucher::from_der(artifact(&openssl.join(voucher))).unwrap(),
        };
        let judge = |now| {
            let serial_number = SerialNumber::new("SN-0001").unwrap();
            let clock = Clock::Trusted(Timestamp::parse_rfc3339(now).unwrap());
            let context = Context::new(&anchors, &serial_number, clock);
            verify::verify(Unverified::new(data.clone()), &context).map(|verified| verified.into_parts().0)
        };
        let is_redirect = conveyed_information.starts_with("redirect");
        match judge("2026-12-01T00:00:00Z") {
            Ok(Accepted::TrustedRedirect(_)) if is_redirect => {}
            Ok(Accepted::Onboarding(_)) if !is_redirect => {}
            other => panic!("{conveyed_information}, {voucher}: {other:?}"),
        }
        // The voucher has expired.
        judge("2027-01-02T00:00:00Z").unwrap_err();
    }
}
