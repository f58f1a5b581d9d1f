//! Many clients at once.

use crate::{bench::bench, clients::POLICY, relays::DHCRELAY};

#[test]
fn perfdhcp_loses_nothing_at_a_pace_that_any_machine_holds() {
    let bench = bench!("ip", "ss", "perfdhcp", "dhcrelay");
    bench.write("policy.toml", &POLICY.replace("2001:db8::5f", "2001:db8::ffff"));
    let relayed = format!("two_cables\nserve\nsettled\n{DHCRELAY}");
    // Four messages each, and then some clients that renew and give back what they have; and through a relay agent.
    for (network, options, kinds) in
        [("cable\nserve\nsettled\n", "", 2), ("cable\nserve\nsettled\n", "-f 60 -F 40", 4), (&relayed, "", 2)]
    {
        let ran = bench.run(&format!(
            "{network}\
             perfdhcp -6 {options} -r 200 -n 400 -R 1000 -W 2000000 -l veth0 ff02::1:2 2>&1 || echo ended with $?\n"
        ));
        assert!(!ran.printed.contains("ended with"), "{}", ran.printed);
        let figures = |name: &str| {
            let of = |line: &str| line.strip_prefix(name)?.trim().parse().ok();
            ran.printed.lines().filter_map(of).collect::<Vec<u32>>()
        };
        assert_eq!(figures("drops:"), vec![0; kinds], "{}", ran.printed);
        assert!(figures("received packets:").iter().all(|received| *received > 0), "{}", ran.printed);
        assert!(figures("received packets:").iter().take(2).all(|received| *received >= 400), "{}", ran.printed);
    }
}
