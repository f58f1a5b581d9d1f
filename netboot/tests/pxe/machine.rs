//! UEFI and iPXE as they are: firmware in a virtual machine that has nothing to boot from but the network.

use std::fs;

use crate::bench::{Bench, bench};

/// UEFI for a 64-bit PC, and the memory in which it keeps its settings.
const FIRMWARE: &str = "/usr/share/OVMF/OVMF_CODE_4M.fd";
const VARIABLES: &str = "/usr/share/OVMF/OVMF_VARS_4M.fd";
/// iPXE for it, which uses the firmware's network interface.
const IPXE: &str = "/usr/lib/ipxe/snponly.efi";

/// A proxy that gives UEFI iPXE, by `what`, and iPXE its script; the files are on the address server, or on the proxy's own host.
fn proxy(files: &str, what: &str) -> String {
    format!(
        "mode = 'proxy'\ninterfaces = ['eth0']\n\
         [give]\nnext-server = '{files}'\n\
         [[class]]\nname = 'ipxe'\nwhen = {{ user-class = ['iPXE'] }}\ngive = {{ boot-file = 'boot.ipxe' }}\n\
         [[class]]\nname = 'uefi'\nwhen = {{ architecture = [7] }}\ngive = {{ {what} }}\n"
    )
}

/// Starts the machine and waits until dnsmasq has sent the script by TFTP.
const SCRIPT: &str = r#"
files() { ip netns exec $1 dnsmasq --no-daemon --conf-file=/dev/null --port=0 --user=root --enable-tftp --tftp-root="$PWD/tftp"; }
mkdir tftp
cp "$IPXE" tftp/snponly.efi
echo '#!ipxe' > tftp/boot.ipxe
cp "$VARIABLES" variables
chmod 600 variables
case $MODE in
    beside) served addresses --enable-tftp --tftp-root="$PWD/tftp" ;;
    alone) files addresses > addresses.log 2>&1 & ;;
esac
serve proxy proxy.toml
files proxy > tftp.log 2>&1 &
ip tuntap add dev tap0 mode tap
ip link set tap0 master br0 up
qemu-system-x86_64 -M q35 -m 512 -accel tcg -cpu max -nographic -no-reboot -uuid 11223344-5566-7788-99aa-bbccddeeff01 \
    -drive if=pflash,format=raw,unit=0,readonly=on,file="$FIRMWARE" -drive if=pflash,format=raw,unit=1,file=variables \
    -netdev tap,id=n0,ifname=tap0,script=no,downscript=no \
    -device virtio-net-pci,netdev=n0,mac=52:54:00:12:34:77,bootindex=1,romfile= -device virtio-rng-pci \
    < /dev/null > machine.log 2>&1 &
machine=$!
patience=2400
waits "grep -q 'sent .*/boot.ipxe to ' addresses.log tftp.log"
kill $machine
"#;

/// Boots a machine from our server, `beside` dnsmasq or `alone`; what dnsmasq, our server and TFTP beside it said.
fn boot(bench: &Bench, mode: &str, policy: &str) -> [String; 3] {
    bench.write("proxy.toml", policy);
    let files = format!("MODE={mode}\nFIRMWARE={FIRMWARE}\nVARIABLES={VARIABLES}\nIPXE={IPXE}\n");
    bench.run(300, &format!("{files}{SCRIPT}")).logs
}

/// Where each of these stands in the text, which must be one after the other.
#[track_caller]
fn assert_in_turn(log: &str, marks: &[&str]) {
    let mut rest = log;
    for mark in marks {
        let Some((_, after)) = rest.split_once(mark) else { panic!("no more `{mark}`: {log}") };
        rest = after;
    }
}

macro_rules! machine {
    () => {{
        for file in [FIRMWARE, VARIABLES, IPXE] {
            if fs::metadata(file).is_err() {
                peers::skip!(format!("{file} is not installed"));
            }
        }
        bench!("ip", "ss", "dnsmasq", "qemu-system-x86_64")
    }};
}

/// NET-07, NET-08: UEFI gets its address from dnsmasq and iPXE's name from the proxy; iPXE, asking anew, gets its script and not iPXE again.
#[test]
fn net_07_uefi_and_ipxe_boot_what_the_proxy_names() {
    let bench = machine!();
    let [addresses, proxy, _] = boot(&bench, "beside", &proxy("192.0.2.1", "boot-file = 'snponly.efi'"));
    assert_in_turn(&addresses, &["DHCPACK", "sent", "snponly.efi to 192.0.2.5", "DHCPACK", "boot.ipxe to 192.0.2.5"]);
    assert!(!addresses.contains("bootfile name"), "dnsmasq named none: {addresses}");
    assert_in_turn(&proxy, &["boot-offered", "52:54:00:12:34:77", "boot-offered"]);
}

/// NET-07: from a menu UEFI comes to port 4011 for the line it takes, and loads from the server that answered.
#[test]
fn net_07_uefi_asks_port_4011_for_the_line_of_the_menu() {
    let bench = machine!();
    let menu = "pxe = { menu = [{ item = 32768, text = 'Install', boot-file = 'snponly.efi' }] }";
    let [addresses, proxy, tftp] = boot(&bench, "beside", &proxy("192.0.2.2", menu));
    assert!(addresses.contains("DHCPACK"), "{addresses}");
    assert_in_turn(&tftp, &["snponly.efi to 192.0.2.5", "boot.ipxe to 192.0.2.5"]);
    assert_in_turn(&proxy, &["boot-offered", "boot-served", "192.0.2.5", ":4011", "boot-offered"]);
}

/// NET-07: by broadcast it comes to port 67, and loads from where the answer points. No other server is there: it would take the question
/// for the renewal of an address, and firmware its answer for that of a boot server.
#[test]
fn net_07_uefi_looks_for_boot_servers_by_broadcast() {
    let bench = machine!();
    let menu = "pxe = { menu = [{ item = 32768, text = 'Install', boot-file = 'snponly.efi' }], discovery = { broadcast = true } }";
    let pool = "[[subnet]]\nnetwork = '192.0.2.0/24'\npools = [{ first = '192.0.2.50', last = '192.0.2.59' }]\n";
    let policy = proxy("192.0.2.1", menu).replacen("mode = 'proxy'", "conflict-check = false", 1) + pool;
    let [addresses, server, _] = boot(&bench, "alone", &policy);
    assert_in_turn(&addresses, &["snponly.efi to 192.0.2.5", "boot.ipxe to 192.0.2.5"]);
    assert_in_turn(&server, &["granted", "boot-served", "192.0.2.5", "granted"]);
}
