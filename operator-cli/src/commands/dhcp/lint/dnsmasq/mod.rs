//! dnsmasq: its lines `dhcp-option`, `dhcp-option-force` and `dhcp-option-pxe`.

mod value;

use verdict::ReasonCode;

use self::value::{Character, octets};
use super::{
    super::{judged::Fault, syntax::DNSMASQ_LINE},
    Contents, Family, Found, Place,
};

/// Finds the options.
pub(super) fn read(text: &str) -> Contents {
    let mut contents = Contents::default();
    let mut clients: Vec<Clients> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let number = index.saturating_add(1);
        let line_of = characters(line);
        let (name, value) = match line_of.iter().position(|it| it.is('=')) {
            Some(at) => {
                (line_of.get(..at).unwrap_or_default(), line_of.get(at.saturating_add(1)..).unwrap_or_default())
            }
            None => continue,
        };
        let name = plain(name).trim().to_owned();
        match name.as_str() {
            "conf-file" | "conf-dir" | "dhcp-optsfile" | "dhcp-optsdir" => {
                contents.elsewhere.push(plain(value).trim().to_owned());
            }
            "dhcp-option" | "dhcp-option-force" | "dhcp-option-pxe" => {
                let Some((mut found, whose)) = option(&name, value, number) else { continue };
                if line.len() > DNSMASQ_LINE {
                    let what = format!(
                        "dnsmasq reads {DNSMASQ_LINE} characters of a line and takes the rest for another; these are {}",
                        line.len()
                    );
                    found.faults.push(Fault::new(ReasonCode::DhcpOptionNotSent, what));
                }
                contents.options.push(found);
                clients.push(whose);
            }
            _ => {}
        }
    }
    told_twice(&mut contents.options, &clients);
    contents
}

/// To whom a line sends which option.
type Clients = (Family, Vec<String>);

/// Of two lines with one option for the same clients dnsmasq sends the last.
fn told_twice(options: &mut [Found], clients: &[Clients]) {
    let lines: Vec<usize> = options.iter().map(|found| found.line).collect();
    for (index, found) in options.iter_mut().enumerate() {
        let Some(whose) = clients.get(index) else { continue };
        let later = clients.iter().zip(&lines).skip(index.saturating_add(1)).find(|(it, _)| *it == whose);
        if let Some((_, line)) = later {
            let what =
                format!("line {line} has the same option for the same clients, and dnsmasq sends the last one only");
            found.faults.push(Fault::new(ReasonCode::DhcpOptionNotSent, what));
        }
    }
}

fn option(name: &str, value: &[Character], line: usize) -> Option<(Found, Clients)> {
    let mut before = vec![];
    let mut tags = Vec::new();
    let mut rest = value;
    let (family, is_others) = loop {
        let end = rest.iter().position(|it| it.is(','));
        let (piece, behind) = match end {
            Some(end) => (rest.get(..end).unwrap_or_default(), rest.get(end.saturating_add(1)..).unwrap_or_default()),
            None => (rest, &[][..]),
        };
        rest = behind;
        let piece = plain(piece).trim().to_owned();
        before.push(piece.clone());
        match piece.as_str() {
            // DHC-02, DHC-03: the other protocol's number.
            "143" => break (Family::V4, false),
            "option6:136" => break (Family::V6, false),
            "136" => break (Family::V4, true),
            "option6:143" => break (Family::V6, true),
            // Options inside others are not ours.
            other if other.starts_with("encap:") || other.starts_with("vendor:") || other.starts_with("vi-encap:") => {
                return None;
            }
            other if other.starts_with("option") || other.bytes().all(|octet| octet.is_ascii_digit()) => return None,
            other => tags.push(other.to_owned()),
        }
        end?;
    };
    if is_others && !plain(rest).contains("://") {
        return None;
    }
    let mut faults = Vec::new();
    if is_others {
        let what = format!(
            "this is another option of {}, where bootstrap servers are option {}",
            family.name(),
            family.code()
        );
        faults.push(Fault::new(ReasonCode::DhcpOptionNotSent, what));
        before.pop();
        before.push(if family == Family::V4 { "143".to_owned() } else { "option6:136".to_owned() });
    }
    let octets = octets(rest).map_err(|why| faults.push(Fault::new(ReasonCode::DhcpOptionNotSent, why))).ok();
    tags.sort_unstable();
    let place = Place::Dnsmasq { before: format!("{name}={}", before.join(",")) };
    Some((Found { line, family, value: octets, place, faults }, (family, tags)))
}

/// A line without its comment, and with each character told apart from one in quotes.
fn characters(line: &str) -> Vec<Character> {
    let mut found: Vec<Character> = Vec::new();
    let mut is_quoted = false;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => is_quoted = !is_quoted,
            '\\' if is_quoted => {
                let next = characters.next().unwrap_or('\\');
                let meant = match next {
                    't' => '\t',
                    'n' => '\n',
                    'b' => '\u{8}',
                    'r' => '\r',
                    'e' => '\u{1b}',
                    other => other,
                };
                if !matches!(next, 't' | 'n' | 'b' | 'r' | 'e' | '\\' | '"') {
                    found.push(Character { is_quoted, character: '\\' });
                }
                found.push(Character { is_quoted, character: meant });
            }
            // A comment begins behind a blank.
            '#' if !is_quoted && found.last().is_none_or(|last| !last.is_quoted && last.character.is_whitespace()) => {
                break;
            }
            _ => found.push(Character { is_quoted, character }),
        }
    }
    found
}

fn plain(characters: &[Character]) -> String {
    characters.iter().map(|it| it.character).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(usize, u16, String, usize)> {
        let shown = |found: Found| {
            let Place::Dnsmasq { before } = found.place else { panic!() };
            (found.line, found.family.code(), before, found.faults.len())
        };
        read(text).options.into_iter().map(shown).collect()
    }

    #[test]
    fn lines_are_found_with_their_tags_and_nothing_else_is() {
        let text = "# dhcp-option=143,00:11\n dhcp-option = tag:a,tag:!b , 143 ,00:11 # why\n\
            dhcp-option-force=option6:136,00:11\ndhcp-option=option:router,192.0.2.1\ndhcp-option=encap:175,143,00\n\
            dhcp-option=6,192.0.2.53\ndhcp-option=143\nno-resolv\ndhcp-option=tag:a\n";
        assert_eq!(
            found(text),
            [
                (2, 143, "dhcp-option=tag:a,tag:!b,143".to_owned(), 0),
                (3, 136, "dhcp-option-force=option6:136".to_owned(), 0),
                (7, 143, "dhcp-option=143".to_owned(), 0),
            ]
        );
        assert_eq!(read("conf-file=/etc/other").elsewhere, ["/etc/other"]);
    }

    #[test]
    fn dhc_02_lines_that_are_not_sent_as_they_stand_are_faults() {
        let twice = found("dhcp-option=143,00:11\ndhcp-option=tag:a,143,00:11\ndhcp-option=143,00:12\n");
        assert_eq!(twice.iter().map(|it| it.3).collect::<Vec<_>>(), [1, 0, 0]);
        let other = found("dhcp-option=136,https://a.example\ndhcp-option=136,192.0.2.1\n");
        assert_eq!(other, [(1, 143, "dhcp-option=143".to_owned(), 1)]);
        let long = format!("dhcp-option=option6:136,{}", ["61"; 400].join(":"));
        assert_eq!(found(&long)[0].3, 1);
    }
}
