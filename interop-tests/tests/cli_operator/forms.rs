//! Lists that go in and come out, in every form.

use serde_json::{Value, json};

use crate::site::Site;

const LIST: &str = "manufacturer,serial-number,profile,rack,slot\n\
    example-maker,SN-0001,bmc,r7,u1\n\
    example-maker,SN-0002,bmc,r7,u2\n";

fn serials(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|device| device["serial-number"].as_str().unwrap()).collect()
}

#[test]
fn a_list_is_rehearsed_imported_and_passed_over_when_it_comes_again() {
    let site = Site::start();
    site.prepare();
    site.write("racks.csv", LIST);
    let rehearsed = site.sztp(&["device", "import", "racks.csv", "--dry-run"]).good();
    assert_eq!(rehearsed.out, "2 rows: 2 would be registered, 0 there already, 0 not taken\n");
    assert_eq!(site.sztp(&["device", "list"]).good().out, "none\n");
    let imported = site.sztp(&["device", "import", "racks.csv"]).good();
    assert_eq!(imported.out, "2 rows: 2 registered, 0 there already, 0 not taken\n");
    let again = site.sztp(&["device", "import", "racks.csv"]).good();
    assert_eq!(again.out, "2 rows: 0 registered, 2 there already, 0 not taken\n");
}

#[test]
fn a_list_goes_into_a_spreadsheet_and_comes_back() {
    let site = Site::start();
    site.prepare();
    let add = ["device", "add", "example-maker/SN-0001", "--profile", "bmc", "--rack", "=HYPERLINK(\"x\")"];
    site.sztp(&[&add[..], &["--mac", "00:00:5e:00:53:01", "--mac", "00:00:5e:00:53:02"]].concat()).good();
    let columns = "manufacturer,serial-number,profile,model,mac-addresses,uuid,host,slot,rack";
    let list = site.sztp(&["device", "list", "--output", "csv", "--columns", columns]).good().out;
    assert!(list.contains("\"'=HYPERLINK(\"\"x\"\")\""), "a spreadsheet must not run it: {list}");
    site.write("devices.csv", &list);
    let same = site.sztp(&["device", "import", "devices.csv"]).good();
    assert_eq!(same.out, "1 row: 0 registered, 1 there already, 0 not taken\n");
    site.write("devices.csv", &list.replace("HYPERLINK", "SUM"));
    let told = site.sztp(&["device", "import", "devices.csv"]);
    assert_eq!(told.code, Some(1), "{told:?}");
    assert!(told.err.starts_with("devices.csv:2: example-maker/SN-0001: rack is =HYPERLINK"), "{told:?}");
    let taken = site.sztp(&["device", "import", "devices.csv", "--update"]).good();
    assert!(taken.out.starts_with("1 row: 0 registered, 0 there already, 1 changed"), "{taken:?}");
    let shown = site.sztp(&["device", "show", "SN-0001", "--output", "json"]).good().json();
    assert_eq!((&shown["rack"], shown["mac-addresses"].as_array().unwrap().len()), (&json!("=SUM(\"x\")"), 2));
    let unknown = site.sztp(&["device", "list", "--columns", "colour"]);
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.err.contains("there are manufacturer, serial-number,"), "{unknown:?}");
}

#[test]
fn a_row_that_is_wrong_is_told_by_its_line_and_hurts_no_other() {
    let site = Site::start();
    site.prepare();
    let rows = r#"{"manufacturer":"example-maker","serial-number":"SN-0001","profile":"bmc"}
{"manufacturer":"nobody","serial-number":"SN-0002","profile":"bmc"}
{"manufacturer":"example-maker","serial-number":"SN-0003","profile":"bmc"}
"#;
    let import = ["device", "import", "-", "--format", "ndjson", "--output", "json"];
    let ended = site.sztp_reading(&import, rows);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let updates: Vec<Value> = ended.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let fault = updates.iter().find(|update| update["kind"] == "fault").unwrap();
    assert_eq!(fault["line"], 2, "{fault:#}");
    let done = updates.last().unwrap();
    assert_eq!((&done["registered"], &done["faults"]), (&json!(2), &json!(1)), "{done:#}");
    let people = site.sztp_reading(&["device", "import", "-", "--format", "ndjson"], rows);
    assert_eq!(people.code, Some(1));
    assert!(people.err.starts_with("-:2: "), "{people:?}");
    let sheet = site.sztp_reading(&["device", "import", "-", "--format", "ndjson", "--output", "csv"], rows);
    let lines: Vec<_> = sheet.out.lines().collect();
    assert_eq!(lines[0], "line,reason,manufacturer,serial-number,detail,remedy");
    assert!(
        lines.len() == 2 && lines[1].starts_with("2,reference-unknown,,,nobody/SN-0002: no manufacturer nobody,"),
        "{sheet:?}"
    );
    assert!(sheet.err.starts_with("3 rows: 0 registered, 2 there already"), "{sheet:?}");
    let list = site.sztp(&["device", "list", "--output", "json"]).good().json();
    assert_eq!(serials(&list), ["SN-0001", "SN-0003"]);
    // Several at once are one document, also when nothing is made.
    let both = ["device", "retire", "SN-0001", "SN-0003", "--reason", "sold", "--output", "json"];
    assert_eq!(site.sztp(&[&both[..], &["--dry-run"]].concat()).good().json(), json!([]));
    assert_eq!(serials(&site.sztp(&both).good().json()), ["SN-0001", "SN-0003"]);
}

#[test]
fn one_list_is_the_same_in_every_form() {
    let site = Site::start();
    site.prepare();
    site.write("racks.csv", LIST);
    site.sztp(&["device", "import", "racks.csv"]).good();
    let list = |form: &str| site.sztp(&["device", "list", "--output", form]).good().out;
    let parsed: Value = serde_json::from_str(&list("json")).unwrap();
    assert_eq!(serials(&parsed), ["SN-0001", "SN-0002"]);

    let table = list("table");
    let lines: Vec<_> = table.lines().collect();
    assert!(lines[0].starts_with("MANUFACTURER   SERIAL NUMBER  PROFILE  STATE       DETAIL"), "{table}");
    assert!(lines[1].starts_with("example-maker  SN-0001        bmc      registered  -"), "{table}");
    assert_eq!(lines.len(), 3);

    let csv = list("csv");
    let (names, rows) = csv.split_once('\n').unwrap();
    assert!(names.starts_with("manufacturer,serial-number,profile,state,"), "{csv}");
    assert_eq!(rows.lines().count(), 2);
    assert!(list("yaml").starts_with("- alarm: null\n"), "{}", list("yaml"));

    let limited = site.sztp(&["device", "list", "--limit", "1", "--output", "json"]).good().json();
    assert_eq!(serials(&limited), ["SN-0001"]);
    let filtered = site.sztp(&["device", "list", "--serial-prefix", "SN-0002", "--rack", "r7", "--output", "json"]);
    assert_eq!(serials(&filtered.good().json()), ["SN-0002"]);
    assert_eq!(site.sztp(&["device", "list", "--state", "failed", "--output", "json"]).good().out, "[]\n");
}

#[test]
fn what_was_applied_is_shown_as_it_was_written() {
    let site = Site::start();
    site.prepare();
    assert_eq!(site.sztp(&["profile", "show", "bmc"]).good().out, crate::site::PROFILE);
    let list = site.sztp(&["profile", "list"]).good().out;
    assert!(list.starts_with("NAME  MEMBERS        DIGEST\nbmc   configuration  "), "{list}");
    let rehearsed = site.sztp(&["profile", "remove", "bmc", "--dry-run"]).good();
    assert_eq!(rehearsed.out, "would be done: remove the profile bmc\n");
    site.sztp(&["profile", "remove", "bmc"]).good();
    assert_eq!(site.sztp(&["profile", "list", "--output", "json"]).good().json(), json!([]));
    let maker = site.sztp(&["manufacturer", "show", "example-maker", "--output", "json"]).good().json();
    assert_eq!(maker["anchors"].as_array().unwrap().len(), 1);
    let broken = site.sztp_reading(&["profile", "apply", "/dev/stdin", "--name", "bad"], "reporting-level = 'loud'");
    assert_eq!(broken.code, Some(1), "{broken:?}");
    assert!(broken.err.contains("loud") || broken.err.contains("reporting-level"), "{broken:?}");
}
