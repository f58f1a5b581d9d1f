//! Properties of the discovery codecs: hostile bytes never panic, what is written is read back, and no name or URI leads
//! anywhere but where it should.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use conveyed_info::{
    BootstrappingData, ConveyedInformation, OwnerCertificate, OwnershipVoucher, Unverified,
    discovery::{
        ArtifactKind,
        dns::{Name, QueryPlan, SrvRecord, TxtRecord, bootstrapping_data, publish, redirect},
        removable_storage::{Layout, MediaPath, candidates, folder_name, serial_number},
    },
};
use pki::identity::SerialNumber;
use proptest::{
    collection::{hash_set, vec},
    prelude::*,
};

fn serial() -> impl Strategy<Value = SerialNumber> {
    let awkward = "[ -~]{1,20}";
    let likely = "[A-Z0-9_-]{1,20}";
    prop_oneof![awkward, likely, "\\PC{1,16}", "(?i)(con|nul|com1|lpt9)"]
        .prop_filter_map("no serial number", |text| SerialNumber::new(text).ok())
}

fn name() -> impl Strategy<Value = Name> {
    vec(vec(any::<u8>(), 1..20), 0..8).prop_map(|labels| Name::new(labels).unwrap())
}

fn data() -> impl Strategy<Value = BootstrappingData> {
    let artifact = || vec(any::<u8>(), 1..1500);
    (artifact(), proptest::option::of((artifact(), artifact()))).prop_map(|(conveyed, companions)| {
        let conveyed_information = ConveyedInformation::from_der(conveyed).unwrap();
        match companions {
            None => BootstrappingData::Unsigned(conveyed_information),
            Some((owner, voucher)) => BootstrappingData::Signed {
                conveyed_information,
                owner_certificate: OwnerCertificate::from_der(owner).unwrap(),
                ownership_voucher: OwnershipVoucher::from_der(voucher).unwrap(),
            },
        }
    })
}

/// What a reader of zone files does with quoted strings (RFC 1035 §5.1), written apart from the code under test.
fn strings_of_zone_text(text: &str) -> Vec<Vec<u8>> {
    let mut strings = Vec::new();
    let mut octets = text.bytes();
    while let Some(octet) = octets.next() {
        match octet {
            b' ' => continue,
            b'"' => strings.push(Vec::new()),
            _ => panic!("outside quotes: {octet}"),
        }
        loop {
            let octet = match octets.next().unwrap() {
                b'"' => break,
                b'\\' => match octets.next().unwrap() {
                    digit @ b'0'..=b'9' => {
                        let digits = [digit, octets.next().unwrap(), octets.next().unwrap()];
                        str::from_utf8(&digits).unwrap().parse().unwrap()
                    }
                    other => other,
                },
                plain => plain,
            };
            strings.last_mut().unwrap().push(octet);
        }
    }
    strings
}

/// As file systems blind to case see a path: folded, and without the dots and blanks at the ends of names.
fn as_fat_sees(path: &MediaPath) -> Vec<String> {
    path.components().iter().map(|it| it.trim_end_matches(['.', ' ']).to_lowercase()).collect()
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..600)) {
        if let Ok(record) = TxtRecord::from_rdata(&bytes) {
            prop_assert_eq!(TxtRecord::from_rdata(&record.rdata()), Ok(record.clone()));
            let _ignored = bootstrapping_data(&[record]);
        }
        if let Ok(record) = SrvRecord::from_rdata(&bytes) {
            prop_assert_eq!(record.rdata(), &bytes[..], "there is one way to write an SRV record");
            let _ignored = redirect(&[record], &[0]);
        }
        if let Ok((name, rest)) = Name::from_wire(&bytes) {
            prop_assert_eq!([&name.to_wire(), rest].concat(), &bytes[..]);
        }
        let text = String::from_utf8_lossy(&bytes);
        let _ignored = text.parse::<Name>();
        let _ignored = MediaPath::from_uri(&format!("file:///{text}"));
        let _ignored = serial_number(&text);
    }

    #[test]
    fn names_round_trip_in_both_forms(name in name()) {
        prop_assert_eq!(name.to_string().parse(), Ok(name.clone()));
        let wire = name.to_wire();
        prop_assert_eq!(Name::from_wire(&wire), Ok((name.clone(), &[][..])));
        prop_assert!(name.to_string().bytes().all(|octet| octet.is_ascii_graphic()));
    }

    /// DNS-04: the first label of the device's own names is its serial number, octet by octet.
    #[test]
    fn dns_04_the_first_label_is_the_serial_number(serial in serial(), domain in name()) {
        for query in QueryPlan::new(&serial, &[domain]).queries {
            let label = &query.name.labels()[0];
            prop_assert!(label == serial.as_str().as_bytes() || label == b"_sztp");
        }
    }

    /// DNS-06, DNS-08, DNS-09: through RDATA and through a zone file, in any order, beside records of others.
    #[test]
    fn dns_06_published_data_is_read_back(data in data(), turn in 0..4_usize, other in "[a-z]{3,9}=.{0,20}") {
        let publication = publish("SN-1._sztp.example.net".parse().unwrap(), &data).unwrap();
        let mut records: Vec<TxtRecord> =
            publication.records().iter().map(|record| TxtRecord::from_rdata(&record.rdata()).unwrap()).collect();
        records.push(TxtRecord::from_strings([other.as_bytes()]).unwrap());
        let turn = turn % records.len();
        records.rotate_left(turn);
        prop_assert_eq!(bootstrapping_data(&records), Ok(Unverified::new(data)));

        let text = publication.zone_file(60);
        prop_assert!(text.bytes().all(|octet| octet == b'\n' || (b' '..=b'~').contains(&octet)));
        for (line, record) in text.lines().zip(publication.records()) {
            let strings = strings_of_zone_text(line.split_once(" TXT ").unwrap().1);
            prop_assert_eq!(&TxtRecord::from_strings(strings.iter().map(Vec::as_slice)).unwrap(), record);
        }
    }

    /// DNS-14: whatever the numbers, the order is a permutation in which no priority stands before a lower one.
    #[test]
    fn dns_14_every_server_once_and_priorities_in_order(
        shares in vec((0..4_u16, 0..5_u16), 1..20),
        entropy in vec(any::<u32>(), 0..20),
    ) {
        let records: Vec<SrvRecord> = shares.iter().enumerate().map(|(index, (priority, weight))| SrvRecord {
            priority: *priority,
            weight: *weight,
            port: 443,
            target: format!("s{index}.example").parse().unwrap(),
        }).collect();
        let found = redirect(&records, &entropy).unwrap();
        let priorities: Vec<u16> = found.redirect.servers().iter().map(|server| {
            let index: usize = server.address[1..server.address.find('.').unwrap()].parse().unwrap();
            records[index].priority
        }).collect();
        prop_assert!(priorities.is_sorted());
        prop_assert_eq!((priorities.len(), found.ignored.len()), (records.len(), 0));
    }

    #[test]
    fn usb_05_folder_names_are_read_back(serial in serial()) {
        let name = folder_name(&serial);
        prop_assert_eq!(serial_number(&name), Ok(serial.clone()));
        prop_assert_eq!(serial_number(&name.to_lowercase()), Ok(serial));
        prop_assert!(name.len() <= 192 && name.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"%-_".contains(&octet)));
    }

    /// USB-05: blind to case, two devices never share a file, in all layouts together.
    #[test]
    fn usb_05_no_two_devices_share_a_file(serials in hash_set(serial(), 2..12)) {
        let layouts = [Layout::default(), Layout::IosXr];
        let mut paths = Vec::new();
        for serial in &serials {
            for folder in candidates(&layouts, serial) {
                for kind in ArtifactKind::ALL {
                    paths.extend(folder.read_paths(kind).iter().map(as_fat_sees));
                }
            }
        }
        let count = paths.len();
        paths.sort();
        paths.dedup();
        prop_assert_eq!(paths.len(), count);
    }

    /// USB-08: joined to any root, lexically or by a file system that drops dots and blanks, a path stays below it.
    #[test]
    fn usb_08_no_path_escapes(serial in serial(), uri in "(file:///)?([a./%25e2F\\\\: ]|\\.\\./|%2e|%2F|disk2:/){0,12}") {
        let of_folders = candidates(&[Layout::default(), Layout::IosXr], &serial).into_iter().flat_map(|folder| {
            ArtifactKind::ALL.into_iter().flat_map(move |kind| folder.read_paths(kind))
        });
        for path in of_folders.chain(MediaPath::from_uri(&uri).ok()) {
            prop_assert!(!path.components().is_empty());
            let plain = std::path::Path::new(&path.to_string()).components().all(|it| matches!(it, std::path::Component::Normal(_)));
            prop_assert!(plain, "{}", path);
            prop_assert!(as_fat_sees(&path).iter().all(|it| !it.is_empty() && !it.contains(['/', '\\', ':', '\0'])), "{}", path);
        }
    }
}
