//! Voucher requests of registrars, as a MASA judges them (RFC 8995 §5.5).

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod asking;
mod prior;
mod support;

use conveyed_info::{
    SignedVoucherRequest,
    cms::{ContentType, Draft},
    verify::{Prior, RegistrarUsage},
};
use pki::revocation::{Crl, Demand, Evidence};
use rcgen::{CertificateRevocationListParams, KeyIdMethod, RevokedCertParams};
use verdict::ReasonCode;

use self::support::{Party, World, judge, now};

#[test]
fn mas_02_a_registrars_request_is_read_and_its_domain_known() {
    let world = World::new();
    let verified = world.judge(&world.registrar.sign(&world.document()).unwrap()).unwrap();
    let request = verified.value();
    assert_eq!(*request.document(), world.document());
    assert_eq!(request.registrar().certificates(), world.registrar.chain);
    assert!(matches!(request.prior(), Prior::Absent));
    let skipped = verified.trace().checks().iter().find(|it| it.check == "prior-request").unwrap();
    assert!(skipped.note.as_deref().unwrap().starts_with("the device signed no request"));
}

#[test]
fn mas_02_id_data_is_read_as_the_makers_of_brski_write_it() {
    let world = World::new();
    let (key, chain) = (&world.registrar.key, &world.registrar.chain);
    for (content_type, good) in
        [(ContentType::Data, true), (ContentType::AnimaJsonVoucher, true), (ContentType::ConveyedInfoJson, false)]
    {
        let der = Draft::sign(content_type, &world.document().to_json(), key, chain).unwrap();
        let judged = world.judge(&SignedVoucherRequest::from_der(der).unwrap());
        assert_eq!(judged.map_err(|it| it.reason).err(), (!good).then_some(ReasonCode::VoucherRequestMalformed));
    }
}

#[test]
fn mas_07_a_changed_request_and_a_strangers_are_told_apart() {
    let world = World::new();
    let mut der = world.registrar.sign(&world.document()).unwrap().der().to_vec();
    *der.last_mut().unwrap() ^= 1;
    let changed = world.judge(&SignedVoucherRequest::from_der(der).unwrap()).unwrap_err();
    assert_eq!(changed.reason, ReasonCode::VoucherRequestSignatureInvalid);
    let stranger = Party::ca("Domain").registrar("Registrar");
    let refused = world.judge(&stranger.sign(&world.document()).unwrap()).unwrap_err();
    // The same names, and no signature of the domain.
    assert_eq!(refused.reason, ReasonCode::RegistrarUntrusted);
    for junk in [&b"{}"[..], b"\x30\x80", b"-----BEGIN CMS-----", &[0x30; 4096]] {
        let refused = world.judge(&SignedVoucherRequest::from_der(junk).unwrap()).unwrap_err();
        assert_eq!(refused.reason, ReasonCode::VoucherRequestMalformed);
    }
}

#[test]
fn mas_04_only_a_registrar_may_ask() {
    let world = World::new();
    let plain = world.domain.certify("Server", |_| ());
    let any = world.domain.certify("Any", |params| {
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::Any];
    });
    for other in [&plain, &any] {
        let request = other.sign(&world.document()).unwrap();
        assert_eq!(world.judge(&request).unwrap_err().reason, ReasonCode::RegistrarNotAuthorized);
        let mut context = world.context();
        context.usage = RegistrarUsage::Any;
        let verified = judge(&request, &context).unwrap();
        // The leniency is not silent.
        let note = verified.trace().checks().iter().find(|it| it.check == "registrar-usage").unwrap().note.clone();
        assert!(note.unwrap().starts_with("lenient"));
    }
}

#[test]
fn mas_08_what_was_learnt_holds_until_the_first_of_it_ends() {
    let world = World::new();
    let request = world.registrar.sign(&world.document()).unwrap();
    let until = world.judge(&request).unwrap().value().evidence_until();
    assert_eq!(until, Some(world.registrar.certificate().not_after()));
    let mut evidence = Evidence::new();
    evidence.add_crl(revocation_list(&world.domain, None));
    let mut context = world.context();
    context.revocation = &evidence;
    context.demand = Demand::Required;
    let until = judge(&request, &context).unwrap().value().evidence_until();
    assert_eq!(until, Some(now().plus_seconds(3600)));
}

#[test]
fn vch_25_a_revoked_registrar_gets_nothing() {
    let world = World::new();
    let request = world.registrar.sign(&world.document()).unwrap();
    let mut context = world.context();
    context.demand = Demand::Required;
    assert_eq!(judge(&request, &context).unwrap_err().reason, ReasonCode::RevocationUnchecked);
    let mut evidence = Evidence::new();
    evidence.add_crl(revocation_list(&world.domain, Some(&world.registrar)));
    context.revocation = &evidence;
    for demand in [Demand::Required, Demand::WhenAvailable] {
        context.demand = demand;
        assert_eq!(judge(&request, &context).unwrap_err().reason, ReasonCode::CertificateRevoked);
    }
}

fn revocation_list(ca: &Party, revoked: Option<&Party>) -> Crl {
    let revoked = revoked.map(|party| RevokedCertParams {
        serial_number: rcgen::SerialNumber::from_slice(party.certificate().certificate_serial()),
        revocation_time: now().to_offset_date_time(),
        reason_code: None,
        invalidity_date: None,
    });
    let params = CertificateRevocationListParams {
        this_update: now().plus_seconds(-60).to_offset_date_time(),
        next_update: now().plus_seconds(3600).to_offset_date_time(),
        crl_number: rcgen::SerialNumber::from(1_u64),
        issuing_distribution_point: None,
        revoked_certs: revoked.into_iter().collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    Crl::from_der(params.signed_by(&ca.issuer()).unwrap().der()).unwrap()
}
