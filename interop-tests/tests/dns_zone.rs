//! The zone files we write, read by BIND; the RDATA that BIND makes of them, read by us.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;

use conveyed_info::{
    BootstrappingData, ConveyedInformation, OwnerCertificate, OwnershipVoucher, Unverified,
    discovery::dns::{Name, QueryPlan, RecordType, SrvRecord, TxtRecord, bootstrapping_data, publish, redirect},
};
use interop_tests::need;
use pki::identity::SerialNumber;

/// A record as BIND holds it.
struct Record {
    name: Name,
    number: u16,
    rdata: Vec<u8>,
}

/// Takes bytes from the front.
fn take<'a>(rest: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (taken, after) = rest.split_at(length);
    *rest = after;
    taken
}

fn number(rest: &mut &[u8], length: usize) -> usize {
    take(rest, length).iter().fold(0, |number, octet| number << 8 | usize::from(*octet))
}

/// BIND's raw zone format, version 1: a header of six numbers, then one block for each name and type.
fn records_of_raw_zone(mut rest: &[u8]) -> Vec<Record> {
    let rest = &mut rest;
    assert_eq!((number(rest, 4), number(rest, 4)), (2, 1), "raw format, version 1");
    take(rest, 16);
    let mut records = Vec::new();
    while !rest.is_empty() {
        take(rest, 6);
        let kind = u16::try_from(number(rest, 2)).unwrap();
        take(rest, 6);
        let count = number(rest, 4);
        let length = number(rest, 2);
        let (name, nothing) = Name::from_wire(take(rest, length)).unwrap();
        assert!(nothing.is_empty());
        for _ in 0..count {
            let length = number(rest, 2);
            records.push(Record { name: name.clone(), number: kind, rdata: take(rest, length).to_vec() });
        }
    }
    records
}

/// Octets of every value, so that every escape is needed.
fn artifact(length: usize) -> Vec<u8> {
    (0..=u8::MAX).rev().cycle().take(length).collect()
}

/// DNS-04, DNS-06, DNS-08, DNS-09, DNS-13: a zone with three devices, one of them with a serial number that needs escapes,
/// and two servers.
#[test]
fn dns_06_bind_reads_our_zone_and_we_read_its_records() {
    let bind = need!("named-compilezone");
    let folder = tempfile::tempdir().unwrap();
    let domain: Name = "example.net".parse().unwrap();

    let own_name = |serial_number: &str| {
        let plan = QueryPlan::new(&SerialNumber::new(serial_number).unwrap(), std::slice::from_ref(&domain));
        plan.queries[1].name.clone()
    };
    let conveyed = |length| ConveyedInformation::from_der(artifact(length)).unwrap();
    let signed = BootstrappingData::Signed {
        conveyed_information: conveyed(20_000),
        owner_certificate: OwnerCertificate::from_der(artifact(900)).unwrap(),
        ownership_voucher: OwnershipVoucher::from_der(artifact(1_277)).unwrap(),
    };
    let devices = [
        ("SN-0001", signed),
        ("PID:X SN:\"1.2\\3\";(ä)@$", BootstrappingData::Unsigned(conveyed(252))),
        ("SN-0003", BootstrappingData::Unsigned(conveyed(1))),
    ];
    let servers = [
        SrvRecord { priority: 10, weight: 0, port: 8443, target: "sztp2.example.net".parse().unwrap() },
        SrvRecord { priority: 5, weight: 7, port: 443, target: "sztp1.example.net".parse().unwrap() },
    ];

    let mut zone = "$TTL 60\n@ IN SOA ns admin 1 60 60 60 60\n@ IN NS ns\nns IN A 192.0.2.1\n".to_owned();
    zone += "sztp1 IN A 192.0.2.2\nsztp2 IN A 192.0.2.3\n";
    for (serial_number, data) in &devices {
        zone += &publish(own_name(serial_number), data).unwrap().zone_file(3600);
    }
    for server in &servers {
        zone += &format!("_sztp._tcp 3600 IN SRV {server}\n");
    }
    fs::write(folder.path().join("zone"), zone).unwrap();
    bind.run(folder.path(), &["-q", "-F", "raw=1", "-o", "raw", "example.net", "zone"]).unwrap();
    let records = records_of_raw_zone(&fs::read(folder.path().join("raw")).unwrap());

    for (serial_number, data) in devices {
        let name = own_name(serial_number);
        let of_device = records.iter().filter(|it| it.name.is_same_as(&name) && it.number == RecordType::Txt.number());
        let of_device: Vec<TxtRecord> = of_device
            .map(|it| {
                let record = TxtRecord::from_rdata(&it.rdata).unwrap();
                assert_eq!(record.rdata(), it.rdata, "BIND keeps our cuts");
                record
            })
            .collect();
        assert_eq!(bootstrapping_data(&of_device), Ok(Unverified::new(data)), "{serial_number}");
    }

    let general: Name = "_sztp._tcp.example.net".parse().unwrap();
    let of_all = records.iter().filter(|it| it.name.is_same_as(&general) && it.number == RecordType::Srv.number());
    let of_all: Vec<SrvRecord> = of_all.map(|it| SrvRecord::from_rdata(&it.rdata).unwrap()).collect();
    let found = redirect(&of_all, &[]).unwrap();
    let places: Vec<_> = found.redirect.servers().iter().map(|it| (it.address.as_str(), it.port)).collect();
    assert_eq!(places, [("sztp1.example.net", 443), ("sztp2.example.net", 8443)]);
}
