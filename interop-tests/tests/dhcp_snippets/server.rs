//! The servers, each with the least that they need around what is tried.

/// A server that others make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    Kea,
    Dnsmasq,
    Isc,
}

impl Server {
    /// As `sztp dhcp snippet` and `sztp dhcp lint --kind` have it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Kea => "kea",
            Self::Dnsmasq => "dnsmasq",
            Self::Isc => "isc",
        }
    }

    /// The files of a configuration that sends what `parts` say: that for DHCPv4, that for DHCPv6. For Kea these are members of
    /// the server's object, for the others lines.
    pub(crate) fn configurations(self, [v4, v6]: [&str; 2]) -> Vec<(&'static str, String)> {
        match self {
            Self::Kea => vec![
                (
                    "4.conf",
                    format!(
                        r#"{{"Dhcp4": {{"interfaces-config": {{"interfaces": ["veth1"]}}, "valid-lifetime": 600,
                        "lease-database": {{"type": "memfile", "persist": false}}, {v4}
                        "subnet4": [{{"subnet": "192.0.2.0/24", "id": 1, "pools": [{{"pool": "192.0.2.50 - 192.0.2.59"}}]}}],
                        "loggers": [{{"name": "kea-dhcp4", "severity": "WARN"}}]}}}}"#
                    ),
                ),
                (
                    "6.conf",
                    format!(
                        r#"{{"Dhcp6": {{"interfaces-config": {{"interfaces": ["veth1"]}}, "preferred-lifetime": 500, "valid-lifetime": 600,
                        "server-id": {{"type": "EN", "enterprise-id": 32473, "identifier": "0102", "persist": false}},
                        "lease-database": {{"type": "memfile", "persist": false}}, {v6}
                        "subnet6": [{{"subnet": "2001:db8::/64", "id": 1, "interface": "veth1", "pools": [{{"pool": "2001:db8::50 - 2001:db8::5f"}}]}}],
                        "loggers": [{{"name": "kea-dhcp6", "severity": "WARN"}}]}}}}"#
                    ),
                ),
            ],
            Self::Dnsmasq => vec![
                ("4.conf", format!("dhcp-range=192.0.2.50,192.0.2.59,600\n{v4}\n")),
                ("6.conf", format!("dhcp-range=2001:db8::50,2001:db8::5f,64,600\n{v6}\n")),
            ],
            Self::Isc => vec![
                (
                    "4.conf",
                    format!(
                        "authoritative;\n{v4}\nsubnet 192.0.2.0 netmask 255.255.255.0 {{ range 192.0.2.50 192.0.2.59; }}\n"
                    ),
                ),
                ("6.conf", format!("{v6}\nsubnet6 2001:db8::/64 {{ range6 2001:db8::50 2001:db8::5f; }}\n")),
            ],
        }
    }

    /// Shell that starts the server with one of these files, and waits until it listens.
    pub(crate) fn start(self, family: u8) -> String {
        let port = if family == 4 { 67 } else { 547 };
        let command = match self {
            Self::Kea => format!(
                "KEA_PIDFILE_DIR=/run KEA_LOCKFILE_DIR=/run ip netns exec other kea-dhcp{family} -c {family}.conf"
            ),
            Self::Dnsmasq => format!(
                "ip netns exec other dnsmasq --no-daemon --conf-file={family}.conf --port=0 --no-ping --bind-interfaces \
                 --interface=veth1 --dhcp-leasefile=/run/dnsmasq.leases --log-dhcp"
            ),
            Self::Isc => format!(
                ": > /run/dhcpd.leases\nip netns exec other dhcpd -{family} -f -d --no-pid -cf {family}.conf -lf /run/dhcpd.leases veth1"
            ),
        };
        let (before, command) = command.rsplit_once('\n').unwrap_or(("", &command));
        format!("{before}\n{command} >> server.log 2>&1 &\nserver=$!\nstarted {port}\n")
    }
}
