//! What hangs at the broker: one queue for bells, one exchange for news, and an ear per
//! process.
//!
//! Everybody declares it on each connection; a broker that has it already changes nothing.
//! A queue's arguments can never be changed once it is declared, so there is nothing in them
//! that one might want to tune (a policy can), and the names have a version. Only what
//! RabbitMQ 3.10 and 4.x both know.

use lapin::options::{
    BasicConsumeOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{Channel, Consumer, ExchangeKind};

use crate::Hears;

/// Durable, and classic on purpose: on one node, without replicas. The row is the truth, and
/// each worker looks at the rows once a second; a replicated queue would cost each bell a
/// majority's disks and protect what needs no protection.
pub(super) const BELLS: &str = "slipway.bells.v1";

/// News by topic: `happened.<build>`, `cancel-asked.<build>`.
pub(super) const NEWS: &str = "slipway.news.v1";

/// How much news may wait for a process that does not listen. It polls, so the oldest goes.
const EAR_BOUND: i32 = 10_000;

/// Declares the queue for bells.
pub(super) async fn declare_bells(channel: &Channel) -> lapin::Result<()> {
    let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    let mut arguments = FieldTable::default();
    // Said, because a virtual host may have another default.
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("classic".into()));
    channel.queue_declare(BELLS.into(), durable, arguments).await?;
    Ok(())
}

/// Declares the exchange for news.
pub(super) async fn declare_news(channel: &Channel) -> lapin::Result<()> {
    let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    channel.exchange_declare(NEWS.into(), ExchangeKind::Topic, durable, FieldTable::default()).await
}

/// Makes this process an ear, which goes with the connection, and listens.
pub(super) async fn listen(channel: &Channel, hears: Hears) -> lapin::Result<Consumer> {
    // Exclusive: other queues that go with the broker are deprecated in 4.x.
    let own = QueueDeclareOptions {
        exclusive: true,
        auto_delete: true,
        ..QueueDeclareOptions::default()
    };
    let mut arguments = FieldTable::default();
    arguments.insert("x-max-length".into(), AMQPValue::LongInt(EAR_BOUND));
    let ear = channel.queue_declare(ShortString::default(), own, arguments).await?;
    let (name, bind) = (ear.name().clone(), QueueBindOptions::default());
    let topics = match hears {
        Hears::Everything => "#",
        Hears::CancelAsked => "cancel-asked.*",
    };
    channel
        .queue_bind(name.clone(), NEWS.into(), topics.into(), bind, FieldTable::default())
        .await?;
    // A hint needs no acknowledgement.
    let listening = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
    channel.basic_consume(name, ShortString::default(), listening, FieldTable::default()).await
}
