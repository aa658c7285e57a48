//! What was said on a server's test sockets, line by line, for snapshots.

use std::sync::Arc;

use parking_lot::Mutex;

/// The lines of all sockets of one server, in the order in which the test sent
/// and received them: `A → {…}`, `B ← {…}`.
#[derive(Clone, Debug, Default)]
pub struct Transcript(Arc<Mutex<Vec<Line>>>);

#[derive(Debug)]
struct Line {
    socket: String,
    text: String,
}

impl Transcript {
    /// Notes what a socket sent.
    pub(crate) fn sent(&self, socket: &str, frame: &str) {
        self.note(socket, &format!("→ {frame}"));
    }

    /// Notes what a socket received.
    pub(crate) fn received(&self, socket: &str, frame: &str) {
        self.note(socket, &format!("← {frame}"));
    }

    fn note(&self, socket: &str, text: &str) {
        self.0.lock().push(Line {
            socket: socket.to_owned(),
            text: text.to_owned(),
        });
    }

    /// Every line so far, each with its socket's name.
    #[must_use]
    pub fn text(&self) -> String {
        let lines = self.0.lock();
        let lines: Vec<_> = lines
            .iter()
            .map(|line| format!("{} {}", line.socket, line.text))
            .collect();
        lines.join("\n")
    }

    /// The lines of one socket, without its name.
    #[must_use]
    pub fn text_of(&self, socket: &str) -> String {
        let lines = self.0.lock();
        let lines: Vec<_> = lines
            .iter()
            .filter(|line| line.socket == socket)
            .map(|line| line.text.as_str())
            .collect();
        lines.join("\n")
    }

    /// Forgets what was said so far: the snapshot begins here.
    pub fn clear(&self) {
        self.0.lock().clear();
    }
}
