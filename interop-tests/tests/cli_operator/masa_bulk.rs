//! `sztp voucher issue` for a list: whatever happens in the middle, each device has one voucher in the end.

use std::{fs, path::Path};

use bootstrap_server::{
    config::ServerConfig,
    store::{MasaRecords, SqlStore},
};
use pki::identity::SerialNumber;

use crate::{
    masa::{maker, run},
    site::{ended, killed_again_and_again, sztp},
};

const BULK: [&str; 10] = [
    "voucher",
    "issue",
    "--masa",
    "maker",
    "--serial-numbers",
    "list.txt",
    "--pinned-domain-cert",
    "one.pem",
    "--out",
    "vouchers",
];

#[test]
fn vch_20_a_list_is_issued_resumed_and_each_row_has_its_own_result() {
    let folder = maker("");
    let path = folder.path();
    let serials: Vec<_> = (0..1300).map(|number| format!("SN-{number:05}")).collect();
    let list = format!("{}\nSN-00001\nbad\u{7}serial\n", serials.join("\n"));
    fs::write(path.join("list.txt"), list).unwrap();
    let first = run(path, &BULK);
    assert_eq!(first.code, Some(1), "{first:?}");
    assert!(first.out.starts_with("1300 issued, 0 issued before, 1 twice in the list, 1 not issued"), "{first:?}");
    assert!(first.err.contains("list.txt:1302:"), "{first:?}");
    let read = |serial: &str| fs::read(path.join(format!("vouchers/{serial}.vcj"))).unwrap();
    let all: Vec<_> = serials.iter().map(|serial| read(serial)).collect();
    // Some were lost; nothing is issued twice.
    for serial in serials.iter().step_by(7) {
        fs::remove_file(path.join(format!("vouchers/{serial}.vcj"))).unwrap();
    }
    let again = run(path, &BULK);
    assert!(again.out.starts_with("0 issued, 1300 issued before"), "{again:?}");
    assert!(serials.iter().zip(&all).all(|(serial, before)| read(serial) == *before));
    let one = ["voucher", "verify", "vouchers/SN-01299.vcj", "--trust-anchor", "maker/voucher-anchor.pem"];
    run(path, &[&one[..], &["--serial-number", "SN-01299"]].concat()).good();
    run(path, &["audit", "verify", "--config", "maker/sztp.toml"]).good();
}

/// Writes the list, and gives what stands in it.
fn long_list(folder: &Path, count: usize) -> Vec<SerialNumber> {
    let serials: Vec<_> = (0..count).map(|number| format!("SN-{number:05}")).collect();
    fs::write(folder.join("list.txt"), serials.join("\n")).unwrap();
    serials.into_iter().map(|serial| SerialNumber::new(serial).unwrap()).collect()
}

/// Every device has one voucher, and its file holds that one.
fn assert_whole(folder: &Path, serials: &[SerialNumber]) {
    let config = ServerConfig::load(&folder.join("maker/sztp.toml")).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let issued = runtime.block_on(async {
        let store = SqlStore::open_read_only(&config.database).await.unwrap();
        let mut issued = Vec::new();
        for some in serials.chunks(500) {
            issued.extend(store.issued_vouchers(some).await.unwrap());
        }
        store.close().await;
        issued
    });
    assert_eq!(issued.len(), serials.len());
    for entry in issued {
        let file = fs::read(folder.join(format!("vouchers/{}.vcj", entry.serial_number))).unwrap();
        assert!(file == entry.artifact.der(), "{}", entry.serial_number);
    }
    run(folder, &["audit", "verify", "--config", "maker/sztp.toml"]).good();
}

#[test]
fn a_list_that_is_killed_halfway_goes_on_and_issues_nothing_twice() {
    let folder = maker("");
    let path = folder.path();
    let serials = long_list(path, 6000);
    let written = || fs::read_dir(path.join("vouchers")).map_or(0, Iterator::count);
    killed_again_and_again(|| sztp(path, &BULK), || u64::try_from(written()).unwrap(), 400);
    assert_whole(path, &serials);
}

#[test]
fn a_list_whose_disk_is_full_says_so_and_goes_on_later() {
    interop_tests::need!("prlimit");
    let folder = maker("");
    let path = folder.path();
    let serials = long_list(path, 3000);
    // No file may become larger than this, which a write is told as it is told of a full disk.
    let program = interop_tests::lab::program("sztp");
    let limited =
        format!("trap '' XFSZ; exec prlimit --fsize=2500000:2500000 '{}' {}", program.display(), BULK.join(" "));
    let mut limited_shell = std::process::Command::new("sh");
    limited_shell.current_dir(path).args(["-c", &limited]);
    let told = ended(&mut limited_shell);
    assert!(told.code != Some(0) && told.err.contains("Nothing is lost"), "{told:?}");
    let halfway = fs::read_dir(path.join("vouchers")).unwrap().count();
    assert!((1..3000).contains(&halfway), "{halfway}");
    ended(&mut sztp(path, &BULK)).good();
    assert_whole(path, &serials);
}
