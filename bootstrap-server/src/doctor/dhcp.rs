//! Whether the DHCP tables fit this machine, as far as that can be told without sending anything.

use std::net::IpAddr;

use netboot::{
    io::{InterfaceState, Interfaces},
    lease::Address,
    policy::{Advice, Directory, Rules},
};

use super::Finding;

/// An interface of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct InterfaceFacts {
    name: String,
    state: InterfaceState,
    addresses: Vec<IpAddr>,
}

/// A table of the configuration.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table<'a, A> {
    /// `dhcp4` or `dhcp6`.
    pub(super) name: &'static str,
    /// The interfaces to serve; every one when there is none.
    pub(super) interfaces: &'a [String],
    /// Whether it gives addresses.
    pub(super) gives_addresses: bool,
    /// Whether it has a name that does not depend on an interface's address.
    pub(super) is_named: bool,
    /// Who gets what.
    pub(super) rules: &'a Rules<A>,
    /// What is known of devices in the field that will not do as it says.
    pub(super) advice: &'a [Advice],
}

/// The interfaces of this machine.
pub(super) fn look() -> std::io::Result<Vec<InterfaceFacts>> {
    let facts = |it: &netboot::io::Interface| {
        let v4 = it.ipv4.iter().map(|it| IpAddr::V4(it.address));
        let v6 = it.ipv6.iter().map(|it| IpAddr::V6(it.address));
        InterfaceFacts { name: it.name.clone(), state: it.state, addresses: v4.chain(v6).collect() }
    };
    Ok(Interfaces::read()?.iter().map(facts).collect())
}

const CHECK: &str = "dhcp";

/// Judges a table by the interfaces that there are.
pub(super) fn judge<A: Address>(table: &Table<'_, A>, interfaces: &[InterfaceFacts]) -> Vec<Finding> {
    let mut findings = served(table, interfaces);
    let own: Vec<A> = interfaces.iter().flat_map(|it| &it.addresses).filter_map(|it| A::from_ip(*it)).collect();
    let subnets = table.rules.subnets();
    let name = table.name;
    for address in own.iter().filter(|own| table.rules.gives((**own).into())) {
        findings.push(Finding::failed(
            CHECK,
            format!("{name}: {address} is this machine's own, and in a pool or reserved"),
            "A client that got it would talk to itself, or to nobody.",
            format!("Take {address} out of the pools and reservations of [{name}]."),
        ));
    }
    for subnet in subnets {
        let network = subnet.network();
        let here = match subnet.interface() {
            Some(wanted) => interfaces.iter().any(|it| it.name == wanted),
            None => own.iter().any(|own| network.contains(*own)),
        };
        if !here {
            findings.push(Finding::warning(
                CHECK,
                format!("{name}: no interface of this machine is in {network}"),
                "Clients in it are served through relay agents alone: those with an address in it, or that `relays` names.",
                format!("If it is on an interface here, give that one an address in it, or write interface = \"…\" into its [[{name}.subnet]]."),
            ));
        }
        if table.gives_addresses && subnet.space().pools.is_empty() && subnet.space().kept_back.is_empty() {
            findings.push(Finding::warning(
                CHECK,
                format!("{name}: {network} has neither pools nor reservations"),
                "Nobody in it gets an address.",
                format!("Write pools or reservations into its [[{name}.subnet]]."),
            ));
        }
    }
    if subnets.is_empty() && table.gives_addresses {
        findings.push(Finding::warning(
            CHECK,
            format!("{name}: no subnet is configured"),
            "It gives no addresses, and tells only those something who have one.",
            format!("Add a [[{name}.subnet]], or leave the addresses to another server with mode = \"proxy\"."),
        ));
    }
    findings.extend(bootstrap(table));
    findings.extend(table.advice.iter().map(|advice| {
        let in_vain = "It is consistent, and such devices do something else than what is wanted.";
        Finding::warning(CHECK, format!("{name}: {advice}"), in_vain, format!("In [{name}], {}.", advice.remedy()))
    }));
    if findings.is_empty() {
        findings
            .push(Finding::ok(CHECK, format!("{name}: {} subnets fit the interfaces of this machine", subnets.len())));
    }
    findings
}

/// The interfaces that are named.
fn served<A: Address>(table: &Table<'_, A>, interfaces: &[InterfaceFacts]) -> Vec<Finding> {
    let name = table.name;
    let of = |wanted: &String| {
        let Some(found) = interfaces.iter().find(|it| it.name == *wanted) else {
            return Some(Finding::failed(
                CHECK,
                format!("{name}: there is no interface {wanted}"),
                "Nobody on it is served until it is there.",
                "ip link",
            ));
        };
        let numbered = found.addresses.iter().any(|address| A::from_ip(*address).is_some());
        match found.state {
            InterfaceState::Off => Some(Finding::warning(
                CHECK,
                format!("{name}: the interface {wanted} is switched off"),
                "Nobody on it is heard.",
                format!("ip link set {wanted} up"),
            )),
            InterfaceState::NoCarrier => Some(Finding::warning(
                CHECK,
                format!("{name}: nothing is connected to the interface {wanted}"),
                "Nobody on it is heard.",
                format!("ethtool {wanted}   # and look at the cable"),
            )),
            InterfaceState::Up if !numbered && !table.is_named => Some(Finding::failed(
                CHECK,
                format!("{name}: the interface {wanted} has no address"),
                "Clients there have no address of the server that they could answer to.",
                format!("ip address add ADDRESS/LENGTH dev {wanted}"),
            )),
            InterfaceState::Up => None,
        }
    };
    table.interfaces.iter().filter_map(of).collect()
}

/// What devices learn of bootstrap servers (RFC 8572 §8).
fn bootstrap<A: Address>(table: &Table<'_, A>) -> Option<Finding> {
    let (client, directory) = (netboot::client::Client::default(), Directory::default());
    let answer = table.rules.answer(&client, None, &directory);
    let name = table.name;
    match answer.uris() {
        None => Some(Finding::warning(
            CHECK,
            format!("{name}: nobody learns of a bootstrap server unless a class, a subnet, a profile or a reservation says so"),
            "Devices that look for one by DHCP find none.",
            format!("Say bootstrap-uris in [{name}.give]; with a [device-listener], its names are taken."),
        )),
        Some(uris) => answer.form().encode(uris.value).err().map(|unsuited| {
            Finding::failed(
                CHECK,
                format!("{name}: bootstrap-form: {unsuited}"),
                "What devices are to be told cannot be written so, and they are told nothing.",
                format!("Take bootstrap-form out of [{name}.give] and into the class that needs it, with bootstrap-uris that it can express."),
            )
        }),
    }
}

#[cfg(test)]
mod tests {
    use netboot::policy::Dhcp4Policy;

    use super::*;

    fn interfaces() -> Vec<InterfaceFacts> {
        let of = |name: &str, state, address: Option<[u8; 4]>| InterfaceFacts {
            name: name.to_owned(),
            state,
            addresses: address.into_iter().map(IpAddr::from).collect(),
        };
        vec![
            of("eth0", InterfaceState::Up, Some([192, 0, 2, 1])),
            of("eth1", InterfaceState::Off, Some([198, 51, 100, 1])),
            of("eth2", InterfaceState::Up, None),
        ]
    }

    fn judged(text: &str) -> Vec<(&'static str, String)> {
        let text = format!("{text}\n[give]\nbootstrap-uris = ['https://a.example']\n");
        of(&text)
    }

    fn of(text: &str) -> Vec<(&'static str, String)> {
        let policy: Dhcp4Policy = toml::from_str(text).unwrap();
        let table = Table {
            name: "dhcp4",
            interfaces: policy.interfaces(),
            gives_addresses: true,
            is_named: policy.server_identifier().is_some(),
            rules: policy.rules(),
            advice: &policy.advice(),
        };
        let findings = judge(&table, &interfaces());
        let told = |it: &Finding| it.outcome.advice().is_none_or(|advice| !advice.fix.is_empty());
        assert!(findings.iter().all(told));
        findings.into_iter().map(|it| (it.outcome.as_str(), it.what)).collect()
    }

    fn subnet(network: &str, pool: [&str; 2]) -> String {
        let [first, last] = pool;
        format!("subnet = [{{ network = '{network}', pools = [{{ first = '{first}', last = '{last}' }}] }}]")
    }

    #[test]
    fn what_fits_is_well() {
        let fits = format!("interfaces = ['eth0']\n{}", subnet("192.0.2.0/24", ["192.0.2.10", "192.0.2.20"]));
        assert_eq!(judged(&fits), [("ok", "dhcp4: 1 subnets fit the interfaces of this machine".to_owned())]);
    }

    #[test]
    fn each_misfit_is_named() {
        let fits = subnet("192.0.2.0/24", ["192.0.2.10", "192.0.2.20"]);
        for (text, outcome, what) in [
            (format!("interfaces = ['eth7']\n{fits}"), "failed", "there is no interface eth7"),
            (format!("interfaces = ['eth1']\n{fits}"), "warning", "eth1 is switched off"),
            (format!("interfaces = ['eth2']\n{fits}"), "failed", "eth2 has no address"),
            (subnet("192.0.2.0/24", ["192.0.2.1", "192.0.2.20"]), "failed", "192.0.2.1 is this machine's own"),
            (subnet("203.0.113.0/24", ["203.0.113.1", "203.0.113.9"]), "warning", "is in 203.0.113.0/24"),
            ("subnet = [{ network = '192.0.2.0/24' }]".to_owned(), "warning", "neither pools nor reservations"),
            (String::new(), "warning", "no subnet is configured"),
        ] {
            let found = judged(&text);
            assert!(found.iter().any(|(is, said)| *is == outcome && said.contains(what)), "{text}: {found:?}");
        }
        assert!(judged(&format!("server-identifier = '192.0.2.1'\ninterfaces = ['eth2']\n{fits}"))[0].0 == "ok");
    }

    #[test]
    fn net_07_what_devices_of_the_field_do_not_put_up_with_is_told() {
        let fits = subnet("192.0.2.0/24", ["192.0.2.10", "192.0.2.20"]);
        let nexus =
            "[[class]]\nname = 'poap'\nwhen = { vendor-class = ['Cisco N9K-*'] }\ngive = { lease-seconds = 60 }\n";
        let ipxe = "[[class]]\nname = 'uefi'\nwhen = { architecture = [7] }\ngive = { boot-file = 'snponly.efi' }\n";
        let give = "[give]\nbootstrap-uris = ['https://a.example']\n";
        let found = of(&format!("{fits}\n{give}{nexus}{ipxe}"));
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found.iter().all(|(outcome, _)| *outcome == "warning"), "{found:?}");
        assert!(found[0].1.starts_with("dhcp4: class poap is for Nexus switches") && found[1].1.contains("iPXE again"));
    }

    #[test]
    fn dhc_05_what_devices_learn_of_bootstrap_servers_is_looked_at() {
        let fits = subnet("192.0.2.0/24", ["192.0.2.10", "192.0.2.20"]);
        assert!(of(&fits)[0].1.contains("nobody learns of a bootstrap server"));
        let unsuited = format!("{fits}\n[give]\nbootstrap-uris = ['https://a.example']\nlease-seconds = 60\n");
        assert_eq!(of(&unsuited)[0].0, "ok");
    }
}
