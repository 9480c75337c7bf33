//! Keeps a connection: makes it, watches it, and makes another when it is gone.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use lapin::Consumer;
use tokio::sync::{Notify, mpsc, watch};
use uuid::Uuid;

use super::address::Address;
use super::link::Link;
use super::seldom::Seldom;
use super::{State, message};
use crate::local::Local;
use crate::{Hears, News};

/// The first pause between two connections, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// A connection that lasted this long was a good one: the next pause is short again.
const GOOD: Duration = Duration::from_secs(10);

pub(super) struct Supervisor {
    pub(super) address: Address,
    pub(super) hears: Hears,
    /// This process, in what it tells.
    pub(super) me: Uuid,
    pub(super) local: Local,
    pub(super) to_send: mpsc::Receiver<News>,
    pub(super) state: watch::Sender<State>,
    pub(super) reopened: Arc<Notify>,
    pub(super) strange: Arc<Seldom>,
}

/// What came of a connection.
enum End {
    /// It broke, for this reason.
    Gone(String),
    /// Nobody has a handle any more.
    Unwanted,
}

impl Supervisor {
    pub(super) async fn run(mut self) {
        let mut absence = Absence::default();
        loop {
            let opened = tokio::select! {
                opened = Link::open(&self.address, self.hears) => opened,
                () = unwanted(&mut self.to_send) => return,
            };
            let reason = match opened {
                Ok((link, ear)) => {
                    absence.is_over(&self.address);
                    let begun = Instant::now();
                    match self.serve(Arc::new(link), ear).await {
                        End::Gone(reason) => {
                            absence.follows(begun.elapsed());
                            reason
                        }
                        End::Unwanted => return,
                    }
                }
                Err(reason) => reason,
            };
            absence.say(&self.address, &reason);
            self.state.send_replace(State::Away(reason));
            tokio::select! {
                () = tokio::time::sleep(absence.pause()) => {}
                () = unwanted(&mut self.to_send) => return,
            }
        }
    }

    /// Sends and hears news until the connection is gone.
    async fn serve(&mut self, link: Arc<Link>, mut ear: Consumer) -> End {
        // What the others told meanwhile, nobody here has heard.
        self.local.tell(News::Missed);
        self.state.send_replace(State::Up(Arc::clone(&link)));
        self.reopened.notify_one();
        loop {
            tokio::select! {
                reason = link.gone() => return End::Gone(reason),
                news = self.to_send.recv() => {
                    let Some(news) = news else {
                        link.close().await;
                        return End::Unwanted;
                    };
                    if let Some((topic, text)) = message::news(self.me, news) {
                        // An error gives the connection up, which is seen above.
                        drop(link.answer(link.tell(topic, &text)).await);
                    }
                }
                heard = ear.next() => match heard {
                    Some(Ok(delivery)) => self.hear(&delivery.data),
                    Some(Err(error)) => link.give_up(&error.to_string()),
                    None => link.give_up("it took our ear away"),
                },
            }
        }
    }

    fn hear(&self, text: &[u8]) {
        match message::read_news(self.me, text) {
            Ok(Some(news)) => self.local.tell(news),
            Ok(None) => {}
            Err(problem) => self.strange.warn("news", &problem),
        }
    }
}

/// Returns when nobody has a handle any more. News that nobody can be told is lost.
async fn unwanted(to_send: &mut mpsc::Receiver<News>) {
    while to_send.recv().await.is_some() {}
}

/// The time without a connection: how long to pause, and what was said about it.
#[derive(Debug, Default)]
struct Absence {
    failures: u32,
    said: BTreeSet<String>,
    was_up: bool,
}

impl Absence {
    /// A connection that lasted `lasted` is gone.
    fn follows(&mut self, lasted: Duration) {
        if lasted >= GOOD {
            self.failures = 0;
            self.said.clear();
        }
    }

    /// Each reason once, not once per attempt.
    fn say(&mut self, address: &Address, reason: &str) {
        if self.said.insert(reason.to_owned()) {
            tracing::warn!(
                broker = %address,
                reason,
                "the broker is away: builds go on, found by polling, until it is back"
            );
        }
    }

    fn is_over(&mut self, address: &Address) {
        if !self.was_up {
            tracing::info!(broker = %address, "the broker is there");
        } else if self.failures == 0 || !self.said.is_empty() {
            tracing::info!(broker = %address, "the broker is back");
        }
        self.was_up = true;
    }

    /// Doubles each time. Not to the millisecond, so that many processes do not all come at
    /// once to a broker that has just started.
    fn pause(&mut self) -> Duration {
        let (first, longest) = PAUSES;
        let doubled = first.saturating_mul(1 << self.failures.min(10)).min(longest);
        self.failures = self.failures.saturating_add(1);
        let luck = getrandom::u32().unwrap_or(u32::MAX / 2);
        doubled.mul_f64(f64::from(luck).mul_add(0.5 / f64::from(u32::MAX), 0.5))
    }
}
