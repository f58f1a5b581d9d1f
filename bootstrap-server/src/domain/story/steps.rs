//! What happened, as the log has it, in sentences for people.

use audit_log::{LogIndex, UnixMillis};
use conveyed_info::statement;
use serde_json::Value;
use verdict::{ReasonCode, Trace};

use crate::store::StoredRecord;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its position in the log.
    pub leaf: LogIndex,
    /// When.
    pub at: UnixMillis,
    /// The event's name; `erased` or `unreadable` where its body is.
    pub event: String,
    /// What happened, in one sentence.
    pub summary: String,
    /// Who caused it, if a person did.
    pub by: Option<String>,
}

/// The steps of these records.
pub(super) fn of(records: &[StoredRecord]) -> Vec<Step> {
    records.iter().map(step).collect()
}

fn step(record: &StoredRecord) -> Step {
    let (leaf, at) = (record.position, record.leaf().map_or(UnixMillis(0), |leaf| leaf.time()));
    let without =
        |event: &str, summary: &str| Step { leaf, at, event: event.to_owned(), summary: summary.to_owned(), by: None };
    let Some((_, body)) = &record.opening else {
        return without("erased", "What happened was erased; that something did is still in the log.");
    };
    let Ok(body) = serde_json::from_slice::<Value>(body) else {
        return without("unreadable", "What happened cannot be read; run `sztp audit verify`.");
    };
    let event = text(&body, "event").unwrap_or("unreadable").to_owned();
    let by = body.get("by").map(|by| match (text(by, "user"), text(by, "token")) {
        (Some(user), Some(token)) => format!("{user} (token {token})"),
        _ => by.as_str().unwrap_or("somebody").to_owned(),
    });
    // Parts of it are a device's words, or a stranger's.
    Step { leaf, at, summary: Trace::readable(&summary(&event, &body)), event, by }
}

fn text<'a>(json: &'a Value, member: &str) -> Option<&'a str> {
    json.get(member).and_then(Value::as_str)
}

fn summary(event: &str, body: &Value) -> String {
    let or_unknown = |member: &str| text(body, member).unwrap_or("?");
    let from = || text(body, "source").map(|source| format!(", calling from {source}")).unwrap_or_default();
    let why = |member: &str| explained(text(body, member));
    let because = || text(body, "because").map(|why| format!(": “{why}”")).unwrap_or_default();
    match event {
        "device-registered" => format!("Registered, to become {}.", or_unknown("profile")),
        "device-admitted" => format!("Taken in by the owner's policy, to become {}{}.", or_unknown("profile"), from()),
        "voucher-stored" => format!("Voucher {} stored.", short(or_unknown("voucher"))),
        "device-held" => format!("Held for a person{}: {}.", from(), why("reason")),
        "device-refused" => format!("Turned away{}: {}.", from(), why("reason")),
        "answered" => format!("{}{}{}.", answered(body.get("answer")), made_from(body.get("basis")), from()),
        "progress-reported" => {
            let message = text(body, "message").map(told).unwrap_or_default();
            format!("Reported {}{message}{}{}.", or_unknown("progress-type"), keys(body.get("keys")), from())
        }
        "device-approved" => match text(body, "profile") {
            Some(profile) => format!("Approved, to become {profile}{}.", because()),
            None => format!("Approved{}.", because()),
        },
        "device-retired" => format!("Retired{}.", because()),
        "device-reprovisioned" => format!("May begin again{}.", because()),
        "device-returned" => format!("Back in factory state, as its profile has it{}.", from()),
        "device-changed" => match text(body, "profile") {
            Some(profile) => format!("Its record was changed; it is to become {profile}."),
            None => "Its record was changed.".to_owned(),
        },
        "activation-code-set" => "Given an activation code.".to_owned(),
        "alarm-raised" => format!("Alarm{}: {}.", from(), why("alarm")),
        "alarm-cleared" => format!("Alarm cleared{}.", because()),
        "device-erased" => format!("Taken off the list, to be forgotten{}.", because()),
        other => format!("{other}."),
    }
}

/// What a device says, and what becomes of a statement that it signed.
fn told(message: &str) -> String {
    match statement::of_message(message) {
        None => format!(": “{message}”"),
        Some(Ok(sworn)) => {
            let applied = sworn.statement.conveyed_information.to_string();
            let image = sworn.statement.image.map(|image| format!(" and image {}", short(&image.to_string())));
            let certificate = sworn.certificate.sha256().to_string();
            format!(
                ", sworn to with the key of certificate {}: artifact {}{} applied",
                short(&certificate),
                short(&applied),
                image.unwrap_or_default()
            )
        }
        Some(Err(error)) => format!(", with a statement that does not hold ({error})"),
    }
}

fn answered(answer: Option<&Value>) -> String {
    let member = |name: &str| answer.and_then(|answer| text(answer, name));
    if let Some(digest) = member("redirect") {
        format!("Redirected to a server that it can authenticate (artifact {})", short(digest))
    } else if let Some(digest) = member("referral") {
        format!("Sent to other servers, as its profile has it (artifact {})", short(digest))
    } else if let Some(digest) = member("onboarding") {
        format!("Given its onboarding information (artifact {})", short(digest))
    } else {
        format!("Given nothing: {}", explained(member("nothing")))
    }
}

/// What an answer was made from (SEC-21). Records of servers that did not note it say nothing.
fn made_from(basis: Option<&Value>) -> String {
    let Some(basis) = basis else { return String::new() };
    let member = |name: &str| text(basis, name);
    let encrypted =
        if basis.get("encrypted").and_then(Value::as_bool) == Some(true) { ", encrypted to it" } else { "" };
    let variant = member("variant").map(|variant| format!(", variant {variant}")).unwrap_or_default();
    let (profile, document) = (member("profile").unwrap_or("?"), short(member("document").unwrap_or("?")));
    format!("{encrypted}, by profile {profile} ({document}){variant}")
}

/// What it can be authenticated by from now on.
fn keys(keys: Option<&Value>) -> String {
    let kinds: Vec<_> =
        keys.and_then(Value::as_array).into_iter().flatten().filter_map(|key| text(key, "kind")).collect();
    if kinds.is_empty() { String::new() } else { format!(", with {}", kinds.join(", ")) }
}

/// A reason's code, and what it says.
fn explained(code: Option<&str>) -> String {
    match code.map(|code| (code, code.parse::<ReasonCode>())) {
        Some((code, Ok(reason))) => format!("{} ({code})", reason.summary()),
        Some((code, Err(_))) => code.to_owned(),
        None => "?".to_owned(),
    }
}

/// The beginning of a digest: enough to tell it from others.
fn short(digest: &str) -> &str {
    digest.get(..16).unwrap_or(digest)
}

#[cfg(test)]
mod tests {
    use audit_log::{Leaf, Salt};
    use pki::identity::SerialNumber;

    use super::*;
    use crate::{
        audit::Event,
        domain::{
            Actor, Departures, DeviceId, Encryption, ManufacturerName, ProfileName, TokenId, UserName, VariantName,
        },
    };

    #[test]
    fn a_step_says_who_and_why_and_nothing_in_it_moves_the_cursor() {
        let manufacturer = ManufacturerName::new("maker").unwrap();
        let device = DeviceId { manufacturer, serial_number: SerialNumber::new("SN-1").unwrap() };
        let by = Actor::User { user: UserName::new("ann").unwrap(), token: TokenId::new("t1").unwrap() };
        let approved =
            Event::DeviceApproved { device: device.clone(), profile: None, because: "rack moved".to_owned() };
        let report = conveyed_info::rpc::ProgressType::ConfigError;
        let message = Some("line 4\u{1b}[2J".to_owned());
        let reported = Event::ProgressReported {
            device,
            source: [192, 0, 2, 1].into(),
            report,
            keys: Vec::new(),
            message,
            departures: Departures::default(),
        };
        let salt = || Salt::new([0; 32]);
        let record = |event: &Event, by: Option<&Actor>| {
            let body = event.body(by);
            let leaf = Leaf::commit_to(UnixMillis(7), event.kind(), &salt(), &body).encode().to_vec();
            StoredRecord {
                log: crate::store::LogNumber(0),
                position: LogIndex(1),
                leaf,
                opening: Some((salt(), body)),
                damage: None,
            }
        };
        let digest = pki::digest::Digest([7; 32]);
        let answered = |variant: Option<&str>, encryption| Event::Answered {
            device: reported.device().unwrap().clone(),
            source: [192, 0, 2, 1].into(),
            certificate: digest,
            answer: crate::audit::Answer::Onboarding { conveyed_information: digest },
            basis: crate::audit::Basis {
                profile: ProfileName::new("bmc").unwrap(),
                document: digest,
                variant: variant.map(|name| VariantName::new(name).unwrap()),
                encryption,
            },
            departures: Departures::default(),
        };
        let given = |event: &Event| of(&[record(event, None)]).remove(0).summary;
        assert_eq!(
            given(&answered(Some("big"), Encryption::ToDevice)),
            "Given its onboarding information (artifact 0707070707070707), encrypted to it, by profile bmc \
             (0707070707070707), variant big, calling from 192.0.2.1."
        );
        assert!(given(&answered(None, Encryption::None)).contains("), by profile bmc (0707070707070707), calling"));
        let mut erased = record(&approved, None);
        erased.opening = None;
        let steps = of(&[record(&approved, Some(&by)), record(&reported, None), erased]);
        assert_eq!(steps[0].summary, "Approved: “rack moved”.");
        assert_eq!((steps[0].by.as_deref(), steps[0].at), (Some("ann (token t1)"), UnixMillis(7)));
        assert!(steps[1].summary.starts_with("Reported config-error: “line 4"), "{}", steps[1].summary);
        assert!(!steps[1].summary.contains('\u{1b}'));
        assert_eq!(steps[2].event, "erased");
    }
}
