//! Every signed form with every algorithm, both ways: a device accepts what OpenSSL made, OpenSSL verifies what we made.
//!
//! A new algorithm or form is an entry in `rows.rs`.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod options;
mod rows;

use conveyed_info::{
    Encoding,
    cms::{ContentType, Draft, SignOptions},
    verify::Accepted,
};
use interop_tests::{
    matrix,
    matrix::{Direction, Matrix},
    need,
    openssl::KeyKind,
    parties::{Parties, changed, onboarding, onboarding_document},
    peer::Peer,
};
use pki::{algorithm::SignatureAlgorithm, key::Signer};
use verdict::ReasonCode;

use rows::{
    ALGORITHMS, Algorithm, INFORMATION, ISSUER_AND_SERIAL, KEY_IDENTIFIER, Naming, STREAMS, SignedForm, VOUCHERS, row,
};

/// Every algorithm, with parties whose keys fit it.
fn each_algorithm(openssl: &Peer, mut check: impl FnMut(&Algorithm, &Parties)) {
    let mut parties: Option<(KeyKind, Parties)> = None;
    for algorithm in ALGORITHMS {
        let fitting = parties.take().filter(|(kind, _)| *kind == algorithm.key);
        let (_, made) =
            parties.insert(fitting.unwrap_or_else(|| (algorithm.key, Parties::new(openssl.clone(), algorithm.key))));
        check(algorithm, made);
    }
}

/// Made by OpenSSL, as far as it can; `None` where it has no way to.
fn by_openssl(
    parties: &Parties,
    (form, algorithm, naming): (&SignedForm, &Algorithm, &Naming),
    content: &[u8],
    signer: &str,
    stream: &[&str],
) -> Option<Vec<u8>> {
    // OpenSSL 3.0 learns the parameters of PSS when it signs, which is too late when it streams.
    if !stream.is_empty() && matches!(algorithm.signature, SignatureAlgorithm::RsaPss(_)) {
        return None;
    }
    if let Some(options) = algorithm.openssl() {
        let options = options.iter().map(String::as_str).collect::<Vec<_>>();
        let options = [form.openssl, &options, naming.openssl, stream].concat();
        return Some(parties.signed_by_openssl(content, signer, &options).unwrap());
    }
    // The structure around OpenSSL's signature is ours, so it cannot show what OpenSSL's looks like.
    if !stream.is_empty() || !naming.openssl.is_empty() {
        return None;
    }
    let chain = [parties.workshop.certificate(signer).unwrap()];
    let (draft, message) = Draft::prepare(form.content_type, content, algorithm.signature, &chain).unwrap();
    let message = parties.file("message", message.octets());
    let key = format!("{signer}.key");
    let sign = ["pkeyutl", "-sign", "-rawin", "-inkey", &key, "-in", &message];
    Some(draft.finish(&parties.workshop.openssl(&sign).unwrap()).unwrap())
}

/// Takes down every form, algorithm and way to name the signer with which OpenSSL makes what `judge` accepts. The
/// signature is the last thing in DER: with its last octet changed, `judge` must give the reason `forged`.
fn device_accepts<T: std::fmt::Debug + PartialEq>(
    (matrix, parties, algorithm): (Matrix, &Parties, &Algorithm),
    forms: &[SignedForm],
    signer: &str,
    document: impl Fn(Encoding) -> Vec<u8>,
    judge: impl Fn(&[u8]) -> Result<T, ReasonCode>,
    (accepted, forged): (&T, ReasonCode),
) {
    for form in forms {
        for naming in [ISSUER_AND_SERIAL, KEY_IDENTIFIER] {
            for (direction, stream) in STREAMS {
                let row = row(form, algorithm, &naming);
                let content = document(form.encoding);
                let made = by_openssl(parties, (form, algorithm, &naming), &content, signer, stream);
                let Some(made) = made else { continue };
                assert_eq!(judge(&made).as_ref(), Ok(accepted), "{row} {direction:?}");
                if *direction == Direction::OpensslToUs {
                    assert_looks(&parties.printed_by_openssl(&made), form, algorithm, &naming);
                    assert_eq!(judge(&changed(&made, made.len() - 1)), Err(forged), "{row}");
                }
                matrix.proved(form.form, &row, *direction);
            }
        }
    }
}

/// Takes down every form and way to name the signer with which OpenSSL believes what we make.
fn openssl_verifies(
    (matrix, parties, algorithm): (Matrix, &Parties, &Algorithm),
    forms: &[SignedForm],
    chain: &[&str],
    root: &str,
    document: impl Fn(Encoding) -> Vec<u8>,
) {
    let key = parties.workshop.key(chain[0]).unwrap();
    // We make fewer kinds of signatures than we read.
    let Ok(key) = key.with_algorithm(algorithm.signature) else { return };
    let certificates: Vec<_> = chain.iter().map(|name| parties.workshop.certificate(name).unwrap()).collect();
    for (form, naming) in forms.iter().flat_map(|form| [(form, ISSUER_AND_SERIAL), (form, KEY_IDENTIFIER)]) {
        let (row, content) = (row(form, algorithm, &naming), document(form.encoding));
        let options = SignOptions { naming: naming.ours, ..SignOptions::default() };
        let (draft, message) =
            Draft::prepare_with(form.content_type, &content, algorithm.signature, &certificates, options).unwrap();
        let signature = key.sign(message.octets()).unwrap();
        let made = draft.finish(&signature).unwrap();
        assert_looks(&parties.printed_by_openssl(&made), form, algorithm, &naming);
        if algorithm.openssl().is_some() {
            let tampered = changed(&made, made.len() - 1);
            assert_eq!(parties.verified_by_openssl(&made, root).unwrap(), content, "{row}");
            assert!(parties.verified_by_openssl(&tampered, root).is_err(), "{row}");
        } else {
            let tampered = changed(&signature, signature.len() - 1);
            assert!(signature_verifies(parties, chain[0], message.octets(), &signature), "{row}");
            assert!(!signature_verifies(parties, chain[0], message.octets(), &tampered), "{row}");
        }
        matrix.proved(form.form, &row, Direction::UsToOpenssl);
    }
}

/// Whether OpenSSL believes a signature that stands alone.
fn signature_verifies(parties: &Parties, signer: &str, message: &[u8], signature: &[u8]) -> bool {
    let (message, signature) = (parties.file("message", message), parties.file("signature", signature));
    let certificate = format!("{signer}.pem");
    let verify = ["pkeyutl", "-verify", "-rawin", "-certin", "-inkey", &certificate];
    parties.workshop.openssl(&[&verify[..], &["-in", &message, "-sigfile", &signature]].concat()).is_ok()
}

/// What OpenSSL sees must be what the row promises, whoever made it.
fn assert_looks(printed: &str, form: &SignedForm, algorithm: &Algorithm, naming: &Naming) {
    let (content, signer) = printed.split_once("signerInfos:").unwrap();
    let field = |text: &str, name: &str| {
        let (_, after) = text.split_once(name).unwrap();
        after.lines().take(2).collect::<String>().to_lowercase()
    };
    assert!(field(content, "eContentType:").contains(&form.content_type.oid().to_string()), "{printed}");
    assert!(signer.contains(naming.printed), "{signer}");
    let (digest, signature) = algorithm.printed();
    for (name, value) in [("digestAlgorithm:", digest), ("signatureAlgorithm:", signature)] {
        assert!(field(signer, name).contains(&value.to_lowercase()), "{name} {value}\n{signer}");
    }
}

#[test]
fn art_05_art_08_art_29_a_device_accepts_conveyed_information_by_openssl() {
    let (openssl, matrix) = (need!("openssl"), matrix!());
    each_algorithm(&openssl, |algorithm, parties| {
        let voucher = parties.signed_by_us(ContentType::AnimaJsonVoucher, &parties.voucher().to_json(), &["masa"]);
        let bag = parties.bag_by_openssl(&["owner-ca", "owner"]);
        let judge = |made: &[u8]| parties.judge(made, &bag, &voucher).map_err(|refusal| refusal.reason);
        let expected = (&Accepted::Onboarding(onboarding()), ReasonCode::ConveyedInformationSignatureInvalid);
        device_accepts((matrix, parties, algorithm), INFORMATION, "owner", onboarding_document, judge, expected);
    });
}

#[test]
fn art_20_art_29_a_device_accepts_vouchers_by_openssl() {
    let (openssl, matrix) = (need!("openssl"), matrix!());
    each_algorithm(&openssl, |algorithm, parties| {
        let document = onboarding_document(Encoding::Json);
        let information = parties.signed_by_us(ContentType::ConveyedInfoJson, &document, &["owner"]);
        let bag = parties.bag_by_openssl(&["owner-ca", "owner"]);
        let judge = |made: &[u8]| parties.judge(&information, &bag, made).map_err(|refusal| refusal.reason);
        let expected = (&Accepted::Onboarding(onboarding()), ReasonCode::VoucherSignatureInvalid);
        let document = |_| parties.voucher().to_json();
        device_accepts((matrix, parties, algorithm), VOUCHERS, "masa", document, judge, expected);
    });
}

#[test]
fn art_05_openssl_verifies_our_conveyed_information() {
    let (openssl, matrix) = (need!("openssl"), matrix!());
    each_algorithm(&openssl, |algorithm, parties| {
        let chain = ["owner", "owner-ca"];
        openssl_verifies((matrix, parties, algorithm), INFORMATION, &chain, "owner-root", onboarding_document);
    });
}

#[test]
fn art_20_openssl_verifies_our_vouchers() {
    let (openssl, matrix) = (need!("openssl"), matrix!());
    each_algorithm(&openssl, |algorithm, parties| {
        let document = |_| parties.voucher().to_json();
        openssl_verifies((matrix, parties, algorithm), VOUCHERS, &["masa"], "masa-root", document);
    });
}
