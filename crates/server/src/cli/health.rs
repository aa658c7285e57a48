//! `tertulia healthcheck`: asks the server of these settings, on this machine,
//! whether it is ready. For containers, which have no other client inside.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::config::{ListenAddress, Settings};
use crate::net::pinned;

const PATIENCE: Duration = Duration::from_secs(5);
const REQUEST: &[u8] =
    b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

pub(super) async fn run(settings: &Settings) -> anyhow::Result<ExitCode> {
    let answer = timeout(PATIENCE, ask(settings)).await;
    match answer.context("sin respuesta a tiempo / no answer in time")?? {
        200 => Ok(ExitCode::SUCCESS),
        status => {
            eprintln!("/health/ready: {status}");
            Ok(ExitCode::FAILURE)
        }
    }
}

async fn ask(settings: &Settings) -> anyhow::Result<u16> {
    let network = &settings.network;
    if let Some(internal) = &network.metrics_listen {
        return exchange(connect(internal).await?).await;
    }
    let Some(address) = network.listen.first() else {
        bail!("ninguna dirección / no address");
    };
    let stream = connect(address).await?;
    match network.tls.files() {
        None => exchange(stream).await,
        Some((chain, _)) => {
            let connector = TlsConnector::from(Arc::new(pinned::client(chain)?));
            let name = ServerName::try_from("localhost")?;
            exchange(connector.connect(name, stream).await?).await
        }
    }
}

async fn connect(address: &ListenAddress) -> anyhow::Result<TcpStream> {
    let host = match address.host.as_str() {
        "0.0.0.0" => "127.0.0.1",
        "::" => "::1",
        host => host,
    };
    TcpStream::connect((host, address.port))
        .await
        .with_context(|| format!("{address}: no responde / does not answer"))
}

async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> anyhow::Result<u16> {
    // "HTTP/1.1 200"
    let mut start = [0; 12];
    stream.write_all(REQUEST).await?;
    stream.read_exact(&mut start).await?;
    let status = std::str::from_utf8(&start[9..])?;
    status
        .parse()
        .context("la respuesta no es HTTP / the answer is not HTTP")
}
