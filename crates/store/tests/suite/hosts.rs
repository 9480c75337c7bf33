//! The Docker hosts as workers report them.

use slipway_domain::WorkerId;
use slipway_store::builds::{Ending, finish};
use slipway_store::hosts::{Host, Probe, all, forget_unseen, leave, report, set_drained};

use crate::cast::{at, claim, held, host, probe, spec, submit, worker};
use crate::ground::Ground;

stories!(
    what_a_probe_finds,
    what_runs_is_counted,
    an_operator_s_word_outlasts_probes,
    a_host_that_nobody_sees_is_forgotten,
    one_that_cannot_reach_it_does_not_speak_for_all,
    a_worker_that_leaves_says_no_more,
    one_name_is_not_two_engines,
);

async fn what_a_probe_finds(ground: &Ground) {
    let store = ground.store().await;
    assert_eq!(all(&store).await.unwrap(), []);
    let full = Probe {
        platform: Some("linux/amd64".parse().unwrap()),
        builder: Some("buildkit".into()),
        ..probe("h2", 4)
    };
    report(&store, worker(), &full, at(1)).await.unwrap();
    report(&store, worker(), &probe("h1", 2), at(2)).await.unwrap();
    let h1 = Host {
        name: host("h1"),
        slots: 2,
        running: 0,
        platform: None,
        platforms: Vec::new(),
        builder: None,
        drained: false,
        problem: None,
        probed_at: at(2),
    };
    let h2 = Host {
        name: host("h2"),
        slots: 4,
        platform: full.platform.clone(),
        platforms: full.platform.iter().cloned().collect(),
        builder: full.builder.clone(),
        probed_at: at(1),
        ..h1.clone()
    };
    assert_eq!(all(&store).await.unwrap(), [h1.clone(), h2.clone()]);

    let gone = Probe { problem: Some("connection refused".into()), ..probe("h2", 5) };
    report(&store, worker(), &gone, at(3)).await.unwrap();
    let gone = Host { slots: 5, problem: gone.problem, probed_at: at(3), ..h2.clone() };
    assert_eq!(all(&store).await.unwrap()[1], gone, "what is known of it stays known");
    report(&store, worker(), &full, at(4)).await.unwrap();
    assert_eq!(all(&store).await.unwrap(), [h1, Host { probed_at: at(4), ..h2 }]);
}

async fn what_runs_is_counted(ground: &Ground) {
    let store = ground.store().await;
    let first = held(&store).await;
    held(&store).await;
    report(&store, worker(), &probe("h2", 1), at(0)).await.unwrap();
    let running = async || -> Vec<(String, u32)> {
        let hosts = all(&store).await.unwrap();
        hosts.iter().map(|host| (host.name.to_string(), host.running)).collect()
    };
    assert_eq!(running().await, [("h1".to_owned(), 2), ("h2".to_owned(), 0)]);
    finish(&store, &first, Ending::Cancelled, true, at(2)).await.unwrap();
    assert_eq!(running().await, [("h1".to_owned(), 1), ("h2".to_owned(), 0)]);
}

async fn an_operator_s_word_outlasts_probes(ground: &Ground) {
    let store = ground.store().await;
    assert!(!set_drained(&store, &host("h1"), true).await.unwrap(), "there is no such host");
    report(&store, worker(), &probe("h1", 1), at(0)).await.unwrap();
    assert!(set_drained(&store, &host("h1"), true).await.unwrap());
    assert!(set_drained(&store, &host("h1"), true).await.unwrap(), "twice is the same as once");
    report(&store, worker(), &probe("h1", 1), at(1)).await.unwrap();
    assert!(all(&store).await.unwrap()[0].drained);
    assert!(set_drained(&store, &host("h1"), false).await.unwrap());
    assert!(!all(&store).await.unwrap()[0].drained);
}

async fn a_host_that_nobody_sees_is_forgotten(ground: &Ground) {
    let store = ground.store().await;
    for (name, second) in [("busy", 1), ("drained", 1), ("old", 1), ("seen", 50)] {
        report(&store, worker(), &probe(name, 1), at(second)).await.unwrap();
    }
    set_drained(&store, &host("drained"), true).await.unwrap();
    submit(&store, &spec("r.example/app:1"), at(0)).await;
    let lease = claim(&store, "busy", at(2)).await.unwrap().lease;
    let names = async || -> Vec<String> {
        all(&store).await.unwrap().iter().map(|host| host.name.to_string()).collect()
    };
    assert_eq!(forget_unseen(&store, at(1)).await.unwrap(), 0, "seen at 1 is not before 1");
    assert_eq!(forget_unseen(&store, at(40)).await.unwrap(), 1);
    assert_eq!(names().await, ["busy", "drained", "seen"]);
    finish(&store, &lease, Ending::Cancelled, true, at(3)).await.unwrap();
    assert_eq!(forget_unseen(&store, at(40)).await.unwrap(), 1);
    assert_eq!(names().await, ["drained", "seen"]);
}

async fn one_that_cannot_reach_it_does_not_speak_for_all(ground: &Ground) {
    let store = ground.store().await;
    let (one, two) = (WorkerId::generate(), WorkerId::generate());
    let away = |why: &str| Probe { problem: Some(why.into()), ..probe("h1", 1) };
    let problem = async || all(&store).await.unwrap()[0].problem.clone();
    assert_eq!(report(&store, one, &probe("h1", 1), at(0)).await.unwrap(), None);
    let told = report(&store, two, &away("no route"), at(1)).await.unwrap();
    assert_eq!((told.as_deref(), problem().await), (Some("no route"), None));
    report(&store, one, &away("connection refused"), at(2)).await.unwrap();
    assert_eq!(problem().await.as_deref(), Some("connection refused"));
    report(&store, one, &probe("h1", 1), at(3)).await.unwrap();
    assert_eq!(problem().await, None);
    // The word of a worker that is gone counts no more.
    report(&store, two, &away("no route"), at(70)).await.unwrap();
    assert_eq!(problem().await.as_deref(), Some("no route"));
}

async fn a_worker_that_leaves_says_no_more(ground: &Ground) {
    let store = ground.store().await;
    let (one, two) = (WorkerId::generate(), WorkerId::generate());
    let away = Probe { problem: Some("no route".into()), ..probe("h1", 1) };
    report(&store, one, &probe("h1", 1), at(0)).await.unwrap();
    report(&store, one, &probe("h2", 1), at(0)).await.unwrap();
    report(&store, two, &away, at(1)).await.unwrap();
    let problems = async || -> Vec<Option<String>> {
        all(&store).await.unwrap().into_iter().map(|host| host.problem).collect()
    };
    assert_eq!(problems().await, [None, None]);
    leave(&store, one, at(2)).await.unwrap();
    leave(&store, one, at(2)).await.unwrap();
    assert_eq!(problems().await, [Some("no route".into()), None]);
    assert_eq!(ground.count("host_probes").await, 1);
    // The last one's word stands, until another comes or it is too old.
    leave(&store, two, at(3)).await.unwrap();
    assert_eq!(problems().await, [Some("no route".into()), None]);
    report(&store, one, &probe("h1", 1), at(4)).await.unwrap();
    assert_eq!(problems().await, [None, None]);
    report(&store, two, &away, at(5)).await.unwrap();
    leave(&store, one, at(99)).await.unwrap();
    assert_eq!(problems().await, [None, None], "what was said long ago comes not back");
}

async fn one_name_is_not_two_engines(ground: &Ground) {
    let store = ground.store().await;
    let (one, two) = (WorkerId::generate(), WorkerId::generate());
    let engine = |id: &str| Probe { engine: Some(id.into()), ..probe("local", 1) };
    assert_eq!(report(&store, one, &engine("A"), at(0)).await.unwrap(), None);
    let told = report(&store, two, &engine("B"), at(1)).await.unwrap().unwrap();
    assert!(told.contains("another Docker Engine"), "{told}");
    assert_eq!(all(&store).await.unwrap()[0].problem, None, "the first one is as good as before");
    assert_eq!(report(&store, one, &engine("A"), at(2)).await.unwrap(), None);
    // The engine was replaced: whoever looks again sees the new one.
    assert!(report(&store, one, &engine("B"), at(3)).await.unwrap().is_none());
    assert_eq!(report(&store, two, &engine("B"), at(4)).await.unwrap(), None);
}
