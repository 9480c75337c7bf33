//! What goes wrong.

use std::time::Duration;

use rand::RngExt as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use slipway_test_support::daemon::Daemon;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::house::House;

#[derive(Debug, Clone, Copy)]
enum Mischief {
    KillWorker(usize),
    /// Stopped for longer than its lease, and then continued as if nothing had been.
    FreezeWorker(usize),
    KillApi(usize),
    KillBroker,
    KillDatabase,
    KillEngine(usize),
    KillRegistry,
    Cut(usize),
    Hold(usize),
}

/// One after the other until told to stop; everything is whole again then. Says how many.
pub(crate) async fn run(
    house: std::sync::Arc<House>,
    mut random: StdRng,
    over: CancellationToken,
) -> usize {
    let began = Instant::now();
    let mut done = 0;
    while !over.is_cancelled() {
        let what = any(&house, &mut random);
        let lasting = Duration::from_millis(random.random_range(100..2000));
        println!("chaos: {:6.1} s  {what:?} for {lasting:?}", began.elapsed().as_secs_f64());
        one(&house, what, lasting).await;
        done += 1;
        let pause = Duration::from_millis(random.random_range(200..1000));
        tokio::select! {
            () = sleep(pause) => {}
            () = over.cancelled() => {}
        }
    }
    done
}

fn any(house: &House, random: &mut StdRng) -> Mischief {
    let worker = random.random_range(0..house.workers.len());
    let wire = random.random_range(0..house.wires.len());
    let all = [
        Mischief::KillWorker(worker),
        Mischief::KillWorker(worker),
        Mischief::FreezeWorker(worker),
        Mischief::KillApi(random.random_range(0..house.apis.len())),
        Mischief::KillBroker,
        Mischief::KillDatabase,
        Mischief::KillEngine(random.random_range(0..house.engines.len())),
        Mischief::KillRegistry,
        Mischief::Cut(wire),
        Mischief::Hold(wire),
    ];
    *all.choose(random).unwrap()
}

async fn one(house: &House, what: Mischief, lasting: Duration) {
    match what {
        Mischief::KillWorker(number) => kill(&house.workers[number], lasting).await,
        Mischief::KillApi(number) => kill(&house.apis[number], lasting).await,
        Mischief::FreezeWorker(number) => {
            let worker = house.workers[number].lock().await;
            worker.signal("STOP").await.unwrap();
            sleep(Duration::from_secs(6) + lasting).await;
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
        Mischief::KillEngine(number) => {
            house.engines[number].kill().await.unwrap();
            sleep(lasting).await;
            house.engines[number].start_again().await.unwrap();
        }
        Mischief::Cut(number) => {
            let (name, wire) = &house.wires[number];
            println!("chaos:           cuts {name}");
            wire.cut();
            sleep(lasting).await;
            wire.mend();
        }
        Mischief::Hold(number) => {
            let (name, wire) = &house.wires[number];
            println!("chaos:           holds {name}");
            wire.hold();
            sleep(lasting).await;
            wire.mend();
        }
    }
}

async fn kill(daemon: &Mutex<Daemon>, lasting: Duration) {
    let mut daemon = daemon.lock().await;
    daemon.kill().await.unwrap();
    sleep(lasting).await;
    daemon.spawn().unwrap();
}
