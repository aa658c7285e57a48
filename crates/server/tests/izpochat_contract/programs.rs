//! What IzpoChat's own document shows, done by Python's `requests` and JavaScript's
//! `WebSocket`, which had no part in writing this server (issue 4, criterion 1).

use std::ffi::OsString;
use std::process::Stdio;
use std::time::Duration;

use tertulia_testkit::{PDF, TestServer, path_of};
use tokio::process::Command;

use crate::{enter, expect, nothing_else, person, room};

const INTERPRETER: &str = "TERTULIA_TEST_PYTHON";

/// The folder with the packages of npm.
const INSTALLED: &str = "TERTULIA_TEST_JAVASCRIPT";

/// How long a program may take that hangs for ever by itself.
const PATIENCE: Duration = Duration::from_secs(60);

/// What `cargo xtask test` hands over; without it the test is left out.
fn provided(variable: &str) -> Option<OsString> {
    #[expect(clippy::disallowed_methods, reason = "the tool's path comes this way")]
    let value = std::env::var_os(variable);
    if value.is_none() {
        eprintln!("skipped: {variable} is not set; `cargo xtask test` sets it");
    }
    value
}

fn script(name: &str) -> String {
    format!("{}/tests/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// Runs a program to its good end; what it said.
async fn goes_through(command: &mut Command) -> String {
    let command = command.stdin(Stdio::null()).kill_on_drop(true);
    let done = tokio::time::timeout(PATIENCE, command.output()).await;
    let done = done.expect("it ends").unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{said}\n{errors}");
    said
}

/// Uploads a PDF with `requests`, and says it in room 1.
#[tokio::test]
async fn the_upload_of_the_document_in_python() {
    let Some(interpreter) = provided(INTERPRETER) else {
        return;
    };
    let server = TestServer::spawn().await;
    let lidia = person(&server, "lidia").await;
    let id = room(&lidia, "Ensayo", false).await;
    assert_eq!(id, 1, "the program says it there");
    let (mut socket, _) = enter(&server, &lidia, id).await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("document.pdf"), PDF).unwrap();
    let mut program = Command::new(interpreter);
    program
        .arg(script("python/izpochat_upload.py"))
        .args([&format!("http://{}", server.address()), &lidia.token])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(folder.path());
    let said = goes_through(&mut program).await;
    let heard = expect(&mut socket, "message").await;
    assert_eq!(heard["content"], "Va el documento");
    assert_eq!(heard["file"]["public_url"], said.trim());
    assert_eq!(&*server.http().get(path_of(said.trim())).await.body, PDF);
    nothing_else(&mut socket).await;
    socket.finish().await;
    server.shutdown().await;
}

/// Opens room 1 with `WebSocket`, says something and that one is writing.
#[tokio::test]
async fn the_socket_of_the_document_in_javascript() {
    let Some(_) = provided(INSTALLED) else {
        return;
    };
    let server = TestServer::spawn().await;
    let lidia = person(&server, "lidia").await;
    let bruno = person(&server, "bruno").await;
    let id = room(&lidia, "Ensayo", false).await;
    assert_eq!(id, 1, "the program enters it");
    let (mut socket, _) = enter(&server, &lidia, id).await;
    let mut program = Command::new("node");
    program
        .arg(script("javascript/izpochat.mjs"))
        .args([&format!("ws://{}", server.address()), &bruno.token])
        .arg(bruno.id.to_string());
    let said = goes_through(&mut program).await;
    assert_eq!(said, "as in the contract\n");
    expect(&mut socket, "user_joined").await;
    let mut heard = [socket.recv().await, socket.recv().await];
    heard.sort_unstable_by_key(|frame| frame["type"].to_string());
    assert_eq!(heard[0]["type"], "message");
    assert_eq!(heard[0]["content"], "¡Buenas!");
    assert_eq!(heard[0]["sender"]["id"], bruno.id);
    assert_eq!(heard[1]["type"], "typing");
    assert_eq!(heard[1]["typing"], true);
    expect(&mut socket, "user_left").await;
    nothing_else(&mut socket).await;
    socket.finish().await;
    server.shutdown().await;
}
