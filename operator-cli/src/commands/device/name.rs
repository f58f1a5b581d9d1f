//! Which device a person means.

use operator_api::{
    DeviceQuery,
    client::{Client, ClientError, DeviceKey},
};

use super::super::Failure;

/// Finds the device that `text` names: SERIAL where only one manufacturer has it, or MANUFACTURER/SERIAL.
///
/// A serial number may hold slashes, so both readings of such a text are looked up.
pub(crate) async fn find(client: &Client, text: &str) -> Result<DeviceKey, Failure> {
    let wanted = DeviceQuery { serial_number: Some(text.to_owned()), ..DeviceQuery::default() };
    let mut found: Vec<DeviceKey> = client.devices(&wanted).await?.devices.iter().map(DeviceKey::from).collect();
    if let Some(key) = qualified(text) {
        match client.device(&key).await {
            Ok(device) => found.push(DeviceKey::from(&device)),
            Err(ClientError::Problem(problem)) if problem.status == 404 => {}
            Err(error) => return Err(error.into()),
        }
    }
    match (found.pop(), found.is_empty()) {
        (None, _) => Err(Failure::NotFound(format!(
            "there is no device {}; `sztp device list` shows those there are",
            crate::show::plain(text)
        ))),
        (Some(only), true) => Ok(only),
        (Some(last), false) => {
            found.push(last);
            found.sort();
            Err(Failure::Ambiguous { text: text.to_owned(), found })
        }
    }
}

/// The text as MANUFACTURER/SERIAL. Names of manufacturers hold no slash.
pub(crate) fn qualified(text: &str) -> Option<DeviceKey> {
    let (manufacturer, serial_number) = text.split_once('/')?;
    let is_named = !manufacturer.is_empty() && !serial_number.is_empty();
    is_named.then(|| DeviceKey { manufacturer: manufacturer.to_owned(), serial_number: serial_number.to_owned() })
}

/// For clap: a device that does not exist yet needs its manufacturer.
pub(crate) fn full_name(text: &str) -> Result<DeviceKey, &'static str> {
    qualified(text).ok_or("a new device is named MANUFACTURER/SERIAL, such as example-maker/SN-0001")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_slash_parts_manufacturer_and_serial_number() {
        let key = qualified("maker/AB/12").unwrap();
        assert_eq!((key.manufacturer.as_str(), key.serial_number.as_str()), ("maker", "AB/12"));
        for text in ["SN-1", "/SN-1", "maker/", ""] {
            assert_eq!(qualified(text), None);
            assert!(full_name(text).unwrap_err().contains("MANUFACTURER/SERIAL"));
        }
    }
}
