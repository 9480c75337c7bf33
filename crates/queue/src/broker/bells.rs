//! A worker's place at the door.
//!
//! A bell must never be held by a worker that cannot act on it: others may be free. So the
//! broker is asked for one only while somebody waits, and for no second one before the first
//! is answered. One task keeps the place, because asking and taking back are several steps
//! and whoever waits may be gone after any of them.

use std::sync::Arc;

use futures::StreamExt as _;
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicNackOptions};
use lapin::types::{FieldTable, ShortString};
use lapin::{Channel, Consumer};
use tokio::sync::{mpsc, oneshot, watch};

use super::link::Link;
use super::seldom::Seldom;
use super::{State, message, topology};

/// Somebody who waits for a bell. Closed when they are gone.
type Wait = oneshot::Sender<Bell>;

/// A place at the door. Given up when dropped.
#[derive(Debug)]
pub(crate) struct Bells(mpsc::Sender<Wait>);

/// A bell in a worker's hand. The broker hears of it when this is answered, or gives the
/// bell to somebody else when it is dropped.
#[derive(Debug)]
pub(crate) struct Bell(oneshot::Sender<()>);

impl Bells {
    /// Takes a place at the broker that `state` tells of.
    pub(super) fn at(state: watch::Receiver<State>, strange: Arc<Seldom>) -> Self {
        let (sender, waits) = mpsc::channel(1);
        tokio::spawn(Place { state, strange, door: None }.keep(waits));
        Self(sender)
    }

    pub(crate) async fn next(&mut self) -> Bell {
        let (wait, bell) = oneshot::channel();
        if self.0.send(wait).await.is_ok()
            && let Ok(bell) = bell.await
        {
            return bell;
        }
        // The task ended, with its runtime: nothing will ever ring.
        std::future::pending().await
    }
}

impl Bell {
    pub(crate) fn answered(self) {
        // An error says that the connection is gone; the bell rings again elsewhere.
        let _ = self.0.send(());
    }
}

struct Place {
    state: watch::Receiver<State>,
    strange: Arc<Seldom>,
    door: Option<Door>,
}

/// A channel with a prefetch of one, on the connection that it belongs to.
#[derive(Clone)]
struct Door {
    link: Arc<Link>,
    channel: Channel,
}

impl Place {
    async fn keep(mut self, mut waits: mpsc::Receiver<Wait>) {
        while let Some(mut wait) = waits.recv().await {
            // Whoever waits, waits through any number of connections.
            while !wait.is_closed() {
                let door = tokio::select! {
                    door = self.door() => door,
                    () = wait.closed() => break,
                };
                let Ok(mut asking) = door.ask().await else { continue };
                match asking.rung(&mut wait, &self.strange).await {
                    Ok(Some(delivery)) => {
                        drop(asking.hand_over(delivery, wait).await);
                        break;
                    }
                    Ok(None) => drop(asking.take_back().await),
                    Err(_) => {}
                }
            }
        }
    }

    /// The door of the present connection, as soon as there is one.
    async fn door(&mut self) -> Door {
        loop {
            let link = self.link().await;
            if let Some(door) = &self.door
                && Arc::ptr_eq(&door.link, &link)
            {
                return door.clone();
            }
            if let Ok(channel) = link.answer(link.door()).await {
                self.door = Some(Door { link, channel });
            }
        }
    }

    /// The present connection, unless it was given up.
    async fn link(&mut self) -> Arc<Link> {
        let usable = |state: &State| state.link().is_some_and(|link| !link.is_given_up());
        if let Ok(state) = self.state.wait_for(usable).await
            && let Some(link) = state.link()
        {
            return Arc::clone(link);
        }
        // Every handle on the queue is gone, so nothing will ever ring.
        std::future::pending().await
    }
}

impl Door {
    /// Asks the broker for a bell.
    async fn ask(&self) -> Result<Asking<'_>, String> {
        let (tag, options) = (ShortString::default(), BasicConsumeOptions::default());
        let asked =
            self.channel.basic_consume(topology::BELLS.into(), tag, options, FieldTable::default());
        Ok(Asking { consumer: self.link.answer(asked).await?, door: self })
    }
}

struct Asking<'a> {
    door: &'a Door,
    consumer: Consumer,
}

impl Asking<'_> {
    /// Waits for a bell that can be read; `None` when nobody waits for it any more.
    async fn rung(
        &mut self,
        wait: &mut Wait,
        strange: &Seldom,
    ) -> Result<Option<Delivery>, String> {
        let link = &self.door.link;
        loop {
            let delivery = tokio::select! {
                // Who has gone cannot take a bell that came meanwhile.
                biased;
                () = wait.closed() => return Ok(None),
                next = self.consumer.next() => match next {
                    Some(delivery) => link.answer(async { delivery }).await?,
                    None => {
                        let reason = format!("queue {} is gone", topology::BELLS);
                        link.give_up(&reason);
                        return Err(reason);
                    }
                },
                reason = link.gone() => return Err(reason),
            };
            match message::read_bell(&delivery.data) {
                Ok(_) => return Ok(Some(delivery)),
                Err(problem) => {
                    strange.warn("a bell", &problem);
                    link.answer(delivery.ack(BasicAckOptions::default())).await?;
                }
            }
        }
    }

    /// Gives the bell to whoever waits, and hears what becomes of it.
    async fn hand_over(self, delivery: Delivery, wait: Wait) -> Result<(), String> {
        let (bell, answer) = oneshot::channel();
        // When they have just gone, the bell is dropped with this.
        drop(wait.send(Bell(bell)));
        // First take back what we asked for, then answer: the other way about, the broker
        // would send the next bell to a worker that may be full now.
        let link = &self.door.link;
        link.answer(self.cancel()).await?;
        if answer.await.is_ok() {
            link.answer(delivery.ack(BasicAckOptions::default())).await?;
        } else {
            link.answer(delivery.nack(back_into_line())).await?;
        }
        Ok(())
    }

    /// Asks no longer. A bell that was on its way goes back.
    async fn take_back(mut self) -> Result<(), String> {
        let link = &self.door.link;
        link.answer(self.cancel()).await?;
        while let Some(delivery) =
            link.answer(async { self.consumer.next().await.transpose() }).await?
        {
            link.answer(delivery.nack(back_into_line())).await?;
        }
        Ok(())
    }

    async fn cancel(&self) -> lapin::Result<()> {
        let tag = self.consumer.tag();
        self.door.channel.basic_cancel(tag, BasicCancelOptions::default()).await
    }
}

fn back_into_line() -> BasicNackOptions {
    BasicNackOptions { requeue: true, ..BasicNackOptions::default() }
}
