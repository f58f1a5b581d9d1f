//! Kea: elements of `option-data`, and the `option-def` that says how they are written.

mod json;
mod value;

use verdict::ReasonCode;

use self::{
    json::{Kind, Node},
    value::{Type, hexadecimal},
};
use super::{super::judged::Fault, Contents, Family, Found, Place, Unreadable};

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
        walk(&json::read(text)?, None, &mut |node, inside| {
            let (Some(code), Some(name), Some(of)) = (node.says("code"), node.says("name"), node.says("type")) else {
                return;
            };
            let Some(family) = family(node, inside, Some(code)).filter(|it| it.code().to_string() == code) else {
                return;
            };
            let fields = node.says("record-types").unwrap_or_default();
            let of = Type {
                name: of.to_owned(),
                is_array: node.says("array") == Some("true"),
                fields: fields.split(',').map(|it| it.trim().to_owned()).filter(|it| !it.is_empty()).collect(),
                tuple: Type::defined(family),
            };
            self.0.push(Definition { family, name: name.to_owned(), of });
        });
        Ok(())
    }

    fn of(&self, family: Family) -> Option<&Definition> {
        self.0.iter().find(|it| it.family == family)
    }
}

/// Finds the options.
pub(super) fn read(text: &str, definitions: &Definitions) -> Result<Contents, Unreadable> {
    let mut contents = Contents::default();
    let document = json::read(text)?;
    walk(&document, None, &mut |node, inside| contents.options.extend(option(node, inside, definitions)));
    inclusions(&document, &mut contents.elsewhere);
    Ok(contents)
}

/// An element of `option-data`, if it is one of ours.
fn option(node: &Node, inside: Option<Family>, definitions: &Definitions) -> Option<Found> {
    if node.member("type").is_some() || node.says("space").is_some_and(|space| !matches!(space, "dhcp4" | "dhcp6")) {
        return None;
    }
    let data = node.says("data")?;
    let (code, name) = (node.says("code"), node.says("name"));
    let is_named = |family: Family| {
        let own = definitions.of(family).is_some_and(|it| Some(it.name.as_str()) == name);
        own || name == Some(built_in_name(family))
    };
    let family = match family(node, inside, code) {
        Some(family) => family,
        None => [Family::V4, Family::V6].into_iter().find(|family| is_named(*family))?,
    };
    let is_ours = code.map_or_else(|| is_named(family), |code| code == family.code().to_string());
    // DHC-02, DHC-03: the other protocol's number.
    let is_others = code == Some(other(family).code().to_string().as_str()) && data.contains("://");
    if !is_ours && !is_others {
        return None;
    }
    let mut faults = Vec::new();
    if is_others {
        let (wrong, right) = (other(family).code(), family.code());
        let what = format!("this is option {wrong} of {}, where bootstrap servers are option {right}", family.name());
        faults.push(Fault::new(ReasonCode::DhcpOptionNotSent, what));
    }
    let definition = definitions.of(family);
    let built_in = name == Some(built_in_name(family)) && definition.is_none();
    let is_csv = node.says("csv-format").map_or_else(|| definition.is_some() || built_in, |it| it == "true");
    let octets = match (is_csv, definition) {
        (false, _) => hexadecimal(data),
        (true, Some(definition)) => definition.of.octets(data),
        (true, None) => Type::built_in().octets(data),
    };
    let value = octets.map_err(|why| faults.push(Fault::new(ReasonCode::DhcpOptionNotSent, why))).ok();
    // What nobody can send may still say what was meant.
    let value = value.or_else(|| data.contains("://").then(|| data.as_bytes().to_vec()));
    let Kind::Object(members) = &node.kind else { return None };
    let ours = ["code", "name", "space", "csv-format", "data"];
    let others = members.iter().filter(|(name, _)| !ours.contains(&name.as_str()) && !name.is_empty());
    let others = others.map(|(name, value)| (name.clone(), value.to_value())).collect();
    Some(Found { line: node.line, family, value, place: Place::Kea { others }, faults })
}

/// Which DHCP an element is about: its space says, or what it stands in, or its number. `None` in other spaces.
fn family(node: &Node, inside: Option<Family>, code: Option<&str>) -> Option<Family> {
    match node.says("space") {
        Some("dhcp4") => Some(Family::V4),
        Some("dhcp6") => Some(Family::V6),
        Some(_) => None,
        None => inside.or_else(|| [Family::V4, Family::V6].into_iter().find(|it| code == Some(&it.code().to_string()))),
    }
}

const fn other(family: Family) -> Family {
    match family {
        Family::V4 => Family::V6,
        Family::V6 => Family::V4,
    }
}

/// What newer versions of Kea call the option.
const fn built_in_name(family: Family) -> &'static str {
    match family {
        Family::V4 => "v4-sztp-redirect",
        Family::V6 => "v6-sztp-redirect",
    }
}

/// Shows every object, with the server in whose configuration it stands.
fn walk(node: &Node, inside: Option<Family>, see: &mut impl FnMut(&Node, Option<Family>)) {
    match &node.kind {
        Kind::Object(members) => {
            see(node, inside);
            for (name, value) in members {
                let inside = match name.as_str() {
                    "Dhcp4" => Some(Family::V4),
                    "Dhcp6" => Some(Family::V6),
                    _ => inside,
                };
                walk(value, inside, see);
            }
        }
        Kind::Array(items) => items.iter().for_each(|item| walk(item, inside, see)),
        Kind::Text(_) | Kind::Word(_) | Kind::Include(_) => {}
    }
}

fn inclusions(node: &Node, into: &mut Vec<String>) {
    match &node.kind {
        Kind::Include(name) => into.push(name.clone()),
        Kind::Object(members) => members.iter().for_each(|(_, value)| inclusions(value, into)),
        Kind::Array(items) => items.iter().for_each(|item| inclusions(item, into)),
        Kind::Text(_) | Kind::Word(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(usize, u16, Option<Vec<u8>>, usize)> {
        let mut definitions = Definitions::default();
        definitions.learn(text).unwrap();
        let contents = read(text, &definitions).unwrap();
        contents.options.into_iter().map(|it| (it.line, it.family.code(), it.value, it.faults.len())).collect()
    }

    #[test]
    fn options_are_found_by_number_by_name_and_in_pieces() {
        let text = "{ \"Dhcp4\": { \"option-def\": [{ \"name\": \"x\", \"code\": 143, \"type\": \"string\" }],\n\
            \"subnet4\": [{ \"pools\": [{ \"option-data\": [{ \"name\": \"x\", \"data\": \"ab\" },\n\
            { \"code\": 143, \"csv-format\": false, \"data\": \"0001\" }, { \"name\": \"routers\", \"data\": \"192.0.2.1\" },\n\
            { \"code\": 143, \"space\": \"vendor-9\", \"data\": \"00\" }] }] }] } }";
        assert_eq!(found(text), [(2, 143, Some(b"ab".to_vec()), 0), (3, 143, Some(vec![0, 1]), 0)]);
        assert_eq!(found("# piece\n{ \"code\": 136, \"data\": \"00\" }"), [(2, 136, Some(vec![0]), 0)]);
        let built_in = "\"option-data\": [{ \"name\": \"v6-sztp-redirect\", \"data\": \"ab\" }]";
        assert_eq!(found(built_in), [(1, 136, Some(b"\0\x02ab".to_vec()), 0)]);
    }

    #[test]
    fn dhc_02_the_number_of_the_other_dhcp_is_a_fault() {
        let text =
            "{ \"Dhcp4\": { \"option-data\": [{ \"code\": 136, \"csv-format\": false, \"data\": \"'https://a'\" }] } }";
        assert_eq!(found(text), [(1, 143, Some(b"https://a".to_vec()), 1)]);
        // PANA agents, which option 136 of DHCPv4 is for.
        assert_eq!(found("{ \"Dhcp4\": { \"option-data\": [{ \"code\": 136, \"data\": \"192.0.2.1\" }] } }"), []);
    }

    #[test]
    fn what_kea_does_not_take_is_a_fault_and_still_read() {
        let text = "{ \"code\": 143, \"csv-format\": false, \"data\": \"https://a\" }";
        assert_eq!(found(text), [(1, 143, Some(b"https://a".to_vec()), 1)]);
    }
}
