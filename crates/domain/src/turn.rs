//! Who runs first, of tasks that are ready at the same time.

use std::future::poll_fn;
use std::task::Poll;

/// Lets those run who are ready now, but not those whom they wake. Unlike
/// [`yield_now`](tokio::task::yield_now), which also waits for what the sockets
/// bring. On one thread this is an order; on several it is a likely one, on
/// which nothing but the cost may depend.
pub async fn let_others_run() {
    let mut is_behind = false;
    poll_fn(|context| {
        if std::mem::replace(&mut is_behind, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
