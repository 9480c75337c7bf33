//! All builds of a project, together with others: one reader, and each follower as if it were
//! alone.

use std::time::{Duration, Instant};

use slipway_domain::{BuildId, BuildSpec, BuildSpecDraft, Project, Secrets, Source, Stage, now};
use slipway_follow::{Hub, ProjectFollower};
use slipway_queue::{News, POLL};
use slipway_store::builds::{Submission, advance, cancel, submit};
use slipway_store::stream::Place;
use tokio::runtime::Handle;

use crate::scene::{Scene, soon};

fn hub(scene: &Scene) -> Hub {
    Hub::new(&scene.store, &scene.queue, &Handle::current())
}

/// The scene's build has two events before anything else happens.
async fn from_the_start(hub: &Hub) -> ProjectFollower {
    hub.follow_project(&Project::default(), Some(Place::START)).await.unwrap()
}

async fn submit_one(scene: &Scene, project: Project) -> BuildId {
    let draft = BuildSpecDraft::new("r.example/app:1", Source::dockerfile("FROM scratch\n"));
    let spec = BuildSpec { project, ..draft.parse().unwrap() };
    let (id, secrets) = (BuildId::generate(), Secrets::default());
    submit(&scene.store, &Submission::new(id, &spec, &secrets), now()).await.unwrap();
    id
}

/// Builds and numbers of so many events.
async fn take(follower: &mut ProjectFollower, count: usize) -> Vec<(BuildId, i64)> {
    let mut seen = Vec::new();
    while seen.len() < count {
        let happened = soon(follower.next()).await.unwrap();
        assert_eq!(happened.place, follower.after());
        seen.push((happened.build, happened.event.seq));
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_have_one_reader() {
    let scene = Scene::set().await;
    let (hub, build) = (hub(&scene), scene.lease.build());
    let mut following = Vec::new();
    for _ in 0..1000 {
        let mut follower = from_the_start(&hub).await;
        following.push(tokio::spawn(async move { take(&mut follower, 3).await }));
    }
    while hub.readers() == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // So that all of them wait for it.
    tokio::time::sleep(POLL).await;
    assert_eq!((hub.readers(), hub.followers()), (1, 1000));
    advance(&scene.store, &scene.lease, Stage::Building, None, now()).await.unwrap();
    for follower in following {
        assert_eq!(soon(follower).await.unwrap(), [(build, 1), (build, 2), (build, 3)]);
    }
    assert_eq!((hub.readers(), hub.followers()), (0, 0), "nobody follows any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn builds_that_come_later_are_found_and_then_heard_of_at_once() {
    let scene = Scene::set().await;
    let hub = hub(&scene);
    let mut follower = hub.follow_project(&Project::default(), None).await.unwrap();
    // One time is enough: a machine may be busy with something else for as long as the poll takes.
    for _ in 0..5 {
        let next = tokio::spawn(async move {
            let seen = take(&mut follower, 1).await;
            (seen, follower)
        });
        tokio::time::sleep(Duration::from_millis(100)).await;
        submit_one(&scene, Project::parse("another").unwrap()).await;
        let later = submit_one(&scene, Project::default()).await;
        let (seen, back) = soon(next).await.unwrap();
        follower = back;
        assert_eq!(seen, [(later, 1)]);
        // Known from here on. The reader has just looked, and does not look by itself for a second.
        cancel(&scene.store, later, now()).await.unwrap();
        let told = Instant::now();
        scene.queue.tell(News::Happened(later));
        assert_eq!(take(&mut follower, 1).await, [(later, 2)]);
        if told.elapsed() < POLL * 3 / 4 {
            return;
        }
    }
    panic!("it was the poll");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_who_is_slow_gets_all_of_it_from_the_database() {
    const BUILDS: usize = 300;
    let scene = Scene::set().await;
    let hub = hub(&scene);
    let mut quick = from_the_start(&hub).await;
    let mut slow = from_the_start(&hub).await;
    // One event of what it is given, and then it thinks again.
    let mut of_slow = take(&mut slow, 1).await;
    let writing = async {
        for _ in 0..BUILDS {
            let build = submit_one(&scene, Project::default()).await;
            scene.queue.tell(News::Happened(build));
        }
    };
    let (of_quick, ()) = tokio::join!(take(&mut quick, 2 + BUILDS), writing);
    of_slow.extend(take(&mut slow, 1 + BUILDS).await);
    assert_eq!(of_slow, of_quick);
    assert_eq!(slow.after(), quick.after());
    // And from each place of them.
    let mut again = from_the_start(&hub).await;
    for nth in 1..=BUILDS + 2 {
        take(&mut again, 1).await;
        if nth % 50 == 0 {
            let mut other =
                hub.follow_project(&Project::default(), Some(again.after())).await.unwrap();
            assert_eq!(take(&mut other, BUILDS + 2 - nth).await, of_quick[nth..]);
        }
    }
}
