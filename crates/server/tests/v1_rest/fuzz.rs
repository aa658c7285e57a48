//! The whole `/openapi.json`, tried by a fuzzer that reads it: no call fails
//! inside, and none answers what the document does not name (issue 4,
//! criterion 4).

use std::process::Stdio;

use serde_json::{Map, Value};
use tertulia_testkit::TestServer;
use tokio::process::Command;

/// `cargo xtask test` sets it, see `xtask/src/tools.rs`.
const PROGRAM: &str = "TERTULIA_TEST_SCHEMATHESIS";

/// Cases made for each call, besides those that its schema names by itself.
const CASES: &str = "12";

/// What a fuzzer must not meet: it calls as fast as it can, from one address.
const NO_LIMITS: [&str; 5] = [
    "TERTULIA_LIMIT_LOGIN_FAILURES_PER_ACCOUNT",
    "TERTULIA_LIMIT_LOGIN_FAILURES_PER_ADDRESS",
    "TERTULIA_LIMIT_MESSAGES_PER_SECOND",
    "TERTULIA_LIMIT_MESSAGE_BURST",
    "TERTULIA_LIMIT_REGISTRATIONS_PER_ADDRESS",
];

const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_schema_conformance";

/// Three users, a bounded number of cases, the same ones in every run.
#[tokio::test]
async fn no_call_fails_or_answers_what_the_document_does_not_name() {
    #[expect(clippy::disallowed_methods, reason = "the tool's path comes this way")]
    let Some(program) = std::env::var_os(PROGRAM) else {
        eprintln!("skipped: {PROGRAM} is not set; `cargo xtask test` sets it");
        return;
    };
    let server = NO_LIMITS
        .iter()
        .fold(TestServer::builder(), |server, limit| {
            server.variable(limit, "1000000")
        })
        .spawn()
        .await;
    let address = format!("http://{}", server.address());
    let folder = tempfile::tempdir().expect("a folder for the fuzzer");
    let done = Command::new(program)
        .args(["run", &format!("{address}/openapi.json")])
        .args(["--checks", CHECKS, "--phases", "examples,coverage,fuzzing"])
        .args(["--max-examples", CASES, "--generation-deterministic"])
        .args(["--generation-with-security-parameters", "false"])
        .args(["--suppress-health-check", "all", "--request-timeout", "60"])
        .args([
            "--continue-on-failure",
            "--no-shrink",
            "--no-color",
            "--warnings",
            "off",
        ])
        .env("FUZZ_URL", &address)
        .env("SCHEMATHESIS_HOOKS", "fuzz_hooks")
        .env(
            "PYTHONPATH",
            concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python"),
        )
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .output()
        .await
        .expect("the fuzzer starts");
    let said = String::from_utf8_lossy(&done.stdout);
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{said}\n{errors}");
    assert!(said.contains("No issues found"), "{said}");
    let document = server.http().get("/openapi.json").await.json();
    let tested = format!("Tested: {}", calls(&document));
    assert!(said.contains(&tested), "{tested} is expected:\n{said}");
    server.shutdown().await;
}

/// How many calls the document has: those of `/v1`, and of every dialect that
/// describes its own.
fn calls(document: &Value) -> usize {
    let paths = document["paths"].as_object().expect("there are paths");
    for path in ["/v1/files/tus", "/api/rooms/", "/api/uploads/"] {
        assert!(paths.contains_key(path), "{path} is not described");
    }
    let methods = paths.values().filter_map(Value::as_object);
    methods.map(Map::len).sum()
}
