//! What is only so within one process. What is so everywhere is in `suite`.

use std::time::Duration;

use futures::FutureExt as _;
use slipway_domain::BuildId;
use slipway_queue::{News, Queue};

/// Long enough for whatever is going to happen to happen.
const A_WHILE: Duration = Duration::from_millis(200);

#[tokio::test]
async fn whoever_falls_behind_is_told_so_and_goes_on() {
    let queue = Queue::open("local:").unwrap();
    let mut ear = queue.listen();
    for _ in 0..5000 {
        queue.tell(News::Happened(BuildId::generate()));
    }
    let last = BuildId::generate();
    queue.tell(News::Happened(last));
    let mut next = async || tokio::time::timeout(A_WHILE, ear.next()).await.ok();
    assert_eq!(next().await, Some(News::Missed));
    let mut heard = 0;
    while next().await.unwrap() != News::Happened(last) {
        heard += 1;
    }
    assert!(heard < 5000, "what was missed is not told again");
    assert!(ear.next().now_or_never().is_none());
}

#[tokio::test]
async fn an_ear_outlives_the_queue_and_hears_no_more() {
    let queue = Queue::open("local:").unwrap();
    let mut ear = queue.listen();
    drop(queue);
    assert!(tokio::time::timeout(A_WHILE, ear.next()).await.is_err());
}
