//! What operators write down about devices, checked.

use operator_api as sent;

use super::fault::Fault;
use crate::domain::{DeviceId, ManufacturerName, Particulars, ProfileName};
use pki::identity::SerialNumber;

/// Checks what and where a device is said to be.
pub(super) fn checked(sent: sent::Particulars) -> Result<Particulars, Fault> {
    let sent::Particulars { model, mac_addresses, uuid, host, slot, rack } = sent;
    if mac_addresses.len() > Particulars::MAX_MAC_ADDRESSES {
        return Err(Fault::body(format!("mac-addresses: at most {}", Particulars::MAX_MAC_ADDRESSES)));
    }
    let mac_addresses =
        mac_addresses.iter().map(|text| text.parse().map_err(|error| Fault::body(format!("mac-addresses: {error}"))));
    let uuid = uuid.map(|text| text.parse().map_err(|error| Fault::body(format!("uuid: {error}")))).transpose()?;
    Ok(Particulars {
        mac_addresses: mac_addresses.collect::<Result<_, _>>()?,
        uuid,
        model: model.map(|text| line("model", text)).transpose()?,
        host: host.map(|text| line("host", text)).transpose()?,
        slot: slot.map(|text| line("slot", text)).transpose()?,
        rack: rack.map(|text| line("rack", text)).transpose()?,
    })
}

/// A text on one line.
fn line(member: &str, text: String) -> Result<String, Fault> {
    let (length, most) = (text.chars().count(), Particulars::MAX_TEXT);
    if text.chars().any(char::is_control) || !(1..=most).contains(&length) {
        return Err(Fault::body(format!("{member}: takes 1 to {most} characters on one line")));
    }
    Ok(text)
}

/// The device that a body names.
pub(super) fn device(manufacturer: String, serial_number: String) -> Result<DeviceId, Fault> {
    let manufacturer = ManufacturerName::new(manufacturer).map_err(|e| Fault::body(format!("manufacturer: {e}")))?;
    let serial_number = SerialNumber::new(serial_number).map_err(|e| Fault::body(format!("serial-number: {e}")))?;
    Ok(DeviceId { manufacturer, serial_number })
}

/// The profile that a body names.
pub(super) fn profile(name: String) -> Result<ProfileName, Fault> {
    ProfileName::new(name).map_err(|error| Fault::body(format!("profile: {error}")))
}

/// Why somebody does something: it stands in the audit log for good.
pub(super) fn because(reason: String) -> Result<String, Fault> {
    const MAX_REASON: usize = 1000;
    let length = reason.trim().chars().count();
    if !(1..=MAX_REASON).contains(&length) || reason.contains('\0') {
        return Err(Fault::body(format!("reason: takes 1 to {MAX_REASON} characters")));
    }
    Ok(reason.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_down_is_short_and_on_one_line() {
        let rack = |text: &str| checked(sent::Particulars { rack: Some(text.to_owned()), ..Default::default() });
        assert_eq!(rack("Halle 7 / R12").unwrap().rack.as_deref(), Some("Halle 7 / R12"));
        for bad in ["", "a\nb", "a\0", &"x".repeat(Particulars::MAX_TEXT + 1)] {
            assert!(rack(bad).unwrap_err().detail_text().contains("rack"), "{bad:?}");
        }
        let addresses = sent::Particulars { mac_addresses: vec!["00:00:5e:00:53".to_owned()], ..Default::default() };
        assert!(checked(addresses).unwrap_err().detail_text().contains("mac-addresses"));
        let uuid = sent::Particulars { uuid: Some("123".to_owned()), ..Default::default() };
        assert!(checked(uuid).unwrap_err().detail_text().contains("uuid: a UUID is 32 hex digits"));
    }

    #[test]
    fn a_reason_is_given_in_words() {
        assert_eq!(because(" swapped the board\n".to_owned()).unwrap(), "swapped the board");
        assert!(because("  ".to_owned()).is_err() && because("x".repeat(1001)).is_err());
    }
}
