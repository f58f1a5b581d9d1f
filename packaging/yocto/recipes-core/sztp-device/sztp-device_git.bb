SUMMARY = "SZTP agent (RFC 8572)"
DESCRIPTION = "Bootstraps a device without anyone touching it: finds bootstrapping data, verifies it, applies it, reports."
LICENSE = "MIT | Apache-2.0"
LIC_FILES_CHKSUM = "file://LICENSE-MIT;md5=2452ae8a1bd9c52c9b11e24c438ff10d \
                    file://LICENSE-APACHE;md5=3b83ef96387f14655fc854ddc3c6bd57"

# Where your copy of the sources is, and which commit of it.
SZTP_GIT ?= "git://git.example.com/sztp.git;protocol=https;branch=main"
SRC_URI = "${SZTP_GIT}"
SRCREV ?= "${AUTOREV}"
PV = "0.1.0+git"

inherit cargo cargo-update-recipe-crates systemd update-rc.d

# `bitbake -c update_crates sztp-device` writes it from Cargo.lock, beside this recipe.
require ${BPN}-crates.inc

# The smallest program: see the profile `flash` in Cargo.toml.
BUILD_MODE = "--profile flash"
BUILD_DIR = "flash"
CARGO_BUILD_FLAGS += "--package device-client --bin sztp-device"

# The image brings a configuration of its own, with its identity's place and its sources, in a bbappend.
SZTP_DEVICE_CONFIG ?= "${S}/packaging/device/device.toml"

do_install() {
    install -D -m 0755 ${B}/target/${RUST_HOST_SYS}/${BUILD_DIR}/sztp-device ${D}${bindir}/sztp-device
    install -D -m 0600 ${SZTP_DEVICE_CONFIG} ${D}${sysconfdir}/sztp/device.toml
    if ${@bb.utils.contains('DISTRO_FEATURES', 'systemd', 'true', 'false', d)}; then
        install -D -m 0644 ${S}/packaging/device/systemd/sztp-device.service \
            ${D}${systemd_system_unitdir}/sztp-device.service
    else
        install -D -m 0755 ${S}/packaging/device/sztp-device-supervise ${D}${libexecdir}/sztp-device-supervise
        install -D -m 0755 ${S}/packaging/device/sysv/sztp-device ${D}${sysconfdir}/init.d/sztp-device
    fi
}

SYSTEMD_SERVICE:${PN} = "sztp-device.service"
INITSCRIPT_NAME = "sztp-device"
INITSCRIPT_PARAMS = "defaults 60"
CONFFILES:${PN} = "${sysconfdir}/sztp/device.toml"
