//! Every command that the documentation and the help show is one that there is, with options that it takes; every TOML
//! document that they show is one that a server reads.

use std::{collections::BTreeSet, fs, path::PathBuf};

use bootstrap_server::{
    config::ServerConfig,
    domain::{OnboardingProfile, ProfileName},
};
use clap::{
    Command, CommandFactory,
    error::{ContextKind, ContextValue, ErrorKind},
};

use crate::{
    Cli,
    site::{CONFIG, Plan, Site},
};

/// What people read, by its path in the repository.
fn pages() -> Vec<(String, String)> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let docs = fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let mut pages: Vec<_> = docs.filter(|path| path.extension().is_some_and(|it| it == "md")).collect();
    pages.extend(["README.md", "packaging/README.md", "specs/scripts.md"].map(|name| root.join(name)));
    pages.sort();
    pages.into_iter().map(|path| (path.display().to_string(), fs::read_to_string(path).unwrap())).collect()
}

/// Blocks of code, with their languages.
fn blocks(page: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(language) = line.trim_start().strip_prefix("```") {
            let block: Vec<_> = lines.by_ref().take_while(|line| !line.trim_start().starts_with("```")).collect();
            blocks.push((language.to_owned(), block.join("\n")));
        }
    }
    blocks
}

/// Texts in single backquotes, which stay on one line.
fn inline_code(page: &str) -> Vec<String> {
    let mut in_block = false;
    let prose = page.lines().filter(|line| {
        in_block ^= line.trim_start().starts_with("```");
        !in_block
    });
    prose.flat_map(|line| line.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// The commands of a line of shell, as words. What cannot be known before it runs is a word with `$` in it.
fn commands(line: &str) -> Vec<Vec<String>> {
    let (mut commands, mut words, mut word) = (vec![], vec![], None::<String>);
    let (mut quote, mut skipped) = (None, false);
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some(end), _) if character == end => quote = None,
            (Some(_), _) => word.get_or_insert_default().push(character),
            (None, '\'' | '"') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            // What `$(…)` gives is one word.
            (None, '$') if characters.peek() == Some(&'(') => {
                word.get_or_insert_default().push('$');
                characters.by_ref().take_while(|it| *it != ')').for_each(drop);
            }
            (None, '#') if word.is_none() => break,
            (None, '>' | '<') => skipped = true,
            (None, '&' | '|' | ';' | ' ') => {
                if let Some(word) = word.take()
                    && !std::mem::take(&mut skipped)
                {
                    words.push(word);
                }
                if character != ' ' {
                    commands.push(std::mem::take(&mut words));
                }
            }
            (None, _) => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word.filter(|_| !skipped));
    commands.push(words);
    commands.retain(|words| !words.is_empty());
    commands
}

/// Why `line` shows a command that there is not.
fn wrong_line(line: &str) -> Option<String> {
    let line = line.trim().trim_start_matches("$ ");
    for words in commands(line) {
        let Some(first) =
            words.iter().position(|word| word == "sztp").filter(|first| *first == 0 || words[0] == "sudo")
        else {
            continue;
        };
        // `sudo -u sztp sztp …`: the last of them is the program.
        let first = words.iter().skip(first + 1).position(|word| word == "sztp").map_or(first, |it| first + 1 + it);
        let words = &words[first..];
        if words.iter().any(|word| word.contains('$')) {
            continue;
        }
        if let Err(error) = Cli::command().try_get_matches_from(words)
            && !matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion)
            && !is_placeholder(&error)
        {
            return Some(format!("{line}\n{error}"));
        }
    }
    None
}

/// Whether nothing is wrong but that a word in capitals stands where a value of some form goes.
fn is_placeholder(error: &clap::Error) -> bool {
    let value = error.get(ContextKind::InvalidValue);
    let in_capitals = |value: &str| !value.is_empty() && value.bytes().all(|octet| octet.is_ascii_uppercase());
    matches!(value, Some(ContextValue::String(value)) if in_capitals(value))
}

/// The lines of a block, each with those that a backslash at its end goes on to.
fn lines(block: &str) -> Vec<String> {
    let mut pieces = block.split("\\\n");
    let first = pieces.next().unwrap_or_default().to_owned();
    let whole = pieces.fold(first, |whole, piece| whole + piece.trim_start());
    whole.lines().map(str::to_owned).collect()
}

/// Every name of a subcommand, and every long option.
fn names(command: &Command, into: &mut BTreeSet<String>) {
    into.extend(command.get_arguments().filter_map(|it| it.get_long()).map(|long| format!("--{long}")));
    for inner in command.get_subcommands() {
        into.insert(inner.get_name().to_owned());
        names(inner, into);
    }
}

/// Why what is said about the commands in passing names what there is not.
fn wrong_mention(text: &str, known: &BTreeSet<String>) -> Option<String> {
    let mentioned = text.strip_prefix("sztp ")?;
    // What follows two blanks explains.
    let mentioned = mentioned.split("  ").next().unwrap_or_default();
    let words: Vec<_> = mentioned.split([' ', '|', '[', ']']).filter(|word| !word.is_empty()).collect();
    let is_name = |word: &str| word.bytes().all(|octet| octet.is_ascii_lowercase() || octet == b'-');
    let before = std::iter::once("").chain(words.iter().copied());
    // What follows an option may be its value.
    let names = words.iter().zip(before).filter(|(word, before)| word.starts_with("--") || !before.starts_with("--"));
    let mut names = names.map(|(word, _)| *word).filter(|word| is_name(word) && *word != "sztp");
    let wrong = names.find(|word| !known.contains(*word));
    wrong.map(|word| format!("`{text}`: there is no {word}"))
}

#[test]
fn every_command_in_the_documentation_is_one_that_there_is() {
    let mut known = BTreeSet::new();
    names(&Cli::command(), &mut known);
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for (path, page) in pages() {
        for (_, block) in blocks(&page) {
            // A synopsis shows choices and dots instead of something to type.
            let is_synopsis = block.contains(" …") || block.contains(" [");
            for line in lines(&block) {
                let fault = if is_synopsis { wrong_mention(&line, &known) } else { wrong_line(&line) };
                wrong.extend(fault.map(|fault| format!("{path}: {fault}")));
                seen += usize::from(line.contains("sztp "));
            }
        }
        let mentions = inline_code(&page);
        wrong
            .extend(mentions.iter().filter_map(|it| wrong_mention(it, &known)).map(|fault| format!("{path}: {fault}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen > 40, "only {seen}");
}

#[test]
fn every_example_in_the_help_is_one_that_can_be_typed() {
    fn look(command: &Command, path: &str, wrong: &mut Vec<String>, seen: &mut usize) {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        // What follows several blanks explains.
        for line in lines(&help).iter().filter(|line| line.starts_with("  ")).map(|line| line.trim_start()) {
            let line = line.split("    ").next().unwrap_or_default();
            *seen += usize::from(line.contains("sztp "));
            wrong.extend(wrong_line(line).map(|fault| format!("{path}: {fault}")));
        }
        for inner in command.get_subcommands() {
            look(inner, &format!("{path} {}", inner.get_name()), wrong, seen);
        }
    }
    let (mut wrong, mut seen) = (Vec::new(), 0);
    look(&Cli::command(), "sztp", &mut wrong, &mut seen);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen > 90, "only {seen}");
}

#[tokio::test]
async fn every_toml_document_in_the_documentation_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("site");
    let loopback = "127.0.0.1:0".parse().unwrap();
    let plan = Plan {
        organization: "Example".to_owned(),
        device_listen: loopback,
        operator_listen: loopback,
        certificate_names: vec!["127.0.0.1".to_owned()],
        device_names: vec!["127.0.0.1".to_owned()],
        origin: "example.net/sztp".to_owned(),
        database: "sztp.sqlite3".to_owned(),
        images: Vec::new(),
        more: String::new(),
    };
    let now = pki::time::Timestamp::from_system(std::time::SystemTime::now());
    Site::make(&plan, now).unwrap().found(&path).await.unwrap();
    let config = fs::read_to_string(path.join(CONFIG)).unwrap();
    let documents = pages().into_iter().flat_map(|(page, text)| {
        let toml = blocks(&text).into_iter().filter(|(language, _)| language == "toml");
        toml.map(move |(_, block)| (page.clone(), block)).collect::<Vec<_>>()
    });
    let certificate = fs::read_to_string(path.join("operator-ca.pem")).unwrap();
    let mut seen = 0;
    for (page, block) in documents {
        seen += 1;
        let mut whole: toml::Table = toml::from_str(&config).unwrap();
        let part: toml::Table = toml::from_str(&block).unwrap_or_else(|error| panic!("{page}: {error}\n{block}"));
        // What stands in the table of a DHCP server.
        let of_dhcp = |table: &str| {
            let mut whole: toml::Table = toml::from_str(&config).unwrap();
            whole.insert(table.to_owned(), part.clone().into());
            toml::from_str::<bootstrap_server::config::Document>(&toml::to_string(&whole).unwrap()).is_ok()
        };
        if of_dhcp("dhcp4") || of_dhcp("dhcp6") {
            continue;
        }
        merge(&mut whole, part);
        fs::write(path.join("example.toml"), toml::to_string(&whole).unwrap()).unwrap();
        // An example names files of its reader's.
        for file in block.split('"').filter(|word| word.ends_with(".pem")).map(|name| path.join(name)) {
            if !file.exists() {
                fs::write(file, &certificate).unwrap();
            }
        }
        for file in block.split('"').filter(|word| word.ends_with(".credentials")).map(|name| path.join(name)) {
            if !file.exists() {
                crate::files::write(&file, b"user:password\n", crate::files::Secrecy::Private).unwrap();
            }
        }
        for file in block.split('"').filter(|word| word.ends_with(".key")).map(|name| path.join(name)) {
            if !file.exists() {
                let key = pki::key::FileKey::generate_ed25519().unwrap();
                crate::files::write(&file, key.to_pem().as_bytes(), crate::files::Secrecy::Private).unwrap();
            }
        }
        let Err(as_config) = ServerConfig::load(&path.join("example.toml")) else { continue };
        // What a device is configured with: the whole, or a part beside an identity.
        let identified = format!("idevid-certificate = 'c'\nidevid-key = 'k'\n{block}");
        let as_device = |text: &str| device_client::config::Config::parse(text, &path).is_ok();
        if as_device(&block) || as_device(&identified) {
            continue;
        }
        let block = with_certificates(&block, &certificate);
        // An example is a part of a profile too, or the whole of one.
        let mut whole: toml::Table = toml::from_str(PROFILE).unwrap();
        merge(&mut whole, toml::from_str(&block).unwrap());
        let profile = |text: &str| OnboardingProfile::from_toml(ProfileName::new("example").unwrap(), text);
        if let (Err(_), Err(as_profile)) = (profile(&toml::to_string(&whole).unwrap()), profile(&block)) {
            panic!("{page}:\n{block}\nis no configuration: {as_config}\nand no profile: {as_profile}");
        }
    }
    assert!(seen >= 2, "only {seen}");
}

/// An example with a real certificate where its reader is to put one.
fn with_certificates(block: &str, certificate: &str) -> String {
    let mut parts = block.split("-----BEGIN CERTIFICATE-----");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |whole, part| {
        let (_, after) = part.split_once("-----END CERTIFICATE-----").unwrap_or_default();
        whole + certificate.trim_end() + after
    })
}

/// A profile with everything that parts of others may refer to.
const PROFILE: &str = r#"
pre-configuration-script = "x"
post-configuration-script = "x"
configuration = { handling = "merge", content = "{}" }

[boot-image]
os-name = "ExampleOS"
os-version = "2.0"
download-uris = ["https://sztp.example.net/image"]
sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
"#;

fn merge(whole: &mut toml::Table, part: toml::Table) {
    for (name, value) in part {
        match (whole.get_mut(&name), value) {
            (Some(toml::Value::Table(whole)), toml::Value::Table(part)) => merge(whole, part),
            (_, value) => drop(whole.insert(name, value)),
        }
    }
}

#[test]
fn what_is_wrong_is_found() {
    for (line, good) in [
        ("sztp status", true),
        ("sztp statsu", false),
        ("sztp device list --stukc", false),
        ("cd site && sztp serve   # comment with sztp nonsense", true),
        ("cd site && sztp server", false),
        ("sudo -u sztp sztp doctor --config x", true),
        ("sudo -u sztp sztp doctr", false),
        ("sztp audit checkpoint > newest", true),
        ("sztp device retire SN-1 --reason 'sold; it is'", true),
        ("sztp device retire SN-1", false),
        ("other --flag | sztp device import - --format csv", true),
    ] {
        assert_eq!(wrong_line(line).is_none(), good, "{line}: {:?}", wrong_line(line));
    }
    let known = BTreeSet::from(["device".to_owned(), "--stuck".to_owned(), "list".to_owned()]);
    assert_eq!(wrong_mention("sztp device list [--stuck] NAME …  and so on", &known), None);
    assert!(
        wrong_mention("sztp device lost", &known).is_some() && wrong_mention("sztp device --lost", &known).is_some()
    );
}
