//! Revocation lists, judged by the code that devices run.

use authority::{
    CertificateAuthority, CrlError, CrlPlan, Kind, Profile, ProfileSettings, RevokedCertificate, Shards, Subject,
};
use pki::{
    certificate::Certificate,
    key::{FileKey, Signer},
    path::{self, Path, Policy, Purpose},
    revocation::{self, Crl, Demand, Evidence, Reason, Revocation},
    time::Clock,
};

use crate::support::{ca, now, serial};

fn plan(number: u64) -> CrlPlan<'static> {
    CrlPlan { place: None, number, this_update: now().plus_seconds(-60), next_update: now().plus_seconds(86_400) }
}

fn owner(ca: &CertificateAuthority, profile: &Profile) -> Certificate {
    let key = FileKey::generate_p256().unwrap();
    ca.issue(profile, &Subject::named("Owner"), key.public_key(), serial(), now()).unwrap()
}

fn revoked(certificate: &Certificate, reason: Option<Reason>) -> RevokedCertificate {
    let revocation = Revocation { when: now().plus_seconds(-30), reason };
    RevokedCertificate { serial: certificate.certificate_serial().to_vec(), revocation }
}

fn path_of(ca: &CertificateAuthority, end: &Certificate) -> Path {
    let policy = Policy::new(Clock::Trusted(now()), Purpose::Signing);
    path::validate(end, &[], &ca.chain()[..1], &policy).unwrap()
}

fn judge(path: &Path, crl: Crl) -> Result<bool, revocation::RevocationError> {
    let mut evidence = Evidence::new();
    evidence.add_crl(crl);
    let statuses = revocation::check(path, &evidence, Clock::Trusted(now()), Demand::WhenAvailable)?;
    Ok(statuses[0].cleared_by.is_some())
}

#[test]
fn a_list_clears_and_revokes_with_its_reason() {
    let ca = ca();
    let (good, bad) = (owner(&ca, &Profile::of(Kind::Owner)), owner(&ca, &Profile::of(Kind::Owner)));
    let empty = ca.revocation_list(&plan(1), []).unwrap();
    assert!(empty.is_empty());
    assert_eq!(judge(&path_of(&ca, &bad), empty), Ok(true));
    for reason in Reason::ALL.iter().copied().filter(|it| *it != Reason::RemoveFromCrl) {
        let entry = revoked(&bad, Some(reason));
        let list = ca.revocation_list(&plan(2), [&entry]).unwrap();
        assert_eq!(judge(&path_of(&ca, &good), list.clone()), Ok(true));
        let told = judge(&path_of(&ca, &bad), list).unwrap_err().to_string();
        let says = if reason == Reason::Unspecified { "no reason given" } else { reason.as_str() };
        assert!(told.contains(says), "{told}");
    }
    let entry = revoked(&bad, Some(Reason::RemoveFromCrl));
    assert!(matches!(ca.revocation_list(&plan(2), [&entry]), Err(CrlError::Reason(_))));
}

#[test]
fn each_certificate_is_on_the_shard_that_its_serial_number_names() {
    let ca = ca();
    let settings: ProfileSettings =
        toml::from_str("crl-url = 'http://crl.example/{shard}.crl'\ncrl-shards = 4").unwrap();
    let profile = Profile::new(Kind::Owner, settings).unwrap();
    let location = profile.crl().unwrap();
    let shard = |it: &Certificate| location.shards().of(it.certificate_serial());
    let one = owner(&ca, &profile);
    let neighbour = std::iter::repeat_with(|| owner(&ca, &profile)).find(|it| shard(it) == shard(&one)).unwrap();
    let other = std::iter::repeat_with(|| owner(&ca, &profile)).find(|it| shard(it) != shard(&one)).unwrap();
    assert_eq!(one.crl_distribution_points(), [location.url(shard(&one))]);

    let all = [revoked(&one, None), revoked(&other, None)];
    let list = |of: &Certificate| {
        let place = Some((location, shard(of)));
        ca.revocation_list(&CrlPlan { place, ..plan(1) }, &all).unwrap()
    };
    assert_eq!((list(&one).len(), list(&other).len()), (1, 1), "what is on other shards is left out");
    assert!(judge(&path_of(&ca, &one), list(&one)).is_err());
    assert_eq!(judge(&path_of(&ca, &neighbour), list(&one)), Ok(true));
    // Silence of another shard clears nobody.
    assert_eq!(judge(&path_of(&ca, &neighbour), list(&other)), Ok(false));
    assert!(judge(&path_of(&ca, &other), list(&other)).is_err());
}

#[test]
fn shards_follow_from_the_serial_number_alone() {
    let shards = Shards::new(1000).unwrap();
    assert_eq!(shards.of(&[0x12, 0x34]), 0x1234 % 1000);
    assert_eq!(shards.of(&[0xff; 20]), u16::try_from(u64::MAX % 1000).unwrap());
    assert_eq!((Shards::ONE.of(&[7; 16]), Shards::new(0)), (0, None));
    let mut filled = vec![0_u32; 16];
    let sixteen = Shards::new(16).unwrap();
    for _ in 0..1600 {
        filled[usize::from(sixteen.of(&serial().octets()))] += 1;
    }
    assert!(filled.iter().all(|count| (40..=200).contains(count)), "{filled:?}");
}

#[test]
fn a_list_is_what_devices_take_or_is_not_made() {
    let ca = ca();
    let entry = |number: u32| RevokedCertificate {
        serial: [&[0x40; 12][..], &number.to_be_bytes()].concat(),
        revocation: Revocation { when: now(), reason: Some(Reason::KeyCompromise) },
    };
    let most = u32::try_from(CrlPlan::ENTRIES_THAT_FIT).unwrap();
    let mut all: Vec<_> = (0..most).rev().map(entry).collect();
    let list = ca.revocation_list(&plan(1), &all).unwrap();
    assert_eq!(list.len(), CrlPlan::ENTRIES_THAT_FIT);
    // The same entries give the same list, in whatever order and however often they come.
    all.extend((0..10).map(entry));
    all.reverse();
    let again = ca.revocation_list(&plan(1), &all).unwrap();
    assert_eq!(list.len(), again.len());
    // Too long for them before they are too many, and too many.
    for count in [25_000, Crl::MAX_ENTRIES + 1] {
        let all: Vec<_> = (0..u32::try_from(count).unwrap()).map(entry).collect();
        assert!(matches!(ca.revocation_list(&plan(1), &all), Err(CrlError::TooMany(it)) if it == count));
    }
    let dates = CrlPlan { next_update: now().plus_seconds(-60), ..plan(1) };
    assert!(matches!(ca.revocation_list(&dates, []), Err(CrlError::Dates)));
}
