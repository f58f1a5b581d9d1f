//! The operator API as schemathesis sees it, which makes requests from the OpenAPI document: well-formed ones, broken
//! ones, with wrong methods, without a token. Every answer must be one that the document describes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of a test")]

use std::process::{Command, Stdio};

use interop_tests::{need, site as support};

#[allow(dead_code, reason = "shared with the tests of bootstrap-server")]
#[path = "../../bootstrap-server/tests/api/world.rs"]
mod world;

/// Requests made for each operation and kind of test; enough to find what is wrong often, few enough for every run.
const EXAMPLES: &str = "25";

/// What is described as one JSON value of a line is sent as a line.
const JSON_LINES: &str = r#"
import json
import schemathesis

@schemathesis.serializer("application/x-ndjson")
def line(context, value):
    return value if isinstance(value, bytes) else json.dumps(value).encode() + b"\n"
"#;

#[test]
fn every_answer_is_one_that_the_document_describes() {
    let peer = need!("schemathesis");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let world = runtime.block_on(world::World::new(&["SN-1"]));
    let folder = tempfile::tempdir().unwrap();
    let server = format!("https://{}", world.server.operator_address().unwrap());
    // What the document cannot say in a schema (a name that does not exist, a date in the past) is 422 or 409.
    // And any text is a list, even if it says nothing: the answer tells what is wrong with each line.
    let settings = "[checks]\npositive_data_acceptance.expected-statuses = \
                    [\"2xx\", \"304\", \"400\", \"404\", \"409\", \"412\", \"422\"]\n\
                    [[operations]]\n\
                    include-path-regex = \"^/v1/(import/(devices|certificates|vouchers)|vouchers/(coverage|renew))$\"\n\
                    checks.negative_data_rejection.enabled = false\n";
    std::fs::write(folder.path().join("schemathesis.toml"), settings).unwrap();
    std::fs::write(folder.path().join("json_lines.py"), JSON_LINES).unwrap();
    let anchor = world.site.path("anchor.pem");
    let output = Command::new(peer.path())
        .args(["run", &format!("{server}/v1/openapi.json"), "--no-color"])
        .args(["--tls-verify", anchor.to_str().unwrap(), "--header"])
        .arg(format!("Authorization: Bearer {}", world.secret("ada")))
        .args(["--max-examples", EXAMPLES, "--seed", "7", "--generation-database", "none"])
        // A stream has no end. Who revokes the token it uses, or takes its user's role away, is out.
        .args(["--exclude-path", "/v1/events"])
        .args(["--exclude-path", "/v1/tokens/{token}", "--exclude-path", "/v1/users/{user}"])
        // So many wrong tokens from one address are answered 429 after the twentieth; access.rs tries each operation.
        .args(["--exclude-checks", "ignored_auth"])
        .args(["--phases", "examples,coverage,fuzzing"])
        .env("SCHEMATHESIS_HOOKS", "json_lines")
        .env("HOME", folder.path())
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    runtime.block_on(world.server.stop());
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
}
