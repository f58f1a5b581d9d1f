#!/bin/sh
# Keeps what busybox udhcpc learned where sztp-device finds it (`kind = "lease-file"`):
#
#   udhcpc -i eth0 -O 143 -O search -s /usr/lib/sztp/udhcpc-sztp.sh
#
# udhcpc has one script. This one writes /run/udhcpc/INTERFACE.env and then runs the system's own, which sets the
# interface up: SZTP_UDHCPC_SCRIPT, or the usual places.
set -u

folder=${SZTP_UDHCPC_FOLDER:-/run/udhcpc}
file=$folder/${interface:-none}.env

keep() {
    mkdir -p "$folder" || return
    # One line each, whatever the server sent.
    for name in interface ip lease dns domain search opt143; do
        eval "value=\${$name:-}"
        printf '%s=%s\n' "$name" "$(printf %s "$value" | tr -d '\n\r')"
    done > "$file.new" && mv "$file.new" "$file"
}

case ${1:-} in
    bound|renew) keep ;;
    # Nothing that an earlier lease said holds any longer.
    deconfig|nak) rm -f "$file" ;;
esac

for script in "${SZTP_UDHCPC_SCRIPT:-}" /etc/udhcpc/default.script /usr/share/udhcpc/default.script; do
    if [ -x "$script" ]; then
        exec "$script" "$@"
    fi
done
