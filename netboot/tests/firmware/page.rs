//! The chapter of `docs/dhcp.md` that shows what devices want: configuration and captured reply of each.

use std::{env, fmt::Write, fs};

use dhcp::v4::{Message, OptionCode, known};
use netboot::policy::Dhcp4Policy;

use crate::{
    field_devices::{DEVICES, Device, SITE, policy},
    stage::{Stage, file},
};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/dhcp.md");
const HEADING: &str = "\n## What devices want\n";

/// With `SZTP_WRITE_DEVICES=1` the chapter is written anew.
#[test]
fn the_page_shows_every_device_with_its_reply() {
    let page = fs::read_to_string(PAGE).unwrap();
    let (before, rest) = page.split_once(HEADING).unwrap();
    let (shown, after) =
        rest.split_once("\n## ").map_or((rest, String::new()), |(shown, after)| (shown, format!("\n## {after}")));
    let chapter = chapter();
    if env::var_os("SZTP_WRITE_DEVICES").is_some() {
        return fs::write(PAGE, format!("{before}{HEADING}{chapter}{after}")).unwrap();
    }
    assert!(
        shown == chapter,
        "docs/dhcp.md shows something else than what is sent: SZTP_WRITE_DEVICES=1 cargo test -p netboot --test firmware page"
    );
}

fn chapter() -> String {
    let mut text = format!(
        "\nEach class below stands in one configuration, which begins so:\n\n```toml\n{SITE}```\n\n\
         A class is told by what tells the device at your site: addresses that begin with `02:00:5e` are examples. Under each class are the options \
         of the offer that such a device gets, but for mask, message type, server and the times of a usual lease.\n"
    );
    for device in DEVICES {
        let Device { name, wants, toml, discover, .. } = device;
        write!(text, "\n### {name}\n").unwrap();
        for paragraph in
            [(*wants).to_owned(), if toml.is_empty() { String::new() } else { format!("```toml\n{toml}```") }]
        {
            if !paragraph.is_empty() {
                write!(text, "\n{paragraph}\n").unwrap();
            }
        }
        let offer = Stage::new(&policy()).reply(&discover());
        write!(text, "\n| option | bytes | meaning |\n|---|---|---|\n{}", rows(&offer)).unwrap();
    }
    text
}

fn rows(offer: &Message) -> String {
    let mut rows = String::new();
    let mut row = |what: &str, bytes: &[u8], meaning: &str| {
        let hex: String = bytes.iter().map(|octet| format!("{octet:02x}")).collect();
        writeln!(rows, "| {what} | `{hex}` | {} |", meaning.replace('|', "\\|")).unwrap();
    };
    if !offer.next_server.is_unspecified() {
        row("`siaddr`", &offer.next_server.octets(), &offer.next_server.to_string());
    }
    if !offer.server_name.is_empty() {
        let name = offer.server_name.as_bytes();
        row("`sname`", name, &format!("\"{}\"", String::from_utf8_lossy(name)));
    }
    if !offer.boot_file.is_empty() {
        row("`file`", offer.boot_file.as_bytes(), &format!("\"{}\"", file(offer)));
    }
    let mut options: Vec<_> = offer.options.iter().filter(|(code, value)| !is_usual(*code, value)).collect();
    options.sort_unstable_by_key(|(code, _)| *code);
    for (code, value) in options {
        let name = known::of(code).map_or("", |known| known.name);
        row(&format!("{} {name}", code.number()), value, &known::describe(code, value));
    }
    rows
}

/// Whether every offer has it.
fn is_usual(code: OptionCode, value: &[u8]) -> bool {
    match code.number() {
        1 | 53 | 54 | 58 | 59 => true,
        51 => value == 3600_u32.to_be_bytes(),
        _ => false,
    }
}

/// The configurations of the chapters before are accepted as they stand, and have no known weakness.
#[test]
fn the_examples_of_the_page_are_accepted() {
    let page = fs::read_to_string(PAGE).unwrap();
    let (before, _) = page.split_once(HEADING).unwrap();
    let ours = before.split_once("\n## Beside the DHCP server of the site\n").unwrap().1;
    let examples: Vec<_> = ours.split("```toml\n").skip(1).map(|rest| rest.split_once("```").unwrap().0).collect();
    assert_eq!(examples.len(), 2);
    for example in examples {
        let policy: Dhcp4Policy = toml::from_str(example).unwrap_or_else(|error| panic!("{example}\n{error}"));
        assert_eq!(policy.advice(), []);
        assert!(policy.boot_listen().is_some());
    }
}
