//! Reading one link out of a host-meta document (RFC 6415, RFC 8040 §3.1).
//!
//! The document is XML, and all that is wanted of it is one attribute of one element. So there is no XML parser here
//! that hostile bytes could reach: start tags are scanned, entities and declarations are never expanded (SEC-20).
//! Servers that give its JSON form whatever is asked for (RFC 6415 §4.1, appendix A) are understood too.

use conveyed_info::Encoding;
use serde::Deserialize;

/// Longest path of a RESTCONF root.
const MAX_ROOT: usize = 256;

/// The path that the link with the relation `restconf` points to, without a final slash. `None` when there is no such
/// link, or when it leads to another server: redirects of this kind are not followed (CLI-27).
pub(super) fn restconf_root(document: &[u8]) -> Option<String> {
    let target = match Encoding::detect(document)? {
        Encoding::Json => json_target(document),
        Encoding::Xml => xml_target(document),
    };
    target.filter(|target| is_path(target)).map(|target| target.trim_end_matches('/').to_owned())
}

fn xml_target(document: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(document).ok()?;
    let without_comments = strip_comments(text);
    let tags = without_comments.split('<').skip(1).filter_map(|rest| rest.split_once('>')).map(|(tag, _)| tag);
    tags.filter_map(link_of_tag).find(|(relation, _)| relation == "restconf").map(|(_, target)| target)
}

fn json_target(document: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Document {
        links: Vec<Link>,
    }
    #[derive(Deserialize)]
    struct Link {
        rel: String,
        #[serde(default)]
        href: String,
    }
    let document: Document = serde_json::from_slice(document).ok()?;
    document.links.into_iter().find(|link| link.rel == "restconf").map(|link| link.href)
}

fn strip_comments(text: &str) -> String {
    let mut kept = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<!--") {
        kept.push_str(before);
        rest = after.split_once("-->").map_or("", |(_, after)| after);
    }
    kept.push_str(rest);
    kept
}

/// Relation and target of a `Link` start tag, whatever its namespace prefix.
fn link_of_tag(tag: &str) -> Option<(String, String)> {
    let tag = tag.trim_end_matches('/');
    let (name, attributes) = tag.split_once(|character: char| character.is_ascii_whitespace())?;
    if name.rsplit(':').next() != Some("Link") {
        return None;
    }
    Some((attribute(attributes, "rel")?, attribute(attributes, "href")?))
}

fn attribute(mut rest: &str, wanted: &str) -> Option<String> {
    loop {
        let (name, after) = rest.split_once('=')?;
        let after = after.trim_start();
        let quote = after.chars().next().filter(|first| matches!(first, '"' | '\''))?;
        let (value, after) = after.get(1..)?.split_once(quote)?;
        if name.trim() == wanted {
            return Some(value.to_owned());
        }
        rest = after;
    }
}

fn is_path(target: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~%:@+,;=".contains(&byte);
    target.len() <= MAX_ROOT && target.starts_with('/') && !target.starts_with("//") && target.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cli_25_the_root_is_where_the_document_says() {
        let document = b"<?xml version='1.0'?><XRD xmlns='http://docs.oasis-open.org/ns/xri/xrd-1.0'>\
            <!-- <Link rel='restconf' href='/old'/> --><Link rel='lrdd' href='/other'/>\
            <Link rel=\"restconf\" type='x' href=\"/top/restconf/\"/></XRD>";
        assert_eq!(restconf_root(document).as_deref(), Some("/top/restconf"));
        assert_eq!(restconf_root(b"<x:Link href='/restconf' rel='restconf'>").as_deref(), Some("/restconf"));
    }

    #[test]
    fn cli_25_the_root_may_stand_in_json() {
        let document = br#"{"subject":"x","links":[{"rel":"lrdd","href":"/other"},{"rel":"restconf","href":"/top/"}]}"#;
        assert_eq!(restconf_root(document).as_deref(), Some("/top"));
        for wrong in [
            r#"{"links":[{"rel":"restconf","href":"https://evil.example/"}]}"#,
            r#"{"links":[{"rel":"restconf"}]}"#,
            r#"{"links":{}}"#,
            "{",
            "",
        ] {
            assert_eq!(restconf_root(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn cli_27_a_root_elsewhere_is_no_root() {
        for target in ["https://evil.example/restconf", "//evil.example/restconf", "restconf", "/a b", "/a\r\nX: y"] {
            let document = format!("<XRD><Link rel='restconf' href='{target}'/></XRD>");
            assert_eq!(restconf_root(document.as_bytes()), None, "{target}");
        }
        assert_eq!(restconf_root(b"<XRD></XRD>"), None);
        assert_eq!(restconf_root(b"<Link rel='restconf'/>"), None);
    }

    proptest! {
        #[test]
        fn no_document_panics(document in proptest::collection::vec(any::<u8>(), 0..512)) {
            drop(restconf_root(&document));
        }

        #[test]
        fn no_near_miss_panics(document in "[<>Linkrestcof='\" /!-]{0,200}") {
            drop(restconf_root(document.as_bytes()));
        }
    }
}
