//! A server that redirects and does not onboard, and profiles that send devices elsewhere (RFC 8572 §7.3).

use axum::http::{Method, StatusCode};
use conveyed_info::{
    BootstrappingData, Encoding, Unverified,
    rpc::{BootstrappingAnswer, Roles},
};
use pki::time::Clock;
use verdict::ReasonCode;

use super::lab::{DATA, Lab, REPORT, batch, id, profile, registered};
use crate::{
    domain::{OnboardingProfile, Policies, ProfileName, State},
    store::Store,
};

const INITIATED: &str = r#"{"progress-type":"bootstrap-initiated"}"#;
const PREFERRED: &str = r#"{"signed-data-preferred":[null]}"#;

fn elsewhere() -> OnboardingProfile {
    let document = "[[redirect]]\naddress = 'owner.example'\nport = 8443\n[[redirect]]\naddress = '192.0.2.7'\n";
    OnboardingProfile::from_toml(ProfileName::new("bmc").unwrap(), document).unwrap()
}

async fn lab(roles: Roles, profile: OnboardingProfile) -> Lab {
    let lab = Lab::new(Policies { roles, ..Policies::default() }, profile).await;
    lab.store.commit(batch([registered("A")])).await.unwrap();
    lab
}

fn data(body: &str) -> Unverified<BootstrappingData> {
    BootstrappingAnswer::decode(body.as_bytes(), Encoding::Json).unwrap().data
}

/// The addresses and ports that a device without any trust is sent to.
fn sent_to(body: &str) -> Vec<(String, u16)> {
    use conveyed_info::verify::{Accepted, Context, Source, verify};

    let clock = Clock::Trusted(pki::time::Timestamp::from_unix(1_700_000_000));
    let device = id("A");
    let context = Context { source: Source::Untrusted, ..Context::new(&[], &device.serial_number, clock) };
    let verified = verify(data(body), &context).unwrap();
    let Accepted::ProvisionalRedirect(redirect) = verified.into_parts().0 else { panic!("no redirect") };
    redirect.servers().iter().map(|server| (server.address.clone(), server.port)).collect()
}

#[tokio::test]
async fn wks_04_a_redirect_server_offers_no_reports_and_says_so() {
    let lab = lab(Roles::RedirectOnly, elsewhere()).await;
    let (status, operations) = lab.read("A", Method::GET, "/restconf/operations").await;
    assert_eq!(status, StatusCode::OK);
    assert!(operations.contains("get-bootstrapping-data") && !operations.contains("report-progress"));
    let (_, library) = lab.read("A", Method::GET, "/restconf/data/ietf-yang-library:yang-library").await;
    assert!(library.contains(r#""feature":["redirect-server"]"#), "{library}");
    assert_eq!(lab.read("A", Method::GET, "/.well-known/host-meta").await.0, StatusCode::OK);
    assert_eq!(lab.read("A", Method::GET, "/restconf").await.0, StatusCode::OK);
    // RFC 8040 §7: an operation of a feature that is not there.
    for (status, body) in [lab.ask("A", REPORT, INITIATED).await, lab.read("A", Method::OPTIONS, REPORT).await] {
        assert_eq!(status, StatusCode::NOT_IMPLEMENTED);
        assert!(body.contains("operation-not-supported") && body.contains("not-an-onboarding-server"), "{body}");
    }
    assert_eq!(lab.state("A").await, Some(State::Registered), "what it tried to say moved nothing");
}

#[tokio::test]
async fn wks_04_no_onboarding_information_leaves_a_redirect_server() {
    let lab = lab(Roles::RedirectOnly, profile("")).await;
    for input in ["{}", PREFERRED] {
        let (status, body) = lab.ask("A", DATA, input).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert!(body.contains("not-an-onboarding-server"), "{body}");
    }
    assert_eq!(lab.state("A").await, Some(State::Seen(ReasonCode::NotAnOnboardingServer)));
}

#[tokio::test]
async fn wks_04_a_profile_sends_devices_elsewhere_on_either_kind_of_server() {
    for roles in [Roles::RedirectOnly, Roles::RedirectAndOnboarding] {
        let lab = lab(roles, elsewhere()).await;
        // SRV-03: an unsigned redirect may be given to a device that prefers signed data.
        for input in ["{}", PREFERRED] {
            let (status, body) = lab.ask("A", DATA, input).await;
            assert_eq!(status, StatusCode::OK, "{body}");
            assert!(!body.contains("reporting-level"));
            assert_eq!(sent_to(&body), [("owner.example".to_owned(), 8443), ("192.0.2.7".to_owned(), 443)]);
        }
        assert_eq!(lab.state("A").await, Some(State::Referred));
        let answered = lab.bodies(3).await.concat();
        assert!(answered.contains(r#""referral":""#) && !answered.contains(r#""onboarding":""#), "{answered}");
    }
}
