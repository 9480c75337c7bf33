//! What goes wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::RngExt as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use slipway_test_support::daemon::Daemon;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::house::{House, LEASE};

/// So many things may be wrong at once.
const AT_ONCE: usize = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mischief {
    KillWorker,
    /// Stopped for longer than its lease, and then continued as if nothing had been.
    FreezeWorker,
    KillApi,
    KillBroker,
    KillDatabase,
    KillEngine,
    KillRegistry,
    /// A link's connections break, and new ones too.
    Cut,
    /// A link lets nothing pass, and says nothing of it.
    Hold,
    /// Each answer over a link takes a while.
    Slow,
}

/// What it is done to, and which of these. Only one thing at a time is wrong with each.
type Target = (Part, usize);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Worker,
    Api,
    Broker,
    Database,
    Engine,
    Registry,
    Wire,
}

/// How often each was done.
#[derive(Debug, Default)]
pub(crate) struct Done(pub(crate) BTreeMap<Mischief, usize>);

/// One every second or two until told to stop; everything is whole again then.
pub(crate) async fn run(house: Arc<House>, mut random: StdRng, over: CancellationToken) -> Done {
    let began = Instant::now();
    let (mut done, mut going_on) = (Done::default(), JoinSet::new());
    let troubled = Arc::new(Mutex::new(BTreeSet::new()));
    while !over.is_cancelled() {
        while let Some(one) = going_on.try_join_next() {
            one.unwrap();
        }
        let (what, whom) = any(&house, &mut random);
        let lasting = lasting(what, &mut random);
        let pause = Duration::from_millis(random.random_range(300..1700));
        while going_on.len() >= AT_ONCE {
            going_on.join_next().await.unwrap().unwrap();
        }
        let is_free = of(&troubled).insert(whom);
        if is_free {
            let name = house.name_of(whom);
            let at = began.elapsed().as_secs_f64();
            println!("chaos: {at:6.1} s  {what:?} {name} for {:.1} s", lasting.as_secs_f64());
            *done.0.entry(what).or_default() += 1;
            let (house, troubled) = (Arc::clone(&house), Arc::clone(&troubled));
            going_on.spawn(async move {
                one(&house, what, whom, lasting).await;
                of(&troubled).remove(&whom);
            });
        }
        tokio::select! {
            () = sleep(pause) => {}
            () = over.cancelled() => {}
        }
    }
    while let Some(one) = going_on.join_next().await {
        one.unwrap();
    }
    done
}

fn of(troubled: &Mutex<BTreeSet<Target>>) -> std::sync::MutexGuard<'_, BTreeSet<Target>> {
    troubled.lock().unwrap_or_else(PoisonError::into_inner)
}

fn any(house: &House, random: &mut StdRng) -> (Mischief, Target) {
    let mut one_of = |part, of: usize| (part, random.random_range(0..of));
    let worker = one_of(Part::Worker, house.workers.len());
    let api = one_of(Part::Api, house.apis.len());
    let engine = one_of(Part::Engine, house.engines.len());
    let wire = one_of(Part::Wire, house.wires.len());
    let all = [
        (Mischief::KillWorker, worker),
        (Mischief::KillWorker, worker),
        (Mischief::FreezeWorker, worker),
        (Mischief::KillApi, api),
        (Mischief::KillBroker, (Part::Broker, 0)),
        (Mischief::KillDatabase, (Part::Database, 0)),
        (Mischief::KillEngine, engine),
        (Mischief::KillRegistry, (Part::Registry, 0)),
        (Mischief::Cut, wire),
        (Mischief::Cut, wire),
        (Mischief::Hold, wire),
        (Mischief::Hold, wire),
        (Mischief::Slow, wire),
    ];
    *all.choose(random).unwrap()
}

/// Some links are away for longer than a lease, some only blink.
fn lasting(what: Mischief, random: &mut StdRng) -> Duration {
    let longest = match what {
        Mischief::Cut | Mischief::Hold | Mischief::Slow => 9000,
        Mischief::KillWorker
        | Mischief::FreezeWorker
        | Mischief::KillApi
        | Mischief::KillBroker
        | Mischief::KillDatabase
        | Mischief::KillEngine
        | Mischief::KillRegistry => 2000,
    };
    let blink = Duration::from_millis(random.random_range(100..longest));
    if what == Mischief::FreezeWorker { LEASE + blink } else { blink }
}

async fn one(house: &House, what: Mischief, (_, number): Target, lasting: Duration) {
    match what {
        Mischief::KillWorker => kill(&house.workers[number], lasting).await,
        Mischief::KillApi => kill(&house.apis[number], lasting).await,
        Mischief::FreezeWorker => {
            let worker = house.workers[number].lock().await;
            worker.signal("STOP").await.unwrap();
            sleep(lasting).await;
            worker.signal("CONT").await.unwrap();
        }
        Mischief::KillBroker => {
            house.broker.kill().await.unwrap();
            sleep(lasting).await;
            house.broker.start_again().await.unwrap();
        }
        Mischief::KillDatabase => {
            house.database.kill().await.unwrap();
            sleep(lasting).await;
            house.database.start_again().await.unwrap();
        }
        Mischief::KillRegistry => {
            house.registry.kill().await.unwrap();
            sleep(lasting).await;
            house.registry.start_again().await.unwrap();
        }
        Mischief::KillEngine => {
            house.engines[number].kill().await.unwrap();
            sleep(lasting).await;
            house.engines[number].start_again().await.unwrap();
        }
        Mischief::Cut => {
            house.wires[number].1.cut();
            sleep(lasting).await;
            house.wires[number].1.mend();
        }
        Mischief::Hold => {
            house.wires[number].1.hold();
            sleep(lasting).await;
            house.wires[number].1.mend();
        }
        Mischief::Slow => {
            house.wires[number].1.slow(Duration::from_millis(200));
            sleep(lasting).await;
            house.wires[number].1.mend();
        }
    }
}

async fn kill(daemon: &tokio::sync::Mutex<Daemon>, lasting: Duration) {
    let mut daemon = daemon.lock().await;
    daemon.kill().await.unwrap();
    sleep(lasting).await;
    daemon.spawn().unwrap();
}

impl House {
    fn name_of(&self, (part, number): Target) -> String {
        if part == Part::Wire { self.wires[number].0.clone() } else { format!("{part:?} {number}") }
    }
}

impl Done {
    pub(crate) fn of(&self, what: Mischief) -> usize {
        self.0.get(&what).copied().unwrap_or(0)
    }
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} mischiefs:", self.0.values().sum::<usize>())?;
        self.0.iter().try_for_each(|(what, times)| write!(f, " {what:?} {times},"))
    }
}
