//! Many clients at a time, made by `perfdhcp`.

use crate::bench::{bench, counted, policy};

/// A pool of 200 addresses in a network of 65,534.
fn wide(last: &str) -> String {
    policy("conflict-check = false")
        .replace("192.0.2.0/24", "192.0.0.0/16")
        .replace("192.0.2.50", "192.0.16.1")
        .replace("192.0.2.59", last)
}

#[test]
fn perfdhcp_loses_nothing_in_four_message_exchanges() {
    let bench = bench!("ip", "perfdhcp");
    bench.write("policy.toml", &wide("192.0.31.254"));
    let ran = bench.run(
        "cable\nip addr add 192.0.3.1/16 dev veth0\nip -n other addr add 192.0.2.1/16 dev veth1\nserver policy.toml\n\
         # It ends with 3 where the last of its messages had no time for an answer.\n\
         perfdhcp -4 -l veth0 -r 200 -R 1000 -n 400 -W 2000000 192.0.2.1 || [ $? = 3 ]\n",
    );
    for exchange in ["DISCOVER-OFFER", "REQUEST-ACK"] {
        // It sends a few more than it is told to.
        assert!(counted(&ran, exchange, "sent packets") >= 400, "{}", ran.printed);
        assert_eq!(counted(&ran, exchange, "drops"), 0, "{}", ran.printed);
    }
    // Ten lines a second of each kind are told, the rest is summed up.
    assert!(ran.logged("\"granted\"") < 200 && ran.log.contains("more="), "{}", ran.log);
}

/// More clients than addresses: who came first is served, everybody else is told nothing, and the log says why.
#[test]
fn a_pool_that_is_starved_does_not_stop_the_server() {
    let bench = bench!("ip", "perfdhcp", "busybox");
    bench.write("policy.toml", &wide("192.0.16.100"));
    let ran = bench.run(
        "cable\nip link set veth0 address 02:00:5e:00:00:77\nip addr add 192.0.3.1/16 dev veth0\n\
         ip -n other addr add 192.0.2.1/16 dev veth1\nserver policy.toml\n\
         perfdhcp -4 -l veth0 -r 500 -R 1000 -n 500 -W 500000 192.0.2.1 || [ $? = 3 ]\nlogged dhcp-pool-exhausted\n\
         # The service stands, and says what keeps it from serving.\n\
         busybox udhcpc -f -q -n -t 3 -T 1 -i veth0 -s ./lease.sh > client.log 2>&1 && exit 8\nlogged 'client=02:00:5e:00:00:77.*dhcp-pool-exhausted'\n",
    );
    let drops = counted(&ran, "DISCOVER-OFFER", "drops");
    assert_eq!(counted(&ran, "DISCOVER-OFFER", "received packets"), 100, "{}", ran.printed);
    assert!(drops >= 300, "{}", ran.printed);
}
