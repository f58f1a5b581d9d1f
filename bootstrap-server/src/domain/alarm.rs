//! What a device does that somebody ought to look at, although it goes on (RFC 8572 §9.10; SRV-19, SRV-21).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use conveyed_info::{rpc::ProgressType, statement};
use pki::digest::Digest;
use verdict::ReasonCode;

use super::{Device, State};
use crate::audit::Event;

/// Who calls: from where, and by which certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// The address.
    pub source: IpAddr,
    /// SHA-256 of the certificate.
    pub certificate: Digest,
}

/// The alarm that `event`, which `call` is about to cause, ought to raise. It goes into the same batch. An alarm that the
/// device has already is not raised again.
#[must_use]
pub fn raised_by(event: &Event, device: &Device, call: Call) -> Option<ReasonCode> {
    let reason = without_onboarding(event, device)
        .or_else(|| false_statement(event, call))
        .or_else(|| other_certificate(device, call))
        .or_else(|| other_network(device, call))?;
    device.alarm.is_none_or(|alarm| alarm.reason != reason).then_some(reason)
}

/// SRV-19: a completion of what was never given looks like success, and is none. A device that was bootstrapped may say so
/// again: our answer may have been lost.
fn without_onboarding(event: &Event, device: &Device) -> Option<ReasonCode> {
    let Event::ProgressReported { report: ProgressType::BootstrapComplete, .. } = event else { return None };
    match device.state {
        State::Registered
        | State::Vouched
        | State::Held(_)
        | State::Seen(_)
        | State::Redirected
        | State::Referred
        | State::Refused(_)
        | State::Retired => Some(ReasonCode::ReportWithoutOnboarding),
        State::Onboarding(_) | State::Bootstrapped | State::Failed(_) => None,
    }
}

/// A completion may carry what the device swears to, under its own key: somebody who is not the device cannot.
fn false_statement(event: &Event, call: Call) -> Option<ReasonCode> {
    let Event::ProgressReported { report: ProgressType::BootstrapComplete, message: Some(message), .. } = event else {
        return None;
    };
    let sworn = statement::of_message(message)?;
    let holds = sworn.is_ok_and(|sworn| sworn.certificate.sha256() == call.certificate);
    (!holds).then_some(ReasonCode::StatementInvalid)
}

/// One serial number, two certificates: renewed, or two machines.
fn other_certificate(device: &Device, call: Call) -> Option<ReasonCode> {
    let before = device.proof?;
    (before.certificate != call.certificate).then_some(ReasonCode::CertificateChanged)
}

/// In the middle of an attempt a device rarely moves. Between two it may.
fn other_network(device: &Device, call: Call) -> Option<ReasonCode> {
    let before = device.proof?;
    let under_way = match device.state {
        State::Redirected | State::Onboarding(_) => true,
        State::Registered
        | State::Vouched
        | State::Held(_)
        | State::Seen(_)
        | State::Referred
        | State::Bootstrapped
        | State::Failed(_)
        | State::Refused(_)
        | State::Retired => false,
    };
    (under_way && network(before.source) != network(call.source)).then_some(ReasonCode::SourceChanged)
}

/// The network that an address is in, as far as one can say: leases change within it.
fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V4(address) => Ipv4Addr::from_bits(address.to_bits() >> 8 << 8).into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use audit_log::{LogIndex, UnixMillis};
    use pki::{certificate::Certificate, digest::sha256, identity::SerialNumber, key::FileKey};

    use super::*;
    use crate::domain::{Alarm, Departures, DeviceId, ManufacturerName, Proof};

    fn id() -> DeviceId {
        let manufacturer = ManufacturerName::new("maker").unwrap();
        DeviceId { manufacturer, serial_number: SerialNumber::new("SN-1").unwrap() }
    }

    fn call(source: &str, certificate: &str) -> Call {
        Call { source: source.parse().unwrap(), certificate: sha256(certificate.as_bytes()) }
    }

    fn device(state: State) -> Device {
        let mut device = Device::new(id(), state, UnixMillis(0), LogIndex(0));
        let Call { source, certificate } = call("192.0.2.1", "a");
        device.proof = Some(Proof { at: UnixMillis(0), source, certificate });
        device
    }

    fn reported(report: ProgressType) -> Event {
        let source = [192, 0, 2, 1].into();
        let departures = Departures::default();
        Event::ProgressReported { device: id(), source, report, keys: Vec::new(), message: None, departures }
    }

    #[test]
    fn srv_19_a_completion_out_of_nothing_raises_an_alarm_once() {
        let (complete, here) = (reported(ProgressType::BootstrapComplete), call("192.0.2.1", "a"));
        let mut redirected = device(State::Redirected);
        assert_eq!(raised_by(&complete, &redirected, here), Some(ReasonCode::ReportWithoutOnboarding));
        assert_eq!(raised_by(&reported(ProgressType::BootstrapInitiated), &redirected, here), None);
        redirected.alarm = Some(Alarm { reason: ReasonCode::ReportWithoutOnboarding, at: UnixMillis(0) });
        assert_eq!(raised_by(&complete, &redirected, here), None);
        for state in [State::Onboarding(None), State::Bootstrapped] {
            assert_eq!(raised_by(&complete, &device(state), here), None, "{state:?}");
        }
    }

    fn sworn() -> (String, Certificate) {
        let key = FileKey::generate_p256().unwrap();
        let pair = rcgen::KeyPair::try_from(key.pkcs8_der()).unwrap();
        let certificate = rcgen::CertificateParams::new(Vec::new()).unwrap().self_signed(&pair).unwrap();
        let certificate = Certificate::from_der(certificate.der()).unwrap();
        let conveyed_information = Digest([7; 32]);
        let said = statement::Statement { serial_number: id().serial_number, conveyed_information, image: None };
        (said.message(&key, std::slice::from_ref(&certificate)).unwrap(), certificate)
    }

    #[test]
    fn a_completion_sworn_to_by_another_key_raises_an_alarm() {
        let (text, certificate) = sworn();
        let raised = |message: &str, certificate| {
            let mut event = reported(ProgressType::BootstrapComplete);
            if let Event::ProgressReported { message: told, .. } = &mut event {
                *told = Some(message.to_owned());
            }
            let mut device = device(State::Onboarding(None));
            let call = Call { source: [192, 0, 2, 1].into(), certificate };
            device.proof = Some(Proof { at: UnixMillis(0), source: call.source, certificate });
            raised_by(&event, &device, call)
        };
        assert_eq!(raised(&text, certificate.sha256()), None);
        assert_eq!(raised("done", certificate.sha256()), None);
        assert_eq!(raised(&text, sha256(b"another")), Some(ReasonCode::StatementInvalid));
        let changed = text.replace("statement: MI", "statement: MJ");
        assert_eq!(raised(&changed, certificate.sha256()), Some(ReasonCode::StatementInvalid));
    }

    #[test]
    fn one_serial_number_with_two_certificates_raises_an_alarm() {
        let report = reported(ProgressType::ConfigComplete);
        let onboarding = device(State::Onboarding(None));
        assert_eq!(raised_by(&report, &onboarding, call("192.0.2.1", "b")), Some(ReasonCode::CertificateChanged));
    }

    #[test]
    fn a_change_of_network_is_news_in_the_middle_of_an_attempt_only() {
        let report = reported(ProgressType::ConfigComplete);
        let raised = |state, source| raised_by(&report, &device(state), call(source, "a"));
        assert_eq!(raised(State::Onboarding(None), "192.0.2.99"), None, "another lease in the same network");
        assert_eq!(raised(State::Onboarding(None), "::ffff:192.0.2.99"), None, "the same, as a socket may show it");
        assert_eq!(raised(State::Onboarding(None), "198.51.100.1"), Some(ReasonCode::SourceChanged));
        assert_eq!(raised(State::Onboarding(None), "2001:db8::1"), Some(ReasonCode::SourceChanged));
        assert_eq!(raised(State::Vouched, "198.51.100.1"), None);
    }
}
