//! NIST's Public Key Interoperability Test Suite, from the package `cryptography-vectors`.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use const_oid::ObjectIdentifier;
use der::Encode;
use interop_tests::{need, peer::Peer, skip};
use pki::{
    certificate::Certificate,
    path::{self, Policy, PolicyRules, Purpose},
    revocation::{self, Crl, Demand, Evidence},
    time::{Clock, Timestamp},
};

use super::{cases::CASES, misses::MISSES};

/// Within the dates of everything in the collection that is meant to be valid.
const NOW: &str = "2020-06-01T00:00:00Z";

/// One case: number, end entity (the name of its file, without the end), settings, result.
pub(crate) struct Case(pub(crate) &'static str, pub(crate) &'static str, pub(crate) Settings, pub(crate) Expected);

/// Which certificate policies are demanded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settings {
    /// None, but by the certificates.
    Plain,
    /// Any.
    Explicit,
    /// One of these test policies.
    Only(&'static [u8]),
    /// Any, and no CA may map one to another.
    Unmapped,
    /// Any, and anyPolicy is none.
    Inhibited,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    Valid,
    Invalid,
}

/// What became of a case.
#[derive(Debug)]
enum Judged {
    Accepted,
    /// With the reason.
    Refused(String),
    /// The end entity's certificate cannot be read, so that nothing was proved by refusing it.
    Unread,
}

/// The collection's files, read.
struct Collection {
    end_entities: BTreeMap<String, Certificate>,
    authorities: Vec<Certificate>,
    anchor: Certificate,
    lists: Vec<Crl>,
}

impl Collection {
    /// What cannot be read is left out: some of it is meant not to be.
    fn read(folder: &Path) -> Self {
        let files = |kind: &str| {
            let entries = fs::read_dir(folder.join(kind)).unwrap();
            let named =
                |path: PathBuf| (path.file_stem().unwrap().to_str().unwrap().to_owned(), fs::read(path).unwrap());
            let mut files: Vec<_> = entries.map(|entry| named(entry.unwrap().path())).collect();
            files.sort();
            files
        };
        let certificates = files("certs").into_iter();
        let certificates = certificates.filter_map(|(name, der)| Some((name, Certificate::from_der(&der).ok()?)));
        let (end_entities, others): (BTreeMap<_, _>, _) = certificates.partition(|(name, _)| name.ends_with("EE"));
        let (anchor, authorities): (BTreeMap<_, _>, _) =
            others.into_iter().partition(|(name, _)| name == "TrustAnchorRootCertificate");
        let lists = files("crls").into_iter().filter_map(|(_, der)| Crl::from_der(&der).ok());
        Self {
            end_entities,
            authorities: authorities.into_values().collect(),
            anchor: anchor.into_values().next().unwrap(),
            lists: lists.collect(),
        }
    }

    /// Validates one case.
    fn judge(&self, case: &Case) -> Judged {
        let Case(_, name, settings, _) = case;
        let Some(end_entity) = self.end_entities.get(&format!("{name}EE")) else { return Judged::Unread };
        let clock = Clock::Trusted(Timestamp::parse_rfc3339(NOW).unwrap());
        let acceptable = settings.acceptable();
        // Of all purposes the one that demands nothing of the end entity.
        let policy = Policy { policies: settings.rules(&acceptable), ..Policy::new(clock, Purpose::DeviceIdentity) };
        let path = match path::validate(end_entity, &self.authorities, std::slice::from_ref(&self.anchor), &policy) {
            Ok(path) => path,
            Err(error) => return Judged::Refused(error.to_string()),
        };
        let evidence = self.evidence(path.certificates());
        match revocation::check(&path, &evidence, clock, Demand::Required) {
            Ok(_) => Judged::Accepted,
            Err(error) => Judged::Refused(error.to_string()),
        }
    }

    /// The lists that may say something about the path, and the certificates of who may have signed them: more lists than fit
    /// into evidence are in the collection.
    fn evidence(&self, path: &[Certificate]) -> Evidence {
        let mut evidence = Evidence::new();
        let issuers: Vec<_> = path.iter().map(|it| it.issuer().to_string()).collect();
        // Whom a CA leaves its lists to is told by its certificates' distribution points.
        let delegated = |list: &Crl| {
            let name = list.issuer().to_der().unwrap();
            path.iter().any(|it| it.der().windows(name.len()).any(|window| window == name))
        };
        for list in self.lists.iter().filter(|it| issuers.contains(&it.issuer().to_string()) || delegated(it)) {
            evidence.add_crl(list.clone());
        }
        let issuers: Vec<_> = evidence.crls().map(|list| list.issuer().to_string()).collect();
        for certificate in self.authorities.iter().filter(|it| issuers.contains(&it.subject().to_string())) {
            evidence.add_certificate(certificate.clone());
        }
        evidence
    }
}

impl Settings {
    /// NIST's test policies (2.16.840.1.101.3.2.1.48).
    fn acceptable(self) -> Vec<ObjectIdentifier> {
        let policies = if let Self::Only(policies) = self { policies } else { &[] };
        policies.iter().map(|number| format!("2.16.840.1.101.3.2.1.48.{number}").parse().unwrap()).collect()
    }

    fn rules(self, acceptable: &[ObjectIdentifier]) -> PolicyRules<'_> {
        PolicyRules {
            acceptable,
            require_explicit: self != Self::Plain,
            inhibit_mapping: self == Self::Unmapped,
            inhibit_any: self == Self::Inhibited,
        }
    }
}

/// Where the package keeps the collection, if it is installed.
fn folder(python: &Peer) -> Option<PathBuf> {
    let ask = "import cryptography_vectors, os; print(os.path.dirname(cryptography_vectors.__file__), end='')";
    let home = python.run(&std::env::temp_dir(), &["-c", ask]).ok()?;
    Some(PathBuf::from(String::from_utf8(home).ok()?).join("x509/PKITS_data"))
}

#[test]
fn every_case_of_pkits_ends_as_it_must() {
    let python = need!("python3");
    let Some(folder) = folder(&python) else { skip!("the Python package cryptography-vectors is not installed") };
    let collection = Collection::read(&folder);
    assert!(collection.authorities.len() > 160 && collection.lists.len() > 160, "the collection is not whole");

    let (mut right, mut wrong) = (0, BTreeMap::new());
    for case in CASES {
        let Case(number, name, settings, expected) = case;
        match (collection.judge(case), expected) {
            (Judged::Accepted, Expected::Valid) => right += 1,
            (Judged::Refused(why), Expected::Invalid) => {
                println!("  {number} {name} {settings:?} is refused: {why}");
                right += 1;
            }
            (judged, _) => {
                wrong.insert(*number, format!("{name} {settings:?}: {judged:?}"));
            }
        }
    }
    println!("PKITS: {right} of {} right", CASES.len());
    for (number, what) in &wrong {
        let why = MISSES.iter().find(|(missed, _)| missed == number).map_or("not explained", |(_, why)| why);
        println!("  {number} {what}: {why}");
    }
    let explained: Vec<_> = MISSES.iter().map(|(number, _)| *number).collect();
    let missed: Vec<_> = wrong.keys().copied().collect();
    assert_eq!(missed, explained, "what is missed, and what is explained");
}
