//! Everything is killed or cut off while builds run: workers, API servers, the broker, the
//! database, engines, the registry, and the links between them. Then the audit: every build
//! that was accepted ended once, as it should, and nothing is left: no row of work in
//! progress, no image, container, blob or temporary file.
//!
//! `make chaos` does it at length, and `make test` briefly. Each run prints its seed;
//! `SLIPWAY_CHAOS_SEED` repeats the choices of one, `SLIPWAY_CHAOS_BUILDS` says how many
//! builds there are.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot go on should say so at once, and this one tells what it does"
)]

mod audit;
mod crowd;
mod house;
mod leftovers;
mod mischief;
mod orders;

use std::sync::Arc;
use std::time::Duration;

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::house::House;

/// How long builds may take to end once everything is whole again.
const PATIENCE: Duration = Duration::from_secs(600);

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_and_nothing_is_left() {
    let builds: usize = setting("SLIPWAY_CHAOS_BUILDS").unwrap_or(24);
    let seed: u64 = setting("SLIPWAY_CHAOS_SEED").unwrap_or_else(rand::random);
    println!("chaos: {builds} builds; SLIPWAY_CHAOS_SEED={seed} repeats these choices");
    let mut random = StdRng::seed_from_u64(seed);

    let house = Arc::new(House::build().await);
    let orders = orders::orders(builds, &house.registry_address(), &mut random);
    let over = CancellationToken::new();
    let mut mischief = tokio::spawn(mischief::run(Arc::clone(&house), random, over.clone()));
    let story = async {
        let sent = crowd::send(&house, orders).await;
        let quiet = crowd::most_are_over(&house, &sent).await;
        (sent, quiet)
    };
    let (sent, quiet) = tokio::select! {
        told = story => told,
        // What is broken stays so then, and nobody would ever be done.
        ended = &mut mischief => panic!("the mischief ended: {ended:?}"),
    };
    over.cancel();
    let done = mischief.await.unwrap();
    println!("chaos: {done} {quiet} of {} builds had ended by then", sent.len());

    let began = Instant::now();
    let ends = crowd::ends(&house, &sent, PATIENCE).await;
    println!("chaos: the rest ended within {:.1} s", began.elapsed().as_secs_f64());
    house.ready().await;
    audit::each_ended_once_as_it_should(&house, &sent, &ends).await;
    audit::nothing_is_left(&house).await;
    leftovers::are_few_and_go(&house, &done).await;
    println!("chaos: all is as it should be; the seed was {seed}");
}

fn setting<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok()?.parse().ok()
}
