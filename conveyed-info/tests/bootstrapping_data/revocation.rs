//! Revocation lists and OCSP responses, stapled and fetched, and what a device concludes from them.

use cms::revocation::RevocationInfoChoice;
use const_oid::ObjectIdentifier;
use conveyed_info::{
    Encoding,
    cms::{CmsError, ContentType, MAX_REVOCATION_INFOS, SignedData, certificates_only, certificates_with_evidence},
    information::TrustAnchor,
    make,
    verify::EvidenceLocation,
};
use der::{AnyRef, Decode, Encode, Reader, SliceReader};
use pki::{
    certificate::Certificate,
    digest::sha256,
    revocation::{Crl, Evidence, OcspResponse},
    time::Clock,
};
use verdict::{Check, Outcome, ReasonCode};
use x509_cert::crl::CertificateList;

use crate::support::{Party, Says, Structure, World, ca, end_entity, now, ocsp_response, tlv};

const OF_OWNER: &str = "owner-certificate-revocation";
const OF_VOUCHER: &str = "voucher-signer-revocation";

fn of(lists: impl IntoIterator<Item = Crl>) -> Evidence {
    let mut evidence = Evidence::new();
    lists.into_iter().for_each(|list| evidence.add_crl(list));
    evidence
}

fn of_response(der: &[u8]) -> Evidence {
    let mut evidence = Evidence::new();
    evidence.add_ocsp_response(OcspResponse::from_der(der).unwrap());
    evidence
}

/// A world whose voucher demands that revocation is checked.
fn demanding() -> World {
    let mut world = World::new();
    world.voucher.domain_cert_revocation_checks = Some(true);
    world
}

fn checks(world: &World, name: &str) -> Vec<Check> {
    let verified = world.verify().unwrap();
    verified.trace().checks().iter().filter(|it| it.check == name).cloned().collect()
}

fn assert_refused(world: &World, reason: ReasonCode, check: &str) -> String {
    let refusal = world.verify().unwrap_err();
    let last = refusal.trace.checks().last().unwrap();
    assert_eq!((refusal.reason, last.check), (reason, check), "{refusal}");
    refusal.detail
}

/// As the `cms` crate writes it.
fn as_choice(list: &Crl) -> RevocationInfoChoice {
    RevocationInfoChoice::Crl(CertificateList::from_der(list.der()).unwrap())
}

#[test]
fn cli_38_a_stapled_list_clears_the_owner_and_the_trace_names_it() {
    let mut world = demanding();
    let list = world.owner_ca.revoke(&[]);
    world.stapled = of([list.clone()]);
    let checks = checks(&world, OF_OWNER);
    assert_eq!(checks.len(), 1);
    assert_eq!(checks[0].outcome, Outcome::Passed);
    let inputs: Vec<_> = checks[0].inputs.iter().map(|input| (input.name, input.sha256)).collect();
    assert_eq!(inputs, [("certificate", world.owner.certificate.sha256()), ("revocation-list", list.sha256())]);
    let note = checks[0].note.as_deref().unwrap();
    assert!(note.contains("CN=owner") && note.contains(&now().to_string()), "{note}");
}

/// End entity parameters that say where to look for revocation: lists there, and responders there.
fn pointing(name: &str, lists: &[&str], responders: &[&str]) -> rcgen::CertificateParams {
    let mut params = end_entity(name);
    let uris = lists.iter().map(|uri| (*uri).to_owned()).collect();
    params.crl_distribution_points = vec![rcgen::CrlDistributionPoint { uris }];
    let descriptions: Vec<u8> = responders
        .iter()
        .flat_map(|uri| tlv(0x30, &[&[6, 8, 0x2b, 6, 1, 5, 5, 7, 0x30, 1][..], &tlv(0x86, uri.as_bytes())].concat()))
        .collect();
    let access = rcgen::CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], tlv(0x30, &descriptions));
    params.custom_extensions.push(access);
    params
}

#[test]
fn sec_04_where_evidence_is_missing_the_places_are_named_that_may_have_it() {
    let mut world = demanding();
    world.owner = world.owner_ca.issue(pointing("owner", &["http://a/crl", "http://b/crl"], &["http://c/ocsp"]));
    world.bag = vec![world.owner.certificate.clone()];
    let (result, findings) = world.judge_with_findings(world.signed());
    assert_eq!(result.unwrap_err().reason, ReasonCode::RevocationUnchecked);
    let uris: Vec<_> = findings.wanted.iter().map(EvidenceLocation::uri).collect();
    assert_eq!(uris, ["http://a/crl", "http://b/crl", "http://c/ocsp"]);
    let EvidenceLocation::OcspResponder { request, .. } = &findings.wanted[2] else { panic!("{findings:?}") };
    // RFC 6960 §4.1.1: the serial number ends the question.
    assert!(request.ends_with(world.owner.certificate.certificate_serial()));
    assert_eq!(findings.voucher.unwrap().created_on, world.voucher.created_on);

    // With what one of the places has, nothing is wanted any more.
    world.fetched = of([world.owner_ca.revoke(&[])]);
    let (result, findings) = world.judge_with_findings(world.signed());
    assert!(result.is_ok() && findings.wanted.is_empty());
    // What is known to be revoked stays so, whatever somebody else may say.
    world.fetched = of([world.owner_ca.revoke(&[&world.owner.certificate])]);
    let (result, findings) = world.judge_with_findings(world.signed());
    assert_eq!((result.unwrap_err().reason, findings.wanted), (ReasonCode::CertificateRevoked, Vec::new()));
}

#[test]
fn sec_04_no_stranger_chooses_a_place_to_be_asked() {
    let place = &["http://stranger.example/"];
    // An owner certificate under another CA than the pinned one, a voucher of another MASA, one that demands nothing.
    let mut other = demanding();
    other.owner = Party::root(ca("stranger")).issue(pointing("owner", place, place));
    let mut foreign = demanding();
    foreign.masa = Party::root(ca("stranger"));
    foreign.owner = foreign.owner_ca.issue(pointing("owner", place, place));
    let mut lenient = World::new();
    lenient.owner = lenient.owner_ca.issue(pointing("owner", place, place));
    for (mut world, voucher_counts) in [(other, true), (foreign, false), (lenient, true)] {
        world.bag = vec![world.owner.certificate.clone()];
        let (_, findings) = world.judge_with_findings(world.signed());
        assert_eq!(findings.wanted, Vec::new());
        assert_eq!(findings.voucher.is_some(), voucher_counts);
    }
}

#[test]
fn cli_38_every_certificate_below_the_pinned_one_must_be_cleared() {
    let mut world = demanding();
    let intermediate = world.owner_ca.issue(ca("intermediate"));
    world.owner = intermediate.issue(end_entity("owner"));
    world.bag = vec![world.owner.certificate.clone(), intermediate.certificate.clone()];
    world.stapled = of([intermediate.revoke(&[])]);
    let detail = assert_refused(&world, ReasonCode::RevocationUnchecked, OF_OWNER);
    assert!(detail.contains("CN=intermediate"), "{detail}");
    world.stapled = of([intermediate.revoke(&[]), world.owner_ca.revoke(&[])]);
    assert_eq!(checks(&world, OF_OWNER).len(), 2);
    world.stapled = of([intermediate.revoke(&[]), world.owner_ca.revoke(&[&intermediate.certificate])]);
    assert_refused(&world, ReasonCode::CertificateRevoked, OF_OWNER);
}

#[test]
fn art_16_a_revoked_owner_is_refused_offline_whatever_the_voucher_demands() {
    for demand in [None, Some(true)] {
        let mut world = World::new();
        world.voucher.domain_cert_revocation_checks = demand;
        let list = world.owner_ca.revoke(&[&world.owner.certificate]);
        world.stapled = of([list.clone()]);
        let detail = assert_refused(&world, ReasonCode::CertificateRevoked, OF_OWNER);
        let when = now().plus_seconds(-7200).to_string();
        assert!(["CN=owner", "keyCompromise", &when].iter().all(|word| detail.contains(word)), "{detail}");
        let last = world.verify().unwrap_err().trace.checks().last().unwrap().inputs.last().copied().unwrap();
        assert_eq!((last.name, last.sha256), ("revocation-list", list.sha256()));
    }
}

#[test]
fn sec_04_evidence_counts_wherever_it_comes_from() {
    let revoked = |world: &World| world.owner_ca.revoke(&[&world.owner.certificate]);
    // Fetched.
    let mut world = World::new();
    world.fetched = of([revoked(&world)]);
    assert_refused(&world, ReasonCode::CertificateRevoked, OF_OWNER);
    // Stapled to the conveyed information.
    let mut world = World::new();
    let document = world.information.encode(Encoding::Json);
    let mut structure = Structure::new(ContentType::ConveyedInfoJson, &document, &world.owner);
    structure.revocation = vec![as_choice(&revoked(&world))];
    world.instead.conveyed_information = Some(structure.encode());
    assert_refused(&world, ReasonCode::CertificateRevoked, OF_OWNER);
    // Stapled to the voucher.
    let mut world = World::new();
    let document = world.voucher.to_json();
    let mut structure = Structure::new(ContentType::AnimaJsonVoucher, &document, &world.masa);
    structure.revocation = vec![as_choice(&revoked(&world))];
    world.instead.ownership_voucher = Some(structure.encode());
    assert_refused(&world, ReasonCode::CertificateRevoked, OF_OWNER);
}

#[test]
fn art_17_a_stapled_ocsp_response_clears_and_revokes() {
    let mut world = demanding();
    let good = ocsp_response(&world.owner_ca, &world.owner.certificate, Says::Good);
    world.stapled = of_response(&good);
    let checks = checks(&world, OF_OWNER);
    let last = checks[0].inputs.last().unwrap();
    assert_eq!((last.name, last.sha256), ("ocsp-response", sha256(&good)));
    world.stapled = of_response(&ocsp_response(&world.owner_ca, &world.owner.certificate, Says::Revoked));
    assert_refused(&world, ReasonCode::CertificateRevoked, OF_OWNER);
}

#[test]
fn a_strangers_evidence_neither_clears_nor_revokes() {
    let impostor = Party::root(ca("owner ca"));
    let mut world = demanding();
    world.stapled = of([impostor.revoke(&[])]);
    assert_refused(&world, ReasonCode::RevocationUnchecked, OF_OWNER);
    world.voucher.domain_cert_revocation_checks = None;
    world.stapled = of([impostor.revoke(&[&world.owner.certificate])]);
    world.stapled.add_all(&of_response(&ocsp_response(&impostor, &world.owner.certificate, Says::Revoked)));
    world.verify().unwrap();
}

#[test]
fn cli_38_what_is_stale_does_not_do_and_the_refusal_shows_both_clocks() {
    let mut world = demanding();
    let until = now().plus_seconds(-1);
    world.stapled = of([world.owner_ca.revoke_until(&[], until)]);
    let detail = assert_refused(&world, ReasonCode::RevocationUnchecked, OF_OWNER);
    assert!([until, now()].iter().all(|clock| detail.contains(&clock.to_string())), "{detail}");
    world.voucher.domain_cert_revocation_checks = None;
    assert_eq!(checks(&world, OF_OWNER)[0].outcome, Outcome::Skipped);
}

#[test]
fn dev_14_without_a_trusted_clock_a_stapled_revocation_still_counts() {
    let mut world = demanding();
    world.clock = Clock::Untrusted { at_least: now() };
    world.stapled = of([world.owner_ca.revoke_until(&[], now().plus_seconds(-1))]);
    assert_eq!(checks(&world, OF_OWNER)[0].outcome, Outcome::Passed, "its age is not judged");
    world.stapled = of([world.owner_ca.revoke_until(&[&world.owner.certificate], now().plus_seconds(-1))]);
    assert_refused(&world, ReasonCode::CertificateRevoked, OF_OWNER);
}

#[test]
fn vch_13_where_checks_are_forbidden_a_revocation_is_not_looked_at() {
    let mut world = World::new();
    world.voucher.domain_cert_revocation_checks = Some(false);
    world.stapled = of([world.owner_ca.revoke(&[&world.owner.certificate])]);
    let checks = checks(&world, OF_OWNER);
    assert_eq!((checks.len(), checks[0].outcome), (1, Outcome::Skipped));
}

#[test]
fn an_owner_certificate_renewed_on_its_key_counts_although_the_old_one_is_revoked() {
    let mut world = demanding();
    let renewed = world.owner_ca.renew(&world.owner, 4711);
    // Named by its key, so that both fit.
    let document = world.information.encode(Encoding::Json);
    let mut structure = Structure::new(ContentType::ConveyedInfoJson, &document, &world.owner);
    structure.naming = crate::support::Naming::KeyIdentifier;
    world.instead.conveyed_information = Some(structure.encode());
    let old = world.owner.certificate.clone();
    world.bag = vec![old.clone(), renewed.clone()];
    world.stapled = of([world.owner_ca.revoke(&[&old])]);
    world.verify().unwrap();
    world.stapled = of([world.owner_ca.revoke(&[&renewed])]);
    world.verify().unwrap();
    world.stapled = of([world.owner_ca.revoke(&[&old, &renewed])]);
    assert_refused(&world, ReasonCode::CertificateRevoked, OF_OWNER);
}

#[test]
fn only_a_few_certificates_that_fit_a_signers_name_are_tried() {
    // Each may cost as many signature checks as a maze of intermediates asks for, and strangers fill the bag.
    let mut world = World::new();
    let document = world.information.encode(Encoding::Json);
    let mut structure = Structure::new(ContentType::ConveyedInfoJson, &document, &world.owner);
    structure.naming = crate::support::Naming::KeyIdentifier;
    world.instead.conveyed_information = Some(structure.encode());
    // Short serial numbers, so that DER sorts them before the certificate that validates.
    let stranger = Party::root(ca("owner ca"));
    world.bag.extend((1..4).map(|serial| stranger.renew(&world.owner, serial)));
    world.verify().unwrap();
    world.bag.push(stranger.renew(&world.owner, 4));
    assert_eq!(world.verify().unwrap_err().reason, ReasonCode::OwnerNotPinned);
}

/// The voucher of `world`, with an intermediate between the manufacturer's root and its signer, and with these lists.
fn with_voucher_intermediate(world: &mut World, intermediate: &Party, lists: &[Crl]) {
    world.masa = intermediate.issue(end_entity("masa"));
    let document = world.voucher.to_json();
    let mut structure = Structure::new(ContentType::AnimaJsonVoucher, &document, &world.masa);
    structure.certificates.push(&intermediate.certificate);
    structure.revocation = lists.iter().map(as_choice).collect();
    world.instead.ownership_voucher = Some(structure.encode());
}

#[test]
fn vch_22_a_revoked_intermediate_invalidates_the_voucher() {
    let mut world = World::new();
    let intermediate = world.masa_root.issue(ca("masa ca"));
    let list = world.masa_root.revoke(&[&intermediate.certificate]);
    with_voucher_intermediate(&mut world, &intermediate, std::slice::from_ref(&list));
    let detail = assert_refused(&world, ReasonCode::CertificateRevoked, OF_VOUCHER);
    assert!(detail.contains("CN=masa ca"), "{detail}");
    // Fetched does as well as stapled.
    with_voucher_intermediate(&mut world, &intermediate, &[]);
    world.verify().unwrap();
    world.fetched = of([list]);
    assert_refused(&world, ReasonCode::CertificateRevoked, OF_VOUCHER);
}

#[test]
fn vch_19_lists_stapled_to_a_voucher_are_tolerated_and_nothing_is_demanded() {
    let mut world = World::new();
    let intermediate = world.masa_root.issue(ca("masa ca"));
    let list = world.masa_root.revoke(&[]);
    with_voucher_intermediate(&mut world, &intermediate, &[list]);
    let outcomes: Vec<_> = checks(&world, OF_VOUCHER).iter().map(|check| check.outcome).collect();
    assert_eq!(outcomes, [Outcome::Skipped, Outcome::Passed], "the signer, then the intermediate");
    with_voucher_intermediate(&mut world, &intermediate, &[]);
    assert!(checks(&world, OF_VOUCHER).iter().all(|check| check.outcome == Outcome::Skipped));
}

#[test]
fn art_17_art_28_the_version_of_a_bag_follows_from_what_is_stapled() {
    let world = World::new();
    let chain = [world.owner.certificate.clone()];
    let list = of([world.owner_ca.revoke(&[])]);
    let response = of_response(&ocsp_response(&world.owner_ca, &world.owner.certificate, Says::Good));
    let mut both = list.clone();
    both.add_all(&response);
    for (evidence, expected) in [(Evidence::none(), 1), (&list, 1), (&response, 5), (&both, 5)] {
        let made = make::owner_certificate_with_evidence(&chain, evidence).unwrap();
        assert_eq!(version(made.der()), expected);
        let read = SignedData::from_der(made.der()).unwrap();
        assert_eq!(read.revocation().crls().len(), evidence.crls().len());
        assert_eq!(read.revocation().ocsp_responses().len(), evidence.ocsp_responses().len());
        assert!(read.revocation().crls().all(|crl| evidence.crls().any(|given| given.der() == crl.der())));
    }
    assert_eq!(make::owner_certificate(&chain).unwrap().der(), certificates_only(&chain).unwrap());
}

#[test]
fn art_32_a_trust_anchor_may_have_lists_stapled_to_it() {
    let world = World::new();
    let chain = [world.owner_ca.certificate.clone()];
    let stapled = certificates_with_evidence(&chain, &of([world.owner_ca.revoke(&[])])).unwrap();
    assert_eq!(TrustAnchor::from_der(&stapled).unwrap().chain(), chain);
}

/// The version of SignedData: the first INTEGER in ContentInfo's explicit content.
fn version(der: &[u8]) -> u8 {
    let inside = |der: &[u8], skipped: usize| {
        let mut reader = SliceReader::new(AnyRef::from_der(der).unwrap().value()).unwrap();
        for _ in 0..skipped {
            reader.tlv_bytes().unwrap();
        }
        reader.tlv_bytes().unwrap().to_vec()
    };
    u8::from_der(&inside(&inside(&inside(der, 1), 0), 0)).unwrap()
}

/// A degenerate structure that holds these RevocationInfoChoices and nothing else.
fn only(infos: &[Vec<u8>]) -> Result<Evidence, CmsError> {
    let oid = |content_type: ContentType| content_type.oid().to_der().unwrap();
    let (version, none) = (vec![0x02, 0x01, 0x05], vec![0x31, 0x00]);
    let content = tlv(0x30, &oid(ContentType::Data));
    let signed = [version, none.clone(), content, tlv(0xa1, &infos.concat()), none].concat();
    let der = tlv(0x30, &[oid(ContentType::SignedData), tlv(0xa0, &tlv(0x30, &signed))].concat());
    SignedData::from_der(&der).map(|signed| signed.revocation().clone())
}

fn other(format: &str, info: &[u8]) -> Vec<u8> {
    tlv(0xa1, &[&ObjectIdentifier::new_unwrap(format).to_der().unwrap(), info].concat())
}

#[test]
fn art_17_unknown_formats_and_lists_that_cannot_be_read_are_ignored() {
    let world = World::new();
    let list = world.owner_ca.revoke(&[]).der().to_vec();
    let response = ocsp_response(&world.owner_ca, &world.owner.certificate, Says::Good);
    let count = |infos: &[Vec<u8>]| {
        let evidence = only(infos).unwrap();
        (evidence.crls().len(), evidence.ocsp_responses().len())
    };
    const OCSP: &str = "1.3.6.1.5.5.7.16.2";
    const SCVP: &str = "1.3.6.1.5.5.7.16.4";
    assert_eq!(count(&[list.clone(), other(OCSP, &response)]), (1, 1));
    assert_eq!(count(&[list, other(SCVP, &response)]), (1, 0));
    assert_eq!(count(&[other(OCSP, &[0x30, 0x00])]), (0, 0));
    assert_eq!(count(&[other(OCSP, &[response.clone(), vec![0x05, 0x00]].concat())]), (0, 0));
    assert_eq!(count(&[other(OCSP, &[])]), (0, 0));
    assert_eq!(count(&[tlv(0x30, &[])]), (0, 0));
    assert_eq!(count(&[tlv(0xa2, &response)]), (0, 0));
}

#[test]
fn sec_20_at_most_16_lists_and_responses() {
    let world = World::new();
    let many: Vec<_> = (0..=MAX_REVOCATION_INFOS).map(|_| world.owner_ca.revoke(&[])).collect();
    let ders: Vec<_> = many.iter().map(|list| list.der().to_vec()).collect();
    assert_eq!(only(&ders[1..]).unwrap().crls().len(), MAX_REVOCATION_INFOS);
    assert_eq!(only(&ders).unwrap_err(), CmsError::TooManyRevocationInfos);
    let chain: &[Certificate] = std::slice::from_ref(&world.owner.certificate);
    assert_eq!(certificates_with_evidence(chain, &of(many)), Err(CmsError::TooManyRevocationInfos));
}
