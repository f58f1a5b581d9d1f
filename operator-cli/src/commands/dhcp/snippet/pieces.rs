//! What is printed, for each server.

use dhcp::bootstrap_uri::FieldForm;

use super::{
    super::{
        family::Family,
        syntax::{Place, Unsendable, isc_definition},
    },
    Server,
};

/// What is to be sent.
#[derive(Debug)]
pub(super) struct Order {
    /// The option's value.
    pub(super) value: Vec<u8>,
    /// What it names, for people.
    pub(super) uris: Vec<String>,
    /// Its form.
    pub(super) layout: FieldForm,
    /// Whether clients get it that do not ask.
    pub(super) always: bool,
}

/// Text for one file.
#[derive(Debug)]
pub(super) struct Piece {
    /// What is in it.
    pub(super) families: Vec<Family>,
    /// As the server reads it.
    pub(super) text: String,
}

/// Why nothing is printed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SnippetRefused {
    /// The server cannot send it.
    #[error("{0}; name fewer or shorter servers, or use another DHCP server")]
    Unsendable(#[from] Unsendable),
    /// ISC dhcpd sends options of DHCPv6 to whoever asks.
    #[error(
        "ISC dhcpd sends options of DHCPv6 only to clients that ask (RFC 8415 §18.3); leave --always out, or use Kea"
    )]
    NeverUnasked,
}

/// The pieces, in order.
pub(super) fn make(server: Server, families: &[Family], order: &Order) -> Result<Vec<Piece>, SnippetRefused> {
    match server {
        Server::Kea => families.iter().map(|family| kea(*family, order)).collect(),
        Server::Dnsmasq => dnsmasq(families, order).map(|piece| vec![piece]),
        Server::Isc => isc(families, order).map(|piece| vec![piece]),
    }
}

/// One file for each of Kea's servers.
fn kea(family: Family, order: &Order) -> Result<Piece, SnippetRefused> {
    let (server, file) = match family {
        Family::V4 => ("kea-dhcp4", "sztp-143.json"),
        Family::V6 => ("kea-dhcp6", "sztp-136.json"),
    };
    let mut comments = heading(&[family], order);
    comments.push(format!(
        "An element of \"option-data\" of {server}, for all networks, a subnet, a pool, a class or a host:"
    ));
    comments.push(format!("  \"option-data\": [ <?include \"/etc/kea/{file}\"?> ]"));
    comments.push(
        "There is no \"option-def\" with it: newer versions of Kea have one of their own and refuse another."
            .to_owned(),
    );
    if family == Family::V4 && order.value.len() > 255 {
        comments
            .push("Kea sends more than 255 octets in several instances of the option, as RFC 3396 has it.".to_owned());
    }
    comments.push(when(order, "\"always-send\": true"));
    let others = if order.always { vec![("always-send".to_owned(), true.into())] } else { Vec::new() };
    let element = Place::Kea { others }.write(family, &order.value)?;
    Ok(Piece { families: vec![family], text: format!("{}{element}\n", commented("//", &comments)) })
}

/// One file with a line for each.
fn dnsmasq(families: &[Family], order: &Order) -> Result<Piece, SnippetRefused> {
    let directive = if order.always { "dhcp-option-force" } else { "dhcp-option" };
    let mut comments = heading(families, order);
    comments.push(
        "A file for /etc/dnsmasq.d, or for conf-file=. For some clients alone: put tag:NAME, before the number."
            .to_owned(),
    );
    comments.push("A later line for the same option takes the place of this one.".to_owned());
    comments.push(when(order, "dhcp-option-force"));
    let mut text = commented("#", &comments);
    for family in families {
        let number = match family {
            Family::V4 => "143",
            Family::V6 => "option6:136",
        };
        text += &Place::Dnsmasq { before: format!("{directive}={number}") }.write(*family, &order.value)?;
        text.push('\n');
    }
    Ok(Piece { families: families.to_vec(), text })
}

/// One file that both of dhcpd's configurations may include.
fn isc(families: &[Family], order: &Order) -> Result<Piece, SnippetRefused> {
    if order.always && families == [Family::V6] {
        return Err(SnippetRefused::NeverUnasked);
    }
    let mut comments = heading(families, order);
    comments.push("Statements for the top of dhcpd.conf and dhcpd6.conf, before subnets:".to_owned());
    comments.push("  include \"/etc/dhcp/sztp.conf\";".to_owned());
    if families.contains(&Family::V4) && order.value.len() > 255 {
        comments.push("dhcpd sends more than 255 octets in several instances of the option, as RFC 3396 has it, and puts what a client's".to_owned());
        comments.push(
            "largest message has no room for into the fields file and sname; some clients read only the first part."
                .to_owned(),
        );
    }
    comments.push(when(order, "the statement that adds 143 (hexadecimal 8f) to what a client asks for"));
    if order.always && families.contains(&Family::V6) {
        comments.push(
            "For option 136 there is no such statement: dhcpd sends options of DHCPv6 to clients that ask.".to_owned(),
        );
    }
    let mut text = commented("#", &comments);
    for family in families {
        let name = match family {
            Family::V4 => "sztp-redirect",
            Family::V6 => "dhcp6.sztp-redirect",
        };
        let statement = Place::Isc { name: name.to_owned() }.write(*family, &order.value)?;
        text += &format!("{}\n{statement}\n", isc_definition(*family, name));
        if order.always && *family == Family::V4 {
            text += ISC_ALWAYS;
        }
    }
    Ok(Piece { families: families.to_vec(), text })
}

/// A client that says nothing of what it wants gets everything; the others get one option more.
const ISC_ALWAYS: &str = "if exists dhcp-parameter-request-list {
  option dhcp-parameter-request-list = concat(option dhcp-parameter-request-list, 8f);
}
";

fn heading(families: &[Family], order: &Order) -> Vec<String> {
    let options: Vec<_> = families.iter().map(|it| format!("option {} of {}", it.code(), it.name())).collect();
    let mut lines = vec![format!("Bootstrap servers of RFC 8572, {}:", options.join(" and "))];
    lines.extend(order.uris.iter().map(|uri| format!("  {uri}")));
    if let Some(by) = order.layout.used_by() {
        lines.push(format!("In the form {}, which is not that of RFC 8572, for {by}.", order.layout));
    }
    lines
}

fn when(order: &Order, how: &str) -> String {
    match order.always {
        true => format!("Sent to clients that do not ask for it too, such as boot firmware: {how}."),
        false => "Sent to clients that ask for it; boot firmware never asks (sztp dhcp snippet --always).".to_owned(),
    }
}

fn commented(mark: &str, lines: &[String]) -> String {
    lines.iter().map(|line| format!("{mark} {line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: &[Family] = &[Family::V4, Family::V6];

    fn order(length: usize, always: bool) -> Order {
        Order { value: vec![0x61; length], uris: vec!["https://a".to_owned()], layout: FieldForm::Rfc8572, always }
    }

    /// What a server reads of a piece.
    fn code(piece: &Piece) -> Vec<&str> {
        piece.text.lines().filter(|line| !line.starts_with("//") && !line.starts_with('#')).collect()
    }

    #[test]
    fn every_server_gets_its_own() {
        let kea = make(Server::Kea, BOTH, &order(2, true)).unwrap();
        let elements: Vec<_> = kea.iter().flat_map(code).collect();
        assert_eq!(
            elements,
            [
                r#"{ "code": 143, "space": "dhcp4", "csv-format": false, "always-send": true, "data": "6161" }"#,
                r#"{ "code": 136, "space": "dhcp6", "csv-format": false, "always-send": true, "data": "6161" }"#,
            ]
        );
        let dnsmasq = make(Server::Dnsmasq, BOTH, &order(2, true)).unwrap();
        assert_eq!(code(&dnsmasq[0]), ["dhcp-option-force=143,61:61", "dhcp-option-force=option6:136,61:61"]);
        let asked = make(Server::Dnsmasq, &[Family::V4], &order(2, false)).unwrap();
        assert_eq!(code(&asked[0]), ["dhcp-option=143,61:61"]);
        let isc = make(Server::Isc, BOTH, &order(2, true)).unwrap();
        assert_eq!(code(&isc[0])[..2], ["option sztp-redirect code 143 = string;", "option sztp-redirect 61:61;"]);
        assert!(isc[0].text.contains("8f);") && isc[0].text.contains("option dhcp6.sztp-redirect 61:61;"));
        assert!(!make(Server::Isc, BOTH, &order(2, false)).unwrap()[0].text.contains("8f);"));
    }

    #[test]
    fn dhc_11_long_lists_are_split_by_the_server_told_or_refused() {
        assert!(make(Server::Kea, BOTH, &order(256, false)).unwrap()[0].text.contains("RFC 3396"));
        assert!(!make(Server::Kea, BOTH, &order(255, false)).unwrap()[0].text.contains("RFC 3396"));
        assert!(make(Server::Isc, BOTH, &order(256, false)).unwrap()[0].text.contains("RFC 3396"));
        let refused = make(Server::Dnsmasq, BOTH, &order(256, false)).unwrap_err();
        assert!(matches!(refused, SnippetRefused::Unsendable(Unsendable::DnsmasqOption(256))));
        assert!(make(Server::Dnsmasq, &[Family::V6], &order(256, false)).is_ok());
    }

    #[test]
    fn dhc_08_what_dhcpd_does_not_do_is_said() {
        assert!(matches!(make(Server::Isc, &[Family::V6], &order(2, true)), Err(SnippetRefused::NeverUnasked)));
        assert!(make(Server::Isc, BOTH, &order(2, true)).unwrap()[0].text.contains("no such statement"));
    }
}
