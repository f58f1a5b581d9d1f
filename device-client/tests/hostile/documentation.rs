//! The page that shows the cases to people.

use crate::{artifacts, owners, transport};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/hostile-network.md");

#[test]
fn the_page_shows_every_case_with_its_reason() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let shown: Vec<_> = page.lines().filter(|line| line.starts_with("| ") && line.ends_with("` |")).collect();
    let cases = [transport::CASES, artifacts::CASES, owners::CASES];
    let expected: Vec<_> =
        cases.into_iter().flatten().map(|case| format!("| {} | `{}` |", case.what, case.reason)).collect();
    let table = expected.join("\n");
    assert_eq!(shown, expected, "the rows of docs/hostile-network.md should be:\n{table}\n");
}
