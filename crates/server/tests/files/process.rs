//! The real program: its memory while large files pass, and what a crash leaves
//! of an upload (issue 4, criterion 2).
#![cfg(target_os = "linux")]

use std::path::Path;
use std::time::Duration;

use tertulia_testkit::{HttpClient, ServerProcess, TestClock, V1Account};
use tokio::time::timeout;

use crate::storage::{PATIENCE, Storage, on_every_storage};
use crate::{Person, part_of_request, part_of_upload, text};

on_every_storage!(
    fifty_megabytes_pass_in_constant_memory,
    fifty_megabytes_pass_resumably_in_constant_memory,
    a_crash_leaves_nothing_of_an_upload,
    a_crash_in_a_resumable_upload_costs_what_was_not_confirmed,
    a_resumable_upload_that_nobody_resumes_after_a_crash_is_swept,
);

const MIB: usize = 1024 * 1024;

fn at(http: &HttpClient, account: &V1Account) -> Person {
    Person {
        http: http.bearer(&account.token),
        id: account.id.clone(),
    }
}

/// A line of `/proc/<id>/status`, in bytes.
fn memory(server: &ServerProcess, line: &str) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id()));
    let status = status.expect("the process runs");
    let found = status.lines().find_map(|text| text.strip_prefix(line));
    let kib = found.and_then(|text| text.trim_start_matches(':').split_whitespace().next());
    kib.and_then(|kib| kib.parse::<usize>().ok())
        .expect("a number")
        * 1024
}

/// Forgets how much memory the process once had (proc(5), `clear_refs`).
fn forget_peak(server: &ServerProcess) {
    let path = format!("/proc/{}/clear_refs", server.id());
    std::fs::write(path, "5").expect("the peak can be forgotten");
}

/// A server that has done everything once, and somebody there.
async fn warm_server(storage: &Storage, data_dir: &Path) -> (ServerProcess, Person) {
    // A password is hashed in far more memory than is measured here.
    let program = storage.process(data_dir);
    let mut server = program.spawn().await;
    let account = server.http().v1_register("ines").await;
    server.kill().await;
    let server = program.spawn().await;
    let ines = at(&server.http(), &account);
    let small = ines.upload("nota.txt", &vec![b'a'; MIB]).await;
    ines.http.get(&text(&small["url"])).await;
    (server, ines)
}

/// In and out again.
async fn fifty_megabytes_pass_in_constant_memory(storage: Storage) {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut server, ines) = warm_server(&storage, &folder.path().join("data")).await;
    let level = memory(&server, "VmRSS");
    forget_peak(&server);

    let content = vec![b'a'; 50 * MIB];
    let file = ines.upload("grande.txt", &content).await;
    let bytes = ines.http.get(&text(&file["url"])).await;
    assert!(bytes.body == content, "byte for byte");
    let grown = memory(&server, "VmHWM").saturating_sub(level);
    println!("memory grew by {grown} bytes");
    assert!(grown <= 16 * MIB, "memory grew by {grown} bytes");
    server.kill().await;
}

/// The same by tus: the parts are read back to be joined.
async fn fifty_megabytes_pass_resumably_in_constant_memory(storage: Storage) {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut server, ines) = warm_server(&storage, &folder.path().join("data")).await;
    let level = memory(&server, "VmRSS");
    forget_peak(&server);

    let content = vec![b'a'; 50 * MIB];
    let path = ines.begin(content.len()).await;
    let sent = ines.go_on(&path, 0, &content).await;
    assert_eq!(sent.status, 204, "{}", sent.text());
    let id = path.rsplit('/').next().expect("an id");
    let file = ines.http.get(&format!("/v1/files/{id}")).await.json();
    let bytes = ines.http.get(&text(&file["url"])).await;
    assert!(bytes.body == content, "byte for byte");
    let grown = memory(&server, "VmHWM").saturating_sub(level);
    println!("memory grew by {grown} bytes");
    assert!(grown <= 16 * MIB, "memory grew by {grown} bytes");
    server.kill().await;
}

/// S15: what `kill -9` interrupts is gone after the next start.
async fn a_crash_leaves_nothing_of_an_upload(storage: Storage) {
    // Over a database server it may be another node's: there it goes when its
    // time is over.
    if !tertulia_testkit::is_sqlite() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let data_dir = folder.path().join("data");
    let program = storage
        .process(&data_dir)
        .variable("TERTULIA_LIMIT_UPLOADS_PER_USER", "1");
    let mut server = program.spawn().await;
    let account = server.http().v1_register("ines").await;
    let _cut = part_of_upload(server.address(), &account.token).await;
    storage.until(|stored| !stored.is_empty()).await;
    server.kill().await;
    assert!(!storage.stored().await.is_empty(), "else nothing is tested");

    let mut server = program.spawn().await;
    storage.until_empty().await;
    let ines = at(&server.http(), &account);
    assert!(ines.list().await.is_empty());
    // The one upload that may be under way is free again.
    ines.upload("nota.txt", b"hola").await;
    server.kill().await;
}

/// Begins a resumable upload of `content`, sends two thirds of it in one
/// request, and kills the server in its middle. The upload's address, and how
/// many bytes the server had said to have.
async fn crash_in_the_middle(
    server: &mut ServerProcess,
    account: &V1Account,
    content: &[u8],
) -> (String, usize) {
    let ines = at(&server.http(), account);
    let path = ines.begin(content.len()).await;
    let head = format!(
        "PATCH {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
         Tus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n\
         Content-Type: application/offset+octet-stream\r\nContent-Length: {}\r\n\r\n",
        account.token,
        content.len()
    );
    let sent = &content[..content.len() * 2 / 3];
    let _cut = part_of_request(server.address(), &head, sent).await;
    let some = async {
        loop {
            let stands = ines.offset(&path).await;
            let offset: usize = stands.header("upload-offset").parse().expect("a number");
            if offset > 0 {
                break offset;
            }
        }
    };
    let confirmed = timeout(PATIENCE, some).await.expect("some is kept");
    server.kill().await;
    (path, confirmed)
}

async fn a_crash_in_a_resumable_upload_costs_what_was_not_confirmed(storage: Storage) {
    let folder = tempfile::tempdir().expect("a folder");
    let data_dir = folder.path().join("data");
    let program = storage.process(&data_dir);
    let mut server = program.spawn().await;
    let account = server.http().v1_register("ines").await;
    let content: Vec<u8> = (0..9 * MIB)
        .map(|number| b'a' + (number % 23) as u8)
        .collect();
    let (path, confirmed) = crash_in_the_middle(&mut server, &account, &content).await;
    assert!(confirmed < content.len(), "else nothing was cut");

    let mut server = program.spawn().await;
    let ines = at(&server.http(), &account);
    let stands = ines.offset(&path).await;
    assert_eq!(stands.header("upload-offset"), confirmed.to_string());
    let rest = ines.go_on(&path, confirmed, &content[confirmed..]).await;
    assert_eq!(rest.status, 204, "{}", rest.text());
    let [file] = &ines.list().await[..] else {
        panic!("one file is there");
    };
    let bytes = ines.http.get(&text(&file["url"])).await;
    assert!(bytes.body == content, "byte for byte");
    // Its parts are gone, also the one that was never complete.
    storage.until(|stored| stored.len() == 1).await;
    server.kill().await;
}

async fn a_resumable_upload_that_nobody_resumes_after_a_crash_is_swept(storage: Storage) {
    let folder = tempfile::tempdir().expect("a folder");
    let data_dir = folder.path().join("data");
    let mut server = storage.process(&data_dir).spawn().await;
    let account = server.http().v1_register("ines").await;
    crash_in_the_middle(&mut server, &account, &vec![b'a'; 9 * MIB]).await;
    assert!(!storage.stored().await.is_empty(), "else nothing is tested");

    // Whatever the time is now, it is long ago.
    let clock = TestClock::default();
    clock.advance(Duration::from_secs(100 * 365 * 24 * 60 * 60));
    let later = storage.server().data_dir(&data_dir).clock(clock.into());
    let server = later.spawn().await;
    server.chat().sweep_files().await.expect("swept");
    assert!(storage.stored().await.is_empty());
    server.shutdown().await;
}
