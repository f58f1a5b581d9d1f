//! `sztp-device replay`.

use std::{fs::File, io::BufReader, sync::Arc};

use device_client::{
    Record,
    capture::{self, Changes, End},
    identity,
};
use pki::{
    key::{Access, Locator},
    time::Timestamp,
};

use super::{
    FAILED, Failure,
    arguments::{Format, ReplayOptions},
    output,
};

pub(super) fn replay(options: &ReplayOptions) -> Result<u8, Failure> {
    let file = File::open(&options.capture).map_err(|error| Failure::about(&options.capture, &error))?;
    let mut sink = |record: &Record| match options.format {
        Format::Text => output::show_by(record, output::say),
        Format::Json => output::say(&serde_json::to_string(record).unwrap_or_default()),
    };
    let replayed = capture::replay(BufReader::new(file), &changes(options)?, &mut sink)?;
    let (decisions, attempts) = (replayed.decisions, replayed.attempts);
    // Lines of JSON go to programs; what a person is told goes beside them.
    let tell = match options.format {
        Format::Text => output::say,
        Format::Json => output::complain,
    };
    tell(&match &replayed.end {
        End::Same => format!("the same {decisions} decisions as in the capture; attempts: {attempts}"),
        End::CutShort(why) => format!("the same {decisions} decisions as in the capture, which is cut short: {why}"),
        End::Different { decision, captured, replayed } => {
            format!("decision {decision} is another one\n  captured  {captured}\n  replayed  {replayed}")
        }
        End::KeyNeeded { decision } => format!(
            "decision {decision} cannot be repeated: what the device was given is encrypted to it. Give its key with \
             --decryption-key, on the device itself if the key cannot leave it"
        ),
        _ => "the replay ended otherwise".to_owned(),
    });
    Ok(if matches!(replayed.end, End::Same | End::CutShort(_)) { 0 } else { FAILED })
}

fn changes(options: &ReplayOptions) -> Result<Changes, Failure> {
    let mut changes = Changes::default();
    if let Some(text) = &options.at {
        let at = Timestamp::parse_rfc3339(text);
        changes.at = Some(at.ok_or_else(|| Failure::missing("--at takes a date such as 2027-01-01T00:00:00Z"))?);
    }
    for path in &options.trust_anchors {
        changes.voucher_anchors.extend(identity::certificates(path)?);
    }
    if let Some(text) = &options.decryption_key {
        let locator: Locator = text.parse()?;
        let key = locator.open(&Access::with_passphrase_file(options.passphrase_file.clone()))?;
        changes.decryption_key = Some(Arc::new(key));
    }
    Ok(changes)
}
