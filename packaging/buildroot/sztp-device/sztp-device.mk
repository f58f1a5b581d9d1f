################################################################################
#
# sztp-device
#
################################################################################

# Where your copy of the sources is, and which commit of it.
SZTP_DEVICE_VERSION = main
SZTP_DEVICE_SITE = https://git.example.com/sztp.git
SZTP_DEVICE_SITE_METHOD = git
SZTP_DEVICE_LICENSE = MIT or Apache-2.0
SZTP_DEVICE_LICENSE_FILES = LICENSE-MIT LICENSE-APACHE

# The flash profile says what is built; Buildroot's own would say --release beside it.
define SZTP_DEVICE_BUILD_CMDS
	cd $(@D) && \
	$(TARGET_MAKE_ENV) $(TARGET_CONFIGURE_OPTS) $(PKG_CARGO_ENV) \
		cargo build --offline --locked --profile flash \
			--package device-client --bin sztp-device
endef

SZTP_DEVICE_CONFIG = $(call qstrip,$(BR2_PACKAGE_SZTP_DEVICE_CONFIG))

define SZTP_DEVICE_INSTALL_TARGET_CMDS
	$(INSTALL) -D -m 0755 $(@D)/target/$(RUSTC_TARGET_NAME)/flash/sztp-device \
		$(TARGET_DIR)/usr/bin/sztp-device
	$(INSTALL) -D -m 0600 $(or $(SZTP_DEVICE_CONFIG),$(@D)/packaging/device/device.toml) \
		$(TARGET_DIR)/etc/sztp/device.toml
endef

define SZTP_DEVICE_INSTALL_INIT_SYSTEMD
	$(INSTALL) -D -m 0644 $(@D)/packaging/device/systemd/sztp-device.service \
		$(TARGET_DIR)/usr/lib/systemd/system/sztp-device.service
endef

define SZTP_DEVICE_INSTALL_SUPERVISE
	$(INSTALL) -D -m 0755 $(@D)/packaging/device/sztp-device-supervise \
		$(TARGET_DIR)/usr/libexec/sztp-device-supervise
endef

define SZTP_DEVICE_INSTALL_INIT_SYSV
	$(SZTP_DEVICE_INSTALL_SUPERVISE)
	$(INSTALL) -D -m 0755 $(@D)/packaging/device/sysv/sztp-device \
		$(TARGET_DIR)/etc/init.d/S60sztp-device
endef

define SZTP_DEVICE_INSTALL_INIT_OPENRC
	$(SZTP_DEVICE_INSTALL_SUPERVISE)
	$(INSTALL) -D -m 0755 $(@D)/packaging/device/openrc/sztp-device \
		$(TARGET_DIR)/etc/init.d/sztp-device
endef

$(eval $(cargo-package))
