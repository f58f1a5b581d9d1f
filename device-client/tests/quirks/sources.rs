//! Redirects, artifacts and lists as some make them.

use conveyed_info::{BootstrappingData, Encoding, OwnerCertificate, cms::ContentType, information::Information};
use device_client::OutcomeState;
use verdict::ReasonCode;

use crate::{
    onboard, onboard_trusted,
    support::{
        bench::{Bench, attempt},
        parties::{Party, ca, onboarding, redirect, unsigned},
        server::Server,
    },
};

#[test]
fn art_13_an_owner_certificate_that_carries_a_signer_is_read_as_a_bag() {
    let bench = Bench::new();
    let data = bench.parties.signed(onboarding());
    let BootstrappingData::Signed { conveyed_information, ownership_voucher, .. } = data else { panic!() };
    // Certificates in a structure that was signed, over nothing of interest.
    let bag = bench.parties.owner.sign(ContentType::Data, b"certificates");
    let owner_certificate = OwnerCertificate::from_der(bag).unwrap();
    let data = BootstrappingData::Signed { conveyed_information, owner_certificate, ownership_voucher };
    onboard(&bench, &Server::honest(&Party::root("anybody"), data));
}

#[test]
fn art_05_documents_that_are_called_plain_data_are_read() {
    let bench = Bench::new();
    let mut draft = bench.parties.draft(onboarding());
    (draft.information_type, draft.voucher_type) = (ContentType::Data, ContentType::Data);
    onboard(&bench, &Server::honest(&Party::root("anybody"), draft.finish()));
    // XML inside, JSON outside.
    let bench = Bench::new();
    let mut draft = bench.parties.draft(onboarding());
    draft.information_type = ContentType::ConveyedInfoXml;
    draft.document = Information::from(onboarding()).encode(Encoding::Xml);
    onboard(&bench, &Server::honest(&Party::root("anybody"), draft.finish()));
}

#[test]
fn cli_44_a_redirect_without_an_anchor_leads_to_a_server_that_nobody_knows() {
    let bench = Bench::new();
    let second = Server::honest(&bench.parties.tls, bench.parties.signed(onboarding()));
    let first = Server::honest(&bench.parties.tls, unsigned(redirect("127.0.0.1", second.port(), None)));
    onboard_trusted(&bench, &first);
    assert_eq!(second.log.reports(), [""; 0]);
    assert_eq!(first.log.reports(), [""; 0], "CLI-47: nobody hears of a redirect");
}

#[test]
fn cli_46_a_redirect_without_a_port_leads_to_443() {
    let bench = Bench::new();
    let first = Server::honest(&bench.parties.tls, unsigned(redirect("127.0.0.1", 443, None)));
    bench.dhcp.names(&[first.uri()]);
    let attempt = attempt(&mut bench.device());
    let target = attempt.records.iter().find(|it| it.step == "redirect-followed").unwrap();
    assert_eq!(target.detail, "127.0.0.1:443");
}

#[test]
fn cli_48_sec_08_an_anchor_from_a_redirect_is_forgotten_after_the_attempt() {
    let bench = Bench::new();
    let foreign = Party::root("the owner's other CA");
    let anchor = conveyed_info::information::TrustAnchor::new(std::slice::from_ref(&foreign.certificate)).unwrap();
    // Unsigned, so that it counts only where the server is trusted.
    let inner = Server::honest(&foreign, unsigned(crate::support::parties::with_script("exit 1")));
    let outer =
        Server::honest(&bench.parties.tls, bench.parties.signed(redirect("127.0.0.1", inner.port(), Some(anchor))));
    bench.dhcp.names(&[outer.uri()]);
    let mut device = bench.device();
    assert_eq!(attempt(&mut device).outcome.state, OutcomeState::ApplyFailed, "the inner server was trusted");
    // The same server, named by DHCP alone: nobody knows it any more.
    bench.dhcp.names(&[inner.uri()]);
    let second = attempt(&mut device);
    assert_eq!(second.outcome.reason, Some(ReasonCode::UnsignedOnboardingUntrusted), "{:#?}", second.outcome);
}

#[test]
fn wks_02_an_anchor_that_is_no_root_comes_with_its_chain() {
    let bench = Bench::new();
    let intermediate = bench.parties.tls.issue(ca("intermediate"));
    let pem = |parties: [&Party; 2]| parties.map(|it| it.certificate.to_pem()).concat();
    std::fs::write(bench.path("tls.pem"), pem([&intermediate, &bench.parties.tls])).unwrap();
    onboard_trusted(&bench, &Server::honest(&intermediate, unsigned(onboarding())));

    // Its issuer is no anchor by that: what another of its CAs certifies is not trusted.
    let bench = Bench::new();
    let intermediate = bench.parties.tls.issue(ca("intermediate"));
    std::fs::write(bench.path("tls.pem"), pem([&intermediate, &bench.parties.tls])).unwrap();
    let server = Server::honest(&bench.parties.tls, unsigned(onboarding()));
    crate::plug_trusted(&bench, &server);
    let attempt = attempt(&mut bench.device());
    assert_eq!(attempt.outcome.reason, Some(ReasonCode::UnsignedOnboardingUntrusted), "{:#?}", attempt.outcome);
}

#[test]
fn wks_03_local_sources_come_first_when_the_configuration_says_so() {
    let bench = Bench::new();
    let far = Server::honest(&bench.parties.tls, unsigned(onboarding()));
    let path = bench.path("device.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let far_table = format!(
        "{text}[[sources]]\nkind = 'well-known'\n[[well-known]]\naddress = '127.0.0.1'\nport = {}\nanchors = ['tls.pem']\n",
        far.port()
    );
    std::fs::write(&path, far_table).unwrap();
    let near = Server::honest(&bench.parties.tls, bench.parties.signed(onboarding()));
    onboard(&bench, &near);
    assert!(far.log.requests().is_empty() && !near.log.requests().is_empty());
}

#[test]
fn cli_16_cli_17_a_failure_to_apply_leads_to_the_next_server() {
    let bench = Bench::new();
    let failing = crate::support::parties::with_script("exit 1");
    let first = Server::honest(&bench.parties.tls, bench.parties.signed(failing));
    let second = Server::honest(&bench.parties.tls, bench.parties.signed(onboarding()));
    bench.dhcp.names(&[first.uri(), second.uri()]);
    let attempt = crate::succeed(&bench);
    assert_eq!(attempt.outcome.passed_over[0].reason, ReasonCode::PreScriptFailed);
}

#[test]
fn dev_08_the_agent_writes_no_anchors() {
    let bench = Bench::new();
    // What an owner gives runs with the agent's rights; the anchors are files that the agent itself never writes.
    let before = std::fs::read(bench.path("masa.pem")).unwrap();
    let server = Server::honest(&bench.parties.tls, bench.parties.signed(onboarding()));
    onboard(&bench, &server);
    assert_eq!(std::fs::read(bench.path("masa.pem")).unwrap(), before);
    let written: Vec<_> = std::fs::read_dir(bench.root()).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert!(written.iter().all(|name| !name.to_string_lossy().ends_with(".pem")), "{written:?}");
}
