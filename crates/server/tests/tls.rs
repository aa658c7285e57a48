//! TLS: which versions are spoken, and that a certificate can be changed while
//! the server runs (S20).

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion, version};
use tertulia_server::install_provider;
use tertulia_testkit::TestServer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Writes a new certificate for `localhost` and its key.
fn make_certificate(folder: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    made.cert.der().clone()
}

async fn spawn(folder: &Path) -> TestServer {
    let path = |name| folder.join(name).display().to_string();
    TestServer::builder()
        .variable("SSL_CERT", &path("cert.pem"))
        .variable("SSL_KEY", &path("key.pem"))
        .spawn()
        .await
}

async fn connect(
    server: &TestServer,
    trusted: &CertificateDer<'static>,
    versions: &[&'static SupportedProtocolVersion],
) -> std::io::Result<TlsStream<TcpStream>> {
    install_provider();
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let config = ClientConfig::builder_with_protocol_versions(versions)
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(server.address()).await?;
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

async fn get(mut stream: TlsStream<TcpStream>) -> String {
    let request = "GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn both_modern_versions_are_served() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = make_certificate(folder.path());
    let server = spawn(folder.path()).await;
    for version in [&version::TLS12, &version::TLS13] {
        let stream = connect(&server, &certificate, &[version]).await.unwrap();
        let answer = get(stream).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    server.shutdown().await;
}

/// A client hello of the time before TLS 1.3 (RFC 5246 §7.4.1.2), with one
/// suite, X25519, and ECDSA on P-256 with SHA-256.
fn client_hello(version: [u8; 2]) -> Vec<u8> {
    let mut body = version.to_vec();
    body.extend([0x5a; 32]);
    body.extend([0, 0, 2, 0xc0, 0x2b, 1, 0, 0, 16]);
    body.extend([0, 10, 0, 4, 0, 2, 0, 29]);
    body.extend([0, 13, 0, 4, 0, 2, 4, 3]);
    let length = u8::try_from(body.len()).unwrap();
    let mut record = vec![0x16, 3, 1, 0, length + 4, 1, 0, 0, length];
    record.extend(body);
    record
}

#[tokio::test]
async fn older_versions_are_refused() {
    const ALERT: u8 = 0x15;
    const HANDSHAKE: u8 = 0x16;
    const FATAL_PROTOCOL_VERSION: [u8; 2] = [2, 70];

    let folder = tempfile::tempdir().unwrap();
    make_certificate(folder.path());
    let server = spawn(folder.path()).await;
    let answer = async |version| {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        stream.write_all(&client_hello(version)).await.unwrap();
        let mut start = [0; 7];
        stream.read_exact(&mut start).await.unwrap();
        start
    };
    let tls_1_2 = answer([3, 3]).await;
    assert_eq!(tls_1_2[0], HANDSHAKE, "{tls_1_2:?}");
    for old in [[3, 2], [3, 1], [3, 0]] {
        let start = answer(old).await;
        assert_eq!(start[0], ALERT, "{old:?}: {start:?}");
        assert_eq!(start[5..], FATAL_PROTOCOL_VERSION, "{old:?}");
    }
    server.shutdown().await;
}

#[tokio::test]
async fn plain_http_gets_no_answer_where_tls_is_spoken() {
    let folder = tempfile::tempdir().unwrap();
    make_certificate(folder.path());
    let server = spawn(folder.path()).await;
    let request = b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n";
    let answer = tertulia_testkit::exchange_until_closed(server.address(), request).await;
    assert!(!answer.contains("HTTP/1.1"), "{answer}");
    server.shutdown().await;
}

#[tokio::test]
async fn a_new_certificate_is_taken_up_and_a_wrong_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let old = make_certificate(folder.path());
    let server = spawn(folder.path()).await;
    let new = make_certificate(folder.path());
    let both = &[&version::TLS12, &version::TLS13][..];
    assert!(connect(&server, &old, both).await.is_ok());

    server.server().reload_certificate().unwrap();
    assert!(connect(&server, &old, both).await.is_err());
    assert!(connect(&server, &new, both).await.is_ok());

    std::fs::write(folder.path().join("cert.pem"), "nothing").unwrap();
    assert!(server.server().reload_certificate().is_err());
    assert!(connect(&server, &new, both).await.is_ok());
    server.shutdown().await;
}

#[tokio::test]
async fn a_key_of_another_certificate_is_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    make_certificate(folder.path());
    let other = tempfile::tempdir().unwrap();
    make_certificate(other.path());
    let path = |folder: &Path, name| folder.join(name).display().to_string();
    let started = TestServer::builder()
        .variable("SSL_CERT", &path(folder.path(), "cert.pem"))
        .variable("SSL_KEY", &path(other.path(), "key.pem"))
        .try_spawn()
        .await;
    let error = started
        .expect_err("the two do not belong together")
        .to_string();
    assert!(error.contains("cannot be used together"), "{error}");
}
