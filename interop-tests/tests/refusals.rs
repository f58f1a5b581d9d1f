//! The real device against the real server, with one thing wrong at a time: refused for its own reason, nothing
//! installed, and the server told where it may be told.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::{fs, path::Path};

use authority::{ManufacturerParty, OwnerParty, Validity, VoucherRequest};
use conveyed_info::OwnershipVoucher;
use interop_tests::{
    lab::{Lab, Run},
    site::{now, serial},
};
use pki::certificate::Certificate;

fn assert_nothing_installed(root: &Path, lab: &Lab, case: &str) {
    assert!(!root.join("done").exists(), "{case}");
    assert!(!root.join("images/active.json").exists(), "{case}");
    assert!(!lab.running_config().exists(), "{case}");
}

fn run(lab: &Lab, case: &str) -> Run {
    let server = lab.serve();
    let root = lab.fresh_root("bad");
    let run = lab.run_device(&root);
    drop(server);
    assert_nothing_installed(&root, lab, case);
    run
}

#[test]
fn a_voucher_that_is_not_right_is_refused_for_its_own_reason() {
    let lab = Lab::build(1);
    // A maker of our own, whose root the device trusts beside its own maker's: so that we can sign what we like.
    let maker = ManufacturerParty::new("Example Maker", now()).unwrap();
    let anchors: String = maker.voucher_anchors().iter().map(Certificate::to_pem).collect();
    fs::write(lab.folder().join("manufacturer/our-root.pem"), anchors).unwrap();
    trust_beside(&lab, "voucher-root.pem", "our-root.pem");
    let owner = fs::read(lab.folder().join("server/owner.pem")).unwrap();
    let owner = Certificate::chain_from_pem(&owner).unwrap().pop().unwrap();
    let voucher = |number: &str, pinned: &Certificate| maker.voucher(&serial(number), pinned, now()).unwrap();
    let good = voucher("DEMO-0001", &owner);
    let changed = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut der = good.der().to_vec();
        change(&mut der);
        OwnershipVoucher::from_der(der).unwrap()
    };
    let expired = {
        let request = VoucherRequest {
            serial_number: serial("DEMO-0001"),
            pinned_domain_cert: owner.clone(),
            idevid: None,
            validity: Validity::Until(Some(now().plus_seconds(-10))),
        };
        maker.masa().issue(&request, now().plus_seconds(-1000)).unwrap()
    };
    let stranger = ManufacturerParty::new("Another Maker", now()).unwrap();
    let other = OwnerParty::new("Another Owner", &[], now()).unwrap();
    let cases = [
        ("truncated", changed(&|der| der.truncate(der.len() / 2)), "artifact-malformed"),
        ("signature flipped", changed(&|der| *der.last_mut().unwrap() ^= 1), "voucher-signature-invalid"),
        ("content flipped", changed(&|der| flip_serial(der)), "signed-attributes-invalid"),
        ("another device", voucher("DEMO-0002", &owner), "voucher-serial-mismatch"),
        ("expired", expired, "voucher-expired"),
        ("another maker", stranger.voucher(&serial("DEMO-0001"), &owner, now()).unwrap(), "voucher-signer-untrusted"),
        ("another owner", voucher("DEMO-0001", other.pinned().unwrap()), "owner-not-pinned"),
    ];
    for (case, voucher, reason) in cases {
        lab.replace_voucher(voucher);
        let run = run(&lab, case);
        assert_eq!(run.code, Some(3), "{case}");
        assert!(run.refused_for(reason), "{case}: {:#?}", run.trace);
    }
    lab.replace_voucher(good);
    let server = lab.serve();
    assert_eq!(lab.run_device(&lab.fresh_root("good")).code, Some(0));
    drop(server);
}

/// Names a second file in every device's list of anchors, beside the first.
fn trust_beside(lab: &Lab, first: &str, second: &str) {
    let (first, second) = (format!("manufacturer/{first}\""), format!("manufacturer/{second}\""));
    for device in fs::read_dir(lab.folder().join("devices")).unwrap() {
        let path = device.unwrap().path().join("device.toml");
        let Ok(text) = fs::read_to_string(&path) else { continue };
        fs::write(&path, text.replace(&first, &format!("{first}, \"../../{second}"))).unwrap();
    }
}

/// Changes the serial number inside the signed content.
fn flip_serial(der: &mut [u8]) {
    let at = der.windows(9).position(|window| window == b"DEMO-0001").unwrap();
    der[at + 8] = b'2';
}

#[test]
fn a_copied_identity_is_told_that_it_was_refused_and_nothing_more() {
    // SEC-23: the reason stands in the server's log; the peer sees an alert.
    let lab = Lab::build(1);
    let server = lab.serve();
    let run = lab.run_named("rogue-b", &lab.fresh_root("rogue-b"));
    drop(server);
    assert_eq!(run.code, Some(3));
    assert!(run.refused_for("server-refused"), "{:#?}", run.trace);
    assert!(!format!("{:?}", run.trace).contains("idevid-untrusted"));
}

#[test]
fn an_image_that_is_not_the_one_named_is_not_installed_and_the_server_hears_why() {
    let lab = Lab::build(1);
    let image = lab.folder().join("images/demo.fit");
    let key = fs::read_to_string(lab.folder().join("images/image-key.pub.pem")).unwrap();
    lab.replace_image_naming(&image, &key, "2", &"00".repeat(32));
    let run_hash = run(&lab, "wrong hash");
    assert_eq!(run_hash.code, Some(1));
    assert!(run_hash.refused_for("image-hash-mismatch"), "{:#?}", run_hash.trace);

    let other = pki::key::FileKey::generate_p256().unwrap();
    lab.replace_image(&image, &pki::key::Signer::public_key(&other).to_pem(), "2");
    let run_key = run(&lab, "wrong key");
    assert_eq!(run_key.code, Some(1));
    assert!(run_key.refused_for("fit-signature-invalid"), "{:#?}", run_key.trace);

    let told: Vec<_> = lab.reports().into_iter().filter(|(report, _)| report == "boot-image-error").collect();
    assert_eq!(told.len(), 2);
    assert!(told[0].1.contains("image-hash-mismatch") && told[1].1.contains("fit-signature-invalid"), "{told:?}");
    lab.verified_leaves();
}
