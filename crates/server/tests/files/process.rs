//! The real program: its memory while a large file passes, and what a crash
//! leaves of an upload.
#![cfg(target_os = "linux")]

use std::path::Path;

use http::Method;
use tertulia_testkit::ServerProcess;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::{BOUNDARY, Person, form, stored, text};

const BINARY: &str = env!("CARGO_BIN_EXE_tertulia");
const MIB: u64 = 1024 * 1024;

/// A line of `/proc/<id>/status`, in bytes.
fn memory(server: &ServerProcess, line: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id()));
    let status = status.expect("the process runs");
    let found = status.lines().find_map(|text| text.strip_prefix(line));
    let kib = found.and_then(|text| text.trim_start_matches(':').split_whitespace().next());
    kib.and_then(|kib| kib.parse::<u64>().ok())
        .expect("a number")
        * 1024
}

/// Forgets how much memory the process once had (proc(5), `clear_refs`).
fn forget_peak(server: &ServerProcess) {
    let path = format!("/proc/{}/clear_refs", server.id());
    std::fs::write(path, "5").expect("the peak can be forgotten");
}

/// Issue 4, criterion 2.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_megabytes_pass_in_constant_memory() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = ServerProcess::builder(BINARY, folder.path().join("data"))
        .spawn()
        .await;
    let account = server.http().v1_register("ines").await;
    let ines = Person {
        http: server.http().bearer(&account.token),
        id: account.id,
    };
    let small = ines.upload("nota.txt", &vec![b'a'; 1024 * 1024]).await;
    ines.http.get(&text(&small["url"])).await;
    let level = memory(&server, "VmRSS");
    forget_peak(&server);

    let content = vec![b'a'; 50 * 1024 * 1024];
    let file = ines.upload("grande.txt", &content).await;
    let bytes = ines.http.get(&text(&file["url"])).await;
    assert!(bytes.body == content, "byte for byte");
    let grown = memory(&server, "VmHWM").saturating_sub(level);
    println!("memory grew by {grown} bytes");
    assert!(grown <= 16 * MIB, "memory grew by {grown} bytes");
    server.kill().await;
}

/// S15: what `kill -9` interrupts is gone after the next start.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_leaves_nothing_of_an_upload() {
    // Over a database server it may be another node's: there it goes when its
    // time is over.
    if !tertulia_testkit::is_sqlite() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let data_dir = folder.path().join("data");
    let start = async || {
        ServerProcess::builder(BINARY, &data_dir)
            .variable("TERTULIA_LIMIT_UPLOADS_PER_USER", "1")
            .spawn()
            .await
    };
    let mut server = start().await;
    let account = server.http().v1_register("ines").await;
    let whole = form(&[("file", "nota.txt", &vec![b'a'; 512 * 1024])]);
    let head = format!(
        "POST /v1/files HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
         Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: {}\r\n\r\n",
        account.token,
        whole.len()
    );
    let mut socket = TcpStream::connect(server.address())
        .await
        .expect("connected");
    socket.write_all(head.as_bytes()).await.expect("sent");
    socket.write_all(&whole[..256 * 1024]).await.expect("sent");
    while stored(&data_dir).is_empty() {
        server.http().get("/health/live").await;
    }
    server.kill().await;
    assert!(
        !stored(&data_dir).is_empty(),
        "something is left by the crash"
    );

    let mut server = start().await;
    until_empty(&server, &data_dir).await;
    let ines = Person {
        http: server.http().bearer(&account.token),
        id: account.id,
    };
    assert!(ines.list().await.is_empty());
    // The one upload that may be under way is free again.
    ines.upload("nota.txt", b"hola").await;
    server.kill().await;
}

async fn until_empty(server: &ServerProcess, data_dir: &Path) {
    let emptied = async {
        while !stored(data_dir).is_empty() {
            server
                .http()
                .request(Method::GET, "/health/live")
                .send()
                .await;
        }
    };
    let patience = std::time::Duration::from_secs(60);
    assert!(tokio::time::timeout(patience, emptied).await.is_ok());
}
