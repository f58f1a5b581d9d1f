//! `sztp.toml`, written so that it explains itself.

use super::{OPERATOR_CA, PINNED, Plan, TOKEN};

/// The SQLite file, unless another database was named.
pub(crate) const SQLITE: &str = "sztp.sqlite3";

/// The configuration, with a reason at every setting.
pub(super) fn write(plan: &Plan) -> String {
    let Plan { device_listen, operator_listen, origin, more, .. } = plan;
    let text = |value: &str| toml::Value::from(value).to_string();
    let list = |values: Vec<String>| toml::Value::from(values).to_string();
    let database = text(&plan.database);
    let names = list(plan.device_names.clone());
    let images = list(plan.images.iter().map(|path| path.display().to_string()).collect());
    let origin = text(origin);
    format!(
        r#"# A bootstrap server (RFC 8572). Start it with `sztp serve` in this folder; `sztp serve --check-config` checks this file
# and everything it names. Paths are relative to this folder. Beside the files named here there are:
#   {PINNED}    what manufacturers put into the vouchers for your devices
#   {OPERATOR_CA}, {TOKEN}     how the commands of `sztp` trust and convince this server: copy both to
#                                      wherever you work from
#   ca/                                keys of your certificate authorities: the server never reads them, keep them offline

# Everything the server knows. A SQLite file, or the URL of a PostgreSQL database.
database = {database}

# Boot images for devices, each to be had under https://NAME:PORT/images/ and its SHA-256.
images = {images}

# Where devices come.
[device-listener]
# 0.0.0.0 is every IPv4 address of this machine; [::] is every address of either kind.
listen = "{device_listen}"
# The names and addresses that devices are sent to, in the order in which they try. Each must stand in the certificate.
names = {names}
# The server's certificate, and those above it.
certificate = "device-listener.pem"
key = "device-listener.key"
# What redirects tell devices to trust: the CA that issued the certificate, and the root above it.
trust-anchor = "device-trust-anchor.pem"

# Where people and programs come with a token. Devices have no business here: let no network of theirs reach it.
[operator-listener]
listen = "{operator_listen}"
certificate = "operator-listener.pem"
key = "operator-listener.key"

# The owner of the devices: this certificate signs what they are given, and vouchers pin the root above it.
[owner]
certificate = "owner.pem"
key = "owner.key"

# The audit log: its name, which stands in every signed checkpoint, and the key that signs them.
[audit]
origin = {origin}
key = "audit.key"
{more}"#
    )
}
