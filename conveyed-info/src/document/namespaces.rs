//! Names and namespaces of XML elements (Namespaces in XML 1.0), resolved to the names of YANG modules.

/// What every namespace of an IETF YANG module starts with; the module's name follows (RFC 7950 §5.3).
pub(super) const NAMESPACE: &str = "urn:ietf:params:xml:ns:yang:";

/// The namespace of an IETF YANG module.
pub(crate) fn namespace(module: &str) -> String {
    format!("{NAMESPACE}{module}")
}

/// The namespaces that stand for XML itself; only the first may be declared, and only for its own prefix.
const XML: &str = "http://www.w3.org/XML/1998/namespace";
const XMLNS: &str = "http://www.w3.org/2000/xmlns/";

/// The namespace bindings in scope, innermost last.
#[derive(Debug, Default)]
pub(super) struct Scope(Vec<(String, String)>);

impl Scope {
    /// Most bindings in scope at once.
    const MAX: usize = 64;

    /// Longest namespace, in octets: every element below holds its own copy.
    const MAX_NAMESPACE: usize = 256;

    /// How many bindings there are, for [`Scope::close`].
    pub(super) fn open(&self) -> usize {
        self.0.len()
    }

    /// Forgets the bindings that came after [`Scope::open`].
    pub(super) fn close(&mut self, outer: usize) {
        self.0.truncate(outer);
    }

    /// Adds a declaration; the empty prefix is the default namespace, and its empty namespace is none.
    pub(super) fn bind(&mut self, prefix: &str, namespace: &str) -> Result<(), &'static str> {
        if self.0.len() >= Self::MAX {
            return Err("too many namespace declarations");
        }
        if namespace.len() > Self::MAX_NAMESPACE {
            return Err("a namespace that is too long");
        }
        // Namespaces in XML 1.0 §2.2, §3: the two reserved prefixes and their namespaces belong together.
        if prefix == "xmlns" || namespace == XMLNS || (prefix == "xml") != (namespace == XML) {
            return Err("a reserved prefix or namespace");
        }
        if namespace.is_empty() && !prefix.is_empty() {
            return Err("a prefix that is declared without a namespace");
        }
        self.0.push((prefix.to_owned(), namespace.to_owned()));
        Ok(())
    }

    /// The module whose namespace `prefix` stands for. What is no namespace of an IETF module is shown in braces, so
    /// that it cannot be taken for one. `None` for a prefix that was not declared.
    pub(super) fn module(&self, prefix: &str) -> Option<String> {
        let namespace = match self.0.iter().rev().find(|(bound, _)| bound == prefix) {
            Some((_, namespace)) => namespace.as_str(),
            None if prefix.is_empty() => "",
            None if prefix == "xml" => XML,
            None => return None,
        };
        Some(namespace.strip_prefix(NAMESPACE).map_or_else(|| format!("{{{namespace}}}"), str::to_owned))
    }
}

/// Prefix (empty where there is none) and local part of a name; `None` when it is no name.
pub(super) fn split_name(name: &str) -> Option<(&str, &str)> {
    match name.split_once(':') {
        None => is_ncname(name).then_some(("", name)),
        Some((prefix, local)) => (is_ncname(prefix) && is_ncname(local)).then_some((prefix, local)),
    }
}

/// XML 1.0 §2.3 without the colon.
pub(super) fn is_ncname(text: &str) -> bool {
    text.starts_with(is_name_start) && text.chars().all(|it| is_name_start(it) || is_name_rest(it))
}

const fn is_name_start(character: char) -> bool {
    matches!(character,
        'A'..='Z' | '_' | 'a'..='z' | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{2ff}'
        | '\u{370}'..='\u{37d}' | '\u{37f}'..='\u{1fff}' | '\u{200c}'..='\u{200d}' | '\u{2070}'..='\u{218f}'
        | '\u{2c00}'..='\u{2fef}' | '\u{3001}'..='\u{d7ff}' | '\u{f900}'..='\u{fdcf}' | '\u{fdf0}'..='\u{fffd}'
        | '\u{10000}'..='\u{effff}')
}

const fn is_name_rest(character: char) -> bool {
    matches!(character, '-' | '.' | '0'..='9' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}'..='\u{2040}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_at_most_one_prefix_and_start_with_a_letter() {
        assert_eq!(split_name("a"), Some(("", "a")));
        assert_eq!(split_name("p-1:_a.é"), Some(("p-1", "_a.é")));
        for none in ["", ":", "a:", ":a", "a:b:c", "1a", "-a", "a b", "a$", "a\u{d7}", "p:1"] {
            assert_eq!(split_name(none), None, "{none}");
        }
    }

    #[test]
    fn the_innermost_declaration_counts_until_its_element_ends() {
        let mut scope = Scope::default();
        let module = |scope: &Scope, prefix| scope.module(prefix);
        assert_eq!(module(&scope, "").as_deref(), Some("{}"));
        assert_eq!(module(&scope, "p"), None);
        scope.bind("p", &format!("{NAMESPACE}m")).unwrap();
        let outer = scope.open();
        scope.bind("p", &format!("{NAMESPACE}n")).unwrap();
        scope.bind("", "urn:other:m").unwrap();
        assert_eq!(module(&scope, "p").as_deref(), Some("n"));
        assert_eq!(module(&scope, "").as_deref(), Some("{urn:other:m}"));
        scope.bind("", "").unwrap();
        assert_eq!(module(&scope, "").as_deref(), Some("{}"));
        scope.close(outer);
        assert_eq!(module(&scope, "p").as_deref(), Some("m"));
    }

    #[test]
    fn what_may_not_be_declared() {
        let bind = |prefix, namespace: &str| Scope::default().bind(prefix, namespace);
        bind("xml", XML).unwrap();
        bind("", "m").unwrap();
        for (prefix, namespace) in [("p", ""), ("xmlns", "m"), ("xml", "m"), ("p", XML), ("p", XMLNS), ("", XMLNS)] {
            assert!(bind(prefix, namespace).is_err(), "{prefix}={namespace}");
        }
        assert!(bind("p", &"m".repeat(Scope::MAX_NAMESPACE + 1)).is_err());
    }
}
