//! What a device can read before it calls an operation: the API resource, its parts, and the library of modules
//! (RFC 8040 §3.3).

use super::{Roles, library};
use crate::{
    Encoding,
    document::{Container, Out},
};

/// A resource that can be read and that nothing changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ApiResource {
    /// `{+restconf}`: data, operations and the library's version (RFC 8040 §3.3; RCF-08).
    Root,
    /// `{+restconf}/data`: all the data there is, which is the library (RFC 8040 §3.3.1, §3.4).
    Data,
    /// `{+restconf}/data/ietf-yang-library:yang-library` (RFC 8525 §4; RCF-11).
    YangLibrary,
    /// `{+restconf}/data/ietf-yang-library:modules-state`: the same for those who know RFC 7895 only (RFC 8040 §10).
    ModulesState,
    /// `{+restconf}/operations`: the two operations, each an empty leaf (RFC 8040 §3.3.2, §3.6; RCF-09).
    Operations,
    /// `{+restconf}/yang-library-version` (RFC 8040 §3.3.3; RCF-10).
    YangLibraryVersion,
}

impl ApiResource {
    /// Every one.
    pub const ALL: [Self; 6] =
        [Self::Root, Self::Data, Self::YangLibrary, Self::ModulesState, Self::Operations, Self::YangLibraryVersion];

    /// What follows the path of the RESTCONF root: nothing, or a slash and a path.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Root => "",
            Self::Data => "/data",
            Self::YangLibrary => "/data/ietf-yang-library:yang-library",
            Self::ModulesState => "/data/ietf-yang-library:modules-state",
            Self::Operations => "/operations",
            Self::YangLibraryVersion => "/yang-library-version",
        }
    }

    /// Writes its document, as it is on a server with these roles.
    #[must_use]
    pub fn encode(self, roles: Roles, encoding: Encoding) -> Vec<u8> {
        match self {
            Self::Root => {
                let mut root = Container::new();
                root.put("data", Out::Container(Container::new()));
                root.put("operations", Out::Container(Container::new()));
                root.put_text("yang-library-version", library::REVISION);
                root.into_document("ietf-restconf:restconf", encoding)
            }
            Self::Data => {
                let mut data = Container::new();
                data.put(YANG_LIBRARY, Out::Container(library::yang_library(roles)));
                data.put(MODULES_STATE, Out::Container(library::modules_state(roles)));
                data.into_document("ietf-restconf:data", encoding)
            }
            Self::YangLibrary => library::yang_library(roles).into_document(YANG_LIBRARY, encoding),
            Self::ModulesState => library::modules_state(roles).into_document(MODULES_STATE, encoding),
            Self::Operations => {
                let mut operations = Container::new();
                operations.put("ietf-sztp-bootstrap-server:get-bootstrapping-data", Out::Empty);
                // RFC 8572 §7.3: the feature onboarding-server gates it (WKS-04).
                if roles.onboards() {
                    operations.put("ietf-sztp-bootstrap-server:report-progress", Out::Empty);
                }
                operations.into_document("ietf-restconf:operations", encoding)
            }
            Self::YangLibraryVersion => {
                Out::Text(library::REVISION.to_owned()).into_document("ietf-restconf:yang-library-version", encoding)
            }
        }
    }
}

const YANG_LIBRARY: &str = "ietf-yang-library:yang-library";
const MODULES_STATE: &str = "ietf-yang-library:modules-state";

#[cfg(test)]
mod tests {
    use super::*;

    fn written(resource: ApiResource, encoding: Encoding) -> String {
        String::from_utf8(resource.encode(Roles::default(), encoding)).unwrap()
    }

    #[test]
    fn rcf_08_the_root_holds_data_operations_and_the_librarys_version() {
        assert_eq!(
            written(ApiResource::Root, Encoding::Json),
            r#"{"ietf-restconf:restconf":{"data":{},"operations":{},"yang-library-version":"2019-01-04"}}"#
        );
        assert_eq!(
            written(ApiResource::Root, Encoding::Xml),
            concat!(
                r#"<restconf xmlns="urn:ietf:params:xml:ns:yang:ietf-restconf"><data></data><operations></operations>"#,
                "<yang-library-version>2019-01-04</yang-library-version></restconf>"
            )
        );
    }

    #[test]
    fn rcf_09_both_operations_are_empty_leaves_of_their_module() {
        assert_eq!(
            written(ApiResource::Operations, Encoding::Json),
            concat!(
                r#"{"ietf-restconf:operations":{"ietf-sztp-bootstrap-server:get-bootstrapping-data":[null],"#,
                r#""ietf-sztp-bootstrap-server:report-progress":[null]}}"#
            )
        );
        assert_eq!(
            written(ApiResource::Operations, Encoding::Xml),
            concat!(
                r#"<operations xmlns="urn:ietf:params:xml:ns:yang:ietf-restconf">"#,
                r#"<get-bootstrapping-data xmlns="urn:ietf:params:xml:ns:yang:ietf-sztp-bootstrap-server">"#,
                "</get-bootstrapping-data>",
                r#"<report-progress xmlns="urn:ietf:params:xml:ns:yang:ietf-sztp-bootstrap-server"></report-progress>"#,
                "</operations>"
            )
        );
    }

    #[test]
    fn wks_04_a_redirect_server_offers_no_reports() {
        for encoding in [Encoding::Json, Encoding::Xml] {
            let all = ApiResource::ALL.map(|resource| resource.encode(Roles::RedirectOnly, encoding)).concat();
            let all = String::from_utf8(all).unwrap();
            assert!(all.contains("get-bootstrapping-data") && all.contains("redirect-server"));
            assert!(!all.contains("report-progress") && !all.contains("onboarding-server"), "{all}");
        }
    }

    #[test]
    fn rcf_10_the_leaf_and_the_root_name_one_version() {
        assert_eq!(
            written(ApiResource::YangLibraryVersion, Encoding::Json),
            r#"{"ietf-restconf:yang-library-version":"2019-01-04"}"#
        );
        let leaf = written(ApiResource::YangLibraryVersion, Encoding::Xml);
        assert_eq!(
            leaf,
            r#"<yang-library-version xmlns="urn:ietf:params:xml:ns:yang:ietf-restconf">2019-01-04</yang-library-version>"#
        );
        for encoding in [Encoding::Json, Encoding::Xml] {
            assert!(written(ApiResource::Root, encoding).contains(library::REVISION));
        }
    }

    #[test]
    fn rcf_11_all_the_data_is_the_library_in_both_forms() {
        let all = written(ApiResource::Data, Encoding::Json);
        for part in [ApiResource::YangLibrary, ApiResource::ModulesState] {
            let part = written(part, Encoding::Json);
            assert!(all.contains(part.strip_prefix('{').unwrap().strip_suffix('}').unwrap()), "{part}");
        }
        let all = written(ApiResource::Data, Encoding::Xml);
        for part in [ApiResource::YangLibrary, ApiResource::ModulesState] {
            assert!(all.contains(&written(part, Encoding::Xml)));
        }
    }

    #[test]
    fn every_resource_has_a_path_of_its_own() {
        for (index, resource) in ApiResource::ALL.into_iter().enumerate() {
            assert!(ApiResource::ALL.iter().skip(index + 1).all(|other| other.path() != resource.path()));
        }
    }
}
