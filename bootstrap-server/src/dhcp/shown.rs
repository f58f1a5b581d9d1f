//! Explanations as the operator API has them.

use audit_log::UnixMillis;
use netboot::explain::{Explanation, Hindrance, Item};
use operator_api as shown;

use crate::api;

/// What an explanation was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Basis {
    /// Everything that the server knows.
    Server,
    /// Its configuration alone.
    Configuration,
}

pub(super) fn explanation(ip_version: u8, basis: Basis, of: Explanation) -> shown::DhcpExplanation {
    let Explanation {
        device,
        subnet,
        address,
        applies,
        message,
        items,
        boots,
        bootstrap,
        when_asked,
        overridden,
        taken_away,
        hindrances,
    } = of;
    shown::DhcpExplanation {
        ip_version,
        basis: match basis {
            Basis::Server => "server".to_owned(),
            Basis::Configuration => "configuration".to_owned(),
        },
        device: device.map(|device| shown::DhcpDevice {
            name: device.name,
            recognised_by: device.recognised_by.to_owned(),
            profile: device.profile,
            model: device.model,
            host_name: device.host_name,
        }),
        subnet: subnet.map(|subnet| shown::DhcpSubnet { network: subnet.network, because: subnet.because }),
        address: address.map(|given| shown::DhcpAddress {
            address: given.address.to_string(),
            from: given.from.as_str().to_owned(),
            until: given.until.map(|until| api::written(UnixMillis(until.0.saturating_mul(1000)))),
        }),
        applies,
        message,
        items: items.into_iter().map(item).collect(),
        boots: boots.map(|boots| shown::DhcpBoot {
            client: boots.client.to_owned(),
            file: boots.file,
            server: boots.server,
            from: boots.from,
        }),
        bootstrap: bootstrap.map(|bootstrap| shown::DhcpBootstrap {
            uris: bootstrap.uris,
            form: bootstrap.form.to_owned(),
            form_explained: bootstrap.form_explained.to_owned(),
            from: bootstrap.from,
        }),
        when_asked: when_asked.into_iter().map(item).collect(),
        overridden: overridden.into_iter().map(item).collect(),
        taken_away: taken_away.into_iter().map(item).collect(),
        hindrances: hindrances.into_iter().map(hindrance).collect(),
    }
}

fn item(Item { code, name, value, from }: Item) -> shown::DhcpItem {
    shown::DhcpItem { code, name, value, from }
}

fn hindrance(Hindrance { what, reason, remedy }: Hindrance) -> shown::DhcpHindrance {
    shown::DhcpHindrance { what, reason: reason.map(|reason| reason.to_string()), remedy }
}
