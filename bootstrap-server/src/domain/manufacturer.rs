//! A manufacturer whose devices this owner takes in.

use pki::{
    certificate::{Certificate, CertificateError},
    identity::{IdentityRules, RuleInvalid, RulesInvalid, SerialNumberRule},
};
use serde::{Deserialize, Serialize};

use super::{
    ManufacturerName,
    vouching::{MasaAddressInvalid, MasaService},
};

/// A manufacturer whose devices this owner takes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manufacturer {
    /// Its name, as operators use it.
    pub name: ManufacturerName,
    /// What its IDevID certificates chain to.
    pub anchors: Vec<Certificate>,
    /// What those chain to that are taken at the listener for old devices, and nowhere else; signatures with SHA-1 count
    /// below them.
    pub legacy_anchors: Vec<Certificate>,
    /// What its vouchers are signed under; empty when none are imported.
    pub voucher_anchors: Vec<Certificate>,
    /// What its IDevID certificates are like.
    pub identity: IdentityRules,
    /// Where it is asked for vouchers, if it can be.
    pub masa: Option<MasaService>,
}

impl Manufacturer {
    /// Most anchors of one kind.
    pub const MAX_ANCHORS: usize = 64;

    /// A manufacturer that does as IEEE 802.1AR says, whose vouchers are not known.
    #[must_use]
    pub fn new(name: ManufacturerName, anchors: Vec<Certificate>) -> Self {
        let (legacy_anchors, voucher_anchors) = (Vec::new(), Vec::new());
        Self { name, anchors, legacy_anchors, voucher_anchors, identity: IdentityRules::default(), masa: None }
    }
}

/// What is known of a manufacturer beside its anchors, as texts: in the database, and in requests of operators.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct ManufacturerTexts {
    /// Rules for the serial number. They have a column of their own in the database.
    #[serde(skip)]
    pub serial_number_rules: Vec<String>,
    /// PEM.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub legacy_anchors: String,
    /// PEM.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub intermediates: String,
    /// Object identifiers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub critical_extensions: Vec<String>,
    /// Object identifiers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extended_key_usages: Vec<String>,
    /// The address of its MASA.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub masa_url: String,
    /// PEM: what the MASA's server certificate chains to.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub masa_anchors: String,
}

impl ManufacturerTexts {
    /// The texts of `manufacturer`.
    #[must_use]
    pub fn of(manufacturer: &Manufacturer) -> Self {
        fn texts(all: &[impl ToString]) -> Vec<String> {
            all.iter().map(ToString::to_string).collect()
        }
        let pem = |certificates: &[Certificate]| certificates.iter().map(Certificate::to_pem).collect();
        let Manufacturer { identity, masa, .. } = manufacturer;
        Self {
            serial_number_rules: texts(identity.serial_number_rules()),
            legacy_anchors: pem(&manufacturer.legacy_anchors),
            intermediates: pem(identity.intermediates()),
            critical_extensions: texts(identity.accepted_critical()),
            extended_key_usages: texts(identity.key_purposes()),
            masa_url: masa.as_ref().map(|masa| masa.address.to_string()).unwrap_or_default(),
            masa_anchors: masa.as_ref().map(|masa| pem(&masa.anchors)).unwrap_or_default(),
        }
    }

    /// Reads the two columns that hold them: the rules for the serial number, one a line, and the rest as JSON.
    #[must_use]
    pub fn read(serial_number_rules: &str, rest: &str) -> Option<Self> {
        let serial_number_rules = serial_number_rules.lines().map(str::to_owned).collect();
        Some(Self { serial_number_rules, ..serde_json::from_str(rest).ok()? })
    }

    /// Puts what they say into `manufacturer`. Without rules for the serial number it is IEEE 802.1AR's.
    ///
    /// # Errors
    /// [`ManufacturerInvalid`] names the text that is wrong.
    pub fn apply_to(&self, manufacturer: &mut Manufacturer) -> Result<(), ManufacturerInvalid> {
        let mut identity = IdentityRules::default();
        if !self.serial_number_rules.is_empty() {
            let rules = self.serial_number_rules.iter().map(|text| {
                let rule = text.parse::<SerialNumberRule>();
                rule.map_err(|source| ManufacturerInvalid::SerialNumberRule { rule: shortened(text), source })
            });
            identity = identity.with_serial_number_rules(rules.collect::<Result<_, _>>()?)?;
        }
        let oids = |texts: &[String]| {
            let each = texts
                .iter()
                .map(|text| text.parse().map_err(|_| ManufacturerInvalid::ObjectIdentifier { text: shortened(text) }));
            each.collect::<Result<Vec<_>, _>>()
        };
        manufacturer.identity = identity
            .with_accepted_critical(oids(&self.critical_extensions)?)?
            .with_key_purposes(oids(&self.extended_key_usages)?)?
            .with_intermediates(chain("intermediates", &self.intermediates)?)?;
        manufacturer.legacy_anchors = chain("legacy-anchors", &self.legacy_anchors)?;
        manufacturer.masa = self.masa()?;
        Ok(())
    }

    fn masa(&self) -> Result<Option<MasaService>, ManufacturerInvalid> {
        let anchors = chain("masa-anchors", &self.masa_anchors)?;
        match (self.masa_url.is_empty(), anchors.is_empty()) {
            (true, true) => Ok(None),
            // RFC 8995 §5.4: whoever answers there pins this owner's devices; nobody is asked whose certificate nobody can judge.
            (false, true) => Err(ManufacturerInvalid::HalfMasa { there: "masa-url", missing: "masa-anchors" }),
            (true, false) => Err(ManufacturerInvalid::HalfMasa { there: "masa-anchors", missing: "masa-url" }),
            (false, false) => Ok(Some(MasaService { address: self.masa_url.parse()?, anchors })),
        }
    }
}

fn chain(member: &'static str, pem: &str) -> Result<Vec<Certificate>, ManufacturerInvalid> {
    if pem.is_empty() {
        return Ok(Vec::new());
    }
    let certificates = Certificate::chain_from_pem(pem.as_bytes())
        .map_err(|source| ManufacturerInvalid::Certificates { member, source })?;
    match certificates.len() {
        0..=Manufacturer::MAX_ANCHORS => Ok(certificates),
        count => Err(ManufacturerInvalid::TooMany { member, count }),
    }
}

/// What is quoted back.
fn shortened(text: &str) -> String {
    text.chars().take(SerialNumberRule::MAX).collect::<String>().escape_debug().to_string()
}

/// What is said of a manufacturer cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManufacturerInvalid {
    /// A rule for serial numbers is none.
    #[error("serial-number-rules: `{rule}`: {source}")]
    SerialNumberRule {
        /// What was written.
        rule: String,
        /// What is wrong with it.
        source: RuleInvalid,
    },
    /// A text is no object identifier.
    #[error("`{text}` is no object identifier, such as 2.5.29.9")]
    ObjectIdentifier {
        /// What was written.
        text: String,
    },
    /// Certificates cannot be read.
    #[error("{member}: takes certificates in PEM: {source}")]
    Certificates {
        /// Where.
        member: &'static str,
        /// What is wrong.
        source: CertificateError,
    },
    /// Too many certificates.
    #[error("{member}: takes at most {} certificates, not {count}", Manufacturer::MAX_ANCHORS)]
    TooMany {
        /// Where.
        member: &'static str,
        /// How many there are.
        count: usize,
    },
    /// Together they are no rules.
    #[error(transparent)]
    Rules(#[from] RulesInvalid),
    /// The address of its MASA is none.
    #[error("masa-url: {0}")]
    MasaAddress(#[from] MasaAddressInvalid),
    /// A MASA that cannot be found, or not be judged.
    #[error("{missing}: is missing, and {there} is of no use without it")]
    HalfMasa {
        /// What is there.
        there: &'static str,
        /// What is not.
        missing: &'static str,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manufacturer() -> Manufacturer {
        Manufacturer::new(ManufacturerName::new("maker").unwrap(), Vec::new())
    }

    #[test]
    fn what_was_written_is_read_again() {
        let now = pki::time::Timestamp::from_unix(1_800_000_000);
        let party = authority::ManufacturerParty::new("Maker", now).unwrap();
        let pem: String = party.device_anchors().iter().map(Certificate::to_pem).collect();
        let texts = ManufacturerTexts {
            serial_number_rules: vec!["product-and-serial".to_owned(), "CN=bmc-{serial}".to_owned()],
            legacy_anchors: pem.clone(),
            intermediates: pem.clone(),
            critical_extensions: vec!["2.5.29.9".to_owned()],
            extended_key_usages: vec!["2.23.133.8.3".to_owned()],
            masa_url: "https://masa.example:9443".to_owned(),
            masa_anchors: pem.clone(),
        };
        let mut manufacturer = manufacturer();
        texts.apply_to(&mut manufacturer).unwrap();
        assert_eq!(manufacturer.legacy_anchors, party.device_anchors());
        assert_eq!(manufacturer.identity.serial_number_rules().len(), 2);
        assert_eq!(manufacturer.masa.as_ref().unwrap().anchors, party.device_anchors());
        assert_eq!(ManufacturerTexts::of(&manufacturer), texts);
    }

    #[test]
    fn nobody_is_asked_who_cannot_be_found_or_judged() {
        let now = pki::time::Timestamp::from_unix(1_800_000_000);
        let masa_anchors = authority::ManufacturerParty::new("Maker", now).unwrap().device_anchors()[0].to_pem();
        let url = "https://masa.example".to_owned();
        let wrong = |masa_url: String, masa_anchors: String| {
            let texts = ManufacturerTexts { masa_url, masa_anchors, ..ManufacturerTexts::default() };
            texts.apply_to(&mut manufacturer()).unwrap_err().to_string()
        };
        assert!(wrong(url.clone(), String::new()).starts_with("masa-anchors: is missing"));
        assert!(wrong(String::new(), masa_anchors.clone()).starts_with("masa-url: is missing"));
        assert!(wrong("http://masa.example".to_owned(), masa_anchors).starts_with("masa-url: takes https://"));
        assert!(wrong(url, "x".to_owned()).starts_with("masa-anchors: takes certificates"));
    }

    #[test]
    fn a_manufacturer_of_before_is_one_that_does_as_the_standard_says() {
        let kept: ManufacturerTexts = serde_json::from_str("{}").unwrap();
        let mut maker = manufacturer();
        kept.apply_to(&mut maker).unwrap();
        assert_eq!(maker, manufacturer());
        assert_eq!(serde_json::to_string(&ManufacturerTexts::of(&maker)).unwrap(), "{}");
    }

    #[test]
    fn what_is_wrong_is_quoted_and_cut() {
        let wrong = |texts: ManufacturerTexts| texts.apply_to(&mut manufacturer()).unwrap_err().to_string();
        let rule =
            wrong(ManufacturerTexts { serial_number_rules: vec!["\u{202e}".repeat(9_999)], ..Default::default() });
        assert!(rule.contains("\\u{202e}") && rule.len() < 3_000, "{rule}");
        let oid = wrong(ManufacturerTexts { critical_extensions: vec!["tcg".to_owned()], ..Default::default() });
        assert!(oid.contains("`tcg` is no object identifier"), "{oid}");
        let hole = wrong(ManufacturerTexts { critical_extensions: vec!["2.5.29.19".to_owned()], ..Default::default() });
        assert!(hole.contains("2.5.29.19"), "{hole}");
        let pem = wrong(ManufacturerTexts { legacy_anchors: "x".to_owned(), ..Default::default() });
        assert!(pem.starts_with("legacy-anchors"), "{pem}");
    }
}
