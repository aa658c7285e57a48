//! Bytes on a bare TCP connection, for what no proper client would send.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::inbox::within_patience;

/// Sends bytes and gives all that comes back until the server closes.
///
/// # Panics
/// When it does not close in time.
pub async fn exchange_until_closed(address: SocketAddr, bytes: &[u8]) -> String {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await?;
        // A server that refuses early may not read to the end.
        let _ = stream.write_all(bytes).await;
        let mut answer = Vec::new();
        match stream.read_to_end(&mut answer).await {
            Ok(_) => Ok(answer),
            Err(_) if !answer.is_empty() => Ok(answer),
            Err(error) => Err(error),
        }
    };
    match within_patience("the server to close", exchange).await {
        Ok(answer) => String::from_utf8_lossy(&answer).into_owned(),
        Err(error) => panic!("{address}: {error}"),
    }
}
