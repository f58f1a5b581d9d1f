//! What this machine is called, and where it is reached.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket},
};

/// This machine, as far as it knows itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Machine {
    /// Its name.
    pub(crate) name: String,
    /// The addresses it would call others from.
    pub(crate) addresses: Vec<IpAddr>,
}

impl Machine {
    /// This very machine.
    pub(crate) fn this() -> Self {
        let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        // Addresses set aside for documentation (RFC 5737, RFC 3849): routes to them say which address is ours. Nothing is
        // sent, since a UDP socket that is connected has sent nothing yet.
        let far: [(IpAddr, IpAddr); 2] = [
            (Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::new(192, 0, 2, 1).into()),
            (Ipv6Addr::UNSPECIFIED.into(), Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into()),
        ];
        let own = |(from, to): (IpAddr, IpAddr)| {
            let socket = UdpSocket::bind((from, 0)).ok()?;
            socket.connect((to, 9)).ok()?;
            Some(socket.local_addr().ok()?.ip())
        };
        let addresses = far.into_iter().filter_map(own).filter(|it| !it.is_loopback() && !it.is_unspecified());
        Self { name: name.trim().to_ascii_lowercase(), addresses: addresses.collect() }
    }

    /// Its name, if that is a DNS name.
    pub(crate) fn dns_name(&self) -> Option<&str> {
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        Some(self.name.as_str()).filter(|name| name.split('.').all(label))
    }

    /// The names and addresses that stand in the servers' certificates: those given, and every one of this machine.
    pub(crate) fn certificate_names(&self, given: &[String]) -> Vec<String> {
        let own = self.dns_name().map(str::to_owned).into_iter();
        let own = own.chain(self.addresses.iter().map(ToString::to_string));
        let always = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let mut names = Vec::new();
        for name in given.iter().cloned().chain(own).chain(always) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// Where devices are sent that connect to `listen`, in order: the names given; or else the addresses, which need no DNS;
    /// or else the name, if it is a full one; and only where there is nothing else this machine alone.
    pub(crate) fn device_names(&self, given: &[String], listen: IpAddr) -> Vec<String> {
        let full_name = self.dns_name().filter(|name| name.contains('.')).map(str::to_owned);
        let addresses = if listen.is_unspecified() { self.addresses.clone() } else { vec![listen] };
        // `[::]` takes IPv4 too.
        let addresses = addresses.iter().filter(|address| listen.is_ipv6() || address.is_ipv4());
        let mut choices = [
            given.to_vec(),
            addresses.map(ToString::to_string).collect(),
            Vec::from_iter(full_name),
            vec!["127.0.0.1".to_owned()],
        ]
        .into_iter();
        choices.find(|names| !names.is_empty()).unwrap_or_default()
    }

    /// Every address that this machine may be reached by.
    pub(crate) fn any_address(&self) -> IpAddr {
        if self.addresses.iter().any(IpAddr::is_ipv6) {
            Ipv6Addr::UNSPECIFIED.into()
        } else {
            Ipv4Addr::UNSPECIFIED.into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(name: &str, addresses: &[&str]) -> Machine {
        Machine { name: name.to_owned(), addresses: addresses.iter().map(|it| it.parse().unwrap()).collect() }
    }

    #[test]
    fn devices_are_sent_to_what_was_given_or_to_where_they_can_find_us() {
        let given = ["sztp.example.net".to_owned()];
        let (v4, all) = (IpAddr::from(Ipv4Addr::UNSPECIFIED), IpAddr::from(Ipv6Addr::UNSPECIFIED));
        let both = machine("rack-server", &["192.0.2.7", "2001:db8::7"]);
        assert_eq!(both.device_names(&given, all), given);
        assert_eq!(both.device_names(&[], all), ["192.0.2.7", "2001:db8::7"]);
        assert_eq!(both.device_names(&[], v4), ["192.0.2.7"], "nobody listens on the other");
        assert_eq!(both.device_names(&[], "192.0.2.9".parse().unwrap()), ["192.0.2.9"]);
        assert_eq!((both.any_address(), machine("a", &["192.0.2.7"]).any_address()), (all, v4));
        assert_eq!(machine("a.example.net", &[]).device_names(&[], v4), ["a.example.net"]);
        assert_eq!(machine("a", &[]).device_names(&[], v4), ["127.0.0.1"]);
    }

    #[test]
    fn the_certificate_is_good_for_every_name_once_and_for_no_name_that_is_none() {
        let names = machine("a", &["192.0.2.7"]).certificate_names(&["a".to_owned(), "b.example".to_owned()]);
        assert_eq!(names, ["a", "b.example", "192.0.2.7", "localhost", "127.0.0.1", "::1"]);
        for name in ["", "my_host", "-a", "a..b", "ü"] {
            assert_eq!(machine(name, &[]).certificate_names(&[]), ["localhost", "127.0.0.1", "::1"], "{name}");
        }
    }

    #[test]
    fn this_machine_is_never_reached_by_loopback_alone() {
        assert!(Machine::this().addresses.iter().all(|address| !address.is_loopback()));
    }
}
