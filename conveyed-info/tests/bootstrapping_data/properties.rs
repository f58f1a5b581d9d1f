//! Whatever arrives: nothing panics, nothing changed is believed, and what is written is read back.

use std::sync::LazyLock;

use conveyed_info::{
    BootstrappingData, ConveyedInformation, Encoding, OwnerCertificate, OwnershipVoucher, Unverified,
    cms::{ContentInfo, SignedData},
    information::{
        BootImage, BootstrapServer, Configuration, ConfigurationHandling, Information, OnboardingInformation,
        RedirectInformation, Script, TrustAnchor,
    },
    profile::InputProfile,
    rpc::{
        BootstrappingAnswer, BootstrappingRequest, CertReqInfo, Csr, CsrFormat, CsrInput, CsrSupport, KeyAlgorithm,
        ProgressReport, ProgressType, ReportingLevel, RestconfError, SshHostKey, TrustAnchorCert,
    },
    verify::Accepted,
    voucher::{Assertion, ForeignForm, Freshness, Nonce, Voucher},
};
use pki::{
    digest::Digest, identity::SerialNumber, request::CertificationRequest, revocation::OcspResponse, time::Timestamp,
};
use proptest::{collection::vec, option, prelude::*, sample::Index};

use crate::support::{Says, World, ocsp_response};

/// Revocation must be checked, so that what is stapled decides too.
static WORLD: LazyLock<World> = LazyLock::new(|| {
    let mut world = World::new();
    world.voucher.domain_cert_revocation_checks = Some(true);
    world.stapled.add_crl(world.owner_ca.revoke(&[]));
    let response = ocsp_response(&world.owner_ca, &world.owner.certificate, Says::Good);
    world.stapled.add_ocsp_response(OcspResponse::from_der(&response).unwrap());
    world
});
static ARTIFACTS: LazyLock<[Vec<u8>; 3]> = LazyLock::new(|| match WORLD.signed() {
    BootstrappingData::Signed { conveyed_information, owner_certificate, ownership_voucher } => {
        [conveyed_information.der().to_vec(), owner_certificate.der().to_vec(), ownership_voucher.der().to_vec()]
    }
    BootstrappingData::Unsigned(_) => [const { Vec::new() }; 3],
});
static ANCHOR: LazyLock<TrustAnchor> =
    LazyLock::new(|| TrustAnchor::new(std::slice::from_ref(&WORLD.owner_ca.certificate)).unwrap());

const BOTH: [Encoding; 2] = [Encoding::Json, Encoding::Xml];

fn judge(artifacts: &[Vec<u8>; 3]) -> Option<Accepted> {
    let [conveyed_information, owner_certificate, ownership_voucher] = artifacts.clone();
    let data = BootstrappingData::Signed {
        conveyed_information: ConveyedInformation::from_der(conveyed_information).unwrap(),
        owner_certificate: OwnerCertificate::from_der(owner_certificate).unwrap(),
        ownership_voucher: OwnershipVoucher::from_der(ownership_voucher).unwrap(),
    };
    WORLD.judge(data).ok().map(|verified| verified.into_parts().0)
}

fn read_everything(bytes: &[u8]) {
    for encoding in BOTH {
        drop(Information::decode(bytes, encoding));
        drop(BootstrappingRequest::decode_with(bytes, encoding, InputProfile::Survey));
        drop(ProgressReport::decode_with(bytes, encoding, InputProfile::Survey));
        drop(BootstrappingAnswer::decode(bytes, encoding));
        drop(RestconfError::decode_all(bytes, encoding));
    }
    drop(Voucher::from_json_with(bytes, InputProfile::Survey));
    let _form = ForeignForm::detect(bytes);
    drop(CertificationRequest::from_file(bytes));
    drop(CertReqInfo::from_der(bytes));
    drop(KeyAlgorithm::from_der(bytes));
    drop(ContentInfo::from_der(bytes));
    drop(TrustAnchor::from_der(bytes));
    if let Ok(signed) = SignedData::from_der(bytes) {
        drop(signed.verify_signer());
    }
}

fn mutated(original: &[u8], changes: &[(Index, u8)]) -> Vec<u8> {
    let mut bytes = original.to_vec();
    for (index, change) in changes {
        let place = index.index(bytes.len());
        bytes[place] ^= change;
    }
    bytes
}

fn text() -> impl Strategy<Value = String> {
    "[ -~\u{a0}-\u{ff}\"\\\\]{0,24}"
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..48)
}

fn moment() -> impl Strategy<Value = Timestamp> {
    (-62_135_596_800_i64..=253_402_300_799).prop_map(Timestamp::from_unix)
}

prop_compose! {
    fn nonce()(octets in vec(any::<u8>(), 16..=32)) -> Nonce { Nonce::for_request(octets).unwrap() }
}

prop_compose! {
    fn boot_image()(
        os_name in option::of(text()),
        os_version in option::of(text()),
        download_uris in vec(text(), 0..4),
        digest in option::of(any::<[u8; 32]>()),
    ) -> BootImage {
        // image-verification needs download-uri (CLI-64).
        let sha256 = digest.filter(|_| !download_uris.is_empty()).map(Digest);
        BootImage { os_name, os_version, download_uris, sha256 }
    }
}

prop_compose! {
    fn configuration()(
        handling in prop::sample::select(vec![ConfigurationHandling::Merge, ConfigurationHandling::Replace]),
        content in bytes(),
    ) -> Configuration { Configuration { handling, content } }
}

prop_compose! {
    fn onboarding()(
        boot_image in option::of(boot_image()),
        pre in option::of(bytes()),
        configuration in option::of(configuration()),
        post in option::of(bytes()),
    ) -> Information {
        let (pre_configuration_script, post_configuration_script) = (pre.map(Script), post.map(Script));
        OnboardingInformation { boot_image, pre_configuration_script, configuration, post_configuration_script }.into()
    }
}

prop_compose! {
    fn redirect()(
        hosts in prop::collection::btree_set("[a-z]{1,8}(\\.[a-z0-9]{1,8}){0,2}", 1..6),
        ports in vec(any::<u16>(), 6),
        anchored in vec(any::<bool>(), 6),
    ) -> Information {
        let servers = hosts.into_iter().zip(ports).zip(anchored).map(|((address, port), anchored)| BootstrapServer {
            address,
            port,
            trust_anchor: anchored.then(|| ANCHOR.clone()),
        });
        RedirectInformation::new(servers.collect()).unwrap().into()
    }
}

fn freshness() -> impl Strategy<Value = Freshness> {
    prop_oneof![
        Just(Freshness::Unlimited),
        nonce().prop_map(Freshness::Nonce),
        (moment(), option::of(moment()))
            .prop_map(|(expires_on, last_renewal_date)| Freshness::ExpiresOn { expires_on, last_renewal_date }),
    ]
}

prop_compose! {
    fn voucher()(
        created_on in moment().prop_map(Some),
        freshness in freshness(),
        assertion in prop::sample::select(vec![Assertion::Verified, Assertion::Logged, Assertion::Proximity]),
        serial_number in "[ -~]{1,64}",
        idevid_issuer in option::of(bytes()),
        domain_cert_revocation_checks in any::<Option<bool>>(),
    ) -> Voucher {
        Voucher {
            created_on,
            freshness,
            assertion,
            serial_number: SerialNumber::new(serial_number).unwrap(),
            idevid_issuer,
            pinned_domain_cert: WORLD.owner_ca.certificate.clone(),
            domain_cert_revocation_checks,
        }
    }
}

fn csr() -> impl Strategy<Value = CsrInput> {
    let formats = || prop::sample::select(CsrFormat::ALL.to_vec());
    let algorithm = prop::sample::select(vec![&b"\x30\x05\x06\x03\x2b\x65\x70"[..], b"\x30\x05\x06\x03\x2b\x65\x71"])
        .prop_map(|der| KeyAlgorithm::from_der(der).unwrap());
    prop_oneof![
        (option::of(vec(algorithm, 1..4)), vec(formats(), 1..4))
            .prop_map(|(algorithms, formats)| CsrInput::Support(CsrSupport::new(algorithms, formats).unwrap())),
        (formats(), vec(any::<u8>(), 0..100)).prop_map(|(format, content)| {
            let der = [&[0x30, u8::try_from(content.len()).unwrap()], &content[..]].concat();
            CsrInput::Csr(Csr::from_der(format, der).unwrap())
        }),
    ]
}

prop_compose! {
    fn request()(
        signed_data_preferred in any::<bool>(),
        hw_model in option::of(text()),
        os_name in option::of(text()),
        os_version in option::of(text()),
        nonce in option::of(nonce()),
        csr in option::of(csr()),
    ) -> BootstrappingRequest {
        BootstrappingRequest { signed_data_preferred, hw_model, os_name, os_version, nonce, csr }
    }
}

prop_compose! {
    fn report()(
        progress_type in prop::sample::select(ProgressType::ALL),
        message in option::of(text()),
        keys in vec((text(), bytes()), 0..3),
        anchors in 0_usize..3,
    ) -> ProgressReport {
        let mut report = ProgressReport { message, ..ProgressReport::new(progress_type) };
        // Keys and anchors come with the last report only (CLI-79).
        if progress_type == ProgressType::BootstrapComplete {
            report.ssh_host_keys =
                keys.into_iter().map(|(algorithm, key_data)| SshHostKey { algorithm, key_data }).collect();
            report.trust_anchor_certs = vec![TrustAnchorCert::Chain(ANCHOR.clone()); anchors];
        }
        report
    }
}

proptest! {
    #[test]
    fn a_flipped_octet_is_refused_or_changes_nothing(which in 0_usize..3, place in any::<Index>(), change in 1_u8..) {
        let mut artifacts = ARTIFACTS.clone();
        artifacts[which] = mutated(&artifacts[which], &[(place, change)]);
        let accepted = judge(&artifacts);
        prop_assert!(accepted.is_none() || accepted == judge(&ARTIFACTS), "{:?}", accepted);
    }

    #[test]
    fn a_truncated_artifact_is_refused(which in 0_usize..3, kept in any::<Index>()) {
        let mut artifacts = ARTIFACTS.clone();
        let kept = 1 + kept.index(artifacts[which].len() - 1);
        artifacts[which].truncate(kept);
        prop_assert_eq!(judge(&artifacts), None);
    }

    #[test]
    fn noise_never_panics(noise in vec(any::<u8>(), 0..400)) {
        read_everything(&noise);
    }

    #[test]
    fn mutated_artifacts_never_panic(which in 0_usize..3, changes in vec((any::<Index>(), any::<u8>()), 1..8)) {
        read_everything(&mutated(&ARTIFACTS[which], &changes));
    }

    #[test]
    fn mutated_documents_never_panic(
        voucher in voucher(),
        information in prop_oneof![redirect(), onboarding()],
        report in report(),
        request in request(),
        changes in vec((any::<Index>(), any::<u8>()), 1..8),
    ) {
        read_everything(&mutated(&voucher.to_json(), &changes));
        for encoding in BOTH {
            for document in [information.encode(encoding), report.encode(encoding), request.encode(encoding)] {
                read_everything(&mutated(&document, &changes));
            }
        }
    }

    #[test]
    fn information_survives_its_encoding(information in prop_oneof![redirect(), onboarding()]) {
        for encoding in BOTH {
            let read = Information::decode(&information.encode(encoding), encoding);
            prop_assert_eq!(read.as_ref(), Ok(&information));
        }
    }

    #[test]
    fn vouchers_survive_their_encoding(voucher in voucher()) {
        prop_assert_eq!(Voucher::from_json(&voucher.to_json()), Ok(voucher));
    }

    #[test]
    fn requests_survive_their_encoding(request in request()) {
        for encoding in BOTH {
            let read = BootstrappingRequest::decode(&request.encode(encoding), encoding);
            prop_assert_eq!(read.as_ref(), Ok(&request));
        }
    }

    #[test]
    fn reports_survive_their_encoding(report in report()) {
        for encoding in BOTH {
            let read = ProgressReport::decode(&report.encode(encoding), encoding);
            prop_assert_eq!(read.as_ref(), Ok(&report));
        }
    }

    #[test]
    fn answers_survive_their_encoding(
        conveyed in vec(any::<u8>(), 1..64),
        companions in option::of((vec(any::<u8>(), 1..64), vec(any::<u8>(), 1..64))),
        verbose in any::<bool>(),
    ) {
        let conveyed_information = ConveyedInformation::from_der(conveyed).unwrap();
        let data = match companions {
            None => BootstrappingData::Unsigned(conveyed_information),
            Some((owner_certificate, ownership_voucher)) => BootstrappingData::Signed {
                conveyed_information,
                owner_certificate: OwnerCertificate::from_der(owner_certificate).unwrap(),
                ownership_voucher: OwnershipVoucher::from_der(ownership_voucher).unwrap(),
            },
        };
        let reporting_level = if verbose { ReportingLevel::Verbose } else { ReportingLevel::Minimal };
        let answer = BootstrappingAnswer { reporting_level, data: data.clone() };
        let expected = BootstrappingAnswer { reporting_level, data: Unverified::new(data) };
        for encoding in BOTH {
            let read = BootstrappingAnswer::decode(&answer.encode(encoding), encoding);
            prop_assert_eq!(read.as_ref(), Ok(&expected));
        }
    }
}

#[test]
fn the_untouched_artifacts_are_accepted() {
    assert!(judge(&ARTIFACTS).is_some());
}
