//! Bootstrapping data that is not what it says (RFC 8572 §5.3, §5.4).

use conveyed_info::{
    BootstrappingData, ConveyedInformation, OwnerCertificate, OwnershipVoucher,
    cms::ContentType,
    voucher::{Assertion, Freshness, Nonce},
};
use pki::identity::SerialNumber;

use crate::{
    cases,
    support::{
        bench::Bench,
        parties::{Party, SERIAL, SignedDraft, host, named, now, onboarding, redirect, unsigned},
        server::{Server, config, give},
    },
};

/// A stranger's server that gives `data`.
fn serving(data: BootstrappingData) -> Vec<String> {
    vec![Server::honest(&Party::root("rogue"), data).uri()]
}

/// Signed data in which one thing is changed before it is signed.
fn changed(bench: &Bench, change: impl FnOnce(&mut SignedDraft<'_>)) -> Vec<String> {
    let mut draft = bench.parties.draft(onboarding());
    change(&mut draft);
    serving(draft.finish())
}

fn nonce(octet: u8) -> Freshness {
    Freshness::Nonce(Nonce::for_request(vec![octet; 32]).unwrap())
}

fn until(seconds: i64) -> Freshness {
    Freshness::ExpiresOn { expires_on: now().plus_seconds(seconds), last_renewal_date: None }
}

/// The same octets with the one changed that stands at `place`, from the end.
fn flipped(der: &[u8], place: usize) -> Vec<u8> {
    let mut der = der.to_vec();
    let place = der.len() - place;
    der[place] ^= 1;
    der
}

fn parts(data: &BootstrappingData) -> (&ConveyedInformation, &OwnerCertificate, &OwnershipVoucher) {
    let BootstrappingData::Signed { conveyed_information, owner_certificate, ownership_voucher } = data else {
        panic!("{data:?}")
    };
    (conveyed_information, owner_certificate, ownership_voucher)
}

/// Where no port is open: nobody binds a port below 1024 here.
const NOBODY: &str = "http://127.0.0.1:9/crl";

cases! {
    gives_unsigned_data: "gives onboarding information without a signature" => UnsignedOnboardingUntrusted, |_| {
        serving(unsigned(onboarding()))
    };
    replays_a_nonced_voucher: "gives a voucher that was made for another request" => VoucherNonceMismatch, |bench| {
        changed(bench, |draft| draft.voucher.freshness = nonce(7))
    };
    gives_an_expired_voucher: "gives a voucher that has expired, while the clock is trusted" => VoucherExpired, |bench| {
        changed(bench, |draft| draft.voucher.freshness = until(-60))
    };
    gives_a_voucher_of_tomorrow: "gives a voucher from the future, while the clock is trusted"
        => VoucherNotYetValid, |bench| {
        changed(bench, |draft| draft.voucher.created_on = Some(now().plus_seconds(86_400)))
    };
    gives_a_siblings_voucher: "gives the voucher of a device with another serial number"
        => VoucherSerialMismatch, |bench| {
        let sibling = SerialNumber::new(format!("{SERIAL}0")).unwrap();
        changed(bench, |draft| draft.voucher.serial_number = sibling)
    };
    gives_a_voucher_for_another_makers_device: "gives a voucher for a device of another issuer with the same serial number"
        => VoucherIssuerMismatch, |bench| {
        changed(bench, |draft| draft.voucher.idevid_issuer = Some(vec![1; 20]))
    };
    gives_a_logged_voucher: "gives a voucher whose assertion is not accepted" => VoucherAssertionRefused, |bench| {
        changed(bench, |draft| draft.voucher.assertion = Assertion::Logged)
    };
    is_its_own_manufacturer: "gives a voucher of another manufacturer" => VoucherSignerUntrusted, |bench| {
        let masa = Party::root("rogue masa");
        let mut draft = bench.parties.draft(onboarding());
        draft.masa = &masa;
        serving(draft.finish())
    };
    signs_a_voucher_as_a_device: "gives a voucher that a device of the same manufacturer signed"
        => VoucherSignerUntrusted, |bench| {
        let mut draft = bench.parties.draft(onboarding());
        draft.masa = &bench.parties.device;
        serving(draft.finish())
    };
    changes_the_voucher: "changes a voucher after it was signed" => VoucherSignatureInvalid, |bench| {
        let data = bench.parties.signed(onboarding());
        let (conveyed_information, owner_certificate, voucher) = parts(&data);
        serving(BootstrappingData::Signed {
            conveyed_information: conveyed_information.clone(),
            owner_certificate: owner_certificate.clone(),
            ownership_voucher: OwnershipVoucher::from_der(flipped(voucher.der(), 4)).unwrap(),
        })
    };
    is_not_the_owner: "gives the true voucher with another owner's certificate" => OwnerNotPinned, |bench| {
        let other = Party::root("another owner");
        let mut draft = bench.parties.draft(onboarding());
        (draft.signer, draft.bag) = (&other, vec![other.certificate.clone()]);
        serving(draft.finish())
    };
    works_for_the_owner: "signs with another certificate under the owner's CA than the one that is shown"
        => ConveyedInformationSignerNotOwner, |bench| {
        let sibling = bench.parties.owner_ca.issue(named("another department"));
        let mut draft = bench.parties.draft(onboarding());
        draft.signer = &sibling;
        serving(draft.finish())
    };
    changes_the_document: "changes conveyed information after it was signed"
        => ConveyedInformationSignatureInvalid, |bench| {
        let data = bench.parties.signed(onboarding());
        let (conveyed_information, owner_certificate, voucher) = parts(&data);
        serving(BootstrappingData::Signed {
            conveyed_information: ConveyedInformation::from_der(flipped(conveyed_information.der(), 4)).unwrap(),
            owner_certificate: owner_certificate.clone(),
            ownership_voucher: voucher.clone(),
        })
    };
    signs_the_wrong_type: "gives a document that the owner signed as something else" => ContentTypeUnexpected, |bench| {
        changed(bench, |draft| draft.information_type = ContentType::AnimaJsonVoucher)
    };
    signs_a_voucher_as_data: "gives a voucher that was signed as conveyed information" => ContentTypeUnexpected, |bench| {
        changed(bench, |draft| draft.voucher_type = ContentType::ConveyedInfoJson)
    };
    signs_what_is_no_document: "gives what the owner signed and is no document" => DocumentInvalid, |bench| {
        changed(bench, |draft| draft.document = b"{\"ietf-sztp-conveyed-info:onboarding-information\":{\"x\":1}}".to_vec())
    };
    leaves_the_companions_out: "gives signed information without voucher and owner certificate"
        => GroupingIllegal, |bench| {
        let data = bench.parties.signed(onboarding());
        serving(BootstrappingData::Unsigned(parts(&data).0.clone()))
    };
    hides_the_revocation: "cannot be asked whether the owner certificate is revoked, as the voucher demands"
        => RevocationUnchecked, |bench| {
        let owner = bench.parties.owner_with_list(NOBODY);
        let mut draft = bench.parties.draft(onboarding());
        draft.voucher.domain_cert_revocation_checks = Some(true);
        (draft.signer, draft.bag) = (&owner, vec![owner.certificate.clone()]);
        serving(draft.finish())
    };
    was_the_owner_once: "gives a former owner's voucher, older than one that the device accepted"
        => VoucherSuperseded, |bench| {
        let owner = bench.parties.owner_ca.certificate.public_key().spki_sha256();
        let accepted = now().plus_seconds(-7200);
        std::fs::create_dir_all(bench.root()).unwrap();
        let seen = format!("{{\"created-on\":\"{accepted}\",\"owner\":\"{owner}\"}}\n");
        std::fs::write(bench.root().join("vouchers.seen"), seen).unwrap();
        let former = Party::root("former owner");
        let mut draft = bench.parties.draft(onboarding());
        draft.voucher.created_on = Some(now().plus_seconds(-10_000));
        draft.voucher.pinned_domain_cert = former.certificate.clone();
        (draft.signer, draft.bag) = (&former, vec![former.certificate.clone()]);
        serving(draft.finish())
    };
    has_another_name: "repeats the owner's signed redirect at an address where a server has a good chain and another name"
        => ServerNameMismatch, |bench| {
        let other = config(&bench.parties.tls.issue(host("elsewhere.example")));
        let impostor = Server::with_config(std::sync::Arc::new(other), |asked, peer, _| give(asked, peer, b"{}"));
        serving(bench.parties.signed(redirect("127.0.0.1", impostor.port(), Some(bench.parties.anchor()))))
    };
    has_another_issuer: "repeats the owner's signed redirect at an address where a server has another chain"
        => ServerUntrusted, |bench| {
        let impostor = Server::honest(&Party::root("impostor"), unsigned(onboarding()));
        serving(bench.parties.signed(redirect("127.0.0.1", impostor.port(), Some(bench.parties.anchor()))))
    };
}
