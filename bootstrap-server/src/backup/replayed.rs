//! Devices, made again from the log by the rules that made them the first time.

use std::collections::HashMap;

use audit_log::{LogIndex, UnixMillis};
use pki::{
    digest::{Digest, sha256},
    identity::SerialNumber,
};
use serde_json::json;

use super::derived::device_key;
use crate::{
    domain::{
        Deed, Device, DeviceId, ManufacturerName, ProfileName,
        change::{VoucherStock, after_deed},
        replay::deed_of,
    },
    store::ExportedValue,
};

/// The columns that the log decides, in the order of the row: profile, state and its detail.
const DECIDED: std::ops::Range<usize> = 2..5;
/// As [`DECIDED`]: model, MAC addresses, host, slot and rack.
const WRITTEN_DOWN: std::ops::Range<usize> = 15..20;

/// Every device, as its row says and as the log says.
#[derive(Default)]
pub(super) struct Devices(HashMap<String, Replayed>);

struct Replayed {
    row: Option<(u64, Digest)>,
    device: Option<Device>,
    voucher: VoucherStock,
    /// The log cannot be followed to the end: it was written by a release that wrote less down.
    lost: bool,
}

impl Default for Replayed {
    fn default() -> Self {
        Self { row: None, device: None, voucher: VoucherStock::Missing, lost: false }
    }
}

impl Devices {
    /// Takes a row; `None` when it has not the shape of one.
    pub(super) fn row(
        &mut self,
        line: u64,
        manufacturer: &str,
        serial_number: &str,
        values: &[ExportedValue],
    ) -> Option<()> {
        let columns = values.get(DECIDED)?.iter().chain(values.get(WRITTEN_DOWN)?);
        let columns: Option<Vec<_>> = columns
            .map(|value| match value {
                ExportedValue::Nothing => Some(None),
                ExportedValue::Text(text) => Some(Some(text.as_str())),
                _ => None,
            })
            .collect();
        let says = digest(&columns?);
        self.0.entry(device_key(manufacturer, serial_number)).or_default().row = Some((line, says));
        Some(())
    }

    /// Takes a record about a device.
    pub(super) fn record(
        &mut self,
        (manufacturer, serial_number): (&str, &str),
        body: &[u8],
        time: UnixMillis,
        at: LogIndex,
    ) {
        let (Ok(name), Ok(serial)) = (ManufacturerName::new(manufacturer), SerialNumber::new(serial_number)) else {
            return;
        };
        let known = self.0.entry(device_key(manufacturer, serial_number)).or_default();
        let Some(deed) = deed_of(body) else {
            known.lost = true;
            return;
        };
        let Some(deed) = deed else { return };
        if deed == Deed::Erased {
            // It takes whatever there was, of which the records may be gone already.
            *known = Replayed { row: known.row.take(), ..Replayed::default() };
            return;
        }
        if deed == Deed::VoucherStored {
            known.voucher = VoucherStock::Stored;
        }
        let id = DeviceId { manufacturer: name, serial_number: serial };
        match after_deed(known.device.take(), &id, known.voucher, deed, time, at) {
            Ok(device) => known.device = device,
            Err(_) => known.lost = true,
        }
    }

    /// Those whose row is not what the log made of them: the line, and which.
    pub(super) fn differing(self, end: u64) -> impl Iterator<Item = (u64, String)> {
        self.0.into_iter().filter_map(move |(key, known)| {
            let made = known.device.as_ref().map(columns);
            let line = match (known.row, made) {
                _ if known.lost => return None,
                (Some((_, row)), Some(made)) if row == made => return None,
                (Some((line, _)), _) => line,
                (None, Some(_)) => end,
                (None, None) => return None,
            };
            Some((line, format!("device {key}")))
        })
    }
}

fn columns(device: &Device) -> Digest {
    let particulars = &device.particulars;
    let macs = particulars.mac_addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    digest(&[
        device.profile.as_ref().map(ProfileName::as_str),
        Some(device.state.as_str()),
        device.state.detail(),
        particulars.model.as_deref(),
        Some(&macs),
        particulars.host.as_deref(),
        particulars.slot.as_deref(),
        particulars.rack.as_deref(),
    ])
}

fn digest(columns: &[Option<&str>]) -> Digest {
    sha256(json!(columns).to_string().as_bytes())
}
