//! Folders as sticks, written by friends and by others.

use std::{fs, os::unix::fs::symlink, path::PathBuf, process::Command};

use conveyed_info::discovery::removable_storage::MediaPath;

use super::{stick::StickError, *};
use crate::sources::Around;

const FILES: [&str; 3] = ["conveyed-information.cms", "owner-certificate.cms", "ownership-voucher.vcj"];

/// A folder that is one stick.
struct Bench {
    folder: tempfile::TempDir,
    settings: Settings,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings { folders: vec![folder.path().to_owned()], ..Settings::default() };
        Self { folder, settings }
    }

    /// Writes one octet into each of these files.
    fn write(&self, folder: &str, names: &[&str], octet: u8) -> PathBuf {
        let folder = self.folder.path().join(folder);
        fs::create_dir_all(&folder).unwrap();
        for name in names {
            fs::write(folder.join(name), [octet]).unwrap();
        }
        folder
    }

    fn discover(&self, serial_number: &str) -> Result<Discovery, Refusal> {
        self.look(serial_number).0
    }

    fn look(&self, serial_number: &str) -> (Result<Discovery, Refusal>, Sticks) {
        let mut around = Around::new(serial_number);
        (discover(&self.settings, &mut around.surroundings()), around.sticks)
    }

    /// The one thing that is wrong with the one folder of a device.
    fn refusal(&self, serial_number: &str) -> Refusal {
        let found = self.discover(serial_number).unwrap();
        assert_eq!(found.offers, []);
        assert_eq!(found.ignored.len(), 1, "{:?}", found.ignored);
        found.ignored[0].clone()
    }
}

/// What was offered: the octet of each file, and whether it was all three.
fn offered(found: &Discovery) -> Vec<(u8, bool)> {
    let is = |data: &Unverified<BootstrappingData>, octet, all| {
        let file = |kind| (kind, vec![octet]);
        let kinds = if all { ArtifactKind::ALL.to_vec() } else { vec![ArtifactKind::ConveyedInformation] };
        bootstrapping_data(kinds.into_iter().map(file)).unwrap() == *data
    };
    let one = |offer: &Offer| {
        let Offer::Data(_, data) = offer else { panic!("{offer:?}") };
        let mut all = (0..=u8::MAX).flat_map(|octet| [(octet, false), (octet, true)]);
        all.find(|(octet, all)| is(data, *octet, *all)).unwrap()
    };
    found.offers.iter().map(one).collect()
}

#[test]
fn usb_05_each_device_takes_what_is_its_own() {
    let bench = Bench::new();
    bench.write("sztp/SN-1", &FILES, 1);
    bench.write("sztp/SN-2", &FILES[..1], 2);
    assert_eq!(offered(&bench.discover("SN-1").unwrap()), [(1, true)]);
    let (found, sticks) = bench.look("SN-2");
    let found = found.unwrap();
    assert_eq!((offered(&found), found.ignored), (vec![(2, false)], vec![]));
    let Offer::Data(place, _) = &found.offers[0] else { panic!() };
    assert_eq!(*place, Place::Folder(format!("{}/sztp/SN-2", bench.folder.path().display())));
    // The stick is held for as long as the attempt lasts; what it gave nothing of is none of its places.
    assert_eq!(sticks.of(place).unwrap().name(), bench.folder.path().to_str().unwrap());
    assert!(sticks.of(&Place::Folder(format!("{}/sztp/SN-1", bench.folder.path().display()))).is_none());
    // USB-01: a device for which there is nothing goes on.
    let refusal = bench.discover("SN-3").unwrap_err();
    assert_eq!(refusal.reason, ReasonCode::NoSource);
    assert!(refusal.detail.contains("sztp/SN-3 or EN9/SN-3/bootstrapping-data"), "{refusal:?}");
}

#[test]
fn usb_03_usb_06_the_layouts_are_read_in_the_order_that_is_configured() {
    let mut bench = Bench::new();
    bench.write("EN9/SN-1/bootstrapping-data", &FILES[..1], 1);
    bench.write("acme/SN-1", &FILES[..1], 2);
    bench.write("sztp/SN-1", &["conveyed-information.cms", "owner-certificate.cms", "ownership-voucher.cms"], 3);
    assert_eq!(offered(&bench.discover("SN-1").unwrap()), [(3, true), (1, false)]);
    bench.settings.maker = "acme".parse().unwrap();
    bench.settings.layouts = vec![LayoutName::IosXr, LayoutName::Rfc8572];
    assert_eq!(offered(&bench.discover("SN-1").unwrap()), [(1, false), (2, false)]);
    bench.settings.layouts = vec![LayoutName::IosXr];
    assert_eq!(offered(&bench.discover("SN-1").unwrap()), [(1, false)]);
}

#[test]
fn usb_03_a_folder_without_a_legal_grouping_is_named() {
    let bench = Bench::new();
    bench.write("sztp/SN-1", &FILES[..2], 1);
    let refusal = bench.refusal("SN-1");
    assert_eq!(refusal.reason, ReasonCode::GroupingIllegal);
    assert!(refusal.detail.contains("sztp/SN-1: ownership-voucher.vcj is missing"), "{refusal:?}");
    // It hides nothing that is good.
    bench.write("EN9/SN-1/bootstrapping-data", &FILES, 2);
    let found = bench.discover("SN-1").unwrap();
    assert_eq!((offered(&found), found.ignored.len()), (vec![(2, true)], 1));
}

#[test]
fn usb_08_no_link_is_followed() {
    let bench = Bench::new();
    let elsewhere = tempfile::tempdir().unwrap();
    for name in FILES {
        fs::write(elsewhere.path().join(name), "secret").unwrap();
    }
    let good = bench.write("sztp/GOOD", &FILES, 1);
    // A file, absolute and relative, out of the stick and within it.
    let folder = bench.write("sztp/FILE", &[], 0);
    symlink("/etc/passwd", folder.join(FILES[0])).unwrap();
    let folder = bench.write("sztp/UP", &[], 0);
    symlink("../../../../../etc/passwd", folder.join(FILES[0])).unwrap();
    let folder = bench.write("sztp/WITHIN", &[], 0);
    symlink("../GOOD/conveyed-information.cms", folder.join(FILES[0])).unwrap();
    // Folders.
    symlink(elsewhere.path(), bench.folder.path().join("sztp/FOLDER")).unwrap();
    symlink(&good, bench.folder.path().join("sztp/INNER")).unwrap();
    symlink(elsewhere.path(), bench.folder.path().join("EN9")).unwrap();
    // One that leads nowhere, and one that leads to itself.
    symlink("/nowhere", bench.folder.path().join("sztp/DANGLING")).unwrap();
    symlink("LOOP", bench.folder.path().join("sztp/LOOP")).unwrap();
    for serial_number in ["FILE", "UP", "WITHIN", "FOLDER", "INNER", "DANGLING", "LOOP"] {
        let found = bench.discover(serial_number).unwrap();
        assert_eq!((found.offers.len(), found.ignored.len()), (0, 2), "{serial_number}");
        for refusal in found.ignored {
            assert_eq!(refusal.reason, ReasonCode::RemovableStorageInvalid);
            assert!(refusal.detail.contains("a component is a symbolic link"), "{refusal:?}");
        }
    }
    assert_eq!(offered(&bench.discover("GOOD").unwrap()), [(1, true)]);
}

#[test]
fn usb_08_nothing_but_plain_files_is_opened() {
    let bench = Bench::new();
    let folder = bench.write("sztp/PIPE", &[], 0);
    assert!(Command::new("mkfifo").arg(folder.join(FILES[0])).status().unwrap().success());
    let folder = bench.write("sztp/SOCKET", &[], 0);
    let _socket = std::os::unix::net::UnixListener::bind(folder.join(FILES[0])).unwrap();
    bench.write("sztp/DIRECTORY/conveyed-information.cms", &[], 0);
    bench.write("sztp", &["PLAIN"], 0);
    for (serial_number, found) in [
        ("PIPE", "a pipe"),
        ("SOCKET", "a socket"),
        ("DIRECTORY", "a folder"),
        ("PLAIN", "a file where a folder must be"),
    ] {
        let refusal = bench.refusal(serial_number);
        assert!(refusal.detail.contains(&format!("a component is {found};")), "{refusal:?}");
        assert_eq!(refusal.reason, ReasonCode::RemovableStorageInvalid);
    }
    let devices = Stick::open(Path::new("/dev")).unwrap();
    let refused = devices.read(&path("file:///null"), 10).unwrap_err();
    assert!(refused.to_string().contains("a device node"), "{refused}");
}

#[test]
fn usb_08_what_lies_on_another_file_system_is_not_on_the_stick() {
    let root = Stick::open(Path::new("/")).unwrap();
    let refused = root.read(&path("file:///proc/version"), 1000).unwrap_err();
    assert!(refused.to_string().contains("on another file system"), "{refused}");
    assert!(Stick::open(Path::new("/proc")).unwrap().read(&path("file:///version"), 1000).unwrap().is_some());
}

#[test]
fn usb_08_files_are_read_up_to_their_bound() {
    let bench = Bench::new();
    let folder = bench.write("sztp/HUGE", &[], 0);
    fs::File::create(folder.join(FILES[0])).unwrap().set_len(1 << 40).unwrap();
    assert_eq!(bench.refusal("HUGE").reason, ReasonCode::ArtifactTooLarge);
    let folder = bench.write("sztp/LARGE", &[], 0);
    fs::write(folder.join(FILES[0]), vec![7; MAXIMUM_FILE]).unwrap();
    assert_eq!(bench.discover("LARGE").unwrap().offers.len(), 1);
    fs::write(folder.join(FILES[0]), vec![7; MAXIMUM_FILE + 1]).unwrap();
    assert_eq!(bench.refusal("LARGE").reason, ReasonCode::ArtifactTooLarge);
    bench.write("sztp/EMPTY", &[], 0);
    fs::write(bench.folder.path().join("sztp/EMPTY").join(FILES[0]), []).unwrap();
    assert_eq!(bench.refusal("EMPTY").reason, ReasonCode::RemovableStorageInvalid);
}

/// The memory of a process, read at its first octet, fails as a stick does that is taken out: after it was opened.
#[test]
fn usb_08_storage_that_fails_while_it_is_read_is_refused() {
    let process = Stick::open(Path::new("/proc/self")).unwrap();
    let refused = process.read(&path("file:///mem"), 10).unwrap_err();
    assert!(matches!(refused, StickError::Unreadable { .. }), "{refused:?}");
    assert_eq!(refused.reason(), ReasonCode::RemovableStorageInvalid);
    assert!(refused.to_string().contains("still there?"), "{refused}");
}

#[test]
fn usb_08_many_sticks_do_not_fill_the_memory() {
    let mut bench = Bench::new();
    bench.settings.layouts = vec![LayoutName::Rfc8572];
    bench.settings.folders = (0..10).map(|number| bench.folder.path().join(number.to_string())).collect();
    for number in 0..10_u8 {
        bench.write(&format!("{number}/sztp/SN-1"), &FILES[..1], number);
    }
    let found = bench.discover("SN-1").unwrap();
    assert_eq!((found.offers.len(), found.ignored.len()), (MAXIMUM_OFFERS, 2));
    assert!(found.ignored[0].detail.contains("no more than 8 folders"), "{found:?}");
}

#[test]
fn what_is_written_on_a_stick_does_not_steer_a_terminal() {
    let mut bench = Bench::new();
    let label = bench.write("\u{1b}]0;x\u{7}", &[], 0);
    bench.write("\u{1b}]0;x\u{7}/sztp/SN-1", &FILES[..1], 1);
    bench.settings.folders = vec![label];
    let found = bench.discover("SN-1").unwrap();
    let Offer::Data(place, _) = &found.offers[0] else { panic!() };
    assert!(!place.to_string().contains(char::is_control), "{place:?}");
}

#[test]
fn settings_have_defaults_and_nothing_unknown() {
    let read = |text: &str| toml::from_str::<Settings>(text);
    assert_eq!(read("").unwrap(), Settings::default());
    let settings = read("maker = 'acme'\nlayouts = ['ios-xr']\nfolders = ['usb', '/media']\nmount = true").unwrap();
    let expected = Settings {
        maker: "acme".parse().unwrap(),
        layouts: vec![LayoutName::IosXr],
        folders: vec!["/etc/sztp/usb".into(), "/media".into()],
        mount: true,
    };
    assert_eq!(settings.relative_to(Path::new("/etc/sztp")), expected);
    for wrong in ["maker = '..'", "maker = 'a/b'", "layouts = ['fat']", "folder = '/x'", "mount = 'yes'"] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
}

fn path(uri: &str) -> MediaPath {
    MediaPath::from_uri(uri).unwrap()
}
