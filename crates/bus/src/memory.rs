//! The bus of a single node.

use std::num::NonZeroUsize;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use tertulia_domain::ports::Subscription;
use tertulia_domain::{Bus, Event};
use tokio::sync::{Mutex as AsyncMutex, mpsc};

type Subscriber = mpsc::Sender<Vec<Arc<Event>>>;

/// Hands events to the subscribers of this process, which all see the same
/// order.
///
/// A subscriber that is behind holds up every publisher. So it must read on
/// whatever happens, and publish nothing while it does.
pub struct MemoryBus {
    /// Held by the one publisher whose turn it is. Taken before `subscribers`.
    turn: AsyncMutex<()>,
    subscribers: Mutex<Vec<Subscriber>>,
    capacity: NonZeroUsize,
}

impl MemoryBus {
    /// A subscriber may be behind by `capacity` batches.
    #[must_use]
    pub fn new(capacity: NonZeroUsize) -> Self {
        Self {
            turn: AsyncMutex::new(()),
            subscribers: Mutex::new(Vec::new()),
            capacity,
        }
    }
}

#[async_trait]
impl Bus for MemoryBus {
    async fn publish(&self, events: Vec<Arc<Event>>) {
        let _turn = self.turn.lock().await;
        let subscribers = self.subscribers.lock().clone();
        let mut anyone_gone = false;
        for subscriber in &subscribers {
            anyone_gone |= subscriber.send(events.clone()).await.is_err();
        }
        if anyone_gone {
            self.subscribers.lock().retain(|it| !it.is_closed());
        }
    }

    fn subscribe(&self) -> Subscription {
        let (subscriber, subscription) = mpsc::channel(self.capacity.get());
        self.subscribers.lock().push(subscriber);
        subscription
    }
}

#[cfg(test)]
mod tests {
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll, Waker};

    use tertulia_domain::UserId;
    use tertulia_domain::event::{EndedSessions, SessionsEnded};

    use super::*;

    fn bus(capacity: usize) -> Arc<MemoryBus> {
        Arc::new(MemoryBus::new(NonZeroUsize::new(capacity).unwrap()))
    }

    /// An event that can be told from others by its user.
    fn event(user: i64) -> Arc<Event> {
        Arc::new(Event::SessionsEnded(SessionsEnded {
            user: UserId(user),
            which: EndedSessions::All,
        }))
    }

    fn user_of(event: &Event) -> i64 {
        match event {
            Event::SessionsEnded(ended) => ended.user.0,
            other => panic!("never published: {other:?}"),
        }
    }

    /// Everything that waits in a subscription, batch by batch.
    fn waiting_in(subscription: &mut Subscription) -> Vec<Vec<i64>> {
        let mut batches = Vec::new();
        while let Ok(batch) = subscription.try_recv() {
            batches.push(batch.iter().map(|event| user_of(event)).collect());
        }
        batches
    }

    fn is_done<F: Future<Output = ()>>(publishing: Pin<&mut F>) -> bool {
        publishing.poll(&mut Context::from_waker(Waker::noop())) == Poll::Ready(())
    }

    #[tokio::test]
    async fn every_subscriber_gets_everything_in_order() {
        let bus = bus(8);
        let mut subscriptions = [bus.subscribe(), bus.subscribe()];
        bus.publish(vec![event(1), event(2)]).await;
        bus.publish(vec![event(3)]).await;
        for subscription in &mut subscriptions {
            assert_eq!(waiting_in(subscription), [vec![1, 2], vec![3]]);
        }
    }

    #[tokio::test]
    async fn a_new_subscriber_gets_what_follows() {
        let bus = bus(8);
        bus.publish(vec![event(1)]).await;
        let mut subscription = bus.subscribe();
        bus.publish(vec![event(2)]).await;
        assert_eq!(waiting_in(&mut subscription), [vec![2]]);
    }

    #[tokio::test]
    async fn publishing_waits_for_a_subscriber_that_is_behind() {
        let bus = bus(1);
        let mut slow = bus.subscribe();
        bus.publish(vec![event(1)]).await;

        let mut second = pin!(bus.publish(vec![event(2)]));
        let mut third = pin!(bus.publish(vec![event(3)]));
        assert!(!is_done(second.as_mut()));
        assert!(!is_done(third.as_mut()));

        assert_eq!(waiting_in(&mut slow), [vec![1]]);
        assert!(is_done(second.as_mut()));
        assert!(!is_done(third.as_mut()));
        assert_eq!(waiting_in(&mut slow), [vec![2]]);
        assert!(is_done(third.as_mut()));
        assert_eq!(waiting_in(&mut slow), [vec![3]]);
    }

    #[tokio::test]
    async fn a_subscriber_that_went_holds_nobody_up() {
        let bus = bus(1);
        let mut stays = bus.subscribe();
        let goes = bus.subscribe();
        bus.publish(vec![event(1)]).await;
        assert_eq!(waiting_in(&mut stays), [vec![1]]);

        let mut publishing = pin!(bus.publish(vec![event(2)]));
        assert!(!is_done(publishing.as_mut()));
        drop(goes);
        assert!(is_done(publishing.as_mut()));
        assert_eq!(waiting_in(&mut stays), [vec![2]]);
        assert_eq!(bus.subscribers.lock().len(), 1);
    }

    #[tokio::test]
    async fn all_subscribers_see_concurrent_publishers_in_one_order() {
        let bus = bus(1);
        let mut subscriptions = [bus.subscribe(), bus.subscribe()];
        for user in 0..50 {
            let bus = Arc::clone(&bus);
            tokio::spawn(async move { bus.publish(vec![event(user)]).await });
        }
        let mut orders = [Vec::new(), Vec::new()];
        for _ in 0..50 {
            for (subscription, order) in subscriptions.iter_mut().zip(&mut orders) {
                let batch = subscription.recv().await.unwrap();
                order.push(user_of(&batch[0]));
            }
        }
        assert_eq!(orders[0], orders[1]);
        orders[0].sort_unstable();
        assert_eq!(orders[0], (0..50).collect::<Vec<_>>());
    }
}
