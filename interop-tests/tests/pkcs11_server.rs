//! A bootstrap server whose every key lives in a token: that of its listener, the owner's, and the audit log's.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::fs;

use interop_tests::{
    need,
    site::{self, DATA, Site},
    token::Token,
};
use pki::key::{FileKey, KeySpec, KeyUse, Signer};

const EMPTY: &str = r#"{"ietf-sztp-bootstrap-server:input":{}}"#;

/// Brings the key of a file into the token, with its public half beside it.
fn import(token: &Token, label: &str, id: &str, key: &FileKey) {
    for (file, kind, octets) in
        [("private.der", "privkey", key.pkcs8_der()), ("public.der", "pubkey", Signer::public_key(key).spki_der())]
    {
        fs::write(token.folder.join(file), octets).unwrap();
        let what = ["--write-object", file, "--type", kind, "--label", label, "--id", id];
        token.pkcs11_tool(&[&what[..], if kind == "privkey" { &["--usage-sign"] } else { &[] }].concat());
        fs::remove_file(token.folder.join(file)).unwrap();
    }
}

#[test]
fn sec_15_a_server_onboards_with_every_key_in_a_token() {
    need!("softhsm2-util");
    need!("pkcs11-tool");
    Token::with("sec_15_a_server_onboards_with_every_key_in_a_token", |token| {
        let site = Site::new();
        import(token, "server", "01", &site.owner.tls_key);
        import(token, "owner", "02", &site.owner.key);
        token.parsed("audit").generate(KeySpec::Ed25519, KeyUse::Sign).unwrap();
        for label in ["server", "owner", "audit"] {
            fs::remove_file(site.path(&format!("{label}.key"))).unwrap();
            site.edit(&format!("'{label}.key'"), &format!("'{}'", token.uri(label)));
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let server = site.start(&["SN-1", "SN-2"]).await;
            for serial in ["SN-1", "SN-2"] {
                let (key, chain) = site.device(serial);
                let connector = site::connector(Some((&key, &chain)));
                let mut stream = site::connect(&server, &connector).await.unwrap();
                let answer = site::exchange(&mut stream, &site::post(DATA, EMPTY)).await.unwrap();
                assert_eq!(answer.status, 200, "{answer:?}");
                assert!(answer.json().to_string().contains("conveyed-information"), "{answer:?}");
            }
            // Logged out under its feet, it logs in again.
            for slot in
                cryptoki::context::Pkcs11::new(Token::module()).unwrap().get_slots_with_initialized_token().unwrap()
            {
                let library = cryptoki::context::Pkcs11::new(Token::module()).unwrap();
                library.open_ro_session(slot).unwrap().logout().unwrap();
            }
            let (key, chain) = site.device("SN-2");
            let connector = site::connector(Some((&key, &chain)));
            let mut stream = site::connect(&server, &connector).await.unwrap();
            let answer = site::exchange(&mut stream, &site::report("bootstrap-initiated")).await.unwrap();
            assert_eq!(answer.status, 204, "{answer:?}");
            server.stop().await;
            site::verify_log(&site.path("sztp.toml")).await;
        });
    });
}
