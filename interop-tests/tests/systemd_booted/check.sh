#!/bin/sh
# Runs inside, as a unit beside the server. Says what it sees, as lines of NAME=VALUE that the test judges.
PATH=/usr/bin:/usr/sbin
cd /var/lib/sztp || exit 1
say() { echo "$1=$2"; }
shown() { systemctl show sztp --property "$1" --value; }
served() { sztp status --output json >/dev/null 2>&1 && echo yes || echo no; }
of_process() { sed -n "s/^$1:[[:space:]]*//p" "/proc/$(shown MainPID)/status"; }

say init "$(cat /proc/1/comm)"
systemctl start sztp
say started "$(shown ActiveState)"
say served "$(served)"
say user "$(of_process Uid | cut -f1)"
say rights "$(of_process CapBnd)"
say no-new-privileges "$(of_process NoNewPrivs)"
say seccomp "$(of_process Seccomp)"

before=$(shown MainPID)
systemctl reload sztp
say reload "$?"
say same-process-after-reload "$([ "$before" = "$(shown MainPID)" ] && echo yes || echo no)"
say served-after-reload "$(served)"

# A crash is followed by another start (Restart=on-failure).
kill -9 "$before"
waited=0
while { [ "$(shown MainPID)" = "$before" ] || [ "$(shown ActiveState)" != active ]; } && [ "$waited" -lt 200 ]; do
    sleep 0.1
    waited=$((waited + 1))
done
say served-after-crash "$(served)"

systemctl stop sztp
say stopped "$(shown ActiveState)"
say result "$(shown Result)"
say exit-status "$(shown ExecMainStatus)"
say log "$(sztp audit verify 2>&1 | cut -d: -f1)"

# A port below 1024 takes the drop-in, and nothing but it.
sed -i 's/^listen = "127.0.0.1:8443"/listen = "127.0.0.1:443"/' sztp.toml
mkdir -p /run/systemd/system/sztp.service.d
printf '[Service]\nRestart=no\n' > /run/systemd/system/sztp.service.d/once.conf
systemctl daemon-reload
systemctl start sztp
say low-port-without-drop-in "$(shown ActiveState)"
systemctl reset-failed sztp
cp /result/sztp-dhcp.conf /run/systemd/system/sztp.service.d/
systemctl daemon-reload
systemctl start sztp
say low-port-with-drop-in "$(shown ActiveState)"
say served-on-low-port "$(served)"
say user-with-drop-in "$(of_process Uid | cut -f1)"
systemctl stop sztp
echo done
