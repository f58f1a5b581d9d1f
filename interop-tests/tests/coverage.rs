//! `specs/coverage.md` held to the tree: the tests it names exist, no row stands twice, its figures are those of its
//! rows.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs,
    path::Path,
};

/// How many rows are in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Figures {
    rows: usize,
    shown: usize,
    not_yet: usize,
    not_applicable: usize,
}

impl Figures {
    /// Reads `3 rows: 1 shown, 1 not yet, 1 n/a.` at the beginning of a line.
    fn from_head_line(line: &str) -> Option<Self> {
        let (rows, rest) = line.split_once(" rows: ")?;
        let (shown, rest) = rest.split_once(" shown, ")?;
        let (not_yet, rest) = rest.split_once(" not yet, ")?;
        let (not_applicable, _) = rest.split_once(" n/a.")?;
        Some(Self {
            rows: rows.parse().ok()?,
            shown: shown.parse().ok()?,
            not_yet: not_yet.parse().ok()?,
            not_applicable: not_applicable.parse().ok()?,
        })
    }

    fn count(&mut self, state: &State<'_>) {
        self.rows += 1;
        match state {
            State::Shown(_) => self.shown += 1,
            State::NotYet => self.not_yet += 1,
            State::NotApplicable => self.not_applicable += 1,
        }
    }
}

/// What a row says of its rule.
#[derive(Debug, PartialEq, Eq)]
enum State<'a> {
    /// Held by these tests, each a file and a function in it.
    Shown(Vec<(&'a str, &'a str)>),
    /// No test would notice.
    NotYet,
    /// Nothing is demanded; the row says why.
    NotApplicable,
}

/// Reads `| ABC-12 | shown | path/of/file.rs::function | label |`.
fn row(line: &str) -> Option<(&str, State<'_>)> {
    let cells: Vec<_> = line.strip_prefix('|')?.strip_suffix('|')?.split('|').map(str::trim).collect();
    let [id, state, tests, _label] = cells[..] else { return None };
    let (prefix, number) = id.split_once('-')?;
    let id_is_good = prefix.len() == 3
        && prefix.bytes().all(|byte| byte.is_ascii_uppercase())
        && number.len() == 2
        && number.bytes().all(|byte| byte.is_ascii_digit());
    let state = match (state, tests) {
        ("shown", tests) => State::Shown(tests.split("<br>").map(named_test).collect::<Option<_>>()?),
        ("not yet", "") => State::NotYet,
        ("n/a", reason) if reason.split_whitespace().count() == 3 => State::NotApplicable,
        _ => return None,
    };
    id_is_good.then_some((id, state))
}

fn named_test(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix('`')?.strip_suffix('`')?.split_once("::").filter(|(file, _)| file.ends_with(".rs"))
}

/// What is wrong with the page.
#[derive(Debug, PartialEq, Eq)]
enum Fault {
    NoHeadLine,
    RowUnreadable(String),
    IdTwice(String),
    FiguresWrong { head: Figures, counted: Figures },
    NoSuchFile { id: String, file: String },
    NoSuchTest { id: String, file: String, function: String },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoHeadLine => write!(f, "no line says how many rows are shown, not yet and n/a"),
            Self::RowUnreadable(line) => write!(f, "not a row: {line}"),
            Self::IdTwice(id) => write!(f, "{id} stands twice"),
            Self::FiguresWrong { head, counted } => write!(f, "the head line says {head:?}, the rows say {counted:?}"),
            Self::NoSuchFile { id, file } => write!(f, "{id}: there is no file {file}"),
            Self::NoSuchTest { id, file, function } => write!(f, "{id}: {file} has no test {function}"),
        }
    }
}

/// Everything that is wrong with `page`; `source` gives a file of the workspace by its path.
fn faults(page: &str, source: impl Fn(&str) -> Option<String>) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut files: BTreeMap<&str, Option<BTreeSet<String>>> = BTreeMap::new();
    let (mut ids, mut counted) = (BTreeSet::new(), Figures::default());
    let is_heading = |line: &&str| line.starts_with("| id |") || line.starts_with("|---");
    for line in page.lines().filter(|line| line.starts_with('|') && !is_heading(line)) {
        let Some((id, state)) = row(line) else {
            faults.push(Fault::RowUnreadable(line.to_owned()));
            continue;
        };
        if !ids.insert(id) {
            faults.push(Fault::IdTwice(id.to_owned()));
        }
        counted.count(&state);
        let State::Shown(tests) = state else { continue };
        for (file, function) in tests {
            let (id, file_name) = (id.to_owned(), file.to_owned());
            match files.entry(file).or_insert_with(|| all_tests_of(file, &source)) {
                None => faults.push(Fault::NoSuchFile { id, file: file_name }),
                Some(tests) if tests.contains(function) => (),
                Some(_) => faults.push(Fault::NoSuchTest { id, file: file_name, function: function.to_owned() }),
            }
        }
    }
    match page.lines().find_map(Figures::from_head_line) {
        None => faults.push(Fault::NoHeadLine),
        Some(head) if head != counted => faults.push(Fault::FiguresWrong { head, counted }),
        Some(_) => (),
    }
    faults
}

/// The names of the tests in a file, with those that a suite's macro makes there: `suite!(home);` makes one of each name that
/// the macro lists.
fn all_tests_of(file: &str, source: impl Fn(&str) -> Option<String>) -> Option<BTreeSet<String>> {
    let text = source(file)?;
    let mut tests = tests_in(&text);
    if text.lines().any(|line| line.starts_with("suite!(")) {
        tests.extend(suite_in(&source(&suite_of(file, &text)?)?));
    }
    Some(tests)
}

/// Where the module `store_suite` of a file is.
fn suite_of(file: &str, text: &str) -> Option<String> {
    let mut before = "";
    for line in text.lines() {
        if line == "mod store_suite;" {
            break;
        }
        before = line;
    }
    let path = before.strip_prefix("#[path = \"").and_then(|rest| rest.strip_suffix("\"]"));
    let (folder, _) = file.rsplit_once('/')?;
    let mut parts: Vec<&str> = folder.split('/').collect();
    for part in path.unwrap_or("store_suite/mod.rs").split('/') {
        match part {
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The names that the macro `suite` lists, if it makes a test of each.
fn suite_in(source: &str) -> BTreeSet<String> {
    let lines = source.lines().skip_while(|line| *line != "macro_rules! suite {").take_while(|line| *line != "}");
    let (mut names, mut is_test, mut makes_tests) = (BTreeSet::new(), false, false);
    for line in lines.map(str::trim) {
        makes_tests |= is_test && function_name(line) == Some("$name");
        is_test = line.starts_with("#[tokio::test") || line == "#[test]";
        names.extend(Some(line.to_owned()).filter(|name| is_identifier(name)));
    }
    if makes_tests { names } else { BTreeSet::new() }
}

/// The names of the tests in a file: functions under a test attribute that are not ignored, and the entries given to a
/// macro of the same file that makes a test of each.
fn tests_in(source: &str) -> BTreeSet<String> {
    let (mut tests, mut generators) = (BTreeSet::new(), BTreeSet::new());
    let (mut defining, mut using_generator) = ("", false);
    let (mut is_test, mut is_ignored) = (false, false);
    for line in source.lines() {
        if let Some(name) = line.strip_prefix("macro_rules! ").and_then(|rest| rest.strip_suffix(" {")) {
            defining = name;
        } else if line == "}" {
            (defining, using_generator) = ("", false);
        } else if line.strip_suffix("! {").is_some_and(|name| generators.contains(name)) {
            using_generator = true;
        } else if using_generator {
            let entry = line.strip_prefix("    ").and_then(|entry| entry.split_once(':'));
            tests.extend(entry.map(|(name, _)| name.to_owned()).filter(|name| is_identifier(name)));
        }
        let line = line.trim_start().trim_start_matches("$(");
        if let Some(attribute) = line.strip_prefix("#[") {
            let name = attribute.split([']', '(', ' ']).next().unwrap_or_default();
            is_test |= name == "test" || name.ends_with("::test");
            is_ignored |= name == "ignore";
        } else if !line.starts_with("//") {
            if let Some(name) = function_name(line).filter(|_| is_test && !is_ignored) {
                if name.starts_with('$') {
                    generators.insert(defining);
                } else {
                    tests.insert(name.to_owned());
                }
            }
            (is_test, is_ignored) = (false, false);
        }
    }
    tests
}

fn function_name(line: &str) -> Option<&str> {
    let line = line.strip_prefix("async ").unwrap_or(line);
    line.strip_prefix("fn ")?.split('(').next()
}

fn is_identifier(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[test]
fn the_page_names_tests_that_exist_and_counts_right() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let page = fs::read_to_string(root.join("specs/coverage.md")).unwrap();
    let faults = faults(&page, |file| fs::read_to_string(root.join(file)).ok());
    let list: Vec<_> = faults.iter().map(ToString::to_string).collect();
    assert!(list.is_empty(), "specs/coverage.md\n{}", list.join("\n"));
}

const SOURCE: &str = "\
macro_rules! refused {
    ($($name:ident: $result:expr;)*) => {
        $(#[test]
        fn $name() {
            check($result);
        })*
    };
}

refused! {
    from_a_macro: json!({
        \"inner\": 1,
    });
    /// Why.
    on_its_own_line:
        nested: 2;
}

mod tests {
    #[test]
    fn plain() {}

    #[tokio::test]
    // A word between.
    #[should_panic(expected = \"x\")]
    async fn asynchronous() {}

    #[test]
    #[ignore = \"slow\"]
    fn ignored() {}

    // #[test]
    fn helper() {}
}
";

const GOOD: &str = "3 rows: 1 shown, 1 not yet, 1 n/a. And so on.\n\n| id | state | test | rule |\n|---|---|---|---|\n\
    | ABC-01 | shown | `a.rs::plain`<br>`a.rs::from_a_macro` | one |\n| ABC-02 | not yet | | two |\n\
    | ABC-03 | n/a | three good words | three |\n";

fn faults_of(page: &str) -> Vec<Fault> {
    faults(page, |file| (file == "a.rs").then(|| SOURCE.to_owned()))
}

#[test]
fn tests_are_told_from_other_functions() {
    let expected = ["asynchronous", "from_a_macro", "on_its_own_line", "plain"];
    assert_eq!(tests_in(SOURCE).into_iter().collect::<Vec<_>>(), expected);
}

const SUITE: &str = "\
#[macro_export]
macro_rules! suite {
    ($home:expr) => {
        $crate::suite!($home;
            from_a_suite
            another_one
        );
    };
    ($home:expr; $($name:ident)*) => {
        $(
            #[tokio::test(flavor = \"multi_thread\")]
            async fn $name() {}
        )*
    };
}

not_in_it
";

/// A tree with a suite, a file beside it that runs it, one far away, and one that does not.
fn tree(file: &str) -> Option<String> {
    let text = match file {
        "x/tests/store_suite/mod.rs" => SUITE,
        "x/tests/near.rs" => "mod store_suite;\nmod support;\n\nsuite!(home());\n",
        "y/tests/far.rs" => {
            "#[path = \"../../x/tests/store_suite/mod.rs\"]\nmod store_suite;\n\nsuite!(match home() {\n});\n"
        }
        "x/tests/other.rs" => "mod store_suite;\n\n#[test]\nfn plain() {}\n",
        _ => return None,
    };
    Some(text.to_owned())
}

#[test]
fn what_a_suite_makes_counts_where_it_is_run() {
    for (file, tests) in [
        ("x/tests/near.rs", &["another_one", "from_a_suite"][..]),
        ("y/tests/far.rs", &["another_one", "from_a_suite"]),
        ("x/tests/other.rs", &["plain"]),
    ] {
        let found: Vec<_> = all_tests_of(file, tree).unwrap().into_iter().collect();
        assert_eq!(found, tests, "{file}");
    }
    assert_eq!(suite_in(&SUITE.replace("tokio::test", "allow")), BTreeSet::new(), "it makes no tests then");
    let page = GOOD.replace("`a.rs::plain`<br>`a.rs::from_a_macro`", "`x/tests/near.rs::not_in_it`");
    let missing = Fault::NoSuchTest {
        id: "ABC-01".to_owned(),
        file: "x/tests/near.rs".to_owned(),
        function: "not_in_it".to_owned(),
    };
    assert_eq!(faults(&page, tree), [missing]);
    assert_eq!(faults(&page.replace("not_in_it", "from_a_suite"), tree), []);
}

#[test]
fn the_suite_of_this_tree_is_seen() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for file in ["bootstrap-server/tests/store_sqlite.rs", "interop-tests/tests/store_postgres.rs"] {
        let tests = all_tests_of(file, |file| fs::read_to_string(root.join(file)).ok()).unwrap();
        assert!(tests.contains("a_newer_schema_is_refused"), "{file}: {tests:?}");
    }
}

#[test]
fn a_page_in_order_has_no_faults() {
    assert_eq!(faults_of(GOOD), []);
}

#[test]
fn every_fault_is_found() {
    let id = || "ABC-01".to_owned();
    let figures = |shown, not_yet| Figures { rows: 3, shown, not_yet, not_applicable: 1 };
    let missing =
        |function: &str| Fault::NoSuchTest { id: id(), file: "a.rs".to_owned(), function: function.to_owned() };
    for (old, new, expected) in [
        ("a.rs::plain", "b.rs::plain", Fault::NoSuchFile { id: id(), file: "b.rs".to_owned() }),
        ("a.rs::plain", "a.rs::plai", missing("plai")),
        ("a.rs::plain", "a.rs::helper", missing("helper")),
        ("a.rs::plain", "a.rs::ignored", missing("ignored")),
        ("ABC-02", "ABC-01", Fault::IdTwice(id())),
        ("1 shown, 1", "2 shown, 0", Fault::FiguresWrong { head: figures(2, 0), counted: figures(1, 1) }),
        ("rows:", "lines:", Fault::NoHeadLine),
    ] {
        assert_eq!(faults_of(&GOOD.replace(old, new)), [expected], "{new}");
    }
}

#[test]
fn a_row_that_says_too_much_or_too_little_is_unreadable() {
    for (old, new) in [
        ("| not yet | |", "| not yet | `a.rs::plain` |"),
        ("| `a.rs::plain`<br>`a.rs::from_a_macro` |", "| |"),
        ("`a.rs::plain`", "a.rs"),
        ("three good words", "two words"),
        ("| not yet |", "| perhaps |"),
        ("ABC-02", "ABC-2"),
        (" | two |", " |"),
    ] {
        let faults = faults_of(&GOOD.replace(old, new));
        assert!(matches!(faults[..], [Fault::RowUnreadable(_), Fault::FiguresWrong { .. }]), "{new}: {faults:?}");
    }
}
