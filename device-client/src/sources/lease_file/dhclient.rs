//! The file of ISC's dhclient (`dhclient.leases(5)`), which NetworkManager writes as well where it uses that client: leases as
//! they were given, of which the last one of each interface is in force.

use std::net::IpAddr;

use pki::time::Timestamp;

use super::Lease;

/// What the options may be called: as dhclient's documentation shows how to name one, and as it calls one without a name.
const NAMES_143: [&str; 3] = ["sztp-redirect", "v4-sztp-redirect", "unknown-143"];
const NAMES_136: [&str; 3] = ["dhcp6.sztp-redirect", "dhcp6.v6-sztp-redirect", "dhcp6.unknown-136"];

/// Every lease that is the last one of its interface and protocol; none for what is no such file.
pub(super) fn read(text: &str) -> Vec<Lease> {
    let mut leases: Vec<((String, bool), Option<Lease>)> = Vec::new();
    let mut rest = Tokens { rest: text };
    while let Some(token) = rest.next() {
        let is_v6 = match token {
            Token::Word("lease") => false,
            Token::Word("lease6") => true,
            _ => continue,
        };
        if rest.next() != Some(Token::Open) {
            continue;
        }
        let Some((interface, lease)) = block(&mut rest, is_v6) else { continue };
        let key = (interface, is_v6);
        leases.retain(|(earlier, _)| *earlier != key);
        leases.push((key, lease));
    }
    leases.into_iter().filter_map(|(_, lease)| lease).collect()
}

/// One lease up to its closing brace: its interface, and nothing more when it was given back. `None` when the file ends
/// before the lease does: dhclient was interrupted.
fn block(tokens: &mut Tokens<'_>, is_v6: bool) -> Option<(String, Option<Lease>)> {
    let (mut interface, mut lease, mut is_released) = (String::new(), Lease::default(), false);
    let (mut depth, mut starts) = (1_usize, None);
    let mut statement = Vec::new();
    loop {
        match tokens.next()? {
            Token::Open => depth = depth.saturating_add(1),
            Token::Close => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some((interface, (!is_released).then_some(lease)));
                }
            }
            Token::End => {
                match statement.as_slice() {
                    [Token::Word("interface"), Token::Text(name)] => {
                        interface = String::from_utf8_lossy(name).into_owned()
                    }
                    [Token::Word("released")] => is_released = true,
                    [Token::Word("expire"), time @ ..] => lease.expires = moment(time),
                    [Token::Word("starts"), Token::Word(time)] => starts = time.parse::<i64>().ok(),
                    [Token::Word("max-life"), Token::Word(seconds)] if is_v6 => {
                        let ends = starts.zip(seconds.parse().ok()).map(|(starts, life)| end(starts, life));
                        lease.expires = lease.expires.max(ends.flatten());
                    }
                    [Token::Word("option"), Token::Word(name), value @ ..] => option(&mut lease, name, value),
                    _ => {}
                }
                statement.clear();
                continue;
            }
            token if statement.len() < STATEMENT => {
                statement.push(token);
                continue;
            }
            _ => {}
        }
        statement.clear();
    }
}

/// Most words of a statement that are kept.
const STATEMENT: usize = 64;

/// What begins and lasts so long ends then; `u32::MAX` seconds last for ever.
fn end(starts: i64, life: u32) -> Option<Timestamp> {
    super::after(Some(Timestamp::from_unix(starts)), life)
}

fn option(lease: &mut Lease, name: &str, value: &[Token<'_>]) {
    let word = |it: &Token<'_>| if let Token::Word(it) = it { it.parse::<IpAddr>().ok() } else { None };
    let text = |it: &Token<'_>| if let Token::Text(it) = it { String::from_utf8(it.clone()).ok() } else { None };
    match name {
        _ if NAMES_143.contains(&name) => lease.option = octets(value).map(|it| (143, it)),
        _ if NAMES_136.contains(&name) => lease.option = octets(value).map(|it| (136, it)),
        "domain-name-servers" | "dhcp6.name-servers" => {
            lease.name_service.name_servers.extend(value.iter().filter_map(word))
        }
        "domain-name" | "domain-search" | "dhcp6.domain-search" => {
            let domains = value.iter().filter_map(text).filter_map(|it| it.trim_end_matches('.').parse().ok());
            lease.name_service.domains.extend(domains);
        }
        _ => {}
    }
}

/// Octets as `0:11:68`, or as text in quotes when all of them can be shown, or were declared to be text.
fn octets(value: &[Token<'_>]) -> Option<Vec<u8>> {
    match value {
        [Token::Text(text)] => Some(text.clone()),
        [Token::Word(list)] => list.split(':').map(|octet| u8::from_str_radix(octet, 16).ok()).collect(),
        _ => None,
    }
}

/// `0 2026/11/22 02:58:12` in UTC, `epoch 1795315747`, or `never`.
fn moment(value: &[Token<'_>]) -> Option<Timestamp> {
    match value {
        [Token::Word("epoch"), Token::Word(seconds), ..] => seconds.parse().ok().map(Timestamp::from_unix),
        [Token::Word(_weekday), Token::Word(date), Token::Word(time), ..] => {
            Timestamp::parse_rfc3339(&format!("{}T{time}Z", date.replace('/', "-")))
        }
        _ => None,
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    Text(Vec<u8>),
    Open,
    Close,
    End,
}

/// Takes words, quoted text and punctuation off the front.
struct Tokens<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            // A comma stands between the members of a list and means nothing else.
            self.rest = self.rest.trim_start_matches(|it: char| it.is_whitespace() || it == ',');
            match self.rest.strip_prefix('#') {
                Some(comment) => self.rest = comment.split_once('\n').map_or("", |(_, after)| after),
                None => break,
            }
        }
        let (first, after) = (self.rest.chars().next()?, self.rest.get(1..));
        let token = match first {
            '{' => Token::Open,
            '}' => Token::Close,
            ';' => Token::End,
            '"' => {
                let (text, after) = quoted(after?)?;
                self.rest = after;
                return Some(Token::Text(text));
            }
            _ => {
                let is_end = |it: char| it.is_whitespace() || matches!(it, '{' | '}' | ';' | '"' | ',');
                let length = self.rest.find(is_end).unwrap_or(self.rest.len()).max(first.len_utf8());
                let (word, after) = self.rest.split_at_checked(length)?;
                self.rest = after;
                return Some(Token::Word(word));
            }
        };
        self.rest = after?;
        Some(token)
    }
}

/// Text up to the closing quote; what cannot be shown stands there as a backslash and three octal digits.
fn quoted(text: &str) -> Option<(Vec<u8>, &str)> {
    let mut octets = Vec::new();
    let mut rest = text.as_bytes();
    loop {
        match rest {
            [b'"', ..] => {
                let used = text.len().checked_sub(rest.len())?.checked_add(1)?;
                return Some((octets, text.get(used..)?));
            }
            [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..] => {
                octets.push(((a & 3) << 6) | ((b & 7) << 3) | (c & 7));
                rest = after;
            }
            [b'\\', octet, after @ ..] | [octet, after @ ..] => {
                octets.push(*octet);
                rest = after;
            }
            [] => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = r#"
# a comment { ; "
default-duid "\000\001";
lease {
  interface "eth0";
  option sztp-redirect 0:1;
  expire 0 2026/11/22 02:58:12;
}
lease {
  interface "eth0";
  fixed-address 192.0.2.58;
  option sztp-redirect 0:11:68:ff;
  option domain-name-servers 192.0.2.53,192.0.2.54;
  option domain-name "example.net";
  option domain-search "example.com.", "example.org.";
  renew 0 2026/11/22 02:52:37;
  expire 0 2026/11/22 02:59:12;
}
lease {
  interface "eth1";
  option unknown-143 "192.0.2.1:443";
  expire never;
}
"#;

    fn at(time: &str) -> Option<Timestamp> {
        Some(Timestamp::parse_rfc3339(time).unwrap())
    }

    #[test]
    fn dhc_02_the_last_lease_of_each_interface_counts() {
        let leases = read(TWO);
        assert_eq!(leases.len(), 2);
        assert_eq!(leases[0].option, Some((143, vec![0, 0x11, 0x68, 0xff])));
        assert_eq!(leases[0].expires, at("2026-11-22T02:59:12Z"));
        assert_eq!(leases[0].name_service.name_servers.len(), 2);
        assert_eq!(leases[0].name_service.domains.len(), 3);
        assert_eq!((leases[1].option.clone(), leases[1].expires), (Some((143, b"192.0.2.1:443".to_vec())), None));
        let released = TWO.replace("expire never;", "expire epoch 1795315747; released;");
        assert_eq!(read(&released).len(), 1);
        let epoch = TWO.replace("expire never;", "expire epoch 1795315747; # Sun Nov 22\n");
        assert_eq!(read(&epoch)[1].expires, Some(Timestamp::from_unix(1_795_315_747)));
    }

    #[test]
    fn dhc_03_a_lease_of_dhcpv6_ends_with_its_last_address() {
        let text = r#"lease6 { interface "eth0";
            ia-na 84:d3:32:0b { starts 1795315748; renew 300; iaaddr 2001:db8::58 { starts 1795315748; max-life 600; }
              iaaddr 2001:db8::59 { starts 1795315748; max-life 500; } }
            option dhcp6.sztp-redirect 0:15:68; option dhcp6.name-servers 2001:db8::53; }"#;
        let leases = read(text);
        assert_eq!(leases[0].option, Some((136, vec![0, 0x15, 0x68])));
        assert_eq!(leases[0].expires, Some(Timestamp::from_unix(1_795_316_348)));
        assert_eq!(leases[0].name_service.name_servers.len(), 1);
    }

    #[test]
    fn text_in_quotes_is_read_with_its_escapes() {
        assert_eq!(quoted(r#"\000\021http\"s\377" x"#), Some((b"\x00\x11http\"s\xff".to_vec(), " x")));
        assert_eq!(quoted("no end"), None);
        assert_eq!(octets(&[Token::Word("0:100")]), None);
    }

    #[test]
    fn a_file_that_was_cut_off_has_the_leases_before() {
        for length in 0..TWO.len() {
            let leases = read(TWO.get(..length).unwrap());
            assert!(leases.len() <= 2);
        }
        let cut = TWO.find("eth1").unwrap();
        assert_eq!(read(&TWO[..cut]).len(), 1);
        assert_eq!(read("leases { }"), []);
        assert_eq!(read(&",".repeat(1 << 20)), []);
        assert_eq!(read("\u{20ac}\u{a0}{ lease \u{20ac} lease { \u{20ac} } lease { } ").len(), 1);
    }
}
