# One server at one end of a cable, perfdhcp at the other: dhcp.sh SERVER VERSION FILL SECONDS RATE…
# For each offered rate a line `rate RATE ACHIEVED LOST_FIRST LOST_SECOND`, in exchanges a second and percent of each half of an exchange.
# With a FILL above 0, that many leases first: `filled RSS_KIB` and, after kill -9, `again MILLISECONDS RSS_KIB` until it answers.
server=$1 version=$2 fill=$3 seconds=$4
shift 4
ip netns add there
ip link add veth0 type veth peer name veth1 netns there
ip -n there link set lo up
ip -n there addr add 10.0.0.1/8 dev veth1
ip -n there addr add 2001:db8::1/64 dev veth1 nodad
ip addr add 10.0.0.2/8 dev veth0
ip addr add 2001:db8::2/64 dev veth0 nodad
ip -n there link set veth1 up
ip link set veth0 up
waits() { n=0; until sh -c "$1" > /dev/null 2>&1; do n=$((n + 1)); [ $n -lt 600 ] || { echo "never: $1"; cat server.log; exit 9; }; sleep 0.05; done; }
waits "ip -6 addr show dev veth0 scope link -tentative | grep -q inet6"
waits "ip -n there -6 addr show dev veth1 scope link -tentative | grep -q inet6"
port=67
[ "$version" = 4 ] || port=547
target=10.0.0.1
[ "$version" = 4 ] || target=ff02::1:2
export KEA_PIDFILE_DIR=/run KEA_LOCKFILE_DIR=/run
start() {
    case $server in
        sztp) ip netns exec there "$SZTP" serve --config sztp.toml >> server.log 2>&1 & ;;
        kea) ip netns exec there "kea-dhcp$version" -c "kea$version.json" >> server.log 2>&1 & ;;
        dnsmasq) ip netns exec there dnsmasq --no-daemon --conf-file=/dev/null --port=0 --interface=veth1 --no-ping \
            --quiet-dhcp --quiet-dhcp6 --dhcp-lease-max=1000000 --dhcp-leasefile="$PWD/dnsmasq.leases" \
            --dhcp-range=10.1.0.0,10.8.255.255,3600 --dhcp-range=2001:db8::1:0:0:0,2001:db8::1:ffff:ffff:ffff,64,3600 \
            >> server.log 2>&1 & ;;
    esac
    process=$!
    waits "ip netns exec there ss -uln | grep -q ':$port '"
}
# It ends with 3 where something was lost.
ask() { perfdhcp "-$version" -l veth0 -W 1000000 "$@" $target > perfdhcp.log 2>&1 || [ $? = 3 ] || { cat perfdhcp.log; exit 8; }; }
resident() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$process/status"; }
milliseconds() { echo $(($(date +%s%N) / 1000000)); }
start
# The first packets of a server are not its pace.
n=0
until ask -r 10 -R 10 -n 1 && grep -q '^received packets: 1$' perfdhcp.log; do n=$((n + 1)); [ $n -lt 50 ] || { cat server.log; exit 7; }; done
if [ "$fill" -gt 0 ]; then
    ask -r 1500 -R 10000000 -n "$fill"
    echo "filled $(resident)"
    kill -9 $process
    wait $process || true
    began=$(milliseconds)
    start
    n=0
    until ask -r 10 -R 10 -n 1 && grep -q '^received packets: 1$' perfdhcp.log; do n=$((n + 1)); [ $n -lt 50 ] || { cat server.log; exit 7; }; done
    echo "again $(($(milliseconds) - began)) $(resident)"
fi
for rate in "$@"; do
    ask -r "$rate" -R 1000000 -p "$seconds"
    # Its own rate counts a second too many.
    awk -v rate="$rate" -v seconds="$seconds" '/^received packets:/ { achieved = $3 / seconds } /^drops ratio:/ { lost[++half] = $3 + 0 } END { print "rate", rate, achieved, lost[1], lost[2] }' perfdhcp.log
done
