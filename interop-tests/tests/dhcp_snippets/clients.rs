//! Other clients read what dhclient reads.

use crate::{bench::bench, server::Server};

#[test]
fn dhc_02_udhcpc_and_dhcpcd_read_the_option_of_every_server() {
    let bench = bench!("ip", "ss", "kea-dhcp4", "dnsmasq", "dhcpd", "udhcpc", "dhcpcd");
    let uri = "https://sztp.example.net:8443";
    let expected = bench.printed(&["encode", uri]).trim().to_owned();
    bench.write("keep", "#!/bin/sh\n[ \"$1\" != bound ] || echo \"ANSWER udhcpc 4 0x$opt143\"\n");
    bench.write(
        "hook",
        "#!/bin/sh\ncd \"${0%/*}\"\n[ \"$reason\" != BOUND ] || echo \"ANSWER dhcpcd 4 0x$new_sztp\" >> answers\n",
    );
    bench.write("dhcpcd.conf", "define 143 binhex sztp\noption sztp\nnoipv6rs\nnohook resolv.conf\n");
    let mut script = "chmod +x keep hook\nmount -t tmpfs tmpfs /var/lib/dhcpcd\ncable\n".to_owned();
    for server in [Server::Kea, Server::Dnsmasq, Server::Isc] {
        let name = server.name();
        bench.write(&format!("{name}.part"), &bench.printed(&["snippet", name, "--v4", "--uri", uri]));
        let include = match server {
            Server::Kea => format!(r#""option-data": [ <?include "{name}.part"?> ],"#),
            Server::Dnsmasq => format!("conf-file={name}.part"),
            Server::Isc => format!("include \"{name}.part\";"),
        };
        let (_, text) = server.configurations([&include, ""]).swap_remove(0);
        bench.write(&format!("{name}.conf"), &text);
        script += &format!(
            "cp {name}.conf 4.conf\n{}udhcpc -i veth0 -n -q -O 143 -s ./keep 2> client.log\n\
             : > answers\nrm -rf /var/lib/dhcpcd/*\ndhcpcd -4 -1 -B --noarp -f $PWD/dhcpcd.conf -c $PWD/hook veth0 > client.log 2>&1 || true\ncat answers\n\
             stopped\n",
            server.start(4)
        );
    }
    let answers = bench.run(&script);
    assert_eq!(answers.len(), 6, "{answers:?}");
    for (index, answer) in answers.iter().enumerate() {
        assert_eq!(answer.name, if index % 2 == 0 { "udhcpc" } else { "dhcpcd" });
        assert_eq!(answer.hex, expected, "{index}");
    }
}
