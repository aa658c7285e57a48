//! Listening, and handing each new socket to a task of its own.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::admission::{Admission, Admitted, Refused};
use super::connection::{Caller, Front};
use super::stream::SharedStream;
use super::tls::Certificate;
use super::turn::{Turn, Turns};

/// Connections that are told at once why they are not let in; further ones are
/// dropped without a word.
const REFUSALS: usize = 64;

/// After accepting failed, as for want of files.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(100);

/// Opens a listener on every address that a name stands for; port 0 is any.
pub(crate) async fn bind(host: &str, port: u16) -> anyhow::Result<Vec<TcpListener>> {
    let context = || format!("cannot listen on {host}:{port}");
    let addresses: Vec<SocketAddr> = tokio::net::lookup_host((host, port))
        .await
        .with_context(context)?
        .collect();
    let mut listeners: Vec<TcpListener> = Vec::new();
    for mut address in addresses {
        if let (0, Some(first)) = (port, listeners.first()) {
            address.set_port(first.local_addr()?.port());
        }
        match TcpListener::bind(address).await {
            Ok(listener) => listeners.push(listener),
            // `localhost` stands for ::1 too, also where there is no IPv6.
            Err(error) if is_absent(&error) && !listeners.is_empty() => {}
            Err(error) => return Err(error).with_context(context),
        }
    }
    if listeners.is_empty() {
        anyhow::bail!("{}: the name stands for no address", context());
    }
    Ok(listeners)
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::AddrNotAvailable | io::ErrorKind::Unsupported
    )
}

/// What a listener needs to serve what it accepts.
#[derive(Clone)]
pub(crate) struct Listener {
    pub(crate) front: Arc<Front>,
    pub(crate) admission: Arc<Admission>,
    /// None where connections are plain.
    pub(crate) certificate: Option<Arc<Certificate>>,
    pub(crate) turns: Turns,
}

impl Listener {
    /// Accepts until told to stop.
    pub(crate) async fn run(self, listener: TcpListener) {
        let stop = self.front.stop.clone();
        let refusals = Arc::new(Semaphore::new(REFUSALS));
        loop {
            let accepted = tokio::select! {
                () = stop.requested() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => self.take(stream, peer, &refusals),
                Err(error) if is_of_the_peer(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "cannot accept connections");
                    tokio::time::sleep(PAUSE_AFTER_FAILURE).await;
                }
            }
        }
    }

    fn take(&self, stream: TcpStream, peer: SocketAddr, refusals: &Arc<Semaphore>) {
        // Without it small frames wait for the peer's acknowledgement.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a new connection broke");
            return;
        }
        let entry = match self.admission.admit(peer.ip()) {
            Ok(admitted) => Entry::Admitted(admitted),
            Err(refused) => {
                tracing::info!(address = %peer.ip(), ?refused, "a connection was refused");
                let Ok(slot) = Arc::clone(refusals).try_acquire_owned() else {
                    return;
                };
                Entry::Refused(refused, slot)
            }
        };
        let this = self.clone();
        let stop = self.front.stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = this.attend(stream, peer, entry) => {}
                () = stop.overdue() => {}
            }
        });
    }

    /// Serves a connection once its client has begun to speak. Until then it is
    /// no more than a socket: a thousand clients that come at the same moment
    /// would else have a thousand times all buffers (20 KiB) at once.
    async fn attend(&self, stream: TcpStream, peer: SocketAddr, entry: Entry) {
        if !self.is_spoken_to(&stream).await {
            return;
        }
        let Some(turn) = self.turn(&entry).await else {
            return;
        };
        let entered = Box::pin(self.enter(stream, peer, entry, turn.clone()));
        turn.spend_on(entered).await;
    }

    /// Waits until the first request may be served; none when the server stops
    /// first. Who is not let in is told so at once.
    async fn turn(&self, entry: &Entry) -> Option<Turn> {
        if let Entry::Refused(..) = entry {
            return Some(Turn::default());
        }
        tokio::select! {
            turn = self.turns.next() => Some(turn),
            () = self.front.stop.requested() => None,
        }
    }

    /// Waits for a client's first bytes, as long as for a request.
    async fn is_spoken_to(&self, stream: &TcpStream) -> bool {
        let front = &self.front;
        tokio::select! {
            biased;
            bytes = timeout(front.patience.head, stream.readable()) => matches!(bytes, Ok(Ok(()))),
            () = front.stop.requested() => false,
        }
    }

    async fn enter(&self, stream: TcpStream, peer: SocketAddr, entry: Entry, turn: Turn) {
        let Some(certificate) = &self.certificate else {
            let stream = SharedStream::new(stream);
            let caller = Caller::plain(peer, turn, stream.shared());
            return self.serve(stream, caller, entry).await;
        };
        let handshake = certificate.acceptor().accept(stream);
        match timeout(self.front.patience.head, handshake).await {
            Ok(Ok(stream)) => {
                self.serve(stream, Caller::encrypted(peer, turn), entry)
                    .await
            }
            Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
            Err(_) => tracing::debug!("a TLS handshake took too long"),
        }
    }

    async fn serve<IO>(&self, io: IO, caller: Caller, entry: Entry)
    where
        IO: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
    {
        match entry {
            Entry::Admitted(admitted) => self.front.serve(io, caller, admitted).await,
            Entry::Refused(refused, _slot) => self.front.refuse(io, refused).await,
        }
    }
}

enum Entry {
    Admitted(Admitted),
    Refused(Refused, OwnedSemaphorePermit),
}

/// The peer went before it was accepted; the listener is well.
fn is_of_the_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A crowd that comes at the same moment is silent at first.
    #[test]
    fn a_client_that_has_not_spoken_holds_little() {
        fn size<F>(_: impl Fn(&'static Listener, TcpStream, SocketAddr, Entry) -> F) -> usize {
            size_of::<F>()
        }
        let held = size(Listener::attend);
        assert!(held <= 1024, "{held} bytes");
    }
}
