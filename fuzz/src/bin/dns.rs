//! TXT and SRV records: what is read can be written, and what was published is found again.
#![no_main]

use conveyed_info::{
    ArtifactError, BootstrappingData, Unverified,
    discovery::dns::{Name, SrvRecord, TxtRecord, bootstrapping_data, publish, redirect},
    information::{Information, RedirectInformation},
    make,
};
use fuzz::{Seed, agree::ENCODINGS, world::WORLD};

fuzz::target!(seeds, check);

fn seeds() -> Vec<Seed> {
    let name = || "SN-0001._sztp.example.net".parse::<Name>().expect("a name");
    let unsigned =
        make::unsigned_conveyed_information(&WORLD.redirect, make::Style::default()).expect("conveyed information");
    let signed = WORLD.signed(&WORLD.redirect, authority::Validity::Until(None));
    let mut seeds: Vec<Seed> = [BootstrappingData::Unsigned(unsigned), signed]
        .iter()
        .map(|data| join(publish(name(), data).expect("records").records().iter().map(TxtRecord::rdata)))
        .collect();
    let server = |priority, weight, target: &str| SrvRecord {
        priority,
        weight,
        port: 8443,
        target: target.parse().expect("a name"),
    };
    let servers = [server(1, 0, "a.example.net"), server(1, 9, "b.example.net"), server(0, 1, ".")];
    seeds.push(join(servers.iter().map(SrvRecord::rdata)));
    seeds.push(name().to_string().into_bytes());
    seeds
}

/// Each RDATA behind its length in two octets.
fn join(records: impl Iterator<Item = Vec<u8>>) -> Seed {
    records
        .flat_map(|rdata| {
            let length = u16::try_from(rdata.len()).expect("a short record").to_be_bytes();
            [&length[..], &rdata].concat()
        })
        .collect()
}

fn split(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut records = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk() {
        let Some((rdata, rest)) = rest.split_at_checked(u16::from_be_bytes(*length).into()) else { break };
        records.push(rdata);
        bytes = rest;
    }
    records
}

fn check(bytes: &[u8]) {
    let rdata = split(bytes);
    text(&rdata);
    servers(&rdata);
    if let Ok(name) = String::from_utf8_lossy(bytes).parse::<Name>() {
        assert_eq!(name.to_string().parse().as_ref(), Ok(&name));
        let (again, rest) = Name::from_wire(&name.to_wire()).map(|(name, rest)| (name, rest.len())).expect("a name");
        assert_eq!((again, rest), (name, 0));
    }
}

fn text(rdata: &[&[u8]]) {
    let records: Vec<_> = rdata.iter().filter_map(|rdata| TxtRecord::from_rdata(rdata).ok()).collect();
    for record in &records {
        // DNS-09: where the strings were cut means nothing.
        assert_eq!(TxtRecord::from_rdata(&record.rdata()).as_ref(), Ok(record));
        assert!(record.zone_text().is_ascii());
    }
    let found = bootstrapping_data(&records);
    if let Some(conveyed) = only_artifact(&records) {
        // What one record says, and its publication, are the same.
        let published = publish("x".parse().expect("a name"), &conveyed).expect("it came from a record");
        assert_eq!(bootstrapping_data(published.records()).as_ref(), Ok(&Unverified::new(conveyed)));
        assert!(found.is_ok());
    }
}

/// The data of a single record that begins like one of ours.
fn only_artifact(records: &[TxtRecord]) -> Option<BootstrappingData> {
    let [record] = records else { return None };
    let der = record.octets().strip_prefix(b"ci=")?;
    let artifact: Result<_, ArtifactError> = conveyed_info::ConveyedInformation::from_der(der);
    artifact.ok().map(BootstrappingData::Unsigned)
}

fn servers(rdata: &[&[u8]]) {
    let records: Vec<_> = rdata.iter().filter_map(|rdata| SrvRecord::from_rdata(rdata).ok()).collect();
    for (record, rdata) in records.iter().zip(rdata) {
        assert_eq!(SrvRecord::from_rdata(&record.rdata()).as_ref(), Ok(record));
        drop((record.to_string(), rdata));
    }
    let entropy = [0, 1, u32::MAX, 0x8000_0000];
    let Ok(ordered) = redirect(&records, &entropy) else { return };
    let servers = ordered.redirect.servers();
    assert!((1..=RedirectInformation::MAX_SERVERS).contains(&servers.len()));
    assert_eq!(servers.len() + ordered.ignored.len(), records.len());
    // DNS-13: as good as unsigned, and it can go on as any other redirect.
    assert!(servers.iter().all(|server| server.trust_anchor.is_none()));
    let information = Information::Redirect(ordered.redirect);
    for encoding in ENCODINGS {
        assert_eq!(Information::decode(&information.encode(encoding), encoding).as_ref(), Ok(&information));
    }
}
