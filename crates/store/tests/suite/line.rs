//! Who goes next.

use slipway_domain::{BuildSpec, BuildState, Outcome, Project, Reason};
use slipway_store::Store;
use slipway_store::builds::{self, Ending, Submitted, finish, give_up, waiting};
use slipway_store::hosts::{Probe, report as report_probe};
use slipway_store::projects::{self, Whose};

use crate::cast::{
    at, claim, find, host, literal, orderly, probe, report, secrets, spec, submit, submit_with,
    told, worker,
};
use crate::ground::Ground;

stories!(
    projects_take_turns,
    a_project_that_comes_anew_does_not_go_before_those_that_wait,
    priority_goes_first_and_waiting_raises_it,
    a_build_that_returns_goes_where_it_was,
    a_project_has_its_limit,
    a_limit_for_every_other,
    a_place_in_line_is_the_place_it_gets,
    whoever_waits_too_long_is_told_why,
    each_stay_in_line_has_its_own_deadline,
    a_row_of_the_release_before_goes_first,
);

fn of(project: &str, image: &str) -> BuildSpec {
    let mut spec = spec(image);
    spec.project = Project::parse(project).unwrap();
    spec
}

/// Claims until nothing is left, and says the images in order.
async fn order(store: &Store) -> String {
    let mut names = Vec::new();
    while let Some(claimed) = claim(store, "h1", at(100)).await {
        names.push(claimed.spec.image.to_string().replace("r.example/", "").replace(":latest", ""));
    }
    names.join(" ")
}

async fn projects_take_turns(ground: &Ground) {
    let store = ground.store().await;
    report(&store, "h1", 100).await;
    for number in 0..6 {
        submit(&store, &of("big", &format!("r.example/big{number}")), at(number)).await;
    }
    for number in 0..2 {
        submit(&store, &of("late", &format!("r.example/late{number}")), at(10 + number)).await;
    }
    submit(&store, &of("one", "r.example/one"), at(20)).await;
    assert_eq!(order(&store).await, "big0 late0 one big1 late1 big2 big3 big4 big5");
}

async fn a_project_that_comes_anew_does_not_go_before_those_that_wait(ground: &Ground) {
    let store = ground.store().await;
    report(&store, "h1", 100).await;
    for number in 0..6 {
        submit(&store, &of("big", &format!("r.example/big{number}")), at(number)).await;
    }
    for _ in 0..4 {
        claim(&store, "h1", at(9)).await.unwrap();
    }
    // Not four rounds to make up for: it was not there.
    for number in 0..3 {
        submit(&store, &of("late", &format!("r.example/late{number}")), at(10 + number)).await;
    }
    assert_eq!(order(&store).await, "big4 late0 big5 late1 late2");
}

async fn priority_goes_first_and_waiting_raises_it(ground: &Ground) {
    let store = ground.store().await;
    report(&store, "h1", 100).await;
    let with = |priority: u8, image: &str| BuildSpec { priority, ..spec(image) };
    submit(&store, &with(0, "r.example/low"), at(0)).await;
    submit(&store, &with(2, "r.example/mid"), at(1)).await;
    submit(&store, &with(9, "r.example/high"), at(2)).await;
    assert_eq!(order(&store).await, "high mid low");

    // The stories' workers raise by one for every five minutes.
    submit(&store, &with(0, "r.example/waited"), at(100 - 3 * 300)).await;
    submit(&store, &with(2, "r.example/fresh"), at(90)).await;
    submit(&store, &with(4, "r.example/urgent"), at(90)).await;
    assert_eq!(order(&store).await, "urgent waited fresh");
}

async fn a_build_that_returns_goes_where_it_was(ground: &Ground) {
    let store = ground.store().await;
    report(&store, "h1", 100).await;
    for number in 0..3 {
        submit(&store, &spec(&format!("r.example/app{number}")), at(number)).await;
    }
    let lease = claim(&store, "h1", at(9)).await.unwrap().lease;
    claim(&store, "h1", at(9)).await.unwrap();
    builds::hand_back(&store, &lease, orderly(at(10)), true, at(10)).await.unwrap();
    assert_eq!(order(&store).await, "app0 app2");
}

async fn a_project_has_its_limit(ground: &Ground) {
    let store = ground.store().await;
    report(&store, "h1", 100).await;
    let whose = Whose::Of(Project::parse("big").unwrap());
    projects::set_max_running(&store, &whose, Some(2)).await.unwrap();
    for number in 0..4 {
        submit(&store, &of("big", &format!("r.example/big{number}")), at(number)).await;
    }
    let last = submit(&store, &of("big", "r.example/last"), at(5)).await;
    submit(&store, &of("other", "r.example/other"), at(6)).await;
    let first = claim(&store, "h1", at(9)).await.unwrap().lease;
    assert_eq!(order(&store).await, "other big1");

    let told = waiting(&store, &last, at(9)).await.unwrap().unwrap();
    assert_eq!((told.reason.as_str(), told.position), ("project limit 2 of 2", 2));
    finish(&store, &first, Ending::Cancelled, true, at(10)).await.unwrap();
    assert_eq!(order(&store).await, "big2");
    projects::set_max_running(&store, &whose, None).await.unwrap();
    assert_eq!(order(&store).await, "big3 last");
}

async fn a_limit_for_every_other(ground: &Ground) {
    let store = ground.store().await;
    report(&store, "h1", 100).await;
    projects::set_max_running(&store, &Whose::EveryOther, Some(1)).await.unwrap();
    let free = Whose::Of(Project::parse("free").unwrap());
    projects::set_max_running(&store, &free, None).await.unwrap();
    for project in ["a", "b", "free"] {
        for number in 0..2 {
            submit(&store, &of(project, &format!("r.example/{project}{number}")), at(number)).await;
        }
    }
    assert_eq!(order(&store).await, "a0 b0 free0 free1");
    let states = projects::all(&store).await.unwrap();
    let states: Vec<_> =
        states.iter().map(|p| (p.name.as_str(), p.max_running, p.running)).collect();
    assert_eq!(
        states,
        [("*", Some(1), 0), ("a", Some(1), 1), ("b", Some(1), 1), ("free", None, 2)]
    );
    projects::forget(&store, &Whose::EveryOther).await.unwrap();
    assert_eq!(order(&store).await, "a1 b1");
}

async fn a_place_in_line_is_the_place_it_gets(ground: &Ground) {
    let store = ground.store().await;
    report(&store, "h1", 100).await;
    let mut line = Vec::new();
    for number in 0..4 {
        line.push(submit(&store, &of("big", &format!("r.example/b{number}")), at(number)).await);
    }
    line.push(submit(&store, &of("late", "r.example/late"), at(9)).await);
    line.push(submit(&store, &BuildSpec { priority: 1, ..spec("r.example/p") }, at(10)).await);
    let mut for_arm = spec("r.example/arm");
    for_arm.platform = Some("linux/arm64".parse().unwrap());
    submit(&store, &BuildSpec { priority: 9, ..for_arm }, at(11)).await;

    let mut places = Vec::new();
    for build in &line {
        let place = waiting(&store, build, at(12)).await.unwrap().unwrap().position;
        places.push((place, build.spec.image.to_string().replace(":latest", "")));
    }
    places.sort();
    let expected: Vec<_> =
        places.iter().map(|(_, image)| image.replace("r.example/", "")).collect();
    assert_eq!(places.iter().map(|(place, _)| *place).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
    assert_eq!(order(&store).await, expected.join(" "), "the arm build takes no slot from them");
}

async fn whoever_waits_too_long_is_told_why(ground: &Ground) {
    let store = ground.store().await;
    let spec = BuildSpec { queue_timeout_seconds: Some(60), ..spec("r.example/app:1") };
    let submitted = submit_with(&store, &spec, &secrets("hunter2"), None, at(0)).await.unwrap();
    let Submitted::New { build, .. } = submitted else { panic!("{submitted:?}") };
    let patient = submit(&store, &crate::cast::spec("r.example/app:2"), at(0)).await;
    let away = Probe { problem: Some("connection refused".into()), ..probe("h1", 1) };
    report_probe(&store, worker(), &away, at(30)).await.unwrap();
    assert_eq!(give_up(&store, at(60)).await.unwrap(), []);
    assert_eq!(give_up(&store, at(61)).await.unwrap(), [build.id]);
    assert_eq!(give_up(&store, at(61)).await.unwrap(), []);

    let over = find(&store, build.id).await;
    assert_eq!(over.state, BuildState::Finished(Outcome::TimedOut));
    let failure = over.failure.unwrap();
    assert_eq!(failure.reason, Reason::QueueTimeout);
    assert_eq!(
        failure.message,
        "waited in line for 60 s, which is all it may: \
         no Docker host can be used: h1: connection refused"
    );
    assert_eq!(told(&store, build.id).await.len(), 2);
    assert_eq!(ground.count("sealed_secrets").await, 0, "its secrets are erased");
    assert_eq!(find(&store, patient.id).await.state, BuildState::Queued);
}

async fn each_stay_in_line_has_its_own_deadline(ground: &Ground) {
    let store = ground.store().await;
    report(&store, "h1", 1).await;
    let spec = BuildSpec { queue_timeout_seconds: Some(60), ..spec("r.example/app:1") };
    let build = submit(&store, &spec, at(0)).await;
    let lease = claim(&store, "h1", at(50)).await.unwrap().lease;
    assert_eq!(give_up(&store, at(500)).await.unwrap(), [], "it is not in line");
    builds::hand_back(&store, &lease, orderly(at(500)), true, at(500)).await.unwrap();
    assert_eq!(give_up(&store, at(559)).await.unwrap(), []);
    assert_eq!(give_up(&store, at(561)).await.unwrap(), [build.id]);
}

async fn a_row_of_the_release_before_goes_first(ground: &Ground) {
    let store = ground.store().await;
    report(&store, "h1", 10).await;
    submit(&store, &spec("r.example/new"), at(0)).await;
    let old = submit(&store, &spec("r.example/old"), at(1)).await;
    // What a release writes that knows nothing of the order of the line.
    let id = ground.id(old.id.as_uuid());
    ground.sql(&format!("UPDATE builds SET round = 0 WHERE id = {id}")).await.unwrap();
    assert_eq!(order(&store).await, "old new");
    let seen = literal(at(1));
    ground.sql(&format!("UPDATE hosts SET problem = 'x', probed_at = {seen}")).await.unwrap();
    report_probe(&store, worker(), &probe("h1", 10), at(2)).await.unwrap();
    let hosts = slipway_store::hosts::all(&store).await.unwrap();
    assert_eq!((hosts[0].name.clone(), hosts[0].problem.clone()), (host("h1"), None));
}
