//! What a fleet that cannot be bootstrapped costs a server: ten thousand devices whose boot image is not the one that the
//! onboarding information names, for an hour after power-on. Time is virtual; pauses are those of `sztp-device run`, and what one
//! attempt asks of a server is counted from the real machine.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use conveyed_info::{
    BootstrappingData, ConveyedInformation, Encoding,
    cms::{self, ContentType},
    information::{BootImage, Information, OnboardingInformation},
    rpc::{BootstrappingAnswer, ReportingLevel, YANG_DATA_JSON},
};
use device_client::{
    Outcome, OutcomeState, Server,
    env::{
        drive,
        sim::{SimulatedServer, Simulation},
        spread_by,
    },
    machine::{
        AllowedTargets, Answer, Discovery, FinalReport, History, ImageSignature, Machine, Origin, Policy, Request,
        RunningImage, Situation, Switch, WellKnownServer,
    },
    retry::Retry,
};
use pki::{
    certificate::Certificate,
    digest::sha256,
    identity::SerialNumber,
    time::{Clock, Timestamp},
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use crate::{
    plot::{Axis, Line, Plot, Scale},
    report::{Report, number},
};

const DEVICES: usize = 10_000;
const HOUR: usize = 3600;
/// When the wave of the power-on must be over.
const CALM: usize = 600;
const IMAGE: &str = "https://192.0.2.1/image";

pub(crate) fn measure(report: &mut Report) {
    let (outcome, requests) = attempt();
    assert_eq!(outcome.state, OutcomeState::ApplyFailed, "{outcome:?}");
    let devices = report.devices(DEVICES);
    let scale = number(DEVICES) / number(devices);
    let attempts: Vec<f64> = attempts(&outcome, devices).iter().map(|count| number(*count) * scale).collect();
    println!("a bad image: {requests} requests an attempt, the download among them");
    println!("{:>12} {:>12} {:>12}", "minutes", "attempts/s", "requests/s");
    let mut points = Vec::new();
    for (minute, seconds) in attempts.chunks(60).enumerate() {
        let rate = seconds.iter().sum::<f64>() / 60.0;
        points.push((number(minute), rate));
        if minute < 12 || minute % 5 == 0 {
            println!("{minute:>9}-{:<2} {rate:>12.1} {:>12.1}", minute + 1, rate * number(requests));
        }
    }
    let busiest = |range: &[f64]| range.windows(60).map(|it| it.iter().sum::<f64>() / 60.0).fold(0.0, f64::max);
    let calm = attempts.get(CALM..).map_or(0.0, busiest);
    report.set("device_retry_attempts_per_second_after_600s", calm);
    report.set("device_retry_requests_per_second_after_600s", calm * number(requests));
    report.draw(Plot {
        name: "device-retry",
        title: "Ten thousand devices with a bad image",
        x: Axis { label: "minutes since power-on", scale: Scale::Linear },
        y: Axis { label: "attempts per second", scale: Scale::Linear },
        lines: vec![Line { label: "attempts".to_owned(), points }],
    });
}

/// Attempts in each second of the hour.
fn attempts(failure: &Outcome, devices: usize) -> Vec<usize> {
    let mut seconds = vec![0; HOUR];
    for _ in 0..devices {
        let (mut retry, mut now) = (Retry::default(), Duration::ZERO);
        while let Some(second) = usize::try_from(now.as_secs()).ok().and_then(|at| seconds.get_mut(at)) {
            *second += 1;
            let share = u16::from_be_bytes(pki::key::random::<2>().unwrap());
            now += spread_by(retry.pause_after(failure), share);
        }
    }
    seconds
}

/// One attempt of the real machine at a server that names another image than it serves, and the requests that it took.
fn attempt() -> (Outcome, usize) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let own = KeyPair::generate().unwrap();
    let own = CertificateParams::new(vec!["192.0.2.1".to_owned()]).unwrap().signed_by(&own, &root).unwrap();
    let certificate = |der: &[u8]| Certificate::from_der(der).unwrap();
    let plan = OnboardingInformation {
        boot_image: Some(BootImage {
            os_name: Some("os".into()),
            os_version: Some("2".into()),
            download_uris: vec![IMAGE.to_owned()],
            sha256: Some(sha256(b"the right image")),
        }),
        ..OnboardingInformation::default()
    };
    let document = Information::from(plan).encode(Encoding::Json);
    let artifact = cms::bare(ContentType::ConveyedInfoJson, &document).unwrap();
    let data = BootstrappingData::Unsigned(ConveyedInformation::from_der(artifact).unwrap());
    let body = BootstrappingAnswer { reporting_level: ReportingLevel::Minimal, data }.encode(Encoding::Json);
    let answer = move |request: &Request| {
        let (status, body) = match request {
            Request::BootstrappingData { .. } => (200, body.clone()),
            Request::HostMeta => (404, Vec::new()),
            _ => (204, Vec::new()),
        };
        Answer { status, media_type: Some(YANG_DATA_JSON.to_owned()), retry_after: None, body }
    };
    let server = Server::new("192.0.2.1", 443);
    let address: SocketAddr = "192.0.2.1:443".parse().unwrap();
    let mut world = Simulation::new(Clock::Trusted(Timestamp::from_unix(1_800_000_000)));
    world.sources.push(Ok(Discovery::of_servers(vec![server.clone()], Origin::Factory)));
    world.images.insert(IMAGE.to_owned(), b"another image".to_vec());
    world.servers.insert(address, SimulatedServer::new(vec![certificate(own.der())], answer));
    let policy = Policy {
        serial_number: SerialNumber::new("SN-1").unwrap(),
        idevid: certificate(own.der()),
        decryption_key: None,
        voucher_anchors: Vec::new(),
        well_known: vec![WellKnownServer { server, anchors: vec![certificate(root.der())] }],
        accepted_assertions: Vec::new(),
        allowed_targets: AllowedTargets::default(),
        hw_model: None,
        credentials: None,
        ssh_host_keys: Vec::new(),
        trust_anchors: Vec::new(),
        switch: Switch::Marker,
        final_report: FinalReport::Plain,
        image_signature: ImageSignature::NotConfigured,
        sources: vec!["well-known servers".to_owned()],
    };
    let situation = Situation {
        running: RunningImage::default(),
        installed: None,
        nonce: None,
        history: History::default(),
        newest_voucher: None,
    };
    let outcome = drive(Machine::new(Arc::new(policy), situation), &mut world);
    let downloads = world.events.iter().filter(|event| event.starts_with("download ")).count();
    (outcome, world.requests.len() + downloads)
}
