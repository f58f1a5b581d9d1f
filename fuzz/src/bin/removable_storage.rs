//! Names on removable storage: no path leaves the stick, and no two devices share a folder.
#![no_main]

use conveyed_info::discovery::removable_storage::{MediaPath, folder_name, serial_number};
use fuzz::Seed;
use pki::identity::SerialNumber;

fuzz::target!(seeds, check);

fn seeds() -> Vec<Seed> {
    [
        "file:///images/os.itb",
        "file:///disk2:/images/os%201.itb",
        "file:///images/../../etc/shadow",
        "file:///a/%2e%2e/%2F",
        "SN-0001",
        "PID%3AX%20%73%6E%2E1",
        "PID:X sn.1",
        "CON",
        "%43ON",
        "COM1.txt",
        "J\u{fc}rgen",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into()
}

fn check(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    if let Ok(path) = MediaPath::from_uri(text) {
        assert!((1..=MediaPath::MAXIMUM_DEPTH).contains(&path.components().len()));
        for component in path.components() {
            assert!(!matches!(component.trim_end_matches(['.', ' ']), "" | "." | ".."), "{path}");
            assert!(!component.contains(['/', '\\', ':', '\0']) && component.len() <= MediaPath::MAXIMUM_COMPONENT);
        }
    }
    if let Ok(serial) = SerialNumber::new(text) {
        let name = folder_name(&serial);
        assert!(name.bytes().all(|it| it.is_ascii_uppercase() || it.is_ascii_digit() || b"-_%".contains(&it)));
        // Read in whatever case a file system shows it: it is this device's and nobody else's.
        for shown in [name.clone(), name.to_ascii_lowercase()] {
            assert_eq!(serial_number(&shown).as_ref(), Ok(&serial));
        }
    }
    if let Ok(serial) = serial_number(text) {
        assert!(folder_name(&serial).eq_ignore_ascii_case(text));
    }
}
