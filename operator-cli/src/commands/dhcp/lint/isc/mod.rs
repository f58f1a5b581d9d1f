//! ISC dhcpd: statements that define an option, and statements that give it a value.

mod lexer;
mod value;

use verdict::ReasonCode;

use self::{
    lexer::{Token, What, tokens},
    value::{Type, expression},
};
use super::{
    super::{judged::Fault, syntax::isc_definition},
    Contents, Family, Found, Place, Unreadable,
};

/// The definitions of options 143 and 136 in all files.
#[derive(Debug, Default)]
pub(super) struct Definitions(Vec<Definition>);

#[derive(Debug)]
struct Definition {
    family: Family,
    name: String,
    of: Type,
}

impl Definitions {
    /// Takes note of what a file defines.
    pub(super) fn learn(&mut self, text: &str) -> Result<(), Unreadable> {
        for statement in statements(&tokens(text)?) {
            let [_, name, code, number, of @ ..] = statement.as_slice() else { continue };
            let (What::Word(name), true, What::Word(number)) = (&name.what, code.is_word("code"), &number.what) else {
                continue;
            };
            // DHC-02, DHC-03: options of vendors have other spaces.
            let family = match (name.split_once('.').map(|(space, _)| space), number.as_str()) {
                (None | Some("dhcp"), "143") => Family::V4,
                (Some("dhcp6"), "136") => Family::V6,
                _ => continue,
            };
            self.0.push(Definition { family, name: name.clone(), of: Type::read(of) });
        }
        Ok(())
    }
}

/// Finds the options.
pub(super) fn read(text: &str, definitions: &Definitions) -> Result<Contents, Unreadable> {
    let tokens = tokens(text)?;
    let mut contents = Contents::default();
    for pair in tokens.windows(2) {
        if let [include, Token { what: What::Text(name), .. }] = pair
            && include.is_word("include")
        {
            contents.elsewhere.push(String::from_utf8_lossy(name).into_owned());
        }
    }
    for statement in statements(&tokens) {
        let [first, Token { what: What::Word(name), .. }, value @ ..] = statement.as_slice() else { continue };
        if value.first().is_some_and(|it| it.is_word("code")) {
            continue;
        }
        let (family, of) = match definitions.0.iter().find(|it| it.name.eq_ignore_ascii_case(name)) {
            Some(definition) => (definition.family, definition.of.clone()),
            None => match name.to_ascii_lowercase().as_str() {
                "unknown-143" | "dhcp.unknown-143" => (Family::V4, Type::string()),
                "dhcp6.unknown-136" => (Family::V6, Type::string()),
                _ => continue,
            },
        };
        let (octets, mut faults) = match value.split_first() {
            Some((equals, rest)) if equals.is_mark('=') => (expression(rest), Vec::new()),
            _ => (of.octets(value), Vec::new()),
        };
        let value = octets.map_err(|why| faults.push(Fault::new(ReasonCode::DhcpOptionNotSent, why))).ok();
        if !of.is_string() {
            // What is offered instead is octets, which no other type takes.
            let definition = isc_definition(family, name);
            let what = format!("the option is defined as {}; a list of URIs takes `{definition}`", of.name());
            faults.push(Fault {
                remedy: format!("Define it so: {definition}"),
                ..Fault::new(ReasonCode::DhcpUriForm, what)
            });
        }
        contents.options.push(Found {
            line: first.line,
            family,
            value,
            place: Place::Isc { name: name.clone() },
            faults,
        });
    }
    Ok(contents)
}

/// The statements that begin with `option`, without what ends them.
fn statements(tokens: &[Token]) -> Vec<Vec<Token>> {
    let mut statements = Vec::new();
    let mut rest = tokens;
    let mut is_start = true;
    while let Some((first, behind)) = rest.split_first() {
        if is_start && first.is_word("option") {
            let end = rest.iter().position(|it| it.is_mark(';')).unwrap_or(rest.len());
            let (statement, behind) = rest.split_at(end);
            statements.push(statement.to_vec());
            rest = behind;
            continue;
        }
        is_start = [';', '{', '}'].into_iter().any(|mark| first.is_mark(mark));
        rest = behind;
    }
    statements
}

#[cfg(test)]
mod tests {
    use super::*;

    type Shown = (usize, u16, Option<Vec<u8>>, usize);

    fn found(text: &str) -> Vec<Shown> {
        let mut definitions = Definitions::default();
        definitions.learn(text).unwrap();
        let contents = read(text, &definitions).unwrap();
        contents.options.into_iter().map(|it| (it.line, it.family.code(), it.value, it.faults.len())).collect()
    }

    #[test]
    fn options_are_found_wherever_they_stand() {
        let text = "option x code 143 = string; # option x \"no\";\noption dhcp6.y code 136 = string;\n\
            option vendor.z code 143 = string; option vendor.z 00:01;\n\
            subnet 192.0.2.0 netmask 255.255.255.0 {\n option x 00:01;\n pool { option x = concat(00:01, \"a\"); } }\n\
            option dhcp6.y \"\\000a\"; option unknown-143 07;\n\
            if exists x { option dhcp-parameter-request-list = concat(option dhcp-parameter-request-list, 8f); }\n";
        assert_eq!(
            found(text),
            [
                (5, 143, Some(vec![0, 1]), 0),
                (6, 143, Some(b"\0\x01a".to_vec()), 0),
                (7, 136, Some(b"\0a".to_vec()), 0),
                (7, 143, Some(vec![7]), 0),
            ]
        );
        let included = read("include \"/etc/dhcp/sztp.conf\";", &Definitions::default()).unwrap();
        assert_eq!(included.elsewhere, ["/etc/dhcp/sztp.conf"]);
    }

    #[test]
    fn dhc_04_a_definition_of_another_type_is_a_fault() {
        let text = "option x code 143 = text;\noption x \"https://a.example\";\n";
        assert_eq!(found(text), [(2, 143, Some(b"https://a.example".to_vec()), 1)]);
        let text = "option x code 143 = ip-address;\noption x 192.0.2.1;\n";
        assert_eq!(found(text), [(2, 143, Some(vec![192, 0, 2, 1]), 1)]);
    }
}
