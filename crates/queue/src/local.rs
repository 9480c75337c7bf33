//! Bells and news within one process.

use std::sync::Arc;

use slipway_domain::BuildId;
use tokio::sync::{Notify, broadcast};

use crate::News;
use crate::inbox::Inbox;

/// Enough for a burst; whoever falls further behind is told so and looks at the rows.
const NEWS_KEPT: usize = 1024;

#[derive(Debug, Clone)]
pub(crate) struct Local {
    // A bell with nobody at the door is kept, once: whoever comes claims until nothing
    // is left.
    door: Arc<Notify>,
    inbox: Arc<Inbox>,
    news: broadcast::Sender<News>,
}

#[derive(Debug)]
pub(crate) struct Bells(Arc<Notify>);

/// `None` once it is answered.
#[derive(Debug)]
pub(crate) struct Bell(Option<Arc<Notify>>);

#[derive(Debug)]
pub(crate) struct Ear(broadcast::Receiver<News>);

impl Default for Local {
    fn default() -> Self {
        Self {
            door: Arc::default(),
            inbox: Arc::default(),
            news: broadcast::Sender::new(NEWS_KEPT),
        }
    }
}

impl Local {
    pub(crate) fn ring(&self, builds: &[BuildId]) {
        for _ in builds {
            self.door.notify_one();
        }
    }

    pub(crate) fn bells(&self) -> Bells {
        Bells(Arc::clone(&self.door))
    }

    pub(crate) fn tell(&self, news: News) {
        // An error only says that nobody listens.
        drop(self.news.send(news));
    }

    pub(crate) fn listen(&self) -> Ear {
        Ear(self.news.subscribe())
    }

    pub(crate) fn inbox(&self) -> &Inbox {
        &self.inbox
    }
}

impl Bells {
    pub(crate) async fn next(&mut self) -> Bell {
        self.0.notified().await;
        Bell(Some(Arc::clone(&self.0)))
    }
}

impl Bell {
    pub(crate) fn answered(mut self) {
        self.0 = None;
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        if let Some(door) = &self.0 {
            door.notify_one();
        }
    }
}

impl Ear {
    pub(crate) async fn next(&mut self) -> News {
        match self.0.recv().await {
            Ok(news) => news,
            Err(broadcast::error::RecvError::Lagged(_)) => News::Missed,
            // Every handle on the queue is gone, so nothing will ever come.
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}
