//! `sztp artifact` and `sztp voucher` as people and scripts use them, on files that OpenSSL made and on our own.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod desk;

use desk::{Desk, Done, INFORMATION_TYPE};
use interop_tests::need;
use pki::time::Timestamp;
use serde_json::Value;

/// The codes of all remarks of an explanation, in order.
fn codes(layers: &Value) -> Vec<String> {
    let mut codes = Vec::new();
    for layer in layers.as_array().into_iter().flatten() {
        codes.extend(
            layer["remarks"].as_array().into_iter().flatten().map(|it| it["code"].as_str().unwrap().to_owned()),
        );
        codes.extend(self::codes(&layer["inside"]));
    }
    codes
}

/// The text without what differs from run to run: long hex numbers, dates and sizes.
fn steady(text: &str) -> String {
    let word = |word: &str| match word {
        hex if hex.len() >= 32 && hex.bytes().all(|it| it.is_ascii_hexdigit()) => "HEX".to_owned(),
        date if Timestamp::parse_rfc3339(date).is_some() => "DATE".to_owned(),
        other => other.to_owned(),
    };
    let line = |line: &str| {
        let mut words: Vec<String> = line.split(' ').map(word).collect();
        for at in 1..words.len() {
            if words[at].starts_with("octets") {
                "N".clone_into(&mut words[at - 1]);
            }
        }
        words.join(" ")
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_voucher_that_openssl_signed_is_explained_like_this() {
    let desk = Desk::new(need!("openssl"));
    let expected = "\
ov.vcj: signed ownership voucher for the device SN-0001
  N octets, DER, sha256 HEX

SignedData
  version       3
  content type  id-ct-animaJSONVoucher (1.2.840.113549.1.9.16.1.40)
  signers       1
  certificates  1

  Signer
    version            1
    named by           issuer and serial number
    issuer             CN=masa-root
    serial number      HEX
    digest             SHA-256
    signature          ECDSA with SHA-256
    signed attributes  content-type: id-ct-animaJSONVoucher
                       signing-time: DATE
                       message-digest: HEX
                       S/MIME capabilities
    made by            the key of CN=masa (whether to trust it, only `verify` can say)

  Ownership voucher
    serial number      SN-0001
    assertion          verified
    created on         DATE
    expires on         DATE
    revocation checks  not mentioned
    encoding           JSON
    size               N octets
    Pinned domain certificate: certificate of CN=owner-root
      issuer          itself
      serial number   HEX
      valid           DATE to DATE
      key             P-256
      ca              yes
      key usage       keyCertSign, cRLSign
      key identifier  HEX
      signature       ECDSA with SHA-256
      sha256          HEX

  Certificate of CN=masa
    issuer          CN=masa-root
    serial number   HEX
    valid           DATE to DATE
    key             P-256
    ca              no
    key usage       digitalSignature
    key identifier  HEX
    signature       ECDSA with SHA-256
    sha256          HEX";
    assert_eq!(steady(&desk.good("voucher inspect ov.vcj").out), expected);
    let json = desk.good("artifact inspect ov.vcj --output json").json();
    let document = &json["layers"][0]["inside"][1];
    assert_eq!((&json["file"], &document["kind"]), (&"ov.vcj".into(), &"voucher".into()));
    assert_eq!(document["facts"]["serial-number"], "SN-0001");
    assert_eq!(codes(&json["layers"]), [""; 0]);
}

#[test]
fn what_openssl_makes_otherwise_is_remarked_upon() {
    let desk = Desk::new(need!("openssl"));
    let remarks = |file: &str| codes(&desk.good(&format!("artifact inspect {file} --output json")).json()["layers"]);
    desk.openssl_signs("doc.json", "owner", "stream.cms", &[INFORMATION_TYPE, &["-stream"]].concat());
    assert_eq!(remarks("stream.cms"), ["ber", "content-hidden"]);
    desk.openssl_signs("doc.json", "owner", "data.cms", &["-keyid", "-nocerts"]);
    assert_eq!(remarks("data.cms"), ["id-data", "signer-certificate-missing", "content-hidden"]);
    desk.openssl_signs("doc.json", "owner", "bare.cms", &["-noattr"]);
    assert_eq!(remarks("bare.cms"), ["id-data", "content-hidden"]);
    desk.openssl_signs("doc.json", "owner", "sha1.cms", &[INFORMATION_TYPE, &["-md", "sha1"]].concat());
    assert_eq!(remarks("sha1.cms"), ["weak-algorithm", "content-hidden"]);
    desk.openssl_signs("doc.xml", "owner", "wrong.cms", INFORMATION_TYPE);
    assert_eq!(remarks("wrong.cms"), ["encoding-mismatch", "content-hidden"]);
    let encrypt = |out, cipher| {
        let words = ["cms", "-encrypt", "-binary", "-in", "data.cms", "-outform", "DER", "-out", out, cipher];
        desk.0.openssl(&[&words[..], &["device.pem"]].concat()).unwrap();
    };
    encrypt("cbc.cms", "-aes256");
    assert_eq!(remarks("cbc.cms"), ["id-data-encrypted", "kdf-sha1"]);
    encrypt("gcm.cms", "-aes-256-gcm");
    assert_eq!(remarks("gcm.cms"), ["auth-enveloped", "id-data-encrypted", "kdf-sha1"]);
    encrypt("3des.cms", "-des3");
    assert_eq!(remarks("3des.cms"), ["id-data-encrypted", "weak-algorithm", "kdf-sha1"]);
    // PEM of certificates, requests and keys.
    assert!(desk.good("artifact inspect chain.pem").out.contains("2 PEM blocks"));
    let key = desk.good("artifact inspect owner.key");
    assert!(key.out.contains("WARNING: a private key") && key.out.lines().count() < 6, "{}", key.out);
}

#[test]
fn secrets_stay_hidden_until_asked_for() {
    let desk = Desk::new(need!("openssl"));
    for document in ["doc.json", "doc.xml"] {
        desk.good(&format!("artifact make --document {document} --out bare-{document}.cms"));
        let file = format!("bare-{document}.cms");
        assert!(!desk.good(&format!("artifact inspect {file}")).out.contains("PASSWORD"));
        assert!(!desk.good(&format!("artifact inspect {file} --output json")).out.contains("PASSWORD"));
        let shown = desk.good(&format!("artifact inspect {file} --show-content")).out;
        assert!(shown.contains("    | echo PASSWORD"), "{shown}");
    }
}

#[test]
fn a_torn_file_is_read_as_far_as_it_goes() {
    let desk = Desk::new(need!("openssl"));
    let whole = desk.0.read("ov.vcj").unwrap();
    desk.0.write("torn.vcj", &whole[..whole.len() - 100]).unwrap();
    let done = desk.sztp("voucher inspect torn.vcj");
    assert_eq!(done.code, Some(1));
    for text in ["it ends 100 octet(s) too early", "serial number      SN-0001", "Certificate of CN=masa"] {
        assert!(done.out.contains(text), "{text}:\n{}", done.out);
    }
    assert_eq!(desk.sztp("artifact inspect no-such-file").code, Some(1));
    assert_eq!(desk.sztp("artifact inspect").code, Some(2));
}

#[test]
fn ours_is_verified_by_us_and_by_openssl_and_the_trace_tells_every_check() {
    let desk = Desk::new(need!("openssl"));
    desk.make();
    let verified = desk.verify("ci.cms", "");
    assert_eq!(verified.code, Some(0), "{}", verified.out);
    let json = verified.json();
    assert_eq!(json["outcome"], "verified");
    let checks: Vec<_> = json["trace"].as_array().unwrap().iter().map(|it| it["check"].as_str().unwrap()).collect();
    for check in ["voucher-signature", "owner-certificate-path", "conveyed-information-signature"] {
        assert!(checks.contains(&check), "{checks:?}");
    }
    let verify = ["cms", "-verify", "-binary", "-inform", "DER", "-in", "ci.cms", "-CAfile", "owner-root.pem"];
    let content = desk.0.openssl(&[&verify[..], &["-purpose", "any"]].concat()).unwrap();
    assert_eq!(content, desk.0.read("doc.json").unwrap(), "the document's own octets");
    // XML, by key identifier, and the type that most others write.
    let sign = "--sign-key owner.key --sign-certificate chain.pem";
    desk.good(&format!("artifact make --document doc.xml --out xml.cms {sign} --signer-identifier key-identifier"));
    assert_eq!(desk.verify("xml.cms", "").code, Some(0));
    desk.good(&format!("artifact make --document doc.json --out data.cms {sign} --content-type id-data"));
    assert_eq!(desk.verify("data.cms", "").code, Some(0));
}

#[test]
fn refusals_exit_with_3_and_say_what_to_do() {
    let desk = Desk::new(need!("openssl"));
    desk.make();
    let reason = |done: Done| {
        assert_eq!(done.code, Some(3), "{}{}", done.out, done.err);
        done.json()["reason"].as_str().unwrap_or("none").to_owned()
    };
    desk.openssl_signs("doc.json", "masa", "forged.cms", INFORMATION_TYPE);
    assert_eq!(reason(desk.verify("forged.cms", "")), "conveyed-information-signer-not-owner");
    assert_eq!(reason(desk.verify("ci.cms", "--at 2099-01-01T00:00:00Z")), "certificate-expired");
    assert_eq!(
        reason(desk.sztp("artifact verify --conveyed-information ci.cms --serial-number X --output json")),
        "grouping-illegal"
    );
    desk.good("artifact make --document doc.json --out bare.cms");
    let bare = desk.sztp("artifact verify --conveyed-information bare.cms --serial-number SN-0001 --output json");
    assert_eq!((bare.code, &bare.json()["outcome"]), (Some(3), &"unsigned".into()));
    let redirect = r#"{"ietf-sztp-conveyed-info:redirect-information":{"bootstrap-server":[{"address":"192.0.2.1"}]}}"#;
    desk.0.write("redirect.json", redirect.as_bytes()).unwrap();
    desk.good("artifact make --document redirect.json --out redirect.cms");
    let bare = desk.sztp("artifact verify --conveyed-information redirect.cms --serial-number SN-0001 --output json");
    assert_eq!((bare.code, &bare.json()["outcome"]), (Some(3), &"unsigned".into()));
    let text = desk.sztp("voucher verify ov.vcj --trust-anchor owner-root.pem");
    assert_eq!(text.code, Some(3));
    assert!(text.out.starts_with("refused: voucher-signer-untrusted\n  what: "), "{}", text.out);
    assert!(text.out.contains("\n  do:   Obtain the voucher from the MASA"), "{}", text.out);
    desk.good("voucher verify ov.vcj --trust-anchor masa-root.pem --serial-number SN-0001");
    let other = desk.sztp("voucher verify ov.vcj --trust-anchor masa-root.pem --serial-number SN-0002 --output json");
    assert_eq!(reason(other), "voucher-serial-mismatch");
    // A usage error is none of these.
    assert_eq!(desk.sztp("artifact verify --conveyed-information ci.cms").code, Some(2));
}

#[test]
fn what_is_encrypted_is_opened_by_us_and_by_openssl() {
    let desk = Desk::new(need!("openssl"));
    desk.make();
    desk.good("artifact encrypt --in ci.cms --encrypt-to device.pem --out sealed.cms");
    let missing = desk.verify("sealed.cms", "");
    assert_eq!((missing.code, &missing.json()["reason"]), (Some(3), &"decryption-key-missing".into()));
    assert_eq!(desk.verify("sealed.cms", "--decryption-key device.key").code, Some(0));
    desk.good("artifact decrypt --in sealed.cms --decryption-key device.key --out opened.cms");
    assert_eq!(desk.0.read("opened.cms").unwrap(), desk.0.read("ci.cms").unwrap());
    let refused = desk.sztp("artifact decrypt --in sealed.cms --decryption-key owner.key --out never.cms");
    assert_eq!(refused.code, Some(3));
    assert!(desk.0.read("never.cms").is_err());
    let looked_into = desk.good("artifact inspect sealed.cms --decryption-key device.key").out;
    assert!(looked_into.starts_with("sealed.cms: encrypted signed onboarding information"), "{looked_into}");
    assert_eq!(desk.sztp("artifact inspect sealed.cms --decryption-key owner.key").code, Some(1));
    // For readers that expect what OpenSSL makes, which then reads a whole ContentInfo.
    desk.good("artifact encrypt --in ci.cms --encrypt-to device.pem --openssl-envelope --out compatible.cms");
    let decrypt = ["cms", "-decrypt", "-binary", "-inform", "DER", "-in", "compatible.cms", "-inkey", "device.key"];
    let clear = desk.0.openssl(&[&decrypt[..], &["-recip", "device.pem"]].concat()).unwrap();
    assert_eq!(clear, desk.0.read("ci.cms").unwrap());
    // ENC-06, ENC-07.
    let refused = desk.sztp("artifact encrypt --in ci.cms --encrypt-to owner.pem --out never.cms");
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("owner.pem") && refused.err.contains("--ignore-key-usage"), "{}", refused.err);
    desk.good("artifact make --owner-certificate chain.pem --encrypt-to device.pem --out oc.cms");
    assert_eq!(desk.verify("ci.cms", "--decryption-key device.key").code, Some(0));
}

#[test]
fn what_a_device_would_refuse_is_not_made_and_no_input_is_lost() {
    let desk = Desk::new(need!("openssl"));
    let refused = |words: &str, code: i32, text: &str| {
        let done = desk.sztp(words);
        assert_eq!(done.code, Some(code), "{words}: {}", done.err);
        assert!(done.err.contains(text), "{words}: {}", done.err);
    };
    refused("artifact make --owner-certificate owner-root.pem --out x", 1, "may not sign artifacts (RFC 8572 §3.2)");
    let chain = [desk.0.read("owner-root.pem").unwrap(), desk.0.read("owner.pem").unwrap()].concat();
    desk.0.write("reversed.pem", &chain).unwrap();
    refused("artifact make --owner-certificate reversed.pem --out x", 1, "put the owner certificate first");
    let strangers = [desk.0.read("owner.pem").unwrap(), desk.0.read("masa-root.pem").unwrap()].concat();
    desk.0.write("strangers.pem", &strangers).unwrap();
    refused("artifact make --owner-certificate strangers.pem --out x", 1, "did not issue it");
    refused("artifact make --document voucher.json --out x", 1, "devices would refuse this document");
    desk.0.write("empty.json", br#"{"ietf-sztp-conveyed-info:onboarding-information":{}}"#).unwrap();
    refused("artifact make --document empty.json --out x", 1, "nothing in it");
    let other_key = "--sign-key masa.key --sign-certificate chain.pem";
    refused(
        &format!("artifact make --document doc.json --out x {other_key}"),
        1,
        "is not the key of the first certificate",
    );
    refused("artifact make --document doc.json --out ./doc.json", 2, "would be lost");
    refused(
        "artifact make --document doc.json --out x --sign-key pkcs11:a --sign-certificate b",
        2,
        "not a PKCS#11 URI",
    );
    assert!(desk.0.read("x").is_err());
    desk.good("artifact make --document doc.json --out x --dry-run");
    assert!(desk.0.read("x").is_err());
}

#[test]
fn art_16_what_is_stapled_must_help() {
    let desk = Desk::new(need!("openssl"));
    desk.0
        .write("ca.cnf", b"[ca]\ndefault_ca = a\n[a]\ndatabase = index\ndefault_md = sha256\ndefault_crl_days = 2\n")
        .unwrap();
    let crl = |issuer: &str, out: &str| {
        desk.0.write("index", b"").unwrap();
        let (certificate, key) = (format!("{issuer}.pem"), format!("{issuer}.key"));
        let make = ["ca", "-gencrl", "-config", "ca.cnf", "-cert", &certificate, "-keyfile", &key, "-out", out];
        desk.0.openssl(&make).unwrap();
    };
    crl("owner-root", "good.crl");
    desk.good("artifact make --owner-certificate chain.pem --crl good.crl --out oc.cms");
    let json = desk.good("artifact inspect oc.cms --output json").json();
    assert_eq!(json["layers"][0]["facts"]["revocation-information"], 1);
    assert!(desk.good("artifact inspect good.crl").out.contains("certificate revocation list of CN=owner-root"));
    crl("masa-root", "other.crl");
    let refused = |crl: &str, why: &str| {
        let done = desk.sztp(&format!("artifact make --owner-certificate chain.pem --crl {crl} --out y"));
        assert_eq!(done.code, Some(1));
        assert!(done.err.contains("would not help a device") && done.err.contains(why), "{}", done.err);
    };
    refused("other.crl", "CN=owner");
    // An OCSP response that calls the certificate good.
    let serial =
        String::from_utf8(desk.0.openssl(&["x509", "-in", "owner.pem", "-noout", "-serial"]).unwrap()).unwrap();
    let serial = serial.trim().trim_start_matches("serial=");
    desk.0.write("index", format!("V\t491231235959Z\t\t{serial}\tunknown\t/CN=owner\n").as_bytes()).unwrap();
    let root = ["-CA", "owner-root.pem", "-rsigner", "owner-root.pem", "-rkey", "owner-root.key"];
    let ask = ["-issuer", "owner-root.pem", "-cert", "owner.pem", "-respout", "good.ocsp", "-ndays", "1"];
    desk.0.openssl(&[&["ocsp", "-index", "index"][..], &root, &ask].concat()).unwrap();
    desk.good("artifact make --owner-certificate chain.pem --ocsp good.ocsp --out ocsp.cms");
    let shown = desk.good("artifact inspect ocsp.cms").out.to_lowercase();
    assert!(shown.contains(&format!("{}: good", serial.to_lowercase())), "{shown}");
    // A voucher that demands checks: what is stapled will do, and so does what was fetched.
    desk.make_voucher(Some(true));
    desk.make();
    let unchecked = desk.verify("ci.cms", "");
    assert_eq!((unchecked.code, &unchecked.json()["reason"]), (Some(3), &"revocation-unchecked".into()));
    assert_eq!(desk.verify("ci.cms", "--crl good.crl").code, Some(0));
    assert_eq!(desk.verify("ci.cms", "--ocsp good.ocsp").code, Some(0));
    desk.0.write("oc.cms", &desk.0.read("ocsp.cms").unwrap()).unwrap();
    assert_eq!(desk.verify("ci.cms", "").code, Some(0));
    // Revoked.
    let authority = ["ca", "-config", "ca.cnf", "-cert", "owner-root.pem", "-keyfile", "owner-root.key"];
    desk.0.openssl(&[&authority[..], &["-revoke", "owner.pem"]].concat()).unwrap();
    desk.0.openssl(&[&authority[..], &["-gencrl", "-out", "revoked.crl"]].concat()).unwrap();
    refused("revoked.crl", "revoked");
    let revoked = desk.verify("ci.cms", "--crl revoked.crl");
    assert_eq!((revoked.code, &revoked.json()["reason"]), (Some(3), &"certificate-revoked".into()));
    assert!(desk.good("artifact inspect revoked.crl").out.contains("revoked               1"));
}
