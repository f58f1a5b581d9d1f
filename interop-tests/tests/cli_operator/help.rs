//! Help: every command has its examples.

use std::path::Path;

use crate::site::{ended, sztp};

/// The names under `Commands:` in a help text.
fn commands(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").map(str::to_owned).collect()
}

#[test]
fn every_command_shows_how_it_is_used() {
    let mut open = vec![Vec::<String>::new()];
    let mut seen = 0;
    while let Some(path) = open.pop() {
        let mut arguments: Vec<&str> = path.iter().map(String::as_str).collect();
        arguments.push("--help");
        let help = ended(&mut sztp(Path::new("/"), &arguments)).good().out;
        let inner = commands(&help);
        if inner.is_empty() {
            seen += 1;
            assert!(help.contains("Examples:"), "{}: {help}", path.join(" "));
        }
        open.extend(inner.into_iter().map(|name| [path.clone(), vec![name]].concat()));
    }
    assert!(seen > 35, "only {seen} commands were found");
}

#[test]
fn completions_and_manual_pages_know_every_command() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let script = ended(&mut sztp(folder.path(), &["completions", shell])).good().out;
        assert!(script.contains("activation-code") && script.contains("server-ca"), "{shell}");
    }
    let page = ended(&mut sztp(folder.path(), &["man"])).good().out;
    assert!(page.contains(".TH sztp 1"), "{page}");
    ended(&mut sztp(folder.path(), &["man", "--out", "man1"])).good();
    let import = std::fs::read_to_string(folder.path().join("man1/sztp-device-import.1")).unwrap();
    assert!(import.contains("Examples"), "{import}");
}
