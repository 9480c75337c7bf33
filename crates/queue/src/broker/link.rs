//! One connection, from the first packet until something is wrong with it. It is never
//! repaired: the supervisor makes another.

use std::time::Duration;

use futures::future::{join_all, try_join_all};
use lapin::options::{BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions};
use lapin::types::ShortString;
use lapin::{BasicProperties, Channel, Confirmation, Connection, Consumer};
use slipway_domain::BuildId;
use tokio::sync::watch;

use super::address::{Address, introduction};
use super::socket::{self, Cord};
use super::{message, reason, topology};
use crate::Hears;

/// How long the broker may take to confirm bells. Under load it takes hundreds of
/// milliseconds; whatever takes this long has gone.
const CONFIRM: Duration = Duration::from_secs(5);

/// In milliseconds, as text: so AMQP has it. Workers look at the rows once a second anyway,
/// so an older bell says nothing, and would only pile up in front of busy workers.
const BELL_EXPIRES: &str = "60000";

/// AMQP's number for a message that survives a restart of the broker.
const PERSISTENT: u8 = 2;

/// How often the state of the connection is looked at. The client library does not tell
/// everybody who waits that a connection died (lapin#283, #389).
const LOOK: Duration = Duration::from_millis(500);

/// The broker has stopped all who publish.
const ALARM: &str = "it takes no messages until its memory or disk alarm is over";

/// How long an orderly end may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// A connection with all declared.
pub(super) struct Link {
    connection: Connection,
    bells: Channel,
    news: Channel,
    /// Why it was given up.
    given_up: watch::Sender<Option<String>>,
    cord: Cord,
}

impl Link {
    /// Connects and declares, and listens for news.
    pub(super) async fn open(address: &Address, hears: Hears) -> Result<(Self, Consumer), String> {
        let cord = Cord::default();
        let opened =
            tokio::time::timeout(address.connect_within(), connect(address, hears, &cord)).await;
        match opened {
            Ok(Ok(opened)) => Ok(opened),
            Ok(Err(error)) => {
                cord.cut();
                Err(reason::of(&error, address))
            }
            Err(_) => {
                cord.cut();
                let limit = address.connect_within();
                Err(format!("the broker does not answer within {limit:?}"))
            }
        }
    }

    /// Publishes all, then waits for all confirmations together.
    pub(super) async fn ring(&self, builds: &[BuildId]) -> Result<(), String> {
        // Under an alarm, the library would keep what we publish until it is over.
        if let Some(reason) = self.problem() {
            return Err(reason);
        }
        match tokio::time::timeout(CONFIRM, self.publish_bells(builds)).await {
            Ok(Ok(confirmed)) => self.all_taken(&confirmed),
            Ok(Err(error)) => {
                let reason = error.to_string();
                self.give_up(&reason);
                Err(reason)
            }
            Err(_) => {
                let reason = format!("bells were not confirmed within {CONFIRM:?}");
                self.give_up(&reason);
                Err(reason)
            }
        }
    }

    async fn publish_bells(&self, builds: &[BuildId]) -> lapin::Result<Vec<Confirmation>> {
        // An unroutable message is confirmed all the same; only `mandatory` tells.
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let properties = BasicProperties::default()
            .with_content_type("application/json".into())
            .with_delivery_mode(PERSISTENT)
            .with_expiration(BELL_EXPIRES.into());
        let bells: Vec<Vec<u8>> = builds.iter().map(|build| message::bell(*build)).collect();
        let published = join_all(bells.iter().map(|bell| {
            let (exchange, queue) = (ShortString::default(), topology::BELLS.into());
            self.bells.basic_publish(exchange, queue, options, bell, properties.clone())
        }));
        try_join_all(published.await.into_iter().collect::<lapin::Result<Vec<_>>>()?).await
    }

    fn all_taken(&self, confirmed: &[Confirmation]) -> Result<(), String> {
        if confirmed.iter().all(|answer| matches!(answer, Confirmation::Ack(None))) {
            return Ok(());
        }
        let returned = confirmed.iter().any(|answer| matches!(answer, Confirmation::Ack(Some(_))));
        let reason = if returned {
            // Somebody deleted it. The next connection declares it again.
            format!("queue {} is gone", topology::BELLS)
        } else {
            "it refused to keep a bell".into()
        };
        self.give_up(&reason);
        Err(reason)
    }

    /// Tells the other processes. Not confirmed: it is a hint.
    pub(super) async fn tell(&self, topic: String, text: &[u8]) -> lapin::Result<()> {
        if self.connection.status().blocked() {
            return Ok(());
        }
        let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
        let properties = properties.with_content_type("application/json".into());
        let exchange = topology::NEWS.into();
        self.news.basic_publish(exchange, topic.into(), options, text, properties).await?;
        Ok(())
    }

    /// A place at the door, for one bell at a time.
    pub(super) async fn door(&self) -> lapin::Result<Channel> {
        let channel = self.connection.create_channel().await?;
        channel.basic_qos(1, BasicQosOptions::default()).await?;
        Ok(channel)
    }

    /// What is wrong although there is a connection.
    pub(super) fn problem(&self) -> Option<String> {
        if let Some(reason) = &*self.given_up.borrow() {
            return Some(reason.clone());
        }
        let blocked = self.connection.status().blocked();
        blocked.then(|| ALARM.into())
    }

    /// Says that it cannot be used any more. The first reason counts.
    pub(super) fn give_up(&self, reason: &str) {
        self.given_up.send_if_modified(|given_up| {
            let first = given_up.is_none();
            if first {
                *given_up = Some(reason.to_owned());
            }
            first
        });
    }

    pub(super) fn is_given_up(&self) -> bool {
        self.given_up.borrow().is_some()
    }

    /// Says goodbye, briefly.
    pub(super) async fn close(&self) {
        let goodbye = self.connection.close(200, "goodbye".into());
        // The socket is closed afterwards, whatever the answer.
        drop(tokio::time::timeout(GOODBYE, goodbye).await);
    }

    /// Waits until it cannot be used any more, and says why.
    pub(super) async fn gone(&self) -> String {
        let mut given_up = self.given_up.subscribe();
        loop {
            if let Some(reason) = given_up.borrow_and_update().clone() {
                return reason;
            }
            let status = self.connection.status();
            if !status.connected() {
                return "the connection was lost".into();
            }
            // The sender lives as long as this link.
            let _ = tokio::time::timeout(LOOK, given_up.changed()).await;
        }
    }

    /// Waits for an answer, but not longer than for the connection itself.
    pub(super) async fn answer<T>(
        &self,
        asked: impl Future<Output = lapin::Result<T>>,
    ) -> Result<T, String> {
        tokio::select! {
            answer = asked => answer.map_err(|error| {
                let reason = error.to_string();
                self.give_up(&reason);
                reason
            }),
            reason = self.gone() => Err(reason),
        }
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("given_up", &*self.given_up.borrow()).finish_non_exhaustive()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // A goodbye would wait for an answer, on a connection that may have none. What this
        // process held unanswered goes back into the queue.
        self.cord.cut();
    }
}

async fn connect(address: &Address, hears: Hears, cord: &Cord) -> lapin::Result<(Link, Consumer)> {
    let opening = {
        let (address, cord) = (address.clone(), cord.clone());
        async move |_, _| Ok(socket::open(&address, &cord).await?)
    };
    let runtime = lapin::runtime::default_runtime()?;
    let connection = Connection::connector(address.uri(), runtime, opening, introduction()).await?;
    let bells = connection.create_channel().await?;
    topology::declare_bells(&bells).await?;
    bells.confirm_select(ConfirmSelectOptions::default()).await?;
    let news = connection.create_channel().await?;
    topology::declare_news(&news).await?;
    let ear = topology::listen(&news, hears).await?;
    let given_up = watch::Sender::new(None);
    Ok((Link { connection, bells, news, given_up, cord: cord.clone() }, ear))
}
