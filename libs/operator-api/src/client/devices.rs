//! Calls about devices.

use std::fmt;

use hyper::Method;

use super::{
    Client, ClientError, Intent,
    call::{Call, fill},
};
use crate::{
    ApproveDevice, Because, Device, DeviceChange, DevicePage, DeviceQuery, Erased, IssuedActivationCode, NewDevice,
    Reports, Story, paths,
};

/// Which device: serial numbers are unique within a manufacturer only.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeviceKey {
    /// Who made it.
    pub manufacturer: String,
    /// Its serial number.
    pub serial_number: String,
}

impl DeviceKey {
    fn in_path(&self, path: &str) -> String {
        fill(path, &[("manufacturer", &self.manufacturer), ("serial-number", &self.serial_number)])
    }
}

impl From<&Device> for DeviceKey {
    fn from(device: &Device) -> Self {
        Self { manufacturer: device.manufacturer.clone(), serial_number: device.serial_number.clone() }
    }
}

impl fmt::Display for DeviceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.manufacturer, self.serial_number)
    }
}

impl Client {
    /// A page of the devices that `wanted` describes.
    ///
    /// # Errors
    /// [`ClientError`], as with every call of the client.
    pub async fn devices(&self, wanted: &DeviceQuery) -> Result<DevicePage, ClientError> {
        let flag = |flag: Option<bool>| flag.map(|flag| flag.to_string());
        let call = Call::get(paths::DEVICES.to_owned())
            .query("manufacturer", wanted.manufacturer.clone())
            .query("serial-number", wanted.serial_number.clone())
            .query("serial-prefix", wanted.serial_prefix.clone())
            .query("state", wanted.state.clone())
            .query("profile", wanted.profile.clone())
            .query("rack", wanted.rack.clone())
            .query("host", wanted.host.clone())
            .query("uuid", wanted.uuid.clone())
            .query("stuck", flag(wanted.stuck))
            .query("alarmed", flag(wanted.alarmed))
            .query("after", wanted.after.clone())
            .query("limit", wanted.limit.map(|limit| limit.to_string()));
        self.send(call).await?.json().await
    }

    /// One device.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn device(&self, device: &DeviceKey) -> Result<Device, ClientError> {
        self.send(Call::get(device.in_path(paths::DEVICE))).await?.json().await
    }

    /// What a device reported.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn reports(&self, device: &DeviceKey) -> Result<Reports, ClientError> {
        self.send(Call::get(device.in_path(paths::REPORTS))).await?.json().await
    }

    /// What happened to a device, what it waits for, and what to do.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn story(&self, device: &DeviceKey) -> Result<Story, ClientError> {
        self.send(Call::get(device.in_path(paths::STORY))).await?.json().await
    }

    /// Puts a device on the list. `None` after a rehearsal, here and in every other change.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn add_device(&self, device: &NewDevice, intent: Intent) -> Result<Option<Device>, ClientError> {
        let call = Call::change(Method::POST, paths::DEVICES.to_owned(), intent)?.json(device);
        self.send(call).await?.changed(intent).await
    }

    /// Changes what is written down about a device, unless its record is no longer of this version.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn change_device(
        &self,
        device: &DeviceKey,
        version: &str,
        change: &DeviceChange,
        intent: Intent,
    ) -> Result<Option<Device>, ClientError> {
        let call = Call::change(Method::PATCH, device.in_path(paths::DEVICE), intent)?.if_version(version)?;
        self.send(call.json(change)).await?.changed(intent).await
    }

    /// Lets a held or refused device through.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn approve_device(
        &self,
        device: &DeviceKey,
        approval: &ApproveDevice,
        intent: Intent,
    ) -> Result<Option<Device>, ClientError> {
        let call = Call::change(Method::POST, device.in_path(paths::APPROVE), intent)?.json(approval);
        self.send(call).await?.changed(intent).await
    }

    /// Forgets a device: its record, its voucher, its reports and what the audit log says about it.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn erase_device(
        &self,
        device: &DeviceKey,
        because: &Because,
        intent: Intent,
    ) -> Result<Option<Erased>, ClientError> {
        let call = Call::change(Method::POST, device.in_path(paths::ERASE), intent)?.json(because);
        self.send(call).await?.changed(intent).await
    }

    /// Takes a device out of service.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn retire_device(
        &self,
        device: &DeviceKey,
        because: &Because,
        intent: Intent,
    ) -> Result<Option<Device>, ClientError> {
        let call = Call::change(Method::POST, device.in_path(paths::RETIRE), intent)?.json(because);
        self.send(call).await?.changed(intent).await
    }

    /// Lets a device begin again.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn reprovision_device(
        &self,
        device: &DeviceKey,
        because: &Because,
        intent: Intent,
    ) -> Result<Option<Device>, ClientError> {
        let call = Call::change(Method::POST, device.in_path(paths::REPROVISION), intent)?.json(because);
        self.send(call).await?.changed(intent).await
    }

    /// Says that somebody has looked at a device's alarm.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn clear_alarm(
        &self,
        device: &DeviceKey,
        because: &Because,
        intent: Intent,
    ) -> Result<Option<Device>, ClientError> {
        let call = Call::change(Method::POST, device.in_path(paths::CLEAR_ALARM), intent)?.json(because);
        self.send(call).await?.changed(intent).await
    }

    /// Makes a new activation code for a device. The code is told once.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn issue_activation_code(
        &self,
        device: &DeviceKey,
        intent: Intent,
    ) -> Result<Option<IssuedActivationCode>, ClientError> {
        let call = Call::secret(device.in_path(paths::ACTIVATION_CODE), intent);
        self.send(call).await?.changed(intent).await
    }
}
