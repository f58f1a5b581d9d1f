//! An operator at the API of a running server.

use std::{io::Cursor, net::SocketAddr, ops::Range, time::SystemTime};

use audit_log::UnixMillis;
use bootstrap_server::{
    api::TokenSecret,
    audit::Event,
    domain::{Role, Token, TokenId, User, UserName},
    store::{Batch, Store},
};
use interop_tests::site::{self, Site};
use operator_api::{
    ImportUpdate, NewDevice, Particulars,
    client::{Client, Existing, ImportFormat, Intent, ServerUrl, Timeouts},
};
use pki::key::SystemEntropy;

const TOKEN: &str = "operator.token";

/// Gives the site's server a listener for operators, and makes one.
pub(crate) async fn prepare(site: &Site, store: &dyn Store) {
    site.edit(
        "[owner]",
        "[operator-listener]\nlisten = '127.0.0.1:0'\ncertificate = 'server.pem'\nkey = 'server.key'\n[owner]",
    );
    let user = User { name: UserName::new("bench").unwrap(), role: Role::Operator };
    let secret = TokenSecret::generate(&mut SystemEntropy).unwrap();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let token = Token {
        id: TokenId::new("bench").unwrap(),
        user: user.name.clone(),
        digest: secret.digest(),
        created: UnixMillis(now.as_millis().try_into().unwrap()),
        expires: None,
    };
    store.commit(Batch::from(Event::UserChanged { user }).and(Event::TokenCreated { token })).await.unwrap();
    site.write(TOKEN, secret.reveal().as_bytes());
}

pub(crate) fn client(site: &Site, address: SocketAddr) -> Client {
    let url = ServerUrl::new(&address.ip().to_string(), address.port()).unwrap();
    Client::new(url, &site.path("anchor.pem"), &site.path(TOKEN), Timeouts::default()).unwrap()
}

/// Registers the device of this number.
pub(crate) async fn add(client: &Client, number: usize) {
    let device = site::device_id(&serial_number(number));
    let new = NewDevice {
        manufacturer: device.manufacturer.to_string(),
        serial_number: device.serial_number.to_string(),
        profile: site::profile().name.to_string(),
        particulars: Particulars::default(),
    };
    client.add_device(&new, Intent::Make).await.unwrap().unwrap();
}

/// Imports a list of all these devices.
pub(crate) async fn import(client: &Client, numbers: Range<usize>) {
    let expected = u64::try_from(numbers.len()).unwrap();
    let profile = site::profile().name;
    let mut list = "manufacturer,serial-number,profile\n".to_owned();
    for device in numbers.map(|number| site::device_id(&serial_number(number))) {
        list.push_str(&format!("{},{},{profile}\n", device.manufacturer, device.serial_number));
    }
    let list = Cursor::new(list.into_bytes());
    let mut updates = client.import_devices(ImportFormat::Csv, list, Existing::Leave, Intent::Make).await.unwrap();
    let mut done = None;
    while let Some(update) = updates.next().await.unwrap() {
        match update {
            ImportUpdate::Progress(_) => {}
            ImportUpdate::Done(end) => done = Some(end),
            ImportUpdate::Fault(_) | ImportUpdate::Difference(_) => panic!("{update:?}"),
        }
    }
    assert_eq!(done.unwrap().registered, expected);
}

pub(crate) fn serial_number(number: usize) -> String {
    format!("GROWTH-{number:07}")
}
