//! Builds, newest first, page by page.

use slipway_domain::{BuildId, BuildState, Outcome, Project};
use slipway_store::Store;
use slipway_store::builds::{Build, Filter, Position, cancel, count, find, list, page};

use crate::cast::{at, spec, submit};
use crate::ground::Ground;

stories!(
    newest_first,
    pages_lose_nothing_among_builds_of_one_moment,
    a_place_holds_while_new_builds_come,
    by_project_and_state,
    by_image,
    by_how_many_come_before,
    times_are_told_apart_by_the_microsecond,
    an_unknown_build,
);

async fn newest_first(ground: &Ground) {
    let store = ground.store().await;
    assert_eq!(list(&store, &Filter::default(), 10).await.unwrap(), []);
    let mut line = Vec::new();
    for second in [2, 3, 1] {
        line.push(submit(&store, &spec("r.example/app:1"), at(second)).await);
    }
    line.sort_by_key(|build| std::cmp::Reverse(build.created_at));
    assert_eq!(list(&store, &Filter::default(), 10).await.unwrap(), line);
    assert_eq!(list(&store, &Filter::default(), 2).await.unwrap(), line[..2]);
}

async fn pages_lose_nothing_among_builds_of_one_moment(ground: &Ground) {
    let store = ground.store().await;
    let mut expected = Vec::new();
    for number in 0..25 {
        // Two moments, twelve and thirteen builds each.
        expected.push(submit(&store, &spec("r.example/app:1"), at(number % 2)).await.id);
    }
    let paged = pages(&store, Filter::default(), 4).await;
    assert_eq!(paged.len(), 25);
    expected.sort();
    let mut sorted = paged.clone();
    sorted.sort();
    assert_eq!(sorted, expected, "each of them once");
    let whole = list(&store, &Filter::default(), 100).await.unwrap();
    assert_eq!(paged, ids(&whole), "in the order of one long page");
}

async fn a_place_holds_while_new_builds_come(ground: &Ground) {
    let store = ground.store().await;
    for second in 0..10 {
        submit(&store, &spec("r.example/app:1"), at(second)).await;
    }
    let before = ids(&list(&store, &Filter::default(), 10).await.unwrap());
    let first = list(&store, &Filter::default(), 4).await.unwrap();
    for second in 10..20 {
        submit(&store, &spec("r.example/app:1"), at(second)).await;
    }
    let rest = Filter { before: Some(place(&first[3])), ..Filter::default() };
    let rest = ids(&list(&store, &rest, 100).await.unwrap());
    assert_eq!(rest, before[4..]);
}

async fn by_project_and_state(ground: &Ground) {
    let store = ground.store().await;
    let mut of = Vec::new();
    for (second, project) in [(0, "a"), (1, "b"), (2, "a"), (3, "b"), (4, "a")] {
        let mut spec = spec("r.example/app:1");
        spec.project = Project::parse(project).unwrap();
        of.push(submit(&store, &spec, at(second)).await.id);
    }
    for number in [0, 1] {
        cancel(&store, of[number], at(9)).await.unwrap();
    }
    let cancelled = BuildState::Finished(Outcome::Cancelled);
    let shown = async |project: Option<&str>, state| {
        let project = project.map(|name| Project::parse(name).unwrap());
        pages(&store, Filter { project, state, ..Filter::default() }, 2).await
    };
    assert_eq!(shown(Some("a"), None).await, [of[4], of[2], of[0]]);
    assert_eq!(shown(Some("c"), None).await, []);
    assert_eq!(shown(None, Some(cancelled)).await, [of[1], of[0]]);
    assert_eq!(shown(None, Some(BuildState::Queued)).await, [of[4], of[3], of[2]]);
    assert_eq!(shown(Some("a"), Some(BuildState::Queued)).await, [of[4], of[2]]);
    assert_eq!(shown(Some("b"), Some(cancelled)).await, [of[1]]);
}

async fn by_image(ground: &Ground) {
    let store = ground.store().await;
    let mut of = Vec::new();
    for image in ["localhost:5000/app:1", "localhost:5000/app:2", "localhost:5000/app2:1", "app"] {
        of.push(submit(&store, &spec(image), at(0)).await.id);
    }
    for (image, expected) in [
        ("localhost:5000/app", &[1, 0][..]),
        ("localhost:5000/app:2", &[1]),
        ("localhost:5000/app:3", &[]),
        ("localhost:5000/app2", &[2]),
        ("localhost:5000", &[]),
        ("app", &[3]),
        ("app:latest", &[3]),
        ("app:1", &[]),
        ("", &[]),
        ("%", &[]),
        ("nul\0", &[]),
    ] {
        let filter = Filter { image: Some(image.into()), ..Filter::default() };
        let expected: Vec<BuildId> = expected.iter().map(|number| of[*number]).collect();
        let mut shown = ids(&list(&store, &filter, 10).await.unwrap());
        shown.sort_by_key(|id| std::cmp::Reverse(of.iter().position(|known| known == id)));
        assert_eq!(shown, expected, "{image:?}");
    }
}

async fn by_how_many_come_before(ground: &Ground) {
    let store = ground.store().await;
    assert_eq!((page(&store, 0, 10).await.unwrap(), count(&store).await.unwrap()), (Vec::new(), 0));
    for second in [0, 0, 1, 2, 2] {
        submit(&store, &spec("r.example/app:1"), at(second)).await;
    }
    let whole = list(&store, &Filter::default(), 10).await.unwrap();
    assert_eq!(page(&store, 0, 10).await.unwrap(), whole);
    assert_eq!(page(&store, 1, 3).await.unwrap(), whole[1..4]);
    assert_eq!(page(&store, 4, 10).await.unwrap(), whole[4..]);
    assert_eq!(page(&store, u32::MAX, 10).await.unwrap(), []);
    assert_eq!(count(&store).await.unwrap(), 5);
}

async fn times_are_told_apart_by_the_microsecond(ground: &Ground) {
    let store = ground.store().await;
    // SQLite keeps times as text: they must sort as times whatever their fraction.
    let mut line = Vec::new();
    for micros in [0, 1, 10, 100_000, 120_000, 123_000, 123_456, 999_999, 1_000_000] {
        let moment = at(0) + chrono::TimeDelta::microseconds(micros);
        let build = submit(&store, &spec("r.example/app:1"), moment).await;
        assert_eq!(build.created_at, moment);
        line.insert(0, build.id);
    }
    assert_eq!(pages(&store, Filter::default(), 2).await, line);
}

async fn an_unknown_build(ground: &Ground) {
    let store = ground.store().await;
    assert_eq!(find(&store, BuildId::generate()).await.unwrap(), None);
}

async fn pages(store: &Store, mut filter: Filter, size: u16) -> Vec<BuildId> {
    let mut all = Vec::new();
    loop {
        let page = list(store, &filter, size).await.unwrap();
        let Some(last) = page.last() else { return all };
        assert!(all.len() < 1000, "the pages never end");
        filter.before = Some(place(last));
        all.extend(ids(&page));
    }
}

fn place(build: &Build) -> Position {
    Position { created_at: build.created_at, id: build.id }
}

fn ids(builds: &[Build]) -> Vec<BuildId> {
    builds.iter().map(|build| build.id).collect()
}
