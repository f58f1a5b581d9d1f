//! How a device finds its certificate in its onboarding information (RFC 9646 leaves that open; CSR-15).

use base64::{Engine, engine::general_purpose::STANDARD};
use conveyed_info::{
    cms::certificates_only,
    information::{Configuration, ConfigurationHandling, OnboardingInformation, Script},
};
use pki::certificate::Certificate;
use serde_json::{Map, Value, json};

/// What stands for the certificate in scripts and configurations, as PEM.
const CERTIFICATE: &str = "{{ldevid.certificate}}";

/// What stands for the certificates above it, its issuer's first, as PEM.
const CHAIN: &str = "{{ldevid.chain}}";

/// How every placeholder begins.
const ANY: &str = "{{ldevid.";

/// A device's certificate of its owner's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// The certificate.
    pub certificate: Certificate,
    /// Those above it, its issuer's first.
    pub chain: Vec<Certificate>,
}

/// Where a certificate would go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Places {
    /// Nowhere.
    None,
    /// Where placeholders stand.
    Placeholders,
    /// A placeholder that nobody fills.
    Unknown,
}

/// Where the placeholders of `information` are.
pub(super) fn places(information: &OnboardingInformation) -> Places {
    let mut places = Places::None;
    for text in texts(information) {
        let text = String::from_utf8_lossy(text);
        for (at, _) in text.match_indices(ANY) {
            let known = [CERTIFICATE, CHAIN].iter().any(|it| text.get(at..).is_some_and(|rest| rest.starts_with(it)));
            if !known {
                return Places::Unknown;
            }
            places = Places::Placeholders;
        }
    }
    places
}

fn texts(information: &OnboardingInformation) -> impl Iterator<Item = &[u8]> {
    let scripts = [&information.pre_configuration_script, &information.post_configuration_script];
    let scripts = scripts.into_iter().flatten().map(|script| script.0.as_slice());
    scripts.chain(information.configuration.iter().map(|configuration| configuration.content.as_slice()))
}

/// Whether a keystore can be put into this configuration.
pub(super) fn takes_keystore(information: &OnboardingInformation) -> bool {
    information.configuration.as_ref().is_none_or(|it| object(&it.content).is_some())
}

/// `information` for a device with this certificate, or for one without.
#[must_use]
pub fn filled(
    information: &OnboardingInformation,
    keystore: Option<&str>,
    delivered: Option<&Delivered>,
) -> OnboardingInformation {
    let mut information = information.clone();
    let certificate = delivered.map(|it| it.certificate.to_pem()).unwrap_or_default();
    let chain: String = delivered.iter().flat_map(|it| &it.chain).map(Certificate::to_pem).collect();
    let substitute = |octets: &mut Vec<u8>| {
        let Ok(text) = std::str::from_utf8(octets) else { return };
        if !text.contains(ANY) {
            return;
        }
        // Inside a JSON document a line ends with an escape.
        let is_json = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
        let written = |pem: &str| if is_json { pem.replace('\n', "\\n") } else { pem.to_owned() };
        *octets = text.replace(CERTIFICATE, &written(&certificate)).replace(CHAIN, &written(&chain)).into_bytes();
    };
    for Script(octets) in
        [&mut information.pre_configuration_script, &mut information.post_configuration_script].into_iter().flatten()
    {
        substitute(octets);
    }
    if let Some(configuration) = &mut information.configuration {
        substitute(&mut configuration.content);
    }
    if let (Some(name), Some(delivered)) = (keystore, delivered) {
        let configuration = information
            .configuration
            .get_or_insert_with(|| Configuration { handling: ConfigurationHandling::Merge, content: b"{}".to_vec() });
        if let Some(merged) = with_keystore(&configuration.content, name, delivered) {
            configuration.content = merged;
        }
    }
    information
}

fn object(octets: &[u8]) -> Option<Map<String, Value>> {
    serde_json::from_slice(octets).ok()
}

/// RFC 9642 §2: an asymmetric key whose private half never left the device, with its certificate as CMS (RFC 9640 §2).
fn with_keystore(content: &[u8], name: &str, delivered: &Delivered) -> Option<Vec<u8>> {
    let mut document = object(content)?;
    let chain = std::iter::once(&delivered.certificate).chain(&delivered.chain).cloned().collect::<Vec<_>>();
    let cms = certificates_only(&chain).ok()?;
    let key = json!({
        "name": name,
        "public-key-format": "ietf-crypto-types:subject-public-key-info-format",
        "public-key": STANDARD.encode(delivered.certificate.public_key().spki_der()),
        "hidden-private-key": [null],
        "certificates": {"certificate": [{"name": name, "cert-data": STANDARD.encode(cms)}]},
    });
    let mut at = &mut document;
    for member in ["ietf-keystore:keystore", "asymmetric-keys"] {
        at = at.entry(member).or_insert_with(|| json!({})).as_object_mut()?;
    }
    let keys = at.entry("asymmetric-key").or_insert_with(|| json!([])).as_array_mut()?;
    // Its own name decides: what the profile says of the same key is replaced.
    keys.retain(|it| it["name"] != name);
    keys.push(key);
    serde_json::to_vec(&document).ok()
}

#[cfg(test)]
mod tests {
    use authority::ManufacturerParty;
    use pki::{identity::SerialNumber, time::Timestamp};

    use super::*;

    fn delivered() -> Delivered {
        let now = Timestamp::from_unix(1_790_000_000);
        let maker = ManufacturerParty::new("Owner", now).unwrap();
        let (_, mut chain) = maker.device("bmc", &SerialNumber::new("SN-1").unwrap(), now).unwrap();
        Delivered { certificate: chain.remove(0), chain }
    }

    fn configuration(content: &str) -> OnboardingInformation {
        let content = content.as_bytes().to_vec();
        let configuration = Some(Configuration { handling: ConfigurationHandling::Replace, content });
        OnboardingInformation { configuration, ..OnboardingInformation::default() }
    }

    fn json_of(information: &OnboardingInformation) -> Value {
        serde_json::from_slice(&information.configuration.as_ref().unwrap().content).unwrap()
    }

    #[test]
    fn csr_15_placeholders_are_filled_in_scripts_and_inside_json() {
        let delivered = delivered();
        let pem = delivered.certificate.to_pem();
        let information = OnboardingInformation {
            post_configuration_script: Some(Script(b"cat > c <<E\n{{ldevid.certificate}}E\n{{ldevid.chain}}".to_vec())),
            ..configuration(r#"{"z": "{{ldevid.certificate}}", "a": 1}"#)
        };
        assert_eq!(places(&information), Places::Placeholders);
        let filled_in = filled(&information, None, Some(&delivered));
        let chain: String = delivered.chain.iter().map(Certificate::to_pem).collect();
        let script = String::from_utf8(filled_in.post_configuration_script.clone().unwrap().0).unwrap();
        assert_eq!(script, format!("cat > c <<E\n{pem}E\n{chain}"));
        assert_eq!(json_of(&filled_in), json!({"z": pem, "a": 1}));
        // A device without one finds nothing there.
        let without = filled(&information, Some("ldevid"), None);
        assert_eq!(json_of(&without), json!({"z": "", "a": 1}));
        assert_eq!(without.post_configuration_script.unwrap().0, b"cat > c <<E\nE\n");
    }

    #[test]
    fn a_placeholder_that_nobody_fills_is_noticed() {
        assert_eq!(places(&configuration("{{ldevid.certificate}} {{ldevid.key}}")), Places::Unknown);
        assert_eq!(places(&configuration("{{other}}")), Places::None);
    }

    #[test]
    fn csr_15_a_keystore_is_merged_into_the_configuration() {
        let delivered = delivered();
        let key = |information: &OnboardingInformation, at: usize| {
            json_of(information)["ietf-keystore:keystore"]["asymmetric-keys"]["asymmetric-key"][at].clone()
        };
        let made = filled(&OnboardingInformation::default(), Some("ldevid"), Some(&delivered));
        let own = key(&made, 0);
        assert_eq!(made.configuration.as_ref().unwrap().handling, ConfigurationHandling::Merge);
        assert_eq!((&own["name"], &own["hidden-private-key"]), (&json!("ldevid"), &json!([null])));
        let cms = STANDARD.decode(own["certificates"]["certificate"][0]["cert-data"].as_str().unwrap()).unwrap();
        let held = conveyed_info::cms::SignedData::from_der(&cms).unwrap();
        assert!(held.certificates().contains(&delivered.certificate));
        assert_eq!(held.certificates().len(), 1 + delivered.chain.len());
        // Beside what is there, in place of what has its name.
        let before = json!({"x:y": 1, "ietf-keystore:keystore": {"asymmetric-keys": {"asymmetric-key":
            [{"name": "other"}, {"name": "ldevid", "public-key": "old"}]}}});
        let merged = filled(&configuration(&before.to_string()), Some("ldevid"), Some(&delivered));
        assert_eq!((&json_of(&merged)["x:y"], &key(&merged, 0)), (&json!(1), &json!({"name": "other"})));
        assert_eq!((key(&merged, 1), key(&merged, 2)), (own, Value::Null));
        assert!(!takes_keystore(&configuration("set name x")) && takes_keystore(&OnboardingInformation::default()));
    }
}
