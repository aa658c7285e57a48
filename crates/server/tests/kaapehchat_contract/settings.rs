//! Section 5, the variables, where they show on the wire.

use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use futures_util::{SinkExt, StreamExt};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use tertulia_testkit::{ServerProcess, TestServer};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;

use super::{STRANGER, ask, device, member, refused};

const SECRET: &str = "un-secreto-de-una-instalacion-anterior-9";

/// A token as an older installation made it: HS256 with `JWT_SECRET`, claims
/// `sub`, `usr`, `iat`, `exp`.
fn token_of_old(secret: &str, user: &str) -> String {
    let iat = 1_771_400_000;
    let claims = json!({ "sub": user, "usr": "ines", "iat": iat, "exp": iat + 28_800 });
    let header = jsonwebtoken::Header::default();
    let key = jsonwebtoken::EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&header, &claims, &key).unwrap()
}

/// `JWT_SECRET`, and §2 "Token": with the same key, tokens issued by an existing
/// installation keep working; with another key they do not.
#[tokio::test]
async fn tokens_of_an_older_installation_keep_working() {
    let server = TestServer::builder()
        .variable("JWT_SECRET", SECRET)
        .spawn()
        .await;
    let (ines, account) = member(&server, "ines").await;
    let mut old = server.kaapehchat("old").await;
    let token = json!({ "token": token_of_old(SECRET, &account.id) });
    let hello = ask(&mut old, "hello", token, "hello:ok").await;
    assert_eq!(hello["user"]["username"], "ines");
    for token in [
        token_of_old("another-secret-of-more-than-32-bytes", &account.id),
        token_of_old(SECRET, STRANGER),
    ] {
        let token = json!({ "token": token });
        refused(&mut old, "hello", token, "Token inválido").await;
    }
    ines.finish().await;
    old.finish().await;
    server.shutdown().await;
}

/// Nothing of the signing secret's absence shows: one is made, and tokens
/// outlive a restart.
#[tokio::test]
async fn tokens_outlive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = TestServer::builder().data_dir(&data).spawn().await;
    let (ines, account) = member(&server, "ines").await;
    ines.finish().await;
    server.shutdown().await;
    let server = TestServer::builder().data_dir(&data).seed(2).spawn().await;
    let ines = device(&server, "ines", &account).await;
    ines.finish().await;
    server.shutdown().await;
}

/// `HOST`, `PORT`: the listen address.
#[tokio::test]
async fn host_and_port_are_understood() {
    let server = TestServer::builder()
        .variable("HOST", "127.0.0.1")
        .variable("PORT", "0")
        .spawn()
        .await;
    let (ines, _) = member(&server, "ines").await;
    ines.finish().await;
    server.shutdown().await;
}

/// `MYSQL_…`: the database of the old server. It is not asked for anything.
#[tokio::test]
async fn the_old_database_is_not_needed() {
    let server = TestServer::builder()
        .variable("MYSQL_DB", "chatapp")
        .variable("MYSQL_USER", "root")
        .variable("MYSQL_PASSWORD", "")
        .variable("MYSQL_HOST", "127.0.0.1")
        .variable("MYSQL_PORT", "3306")
        .spawn()
        .await;
    let (ines, _) = member(&server, "ines").await;
    ines.finish().await;
    server.shutdown().await;
}

/// "Start line": scheme, host and port, for scripts that wait for it.
/// `LOG_WS_DISCONNECTS`: `1` logs abrupt disconnects.
#[tokio::test]
async fn the_start_line_and_the_log_of_disconnects() {
    let folder = tempfile::tempdir().unwrap();
    let binary = env!("CARGO_BIN_EXE_tertulia");
    let mut server = ServerProcess::builder(binary, folder.path().join("data"))
        .variable("LOG_WS_DISCONNECTS", "1")
        .spawn()
        .await;
    let line = format!("WS server: ws://{}", server.address());
    assert!(server.stdout().lines().any(|said| said == line));
    server.socket("polite", "/").await.finish().await;
    server.socket("abrupt", "/").await.vanish();
    let text = "a WebSocket broke off without a goodbye";
    server.wait_for_log(text).await;
    server.stop().await;
    assert_eq!(server.stderr().matches(text).count(), 1);
}

/// §2 "TLS": `wss://` when both `SSL_CERT` and `SSL_KEY` are set.
#[tokio::test]
async fn wss_with_a_certificate_and_a_key() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = make_certificate(folder.path());
    let path = |name| folder.path().join(name).display().to_string();
    let server = TestServer::builder()
        .variable("SSL_CERT", &path("cert.pem"))
        .variable("SSL_KEY", &path("key.pem"))
        .spawn()
        .await;
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(server.address()).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let tls = TlsConnector::from(Arc::new(config));
    let stream = tls.connect(name, stream).await.unwrap();
    let (mut socket, _) = client_async("wss://localhost/", stream).await.unwrap();
    let frame = r#"{"type":"chat:list","data":{}}"#;
    socket.send(Message::text(frame)).await.unwrap();
    let answer = socket.next().await.unwrap().unwrap().into_text().unwrap();
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["data"]["message"], "No autenticado");
    socket.close(None).await.unwrap();
    server.shutdown().await;
}

fn make_certificate(folder: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    made.cert.der().clone()
}

/// §2 "Token": HS256.
#[tokio::test]
async fn tokens_are_signed_with_hs256() {
    let server = TestServer::spawn().await;
    let (ines, account) = member(&server, "ines").await;
    let header = account.token.split('.').next().unwrap();
    let header = BASE64_URL_SAFE_NO_PAD.decode(header).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    assert_eq!(header["alg"], "HS256");
    ines.finish().await;
    server.shutdown().await;
}
