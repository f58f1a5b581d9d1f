//! The YANG library (RFC 8525): which modules a bootstrap server speaks, each with its revision (RCF-10, RCF-11).

use pki::digest::{Sha256, sha256};

use super::Roles;
use crate::document::{Container, Out, namespace};

/// Revision of the library module, the same wherever it is told (RFC 8040 §3.3.3; RCF-10).
pub(super) const REVISION: &str = "2019-01-04";

/// A module that the server speaks, or that one of those imports.
struct Module {
    name: &'static str,
    revision: &'static str,
    conformance: Conformance,
}

/// What a module is to the server (RFC 8525 §4).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Conformance {
    /// Its operations, data or identities are used.
    Implement,
    /// Only its types and groupings are.
    Import,
}

impl Module {
    const fn implemented(name: &'static str, revision: &'static str) -> Self {
        Self { name, revision, conformance: Conformance::Implement }
    }

    const fn imported(name: &'static str, revision: &'static str) -> Self {
        Self { name, revision, conformance: Conformance::Import }
    }

    /// The features that a server with these roles has of it (RFC 8572 §7.3; WKS-04).
    fn features(&self, roles: Roles) -> &'static [&'static str] {
        if self.name == BOOTSTRAP_SERVER { roles.features() } else { &[] }
    }
}

const BOOTSTRAP_SERVER: &str = "ietf-sztp-bootstrap-server";

/// In the order in which they are listed.
const MODULES: &[Module] = &[
    Module::implemented(BOOTSTRAP_SERVER, "2019-04-30"),
    // RFC 9646 §2.3: adds to the input of get-bootstrapping-data; the names of its formats are identities of the second.
    Module::implemented("ietf-sztp-csr", "2024-10-10"),
    Module::implemented("ietf-ztp-types", "2024-10-10"),
    Module::implemented("ietf-yang-library", REVISION),
    Module::implemented("ietf-datastores", "2018-02-14"),
    Module::imported("ietf-crypto-types", "2024-10-10"),
    Module::imported("ietf-inet-types", "2013-07-15"),
    Module::imported("ietf-netconf-acm", "2018-02-14"),
    Module::imported("ietf-yang-structure-ext", "2020-06-17"),
    Module::imported("ietf-yang-types", "2013-07-15"),
];

/// The one set of modules, and the one schema made of it.
const SET: &str = "bootstrap-server";

/// The container `yang-library` (RFC 8525 §4).
pub(super) fn yang_library(roles: Roles) -> Container {
    let of = |conformance| MODULES.iter().filter(move |module| module.conformance == conformance);
    let entry = |module: &Module| {
        let mut entry = Container::new();
        entry.put_text("name", module.name);
        entry.put_text("revision", module.revision);
        entry.put_text("namespace", &namespace(module.name));
        put_features(&mut entry, module.features(roles));
        Out::Container(entry)
    };
    let mut set = Container::new();
    set.put_text("name", SET);
    set.put("module", Out::List(of(Conformance::Implement).map(entry).collect()));
    set.put("import-only-module", Out::List(of(Conformance::Import).map(entry).collect()));
    let mut schema = Container::new();
    schema.put_text("name", SET);
    schema.put("module-set", Out::List(vec![Out::Text(SET.to_owned())]));
    // RFC 8342 §5.3: what a bootstrap server shows is state; there is no configuration to be read or written here.
    let mut datastore = Container::new();
    datastore.put("name", Out::Identity("ietf-datastores", "operational".to_owned()));
    datastore.put_text("schema", SET);
    let mut library = Container::new();
    library.put("module-set", Out::List(vec![Out::Container(set)]));
    library.put("schema", Out::List(vec![Out::Container(schema)]));
    library.put("datastore", Out::List(vec![Out::Container(datastore)]));
    library.put_text("content-id", &content_id(roles));
    library
}

/// The container `modules-state`, deprecated, which the same revision keeps for those who know the library of RFC 7895
/// (RFC 8525 §4).
pub(super) fn modules_state(roles: Roles) -> Container {
    let entry = |module: &Module| {
        let mut entry = Container::new();
        entry.put_text("name", module.name);
        entry.put_text("revision", module.revision);
        entry.put_text("namespace", &namespace(module.name));
        put_features(&mut entry, module.features(roles));
        entry.put_text(
            "conformance-type",
            match module.conformance {
                Conformance::Implement => "implement",
                Conformance::Import => "import",
            },
        );
        Out::Container(entry)
    };
    let mut state = Container::new();
    state.put_text("module-set-id", &content_id(roles));
    state.put("module", Out::List(MODULES.iter().map(entry).collect()));
    state
}

fn put_features(entry: &mut Container, features: &[&str]) {
    if !features.is_empty() {
        entry.put("feature", Out::List(features.iter().map(|&name| Out::Text(name.to_owned())).collect()));
    }
}

/// RFC 8525 §4: another value whenever the content is another.
fn content_id(roles: Roles) -> String {
    let mut hasher = Sha256::new();
    for module in MODULES {
        for text in [module.name, module.revision, &module.features(roles).join(",")] {
            hasher.update(&sha256(text.as_bytes()).0);
        }
        hasher.update(&[u8::from(module.conformance == Conformance::Implement)]);
    }
    hasher.finish().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Encoding;

    #[test]
    fn rcf_10_the_revision_that_is_told_is_the_one_that_is_listed() {
        let listed = MODULES.iter().find(|module| module.name == "ietf-yang-library").unwrap();
        assert_eq!(listed.revision, REVISION);
    }

    #[test]
    fn rcf_11_both_forms_list_every_module_once_and_share_their_id() {
        let roles = Roles::RedirectAndOnboarding;
        let library = yang_library(roles).into_document("ietf-yang-library:yang-library", Encoding::Json);
        let state = modules_state(roles).into_document("ietf-yang-library:modules-state", Encoding::Json);
        for document in [library, state] {
            let document = String::from_utf8(document).unwrap();
            for module in MODULES {
                let name = format!(r#""name":"{}""#, module.name);
                assert_eq!(document.matches(&name).count(), 1, "{name}");
            }
            assert!(document.contains(&content_id(roles)));
            assert!(document.contains(r#""feature":["redirect-server","onboarding-server"]"#));
        }
    }

    #[test]
    fn wks_04_a_library_that_lists_other_features_has_another_id() {
        assert_ne!(content_id(Roles::RedirectOnly), content_id(Roles::RedirectAndOnboarding));
    }
}
