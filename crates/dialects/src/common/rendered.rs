//! What is read and encoded once for all readers of an event, where the event
//! itself does not say enough for the fan-out to encode it.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tertulia_domain::{Position, RoomEvent, RoomId};
use tokio::sync::OnceCell;

/// Renderings that are kept for the other readers of the same event.
const KEPT: usize = 64;

/// An event, by its room and place there.
type Key = (RoomId, Position);

/// The renderings of the latest events.
#[derive(Debug)]
pub struct Rendered<T>(Mutex<VecDeque<(Key, Arc<OnceCell<T>>)>>);

impl<T> Default for Rendered<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Rendered<T> {
    /// The rendering of an event, made by whoever asks first; the others wait
    /// for it, and drop what they would have made. A failure is not kept.
    ///
    /// # Errors
    /// What `render` fails with.
    pub async fn get<E>(
        &self,
        event: &RoomEvent,
        render: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let cell = self.cell((event.room.id, event.at));
        cell.get_or_try_init(|| render).await.cloned()
    }

    fn cell(&self, key: Key) -> Arc<OnceCell<T>> {
        let mut kept = self.0.lock();
        if let Some((_, cell)) = kept.iter().find(|(known, _)| *known == key) {
            return Arc::clone(cell);
        }
        if kept.len() == KEPT {
            kept.pop_front();
        }
        let cell = Arc::new(OnceCell::new());
        kept.push_back((key, Arc::clone(&cell)));
        cell
    }
}
