//! Certificates: issued, looked for and revoked through the operator API.

use authority::{CertificateAuthority, CertificateSerial};
use pki::{
    certificate::Certificate,
    identity::SerialNumber,
    key::{FileKey, random},
    new_request::{DeviceNames, sign, to_pem},
};
use serde_json::{Value, json};

use crate::{
    support,
    world::{JSON, World},
};

/// A server that has an authority.
async fn world() -> World {
    let world = World::new(&[]).await;
    let serial = || CertificateSerial(random().unwrap());
    let (root, key) = (FileKey::generate_p256().unwrap(), FileKey::generate_p256().unwrap());
    world.site.write("devices.key", key.to_pem().as_bytes());
    let root = CertificateAuthority::new_root("Root", Box::new(root), serial(), support::now()).unwrap();
    let ca = root.new_issuing_ca("Device CA", Box::new(key), serial(), support::now()).unwrap();
    world.site.write("devices.pem", support::pem(ca.chain()).as_bytes());
    let text = std::fs::read_to_string(world.site.path("sztp.toml")).unwrap();
    let authority = "\n[[authority]]\nname = 'devices'\ncertificate = 'devices.pem'\nkey = 'devices.key'\n\
        [authority.profile.idevid]\n";
    world.site.write("sztp.toml", format!("{text}{authority}").as_bytes());
    world.restarted().await
}

fn csr(key: &FileKey, serial: &str) -> String {
    to_pem(&sign(&DeviceNames::new(SerialNumber::new(serial).unwrap()), key).unwrap())
}

fn request(serial: &str) -> Value {
    json!({"csr": csr(&FileKey::generate_p256().unwrap(), serial), "serial-number": serial})
}

#[tokio::test]
async fn csr_28_a_certificate_is_issued_once_found_and_revoked() {
    let world = world().await;
    let authorities = world.get("/v1/authorities").await.json();
    assert_eq!(authorities["authorities"][0]["profiles"][0]["kind"], "idevid", "{authorities}");
    let wanted = request("SN-1");
    let rehearsed = world.send("POST", "/v1/certificates?dry-run=true", wanted.clone()).await;
    assert_eq!(
        (rehearsed.status, world.get("/v1/certificates").await.json()["certificates"].as_array().unwrap().len()),
        (204, 0)
    );
    let issued = world.send("POST", "/v1/certificates", wanted.clone()).await;
    assert_eq!(issued.status, 201, "{issued:?}");
    let issued = issued.json()["certificate"].clone();
    let again = world.send("POST", "/v1/certificates", wanted).await;
    assert_eq!((again.status, &again.json()["certificate"]["pem"]), (200, &issued["pem"]));
    assert_eq!(Certificate::chain_from_pem(issued["pem"].as_str().unwrap().as_bytes()).unwrap().len(), 2);
    let path = format!("/v1/certificates/devices/{}", issued["serial"].as_str().unwrap());
    assert_eq!(world.get(&path).await.json()["pem"], issued["pem"]);
    world.send("POST", "/v1/certificates", request("SN-2")).await;
    let page = world.get("/v1/certificates?limit=1").await.json();
    let next = page["next"].as_str().unwrap();
    let rest = world.get(&format!("/v1/certificates?limit=1&after={next}")).await.json();
    assert!(rest["next"].is_null() && rest["certificates"][0] != page["certificates"][0], "{rest}");
    let by_key = world.get(&format!("/v1/certificates?key={}", issued["key"].as_str().unwrap())).await.json();
    assert_eq!(by_key["certificates"].as_array().unwrap().len(), 1);

    let revoke = format!("{path}/revoke");
    let why = json!({"reason": "key-compromise", "because": "found"});
    let revoked = world.send("POST", &revoke, why.clone()).await.json();
    assert_eq!((&revoked["standing"], &revoked["reason"]), (&json!("revoked"), &json!("keyCompromise")));
    assert_eq!(world.send("POST", &revoke, why).await.status, 409);
    let revoked = world.get("/v1/certificates?revoked=true").await.json();
    assert_eq!(revoked["certificates"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn csr_16_csr_19_what_gets_no_certificate_says_why() {
    let world = world().await;
    world.send("POST", "/v1/certificates", request("SN-1")).await;
    let key = FileKey::generate_p256().unwrap();
    let leaves = world.leaves().await;
    for (body, status, reason) in [
        (request("SN-1"), 409, "certificate-there"),
        (json!({"csr": csr(&key, "SN-3"), "serial-number": "SN-4"}), 422, "subject-foreign"),
        (json!({"csr": csr(&key, "SN-3"), "profile": "owner"}), 422, "reference-unknown"),
        (json!({"csr": csr(&key, "SN-3"), "authority": "others"}), 422, "reference-unknown"),
        (json!({"csr": "???"}), 422, "csr-invalid"),
        (json!({"csr": "A".repeat(900_000)}), 422, "csr-invalid"),
        (json!({"csr": csr(&key, "SN-3"), "serial-number": "SN\u{1}"}), 422, "name-unfit"),
        (json!({"csr": csr(&key, "SN-3"), "renews": "devices/00ff"}), 404, "resource-missing"),
        (json!({"csr": csr(&key, "SN-3"), "because": "a\nb"}), 422, "body-invalid"),
        (json!({"csr": csr(&key, "SN-3"), "colour": "red"}), 422, "body-invalid"),
    ] {
        let reply = world.send("POST", "/v1/certificates", body.clone()).await;
        assert_eq!((reply.status, reply.reason().as_str()), (status, reason), "{body:.200}: {reply:?}");
    }
    for (path, status) in [
        ("/v1/certificates/devices/00ff", 404),
        ("/v1/certificates/devices/xyz", 404),
        ("/v1/certificates?key=1", 400),
        ("/v1/certificates?after=x", 400),
        ("/v1/certificates?limit=0", 400),
    ] {
        assert_eq!(world.get(path).await.status, status, "{path}");
    }
    let why = json!({"reason": "removeFromCRL", "because": "x"});
    assert_eq!(world.send("POST", "/v1/certificates/devices/00ff/revoke", why).await.status, 422);
    let body = request("SN-5").to_string();
    assert_eq!(world.ask("vera", "POST", "/v1/certificates", JSON, &body).await.status, 403);
    assert_eq!(world.leaves().await, leaves, "nothing was done");
}

#[tokio::test]
async fn many_requests_have_a_result_each() {
    let world = world().await;
    let mut lines: Vec<String> = (0..50).map(|number| request(&format!("SN-{number}")).to_string()).collect();
    lines.push(request("SN-1").to_string());
    lines.push("{\"csr\":\"???\"}".to_owned());
    lines.push("no object".to_owned());
    let ndjson = "content-type: application/x-ndjson\r\n";
    let send = async || {
        let reply = world.ask("otto", "POST", "/v1/import/certificates", ndjson, &lines.join("\n")).await;
        let text = String::from_utf8(reply.body).unwrap();
        text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect::<Vec<_>>()
    };
    let first = send().await;
    let done = first.last().unwrap();
    assert_eq!(
        [&done["read"], &done["issued"], &done["known"], &done["refused"], &done["faults"]],
        [&json!(53), &json!(50), &json!(0), &json!(1), &json!(2)],
        "{done}"
    );
    let again = send().await;
    assert_eq!((&again.last().unwrap()["issued"], &again.last().unwrap()["known"]), (&json!(0), &json!(50)));
    let pem = |updates: &[Value]| -> Vec<Value> {
        let mut all: Vec<_> = updates.iter().filter(|it| it["kind"] == "certificate").cloned().collect();
        all.sort_by_key(|it| it["line"].as_u64());
        all.into_iter().map(|it| it["pem"].clone()).collect()
    };
    assert_eq!(pem(&first), pem(&again));
    assert_eq!(world.ask("vera", "POST", "/v1/import/certificates", ndjson, "").await.status, 403);
    assert_eq!(world.ask("otto", "POST", "/v1/import/certificates", JSON, "[]").await.status, 415);
}
