//! Calls about the server itself, manufacturers, profiles, vouchers and the audit log.

use hyper::Method;

use super::{
    Client, ClientError, Download, Intent,
    call::{Call, fill},
};
use crate::{
    AcceptPolicies, AuditRecords, Because, CheckpointNote, DhcpExplanation, DhcpLease, DhcpLeasePage, DhcpLeaseQuery,
    DhcpQuestion, Manufacturer, ManufacturerList, NewManufacturer, NewProfile, NewRevocationLists, NewVoucher,
    Policies, Profile, ProfileList, RecordQuery, RevocationListList, Status, Voucher, VoucherPage, VoucherQuery, paths,
};

impl Client {
    /// What the server is and how it does.
    ///
    /// # Errors
    /// [`ClientError`], as with every call of the client.
    pub async fn status(&self) -> Result<Status, ClientError> {
        self.send(Call::get(paths::STATUS.to_owned())).await?.json().await
    }

    /// What a DHCP client would be answered, and why.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn explain_dhcp(&self, asked: &DhcpQuestion) -> Result<DhcpExplanation, ClientError> {
        let call = Call::get(paths::EXPLAIN_DHCP.to_owned())
            .query("ip-version", asked.ip_version.map(|version| version.to_string()))
            .query("mac", asked.mac.clone())
            .query("uuid", asked.uuid.clone())
            .query("client-identifier", asked.client_identifier.clone())
            .query("vendor-class", asked.vendor_class.clone())
            .query("enterprise", asked.enterprise.map(|number| number.to_string()))
            .query("user-class", asked.user_class.clone())
            .query("architecture", asked.architecture.clone())
            .query("relay", asked.relay.clone())
            .query("circuit-id", asked.circuit_id.clone())
            .query("remote-id", asked.remote_id.clone())
            .query("subscriber-id", asked.subscriber_id.clone())
            .query("host-name", asked.host_name.clone())
            .query("subnet", asked.subnet.clone())
            .query("asks", asked.asks.clone());
        self.send(call).await?.json().await
    }

    /// The policies in force, and what waits to be accepted.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn policies(&self) -> Result<Policies, ClientError> {
        self.send(Call::get(paths::POLICIES.to_owned())).await?.json().await
    }

    /// Puts the policies in force that the server's configuration proposes.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn accept_policies(
        &self,
        policies: &AcceptPolicies,
        intent: Intent,
    ) -> Result<Option<Policies>, ClientError> {
        let call = Call::change(Method::POST, paths::ACCEPT_POLICIES.to_owned(), intent)?;
        self.send(call.json(policies)).await?.changed(intent).await
    }

    /// Every manufacturer.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn manufacturers(&self) -> Result<ManufacturerList, ClientError> {
        self.send(Call::get(paths::MANUFACTURERS.to_owned())).await?.json().await
    }

    /// One manufacturer.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn manufacturer(&self, name: &str) -> Result<Manufacturer, ClientError> {
        self.send(Call::get(fill(paths::MANUFACTURER, &[("manufacturer", name)]))).await?.json().await
    }

    /// Adds or replaces a manufacturer.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn put_manufacturer(
        &self,
        name: &str,
        manufacturer: &NewManufacturer,
        intent: Intent,
    ) -> Result<Option<Manufacturer>, ClientError> {
        let call = Call::change(Method::PUT, fill(paths::MANUFACTURER, &[("manufacturer", name)]), intent)?;
        self.send(call.json(manufacturer)).await?.changed(intent).await
    }

    /// Puts revocation lists in the place of those that a manufacturer has.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn put_revocation_lists(
        &self,
        manufacturer: &str,
        lists: &NewRevocationLists,
        intent: Intent,
    ) -> Result<Option<RevocationListList>, ClientError> {
        let path = fill(paths::REVOCATION_LISTS, &[("manufacturer", manufacturer)]);
        self.send(Call::change(Method::PUT, path, intent)?.json(lists)).await?.changed(intent).await
    }

    /// Every profile.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn profiles(&self) -> Result<ProfileList, ClientError> {
        self.send(Call::get(paths::PROFILES.to_owned())).await?.json().await
    }

    /// One profile.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn profile(&self, name: &str) -> Result<Profile, ClientError> {
        self.send(Call::get(fill(paths::PROFILE, &[("profile", name)]))).await?.json().await
    }

    /// Adds or replaces a profile.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn put_profile(
        &self,
        name: &str,
        profile: &NewProfile,
        intent: Intent,
    ) -> Result<Option<Profile>, ClientError> {
        let call = Call::change(Method::PUT, fill(paths::PROFILE, &[("profile", name)]), intent)?;
        self.send(call.json(profile)).await?.changed(intent).await
    }

    /// Removes a profile that no device has.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn remove_profile(&self, name: &str, intent: Intent) -> Result<(), ClientError> {
        let call = Call::change(Method::DELETE, fill(paths::PROFILE, &[("profile", name)]), intent)?;
        self.send(call).await?.whole().await.map(drop)
    }

    /// A page of the vouchers that `wanted` describes.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn vouchers(&self, wanted: &VoucherQuery) -> Result<VoucherPage, ClientError> {
        let flag = |flag: Option<bool>| flag.map(|flag| flag.to_string());
        let call = Call::get(paths::VOUCHERS.to_owned())
            .query("manufacturer", wanted.manufacturer.clone())
            .query("serial-number", wanted.serial_number.clone())
            .query("serial-prefix", wanted.serial_prefix.clone())
            .query("expires-before", wanted.expires_before.clone())
            .query("last", flag(wanted.last))
            .query("pins", wanted.pins.clone())
            .query("registered", flag(wanted.registered))
            .query("after", wanted.after.clone())
            .query("limit", wanted.limit.map(|limit| limit.to_string()));
        self.send(call).await?.json().await
    }

    /// A page of the leases that `wanted` describes.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn dhcp_leases(&self, wanted: &DhcpLeaseQuery) -> Result<DhcpLeasePage, ClientError> {
        let call = Call::get(paths::DHCP_LEASES.to_owned())
            .query("mac", wanted.mac.clone())
            .query("subnet", wanted.subnet.clone())
            .query("expired", wanted.expired.map(|expired| expired.to_string()))
            .query("after", wanted.after.clone())
            .query("limit", wanted.limit.map(|limit| limit.to_string()));
        self.send(call).await?.json().await
    }

    /// Ends the lease of an address before its time.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn release_dhcp_lease(
        &self,
        address: &str,
        because: &Because,
        intent: Intent,
    ) -> Result<Option<DhcpLease>, ClientError> {
        let path = fill(paths::RELEASE_DHCP_LEASE, &[("address", address)]);
        let call = Call::change(Method::POST, path, intent)?.json(because);
        self.send(call).await?.changed(intent).await
    }

    /// Has a voucher verified and stored.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn add_voucher(&self, voucher: &NewVoucher, intent: Intent) -> Result<Option<Voucher>, ClientError> {
        let call = Call::change(Method::POST, paths::VOUCHERS.to_owned(), intent)?.json(voucher);
        self.send(call).await?.changed(intent).await
    }

    /// A page of the records of the audit log that `wanted` describes.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn records(&self, wanted: &RecordQuery) -> Result<AuditRecords, ClientError> {
        let call = Call::get(paths::RECORDS.to_owned())
            .query("after", wanted.after.map(|after| after.to_string()))
            .query("limit", wanted.limit.map(|limit| limit.to_string()))
            .query("manufacturer", wanted.manufacturer.clone())
            .query("serial-number", wanted.serial_number.clone());
        self.send(call).await?.json().await
    }

    /// The latest signed checkpoint.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn checkpoint(&self) -> Result<CheckpointNote, ClientError> {
        self.send(Call::get(paths::CHECKPOINT.to_owned())).await?.json().await
    }

    /// Takes a backup, which comes as a stream of octets.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn backup(&self) -> Result<Download<'_>, ClientError> {
        // Repeated, it is another backup: nothing is kept for that.
        let call = Call::secret(paths::BACKUP.to_owned(), Intent::Make).accept("application/octet-stream");
        Ok(Download::new(self.send(call).await?))
    }

    /// Metrics, as OpenMetrics text.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn metrics(&self) -> Result<Vec<u8>, ClientError> {
        let call = Call::get(paths::METRICS.to_owned()).accept("application/openmetrics-text");
        Ok(self.send(call).await?.whole().await?.to_vec())
    }
}
