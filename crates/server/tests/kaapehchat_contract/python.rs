//! The example session again, spoken by Python's `websockets`, which had no part
//! in writing this server.

use std::process::Stdio;

use tertulia_testkit::TestServer;
use tokio::process::Command;

/// `cargo xtask test` sets it, see `xtask/src/tools.rs`.
const INTERPRETER: &str = "TERTULIA_TEST_PYTHON";

/// Section 7 with Python `websockets`, and beyond it a second device, a group of
/// three and a call from offer to end.
#[tokio::test]
async fn the_example_session_in_python() {
    #[expect(clippy::disallowed_methods, reason = "the tool's path comes this way")]
    let Some(interpreter) = std::env::var_os(INTERPRETER) else {
        eprintln!("skipped: {INTERPRETER} is not set; `cargo xtask test` sets it");
        return;
    };
    let server = TestServer::builder()
        .variable("TERTULIA_PRESENCE_GRACE", "50ms")
        .spawn()
        .await;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/kaapehchat.py");
    let done = Command::new(interpreter)
        .arg(script)
        .arg(format!("ws://{}/", server.address()))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{said}\n{errors}");
    assert!(said.ends_with("every frame as in the contract\n"), "{said}");
    server.shutdown().await;
}
