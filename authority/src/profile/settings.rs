//! A profile as configuration says it, and the way from there to one that can be issued from.

use std::collections::BTreeMap;

use const_oid::ObjectIdentifier;
use pki::key::KeySpec;
use serde::{Deserialize, Serialize};

use super::{CrlLocation, Kind, Lifetime, Profile, RequestedNames, Shards, SubjectAttribute};
use crate::lint::{TextFault, is_http_url, is_masa_url, text_fault};

/// What a profile may say differently from the one of its kind; whatever is left out stays as it is there.
///
/// ```
/// use authority::{Kind, Profile, ProfileSettings};
///
/// let settings: ProfileSettings = toml::from_str(r#"
///     days = "unlimited"
///     keys = ["p256", "p384"]
///     fixed = { O = "Acme", C = "SE" }
///     from-request = ["CN", "serialNumber"]
///     hardware-module-type = "1.3.6.1.4.1.32473.7"
///     masa-url = "https://masa.acme.example"
///     crl-url = "http://crl.acme.example/devices-{shard}.crl"
///     crl-shards = 16
///     ocsp-urls = ["http://ocsp.acme.example"]
/// "#)?;
/// let profile = Profile::new(Kind::Idevid, settings)?;
/// assert_eq!(profile.crl().map(|it| it.url(7)).as_deref(), Some("http://crl.acme.example/devices-7.crl"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct ProfileSettings {
    /// How long certificates live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days: Option<Lifetime>,
    /// The keys that they may have, among those of the kind.
    #[serde(skip_serializing_if = "Option::is_none", with = "key_names")]
    pub keys: Option<Vec<KeySpec>>,
    /// Attributes that each subject has, whatever is asked for.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub fixed: BTreeMap<SubjectAttribute, String>,
    /// Attributes that are taken from a request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_request: Option<Vec<SubjectAttribute>>,
    /// What becomes of alternative names in a request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested_names: Option<RequestedNames>,
    /// How many CAs may follow below a CA.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_length: Option<u8>,
    /// The type in a hardwareModuleName, an object identifier (RFC 4108 §5; IEEE 802.1AR §8.10.4). With it, each device's
    /// certificate says its serial number there too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hardware_module_type: Option<String>,
    /// Where a device's owner gets vouchers (RFC 8995 §2.3.2; MAS-12).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub masa_url: Option<String>,
    /// Where revocation lists are, `{shard}` standing for the number of the list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crl_url: Option<String>,
    /// How many lists there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crl_shards: Option<Shards>,
    /// Where OCSP responders are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ocsp_urls: Vec<String>,
    /// Where the issuer's certificate can be had.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub issuer_urls: Vec<String>,
    /// Certificate policies, object identifiers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<String>,
}

/// Kinds of keys by their names.
mod key_names {
    use pki::key::KeySpec;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    #[expect(clippy::ref_option, reason = "the shape that serde asks for")]
    pub(super) fn serialize<S: Serializer>(keys: &Option<Vec<KeySpec>>, serializer: S) -> Result<S::Ok, S::Error> {
        keys.as_ref().map(|keys| keys.iter().map(|key| key.name()).collect::<Vec<_>>()).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<KeySpec>>, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        names.iter().map(|name| name.parse().map_err(D::Error::custom)).collect::<Result<_, _>>().map(Some)
    }
}

impl Profile {
    /// Most lists into which certificates are spread.
    pub const MAX_SHARDS: u16 = 4096;

    /// The profile of this kind with these settings.
    ///
    /// # Errors
    /// [`ProfileError`] for what no certificate of this kind may say.
    pub fn new(kind: Kind, settings: ProfileSettings) -> Result<Self, ProfileError> {
        let mut profile = Self::of(kind);
        if let Some(lifetime) = settings.days {
            let longest = kind.longest_lifetime();
            if lifetime > longest || lifetime == Lifetime::Days(0) {
                return Err(ProfileError::Lifetime { kind, lifetime, longest });
            }
            profile.lifetime = lifetime;
        }
        if let Some(keys) = settings.keys {
            if let Some(key) = keys.iter().find(|key| !kind.permitted_keys().contains(key)) {
                return Err(ProfileError::Key { kind, key: *key });
            }
            if keys.is_empty() {
                return Err(ProfileError::NoKey);
            }
            profile.keys = keys;
        }
        for (attribute, value) in &settings.fixed {
            if *attribute == SubjectAttribute::SerialNumber {
                return Err(ProfileError::FixedSerialNumber);
            }
            if let Some(fault) = text_fault(*attribute, value) {
                return Err(ProfileError::Fixed { attribute: *attribute, fault });
            }
        }
        profile.fixed = settings.fixed.into_iter().collect();
        profile.requested_names = settings.requested_names.unwrap_or(profile.requested_names);
        profile.from_request = settings.from_request.unwrap_or(profile.from_request);
        if let Some((both, _)) = profile.fixed.iter().find(|(it, _)| settings_take(&profile.from_request, *it)) {
            // CN comes from requests unless it is said otherwise, and a fixed one says so.
            let both = *both;
            profile.from_request.retain(|it| *it != both);
        }
        match (kind.is_ca(), settings.path_length) {
            (_, None) => {}
            (true, length) => profile.path_length = length,
            (false, Some(_)) => return Err(ProfileError::NotForThisKind { kind, setting: "path-length" }),
        }
        let is_device = matches!(kind, Kind::Idevid | Kind::Ldevid);
        if let Some(text) = settings.hardware_module_type {
            if !is_device {
                return Err(ProfileError::NotForThisKind { kind, setting: "hardware-module-type" });
            }
            profile.hardware_module_type = Some(oid(text)?);
        }
        if let Some(url) = settings.masa_url {
            if kind != Kind::Idevid {
                return Err(ProfileError::NotForThisKind { kind, setting: "masa-url" });
            }
            if !is_masa_url(&url) {
                return Err(ProfileError::MasaUrl(url));
            }
            profile.masa_url = Some(url);
        }
        profile.crl = crl_location(settings.crl_url, settings.crl_shards)?;
        if kind == Kind::Root && (profile.crl.is_some() || !settings.ocsp_urls.is_empty()) {
            // Nobody can revoke a root but who takes it out of the list of anchors.
            return Err(ProfileError::NotForThisKind { kind, setting: "crl-url, ocsp-urls" });
        }
        for url in settings.ocsp_urls.iter().chain(&settings.issuer_urls) {
            if !is_http_url(url) {
                return Err(ProfileError::Url(url.clone()));
            }
        }
        (profile.ocsp_urls, profile.issuer_urls) = (settings.ocsp_urls, settings.issuer_urls);
        profile.policies = settings.policies.into_iter().map(oid).collect::<Result<_, _>>()?;
        Ok(profile)
    }
}

fn settings_take(from_request: &[SubjectAttribute], attribute: SubjectAttribute) -> bool {
    from_request.contains(&attribute)
}

fn crl_location(url: Option<String>, shards: Option<Shards>) -> Result<Option<CrlLocation>, ProfileError> {
    let shards = shards.unwrap_or(Shards::ONE);
    let Some(url) = url else {
        return if shards == Shards::ONE { Ok(None) } else { Err(ProfileError::Shards) };
    };
    if !is_http_url(&url.replace(CrlLocation::PLACEHOLDER, "0")) {
        return Err(ProfileError::Url(url));
    }
    let is_numbered = url.contains(CrlLocation::PLACEHOLDER);
    if (shards == Shards::ONE) == is_numbered || shards.count() > Profile::MAX_SHARDS {
        return Err(ProfileError::Shards);
    }
    Ok(Some(CrlLocation { url, shards }))
}

fn oid(text: String) -> Result<ObjectIdentifier, ProfileError> {
    text.parse().map_err(|_| ProfileError::Oid(text))
}

/// Settings that make no profile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// Certificates of this kind may not live so long, or not at all.
    #[error("days: a certificate for use as {kind} may not live for {lifetime}: at least one day, at most {longest}")]
    Lifetime {
        /// What for.
        kind: Kind,
        /// What was asked for.
        lifetime: Lifetime,
        /// What may be had.
        longest: Lifetime,
    },
    /// Certificates of this kind may not have such keys.
    #[error("keys: a certificate for use as {kind} may not have a key of kind {key}")]
    Key {
        /// What for.
        kind: Kind,
        /// What was asked for.
        key: KeySpec,
    },
    /// No key is allowed.
    #[error("keys: name one kind of key at least")]
    NoKey,
    /// A value that no subject may have.
    #[error("fixed: the value of {attribute} {fault}")]
    Fixed {
        /// Of which attribute.
        attribute: SubjectAttribute,
        /// What is wrong with it.
        fault: TextFault,
    },
    /// All devices would be the same.
    #[error("fixed: serialNumber is each device's own")]
    FixedSerialNumber,
    /// The setting means nothing for this kind.
    #[error("{setting} is not for certificates for use as {kind}")]
    NotForThisKind {
        /// What for.
        kind: Kind,
        /// Which setting.
        setting: &'static str,
    },
    /// Not an address for revocation lists, OCSP or certificates. `https` would need a certificate to be checked first, whose
    /// check would need another (RFC 5280 §8).
    #[error("`{0}` is no http:// URL: what is fetched there is signed, and https would need to be checked first")]
    Url(String),
    /// Not a MASA's address.
    #[error("masa-url: `{0}` is neither an https:// URL nor a name with an optional port (RFC 8995 §2.3.2)")]
    MasaUrl(String),
    /// Not an object identifier.
    #[error("`{0}` is no object identifier, such as 1.3.6.1.4.1.32473.7")]
    Oid(String),
    /// URL and number of lists do not go together.
    #[error("crl-url holds {{shard}} exactly when crl-shards is between 2 and {}", Profile::MAX_SHARDS)]
    Shards,
}
