//! One XML element of a YANG instance document.

/// One element, its namespace resolved to the name of a module.
#[derive(Debug)]
pub(super) struct Element {
    module: String,
    local: String,
    content: Content,
}

/// What stands inside an element.
#[derive(Debug)]
pub(super) enum Content {
    /// A leaf, and the identity its text names, if it can be read as one.
    Text {
        text: String,
        identity: Option<(String, String)>,
    },
    Children(Vec<Element>),
}

impl Element {
    pub(super) const fn new(module: String, local: String, content: Content) -> Self {
        Self { module, local, content }
    }

    /// Whether this is the member `name` (bare, or `module:name`) of a container of `parent`.
    pub(super) fn is_named(&self, parent: &str, name: &str) -> bool {
        match name.split_once(':') {
            Some((module, local)) => self.module == module && self.local == local,
            None => self.module == parent && self.local == name,
        }
    }

    pub(super) fn local(&self) -> &str {
        &self.local
    }

    /// This element's name as RFC 7951 §4 writes it below a container of `parent`.
    pub(super) fn name_below(&self, parent: &str) -> String {
        match self.module.as_str() {
            module if module == parent => self.local.clone(),
            foreign if foreign.starts_with('{') => format!("{foreign}{}", self.local),
            module => format!("{module}:{}", self.local),
        }
    }

    /// Module and children of a container; white space alone is an empty one.
    pub(super) fn into_children(self) -> Option<(String, Vec<Self>)> {
        match self.content {
            Content::Children(children) => Some((self.module, children)),
            Content::Text { text, .. } => is_blank(&text).then_some((self.module, Vec::new())),
        }
    }

    pub(super) fn into_text(self) -> Option<String> {
        match self.content {
            Content::Text { text, .. } => Some(text),
            Content::Children(_) => None,
        }
    }

    pub(super) fn into_identity(self) -> Option<(String, String)> {
        match self.content {
            Content::Text { identity, .. } => identity,
            Content::Children(_) => None,
        }
    }

    /// Whether it can be a container with nothing inside.
    pub(super) fn is_hollow(&self) -> bool {
        matches!(&self.content, Content::Text { text, .. } if is_blank(text))
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(&self.content, Content::Text { text, .. } if text.is_empty())
    }
}

/// Nothing but white space (XML 1.0 §2.3).
pub(super) fn is_blank(text: &str) -> bool {
    text.chars().all(|character| matches!(character, ' ' | '\t' | '\n' | '\r'))
}
