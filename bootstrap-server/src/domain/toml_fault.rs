//! What is wrong in a TOML document, on one line.

/// What is wrong in a TOML document, and where. The line is not quoted: passwords and secret addresses stand in
/// configurations, and this goes to logs and over the operator API.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct TomlFault {
    /// The line, from 1 on.
    pub line: usize,
    /// What is wrong there.
    pub message: String,
}

impl TomlFault {
    /// The fault that reading `document` ended with.
    #[must_use]
    pub fn new(error: &toml::de::Error, document: &str) -> Self {
        let before = error.span().and_then(|span| document.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count().saturating_add(1);
        Self { line, message: error.message().trim_end().replace('\n', "; ") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_names_its_line_and_quotes_nothing_of_it() {
        let fault = |document: &str| TomlFault::new(&toml::from_str::<toml::Table>(document).unwrap_err(), document);
        let typo = fault("a = 1\n\ndatabase = \"postgres://u:secret@db\" x\n");
        assert_eq!(typo.line, 3);
        let shown = typo.to_string();
        assert!(shown.starts_with("line 3: ") && !shown.contains("secret") && !shown.contains('\n'), "{shown}");
        assert_eq!(fault("a = ").line, 1);
    }
}
