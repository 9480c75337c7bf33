//! What the stories stand on: two handles on one queue.

use std::time::Duration;

use slipway_queue::{Bells, Ear, News, Queue};
use slipway_test_support::broker::Vhost;

/// Long enough for whatever is going to happen to happen.
pub(crate) const A_WHILE: Duration = Duration::from_millis(300);

/// Longer than anything here takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// One queue and two that use it: in one process, or in two.
pub(crate) struct Ground {
    pub(crate) here: Queue,
    pub(crate) there: Queue,
    _vhost: Option<Vhost>,
}

impl Ground {
    pub(crate) fn local() -> Self {
        let here = Queue::open("local:").unwrap();
        Self { there: here.clone(), here, _vhost: None }
    }

    pub(crate) async fn broker() -> Self {
        let vhost = Vhost::new().await.unwrap();
        let (here, there) = (connected(&vhost.url()).await, connected(&vhost.url()).await);
        Self { here, there, _vhost: Some(vhost) }
    }
}

/// A queue with its connection made.
pub(crate) async fn connected(url: &str) -> Queue {
    let queue = Queue::open(url).unwrap();
    let connecting = async {
        while queue.problem().is_some() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let connected = tokio::time::timeout(PATIENCE, connecting).await;
    connected.unwrap_or_else(|_| panic!("{:?}", queue.problem()));
    queue
}

/// Waits for a bell and answers it. Whether one came.
pub(crate) async fn hears(bells: &mut Bells, within: Duration) -> bool {
    match tokio::time::timeout(within, bells.next()).await {
        Ok(bell) => {
            bell.answered();
            true
        }
        Err(_) => false,
    }
}

/// The next news.
pub(crate) async fn told(ear: &mut Ear) -> News {
    tokio::time::timeout(PATIENCE, ear.next()).await.unwrap()
}

/// Whether no news comes for a while.
pub(crate) async fn is_silent(ear: &mut Ear) -> bool {
    tokio::time::timeout(A_WHILE, ear.next()).await.is_err()
}

/// Makes a test of each story on each kind of queue.
macro_rules! stories {
    ($($story:ident),* $(,)?) => {
        mod local {
            $(#[tokio::test] async fn $story() {
                super::$story(&crate::ground::Ground::local()).await;
            })*
        }
        mod broker {
            $(#[tokio::test] async fn $story() {
                super::$story(&crate::ground::Ground::broker().await).await;
            })*
        }
    };
}

pub(crate) use stories;
