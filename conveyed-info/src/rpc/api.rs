//! What a device can read before it calls an operation: the API resource and its parts (RFC 8040 §3.3).

use crate::{
    Encoding,
    document::{Container, Out},
};

/// Revision of the library module, the same wherever it is told (RFC 8040 §3.3.3; RCF-10).
const YANG_LIBRARY_VERSION: &str = "2019-01-04";

/// One of the three resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiResource {
    /// `{+restconf}`: data, operations and the library's version (RFC 8040 §3.3; RCF-08).
    Root,
    /// `{+restconf}/operations`: the two operations, each an empty leaf (RFC 8040 §3.3.2, §3.6; RCF-09).
    Operations,
    /// `{+restconf}/yang-library-version` (RFC 8040 §3.3.3; RCF-10).
    YangLibraryVersion,
}

impl ApiResource {
    /// Writes its document.
    #[must_use]
    pub fn encode(self, encoding: Encoding) -> Vec<u8> {
        match self {
            Self::Root => {
                let mut root = Container::new();
                root.put("data", Out::Container(Container::new()));
                root.put("operations", Out::Container(Container::new()));
                root.put_text("yang-library-version", YANG_LIBRARY_VERSION);
                root.into_document("ietf-restconf:restconf", encoding)
            }
            Self::Operations => {
                let mut operations = Container::new();
                operations.put("ietf-sztp-bootstrap-server:get-bootstrapping-data", Out::Empty);
                operations.put("ietf-sztp-bootstrap-server:report-progress", Out::Empty);
                operations.into_document("ietf-restconf:operations", encoding)
            }
            Self::YangLibraryVersion => {
                Out::Text(YANG_LIBRARY_VERSION.to_owned()).into_document("ietf-restconf:yang-library-version", encoding)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(resource: ApiResource, encoding: Encoding) -> String {
        String::from_utf8(resource.encode(encoding)).unwrap()
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
            assert!(written(ApiResource::Root, encoding).contains(YANG_LIBRARY_VERSION));
        }
    }
}
