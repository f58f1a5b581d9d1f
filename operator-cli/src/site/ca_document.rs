//! `sztp.toml` of an authority's folder, written so that it explains itself.

use super::{CaPlan, DEVICE_ANCHOR, OPERATOR_CA, Publication, SERVICE_ANCHOR, TOKEN, VOUCHER_ANCHOR};

/// The configuration, with a reason at every setting.
pub(super) fn write(plan: &CaPlan) -> String {
    let CaPlan { operator_listen, authority_listen, publication_listen, .. } = plan;
    let (name, database, origin) = (text(&plan.name), text(&plan.database), text(&plan.origin));
    let passphrase = plan
        .passphrase
        .as_ref()
        .map_or_else(String::new, |(_, path)| format!("passphrase-file = {}\n", text(&path.display().to_string())));
    let masa_url = plan.masa_url.as_ref().map_or_else(String::new, |url| format!("masa-url = {}\n", text(url)));
    let devices = published(plan, "devices");
    let services = published(plan, "services");
    format!(
        r#"# An authority: it issues certificates and vouchers. In this folder `sztp enroll` and `sztp voucher issue` work without a
# server; `sztp serve` makes one of it, `sztp serve --check-config` checks this file and everything it names. Paths are relative
# to this folder. Beside the files named here there are:
#   {DEVICE_ANCHOR}          what owners know your devices by: `sztp manufacturer add --anchor` takes it
#   {VOUCHER_ANCHOR}         what your devices are shipped with, to trust vouchers by
#   {SERVICE_ANCHOR}         what servers and people with certificates of the authority `services` are known by
#   {OPERATOR_CA}, {TOKEN}    how the commands of `sztp` trust and convince this server
#   ca/                        keys of the roots: nothing here reads them, keep them offline

# What was issued and revoked. A SQLite file, or the URL of a PostgreSQL database.
database = {database}

# The audit log: its name, which stands in every signed checkpoint, and the key that signs them.
[audit]
origin = {origin}
key = "audit.key"

# Certificates of devices. Its name stays: what was issued is on record under it. `key` may be in an HSM: pkcs11:…
[[authority]]
name = "devices"
certificate = "devices.pem"
key = "devices.key"
{passphrase}
# Made once, at the factory or at a bench (IEEE 802.1AR): for as long as the device lives.
[authority.profile.idevid]
fixed.O = {name}
{masa_url}{devices}
# Made by the owner of devices, for a year.
[authority.profile.ldevid]
{devices}
# Certificates of servers and people, under a root that has nothing to do with devices.
[[authority]]
name = "services"
certificate = "services.pem"
key = "services.key"
{passphrase}
# Signs what devices are given (RFC 8572); vouchers pin {SERVICE_ANCHOR} then.
[authority.profile.owner]
{services}
[authority.profile.tls-server]
{services}
# Registrars ask for vouchers, stations enrol devices on a factory line, operators show these instead of tokens elsewhere.
[authority.profile.registrar]
{services}
[authority.profile.station]
{services}
[authority.profile.operator]
{services}
# Signs vouchers.
[masa]
certificate = "masa.pem"
key = "masa.key"
{passphrase}
# Where people and programs come with a token.
[operator-listener]
listen = "{operator_listen}"
certificate = "operator-listener.pem"
key = "operator-listener.key"

# Where certificates and vouchers are asked for by those who show certificates.
[authority-listener]
listen = "{authority_listen}"
certificate = "authority-listener.pem"
key = "authority-listener.key"

# Where it is published what was revoked, for everybody, in clear: everything there is signed.
[publication-listener]
listen = "{publication_listen}"
"#
    )
}

fn text(value: &str) -> String {
    toml::Value::from(value).to_string()
}

/// Where certificates of this authority say that it is published whether they were revoked.
fn published(plan: &CaPlan, authority: &str) -> String {
    let Some(Publication { url, shards }) = &plan.publication else { return String::new() };
    let url = url.trim_end_matches('/');
    let list = if *shards > 1 && authority == "devices" {
        format!("crl-url = {}\ncrl-shards = {shards}\n", text(&format!("{url}/crl/{authority}/{{shard}}.crl")))
    } else {
        format!("crl-url = {}\n", text(&format!("{url}/crl/{authority}/0.crl")))
    };
    let ocsp = text(&format!("{url}/ocsp/{authority}"));
    let issuer = text(&format!("{url}/ca/{authority}.cer"));
    format!("{list}ocsp-urls = [{ocsp}]\nissuer-urls = [{issuer}]\n")
}
