//! What a DHCP client would be answered, and why.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A client, as far as somebody asks about it. Octets that are no text are written as `0x` and hexadecimal digits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DhcpQuestion {
    /// 4 or 6: the IP version. That of the server's DHCP where it has one of them alone; else 4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_version: Option<u8>,
    /// Its hardware address, such as `00:00:5e:00:53:01`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
    /// Its UUID, such as `123e4567-e89b-12d3-a456-426614174000`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    /// Option 61, or its DUID: octets in hexadecimal, or a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_identifier: Option<String>,
    /// Option 60, or a text of option 16, such as `PXEClient:Arch:00007:UNDI:003000`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor_class: Option<String>,
    /// The enterprise number of option 124 or 16.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enterprise: Option<u32>,
    /// Option 77 or 15, such as `iPXE`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_class: Option<String>,
    /// The architectures of option 93 or 61, by number and separated by commas (RFC 4578 §2.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// The address of the relay agent next to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relay: Option<String>,
    /// What the relay agent calls the port it is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circuit_id: Option<String>,
    /// What the relay agent calls itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_id: Option<String>,
    /// What the relay agent calls the subscriber.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscriber_id: Option<String>,
    /// The name that it gives itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_name: Option<String>,
    /// An address of the network that it is in, or that network, where no relay agent says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet: Option<String>,
    /// The options that it asks for, by number and separated by commas. Without any it does not say what it wants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asks: Option<String>,
}

/// What a DHCP client would be answered, and why. Nothing was sent, and nothing lent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct DhcpExplanation {
    /// The IP version.
    pub ip_version: u8,
    /// What was looked at: `server` for everything that it knows, `configuration` for its file alone, without devices, profiles and leases.
    pub basis: String,
    /// The device on the owner's list, if it is one.
    pub device: Option<DhcpDevice>,
    /// The network that it is in.
    pub subnet: Option<DhcpSubnet>,
    /// The address that it would get.
    pub address: Option<DhcpAddress>,
    /// What says anything about it, the narrowest first.
    pub applies: Vec<String>,
    /// The type of the message that it would get; none when it would get no answer.
    pub message: Option<String>,
    /// What is in that message, fields of the header first.
    pub items: Vec<DhcpItem>,
    /// What it would boot.
    pub boots: Option<DhcpBoot>,
    /// The bootstrap servers that it would learn of (RFC 8572 §8).
    pub bootstrap: Option<DhcpBootstrap>,
    /// What it would get if it asked for it.
    pub when_asked: Vec<DhcpItem>,
    /// What a wider place says and a narrower one says otherwise.
    pub overridden: Vec<DhcpItem>,
    /// What a wider place says and a narrower one takes away; `from` names the narrower one.
    #[serde(default)]
    pub taken_away: Vec<DhcpItem>,
    /// What keeps it from being answered, or from being answered as a whole.
    pub hindrances: Vec<DhcpHindrance>,
}

/// A device on the owner's list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct DhcpDevice {
    /// MANUFACTURER/SERIAL.
    pub name: String,
    /// By what it was recognised: `MAC address`, `UUID` or `serial number`.
    pub recognised_by: String,
    /// What it is to become.
    pub profile: Option<String>,
    /// The maker's name for its kind.
    pub model: Option<String>,
    /// The name it is to have, where that can be a host name.
    pub host_name: Option<String>,
}

/// A network that a client is in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct DhcpSubnet {
    /// The network.
    pub network: String,
    /// Why this one.
    pub because: String,
}

/// An address that a client would get.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct DhcpAddress {
    /// The address.
    pub address: String,
    /// `reserved`, `lease` (it has it, or had it last), or `pool`: likely this one, unless somebody else is faster.
    pub from: String,
    /// When the lease ends that it has.
    pub until: Option<String>,
}

/// Something that a message says, or would say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct DhcpItem {
    /// The option's number; none for a field of the header.
    pub code: Option<u16>,
    /// What it is called.
    pub name: String,
    /// What it says, in words.
    pub value: String,
    /// Where that stands, or who makes it.
    pub from: String,
}

/// What a client would boot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct DhcpBoot {
    /// What asks, as far as is known.
    pub client: String,
    /// The file or URL.
    pub file: String,
    /// The server, where the file is no URL.
    pub server: Option<String>,
    /// Where the file stands.
    pub from: String,
}

/// The bootstrap servers that a client would learn of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct DhcpBootstrap {
    /// Their URIs, in order of preference.
    pub uris: Vec<String>,
    /// How they are written: `rfc8572`, or another form.
    pub form: String,
    /// What that form is.
    pub form_explained: String,
    /// Where they stand.
    pub from: String,
}

/// What keeps a client from something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct DhcpHindrance {
    /// What.
    pub what: String,
    /// The reason code, where there is one.
    pub reason: Option<String>,
    /// What to do about it.
    pub remedy: String,
}
