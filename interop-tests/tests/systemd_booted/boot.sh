#!/bin/sh
# Boots systemd as PID 1 of namespaces of its own (mount, pid, network, ipc, uts, cgroup), in a root that is made here out of
# this machine's /usr and is gone with the namespaces. $1 is the folder for it, $2 the folder that is /result inside,
# $3 the program under test, $4 the site that `sztp init` made.
set -e
root=$1 result=$2 program=$3 site=$4
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$root"
cd "$root"
mkdir -p usr/bin usr/sbin usr/lib etc/systemd/system var/lib var/tmp run tmp home root proc sys dev result .upper .work
for name in bin sbin lib; do ln -s "usr/$name" "$name"; done
for name in lib sbin; do mount --bind "/usr/$name" "usr/$name"; done
# Where the dynamic loader is, on machines that have it apart.
if [ -d /usr/lib64 ]; then mkdir usr/lib64; mount --bind /usr/lib64 usr/lib64; ln -s usr/lib64 lib64; fi
mount -t overlay overlay -o "lowerdir=/usr/bin,upperdir=$root/.upper,workdir=$root/.work" usr/bin
[ -e usr/bin/sztp ] || : > usr/bin/sztp
mount --bind "$program" usr/bin/sztp

printf 'root:x:0:0::/root:/bin/sh\nsztp:x:990:990::/var/lib/sztp:/bin/false\nnobody:x:65534:65534::/:/bin/false\n' > etc/passwd
printf 'root:x:0:\nsztp:x:990:\nnogroup:x:65534:\n' > etc/group
printf 'passwd: files\ngroup: files\nhosts: files\n' > etc/nsswitch.conf
printf '127.0.0.1 localhost\n' > etc/hosts
echo 5a7b5a7b5a7b5a7b5a7b5a7b5a7b5a7b > etc/machine-id
cp "$result/sztp.service" "$result/check.service" etc/systemd/system/
cp -r "$site" var/lib/sztp
chown -R 990:990 var/lib/sztp
chmod 700 var/lib/sztp
mount --bind "$result" result

mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs run
for name in null zero full random urandom tty; do : > "dev/$name"; mount --bind "/dev/$name" "dev/$name"; done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts
mount -t tmpfs tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
ip link set lo up

mkdir machine
pivot_root . machine
cd /
umount -l /machine
: > /result/booting
exec /usr/bin/env -i container=sztp PATH=/usr/bin:/usr/sbin /usr/lib/systemd/systemd --system --unit=check.service \
    --show-status=no --log-target=console
