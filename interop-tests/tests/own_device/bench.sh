# Names are looked up nowhere but where DHCP says.
: > /run/resolv.conf
mount --bind /run/resolv.conf /etc/resolv.conf
export SZTP_SERVER=https://127.0.0.1:8444 SZTP_TOKEN_FILE="$PWD/site/operator.token" SZTP_SERVER_CA="$PWD/site/operator-ca.pem"
MAC=02:00:5e:10:00:01

waits() { n=0; until sh -c "$1" > /dev/null 2>&1; do n=$((n + 1)); [ $n -lt 300 ] || { echo "never: $1"; exit 9; }; sleep 0.1; done; }
at() { ip netns exec "$@"; }
linked() { waits "ip -n $1 -6 addr show dev $2 scope link -tentative | grep -q inet6"; }
host() {
    ip netns add "$1"
    ip -n "$1" link set lo up
    at "$1" sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding'
}
# numbered HOST INTERFACE IPV4 IPV6
numbered() {
    [ "$3" = - ] || ip -n "$1" addr add "$3" dev "$2"
    ip -n "$1" addr add "$4" dev "$2" nodad
    ip -n "$1" link set "$2" up
}
# The device's end of the cable: bare, and with addresses from nobody but DHCP.
unpacked() {
    ip link set veth0 address $MAC
    echo 0 > /proc/sys/net/ipv6/conf/veth0/autoconf
}
# advertised HOST INTERFACE NETWORK: a router on the device's link, which tells the way out of it, and gives no addresses.
advertised() {
    at "$1" dnsmasq --no-daemon --conf-file=/dev/null --port=0 --interface="$2" --enable-ra --dhcp-range="$3",ra-only,64 \
        --dhcp-leasefile="/run/$1.leases" > router.log 2>&1 &
}
direct() {
    host other
    ip link add veth0 type veth peer name lan0 netns other
    numbered other lan0 192.0.2.1/24 2001:db8::1/64
    unpacked
    ip link set veth0 up
    linked other lan0
    advertised other lan0 2001:db8::
}
relayed() {
    host other
    host middle
    ip link add veth0 type veth peer name down0 netns middle
    ip -n middle link add up0 type veth peer name lan0 netns other
    numbered middle down0 198.51.100.1/24 2001:db8:1::1/64
    numbered middle up0 192.0.2.2/24 2001:db8::2/64
    numbered other lan0 192.0.2.1/24 2001:db8::1/64
    ip -n other route add default via 192.0.2.2
    ip -n other route add 2001:db8:1::/64 via 2001:db8::2
    unpacked
    ip link set veth0 up
    for end in 'middle down0' 'middle up0' 'other lan0'; do linked $end; done
    advertised middle down0 2001:db8:1::
}
# IPv6 alone: a relay agent of DHCPv4 speaks to servers, never to relay agents.
relayed_twice() {
    for name in other middle first; do host $name; done
    ip link add veth0 type veth peer name down0 netns first
    ip -n first link add up0 type veth peer name down0 netns middle
    ip -n middle link add up0 type veth peer name lan0 netns other
    numbered first down0 - 2001:db8:1::1/64
    numbered first up0 - 2001:db8:2::1/64
    numbered middle down0 - 2001:db8:2::2/64
    numbered middle up0 - 2001:db8::2/64
    numbered other lan0 192.0.2.1/24 2001:db8::1/64
    ip -n first route add 2001:db8::/64 via 2001:db8:2::2
    ip -n middle route add 2001:db8:1::/64 via 2001:db8:2::1
    ip -n other route add 2001:db8:1::/64 via 2001:db8::2
    ip -n other route add 2001:db8:2::/64 via 2001:db8::2
    unpacked
    ip link set veth0 up
    for end in 'first down0' 'first up0' 'middle down0' 'middle up0' 'other lan0'; do linked $end; done
    advertised first down0 2001:db8:1::
}
# A switch with two networks: the device is in the one first, and in the other once it is `carried`.
switch() {
    ip netns add switch
    ip link add veth0 type veth peer name port0 netns switch
    for net in br1 br2; do
        ip -n switch link add $net type bridge
        ip -n switch link set $net up
    done
    ip -n switch link set port0 master br1
    ip -n switch link set port0 up
    unpacked
    ip link set veth0 up
}
# port NETWORK HOST INTERFACE
port() {
    ip link add "$3" netns "$2" type veth peer name "$2-$3" netns switch
    ip -n switch link set "$2-$3" master "$1"
    ip -n switch link set "$2-$3" up
}
carried() {
    ip -n switch link set port0 down
    waits '! ip link show dev veth0 | grep -q LOWER_UP'
    ip -n switch link set port0 master br2
    ip -n switch link set port0 up
}
# The server's own network, and one behind a relay agent.
rack() {
    for name in other middle; do host $name; done
    switch
    port br1 other lan0
    port br1 middle up0
    port br2 middle down0
    numbered middle down0 198.51.100.1/24 2001:db8:1::1/64
    numbered middle up0 192.0.2.2/24 2001:db8::2/64
    numbered other lan0 192.0.2.1/24 2001:db8::1/64
    ip -n other route add 198.51.100.0/24 via 192.0.2.2
    for end in 'middle down0' 'middle up0' 'other lan0'; do linked $end; done
}
# Two networks of IPv6, each behind a relay agent of its own. The server is in neither.
racks() {
    for name in other middle first; do host $name; done
    switch
    port br1 middle down0
    port br2 first down0
    ip -n other link add lan0 type bridge
    for name in middle first; do
        ip link add up0 netns $name type veth peer name to-$name netns other
        ip -n other link set to-$name master lan0
        ip -n other link set to-$name up
    done
    numbered middle down0 - 2001:db8:1::1/64
    numbered middle up0 - 2001:db8::2/64
    numbered first down0 - 2001:db8:3::1/64
    numbered first up0 - 2001:db8::3/64
    numbered other lan0 192.0.2.1/24 2001:db8::1/64
    ip -n other route add 2001:db8:1::/64 via 2001:db8::2
    ip -n other route add 2001:db8:3::/64 via 2001:db8::3
    for end in 'first down0' 'first up0' 'middle down0' 'middle up0' 'other lan0'; do linked $end; done
    for name in middle first; do relay6 $name 2001:db8::1; done
    advertised middle down0 2001:db8:1::
    advertised first down0 2001:db8:3::
}
relay4() {
    at middle dhcrelay -4 -d --no-pid -id down0 -iu up0 192.0.2.1 >> relay.log 2>&1 &
    waits "ip netns exec middle ss -uln | grep -q ':67 '"
}
# relay6 HOST NEXT
relay6() {
    at "$1" dhcrelay -6 -d --no-pid -I -l down0 -u "$2%up0" >> relay.log 2>&1 &
    waits "ip netns exec $1 ss -uln | grep -q ':547 '"
}
# Names, for devices that are told one.
named() {
    at other dnsmasq --no-daemon --conf-file=/dev/null --no-resolv --no-hosts --bind-interfaces --interface=lan0 --except-interface=lo \
        --address="/sztp.example.net/$1" > dns.log 2>&1 &
    waits "ip netns exec other ss -uln | grep -q ':53 '"
}
served() {
    at other sztp init site --organization 'Example Owner' --dns-name "$1" --device-listen "[::]:8443" > init.log
    cat dhcp.toml >> site/sztp.toml
    serve
}
serve() {
    (cd site && exec ip netns exec other sztp serve) > serve.log 2>&1 &
    server=$!
    waits "grep -q 'answering DHCPv6' serve.log"
}
# The factory: an identity, and whose vouchers count.
device() {
    sztp ca init maker --name 'Example Maker' > maker.log
    mkdir device
    sztp-device identity create --key device/idevid.key --subject-serial SN-0001 --csr device.csr >> maker.log
    sztp enroll issue --ca maker --csr device.csr --profile idevid --serial-number SN-0001 --out device.pem >> maker.log
    sztp-device identity install --key device/idevid.key --to device/idevid.pem --certificate device.pem >> maker.log
    cp maker/voucher-anchor.pem device.toml device/
}
# The owner: what the device is to become, and that it is the owner's.
owner() {
    printf '[configuration]\nhandling = "merge"\ncontent = '\''{"ntp": "192.0.2.1"}'\''\n' > bmc.toml
    at other sztp profile apply bmc.toml > owner.log
    at other sztp manufacturer add maker --anchor maker/device-anchor.pem --voucher-anchor maker/voucher-anchor.pem >> owner.log
    at other sztp device add maker/SN-0001 --profile bmc --mac $MAC >> owner.log
    sztp voucher issue --masa maker --serial-number SN-0001 --pinned-domain-cert site/pinned-domain-certificate.pem --out SN-0001.vcj >> maker.log
    at other sztp voucher import SN-0001.vcj >> owner.log
}
# explain FILE ARGUMENTS
explain() {
    file=$1
    shift
    at other sztp dhcp explain $MAC "$@" --output json > "$file"
}
# leases FILE ARGUMENTS
leases() {
    file=$1
    shift
    at other sztp dhcp leases list "$@" --output json > "$file"
}
# Once, or until it arrives: a kernel may try the router of the network that it left before it takes the other.
onboard() { sztp-device run --once --config device/device.toml --root "device/state$1" --trace trace > agent.log 2>&1; }
onboards() { timeout 100 sztp-device run --config device/device.toml --root "device/state$1" --trace trace > agent.log 2>&1; }
