//! Exit codes, and what is said beside them.

use std::fs;

use authority::ManufacturerParty;
use interop_tests::site::{now, serial};

use crate::site::{Site, ended, sztp};

#[test]
fn refused_by_verification_is_3() {
    let site = Site::start();
    site.prepare();
    site.sztp(&["device", "add", "example-maker/SN-0001", "--profile", "bmc"]).good();
    let stranger = ManufacturerParty::new("Stranger", now()).unwrap();
    let pinned = pki::certificate::Certificate::chain_from_pem(&fs::read(site.path("owner.pem")).unwrap()).unwrap();
    let forged = stranger.voucher(&serial("SN-0001"), pinned.last().unwrap(), now()).unwrap();
    fs::write(site.path("forged.vcj"), forged.der()).unwrap();
    let good = site.issue_voucher("SN-0001");
    let refused = site.sztp(&["voucher", "import", "forged.vcj", &good]);
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert!(refused.err.contains("forged.vcj") && refused.err.contains("do:"), "{refused:?}");
    assert!(refused.out.contains("kept SN-0001.vcj"), "the other one is kept: {refused:?}");
}

#[test]
fn not_found_is_4() {
    let site = Site::start();
    for arguments in [
        &["device", "show", "SN-9999"][..],
        &["explain", "SN-9999"],
        &["profile", "show", "none"],
        &["manufacturer", "show", "none"],
        &["token", "revoke", "none"],
    ] {
        let ended = site.sztp(arguments);
        assert_eq!(ended.code, Some(4), "{arguments:?}: {ended:?}");
        assert_eq!(ended.out, "");
    }
}

#[test]
fn usage_is_2_and_an_ambiguous_serial_number_lists_what_it_may_mean() {
    let site = Site::start();
    site.prepare();
    site.sztp(&["manufacturer", "add", "other-maker", "--anchor", "voucher-root.pem"]).good();
    for maker in ["example-maker", "other-maker"] {
        site.sztp(&["device", "add", &format!("{maker}/SN-0001"), "--profile", "bmc"]).good();
    }
    let ambiguous = site.sztp(&["device", "show", "SN-0001"]);
    assert_eq!(ambiguous.code, Some(2));
    assert!(ambiguous.err.contains("example-maker/SN-0001, other-maker/SN-0001"), "{ambiguous:?}");
    site.sztp(&["device", "show", "other-maker/SN-0001"]).good();

    for arguments in [
        &["device", "add", "SN-0002", "--profile", "bmc"][..],
        &["device", "change", "example-maker/SN-0001"],
        &["device", "retire", "example-maker/SN-0001"],
        &["device", "import", "list-of-unknown-kind"],
        &["status", "--server", "http://localhost"],
        &["status", "--token-file", "none"],
        &["status", "--server-ca", "bmc.toml"],
        &["status", "--config", "none.toml"],
        &["user", "add", "anna", "--role", "king"],
    ] {
        let ended = site.sztp(arguments);
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
    }
}

#[test]
fn not_allowed_and_not_possible_are_1() {
    let site = Site::start();
    site.write("wrong.token", "sztp_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n");
    let refused = site.sztp(&["status", "--token-file", "wrong.token"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.err.contains("token-invalid") && refused.err.contains("do:"), "{refused:?}");
    let last = site.sztp(&["user", "remove", "admin"]);
    assert_eq!(last.code, Some(1), "{last:?}");
    assert!(last.err.contains("last-admin"), "{last:?}");
}

#[test]
fn a_server_that_is_not_reached_or_not_trusted_is_5() {
    let site = Site::start();
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = site.sztp(&["status", "--server", &format!("https://{unused}")]);
    assert_eq!(nobody.code, Some(5), "{nobody:?}");
    assert!(nobody.err.contains("sztp serve"), "{nobody:?}");
    // The listener for devices has another certificate authority: operators' tokens are not given to it.
    let devices = site.sztp(&["status", "--server", &format!("https://{}", site.devices)]);
    assert_eq!(devices.code, Some(5), "{devices:?}");
    assert!(devices.err.contains("operator-ca.pem"), "{devices:?}");
}

#[test]
fn a_server_is_found_by_the_environment_from_anywhere() {
    let site = Site::start();
    let elsewhere = tempfile::tempdir().unwrap();
    let lost = ended(&mut sztp(elsewhere.path(), &["status"]));
    assert_eq!(lost.code, Some(2), "{lost:?}");
    assert!(lost.err.contains("SZTP_SERVER"), "{lost:?}");
    let mut command = sztp(elsewhere.path(), &["status", "--output", "json"]);
    command
        .env("SZTP_SERVER", format!("https://{}", site.operators))
        .env("SZTP_TOKEN_FILE", site.path("operator.token"))
        .env("SZTP_SERVER_CA", site.path("operator-ca.pem"));
    assert_eq!(ended(&mut command).good().json()["database"], "sqlite");
}
