//! Milliseconds per store function.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]
use chrono::TimeDelta;
use slipway_domain::*;
use slipway_store::builds::*;
use slipway_store::seal::KeyRing;
use slipway_store::*;
use std::collections::BTreeMap;
use std::time::Instant;

fn spec(image: &str, project: &str, platform: Option<&str>) -> BuildSpec {
    let mut d = BuildSpecDraft::new(
        image,
        Source::Dockerfile { content: "FROM scratch\nRUN make all the things happen\n".repeat(5) },
    );
    d.project = Some(project.into());
    d.platform = platform.map(Into::into);
    d.parse().unwrap()
}
struct Took(&'static str, Vec<f64>);
impl Took {
    fn say(mut self) {
        self.1.sort_by(f64::total_cmp);
        let n = self.1.len();
        println!(
            "{:32} median {:8.3} ms  p95 {:8.3} ms  n={n}",
            self.0,
            self.1[n / 2],
            self.1[n * 95 / 100]
        );
    }
}
macro_rules! time {
    ($t:expr, $e:expr) => {{
        let begin = Instant::now();
        let r = $e;
        $t.1.push(begin.elapsed().as_secs_f64() * 1e3);
        r
    }};
}

#[tokio::main]
async fn main() {
    let args: Vec<String> = std::env::args().collect();
    let store = Store::open(&args[1], KeyRing::from_key(&[7; 32])).await.unwrap();
    store.migrate().await.unwrap();
    if args[2] == "steps" { steps(&store).await } else { lists(&store).await }
}

async fn steps(store: &Store) {
    let worker = WorkerId::generate();
    let host = HostName::parse("h").unwrap();
    let hosts: BTreeMap<_, _> =
        [(host.clone(), vec![Platform::parse("linux/amd64").unwrap()])].into();
    hosts::report(
        store,
        &hosts::Probe { name: host, slots: 1000, platform: None, builder: None, problem: None },
        now(),
    )
    .await
    .unwrap();
    let (mut a, mut b, mut c, mut d, mut e, mut f, mut g) = (
        Took("submit", vec![]),
        Took("claim", vec![]),
        Took("advance", vec![]),
        Took("append 1x4KiB", vec![]),
        Took("renew", vec![]),
        Took("finish", vec![]),
        Took("outbox due+rung", vec![]),
    );
    let secrets = Secrets {
        registry_auth: [(
            RegistryHost::parse("r.example").unwrap(),
            Credentials { username: "u".into(), password: "p".to_owned().into() },
        )]
        .into(),
    };
    let log = [EventBody::Log {
        step: Some(1),
        stream: LogStream::Stdout,
        text: format!("{}\n", "x".repeat(63)).repeat(64),
    }];
    let n = 300;
    for i in 0..n {
        let spec = spec(&format!("r.example/team/app{}:1", i % 10), "p", None);
        time!(
            a,
            submit(
                store,
                &Submission {
                    id: BuildId::generate(),
                    spec: &spec,
                    secrets: &secrets,
                    retry_of: None,
                    idempotency: None
                },
                now()
            )
            .await
            .unwrap()
        );
        time!(g, {
            let due = outbox::due(store, 256).await.unwrap();
            outbox::rung(store, &due).await.unwrap()
        });
        let offer = Offer { worker, hosts: &hosts, expires_at: now() + TimeDelta::seconds(20) };
        let lease = time!(b, claim(store, &offer, |_, _| 0, now()).await.unwrap().unwrap()).lease;
        time!(c, advance(store, &lease, Stage::Building, None, now()).await.unwrap());
        time!(d, events::append(store, &lease, now(), &log).await.unwrap());
        time!(e, renew(store, &lease, now() + TimeDelta::seconds(20)).await.unwrap());
        time!(c, advance(store, &lease, Stage::Pushing, None, now()).await.unwrap());
        time!(c, advance(store, &lease, Stage::Purging, Some("sha256:1"), now()).await.unwrap());
        time!(f, finish(store, &lease, Ending::Succeeded, true, now()).await.unwrap());
    }
    for t in [a, g, b, c, d, e, f] {
        t.say()
    }
}

async fn lists(store: &Store) {
    let worker = WorkerId::generate();
    let host = HostName::parse("h").unwrap();
    let amd = Platform::parse("linux/amd64").unwrap();
    let arm = Platform::parse("linux/arm64").unwrap();
    hosts::report(
        store,
        &hosts::Probe {
            name: host.clone(),
            slots: 100_000,
            platform: None,
            builder: None,
            problem: None,
        },
        now(),
    )
    .await
    .unwrap();
    let page = async |name, filter: &Filter| {
        let mut t = Took(name, vec![]);
        for _ in 0..30 {
            time!(t, list(store, filter, 50).await.unwrap());
        }
        t.say();
    };
    let project = |p: &str| Some(Project::parse(p).unwrap());
    let mut filter = Filter::default();
    page("list newest", &filter).await;
    let first = list(store, &filter, 1).await.unwrap().remove(0);
    filter.before =
        Some(Position { created_at: first.created_at - TimeDelta::seconds(50_000), id: first.id });
    page("list deep page", &filter).await;
    page("list project common", &Filter { project: project("p3"), ..Filter::default() }).await;
    page("list project rare", &Filter { project: project("rare"), ..Filter::default() }).await;
    page("list project absent", &Filter { project: project("nobody"), ..Filter::default() }).await;
    page(
        "list state rare",
        &Filter { state: Some(BuildState::Running(Stage::Pushing)), ..Filter::default() },
    )
    .await;
    page("list state common", &Filter { state: Some(BuildState::Queued), ..Filter::default() })
        .await;
    page(
        "list project+state rare",
        &Filter {
            project: project("p3"),
            state: Some(BuildState::Running(Stage::Pushing)),
            ..Filter::default()
        },
    )
    .await;
    page(
        "list image repository",
        &Filter { image: Some("r.example/team/app7".into()), ..Filter::default() },
    )
    .await;
    page(
        "list image full",
        &Filter { image: Some("r.example/team/app7:1".into()), ..Filter::default() },
    )
    .await;
    page(
        "list image absent tag",
        &Filter { image: Some("r.example/team/app7:9".into()), ..Filter::default() },
    )
    .await;
    page(
        "list image absent",
        &Filter { image: Some("r.example/nobody:1".into()), ..Filter::default() },
    )
    .await;
    let queued = list(store, &Filter { state: Some(BuildState::Queued), ..Filter::default() }, 1)
        .await
        .unwrap()
        .remove(0);
    let mut t = Took("waiting (last in line)", vec![]);
    for _ in 0..30 {
        time!(t, waiting(store, &queued, now()).await.unwrap());
    }
    t.say();
    for (name, platforms) in [("claim any", vec![amd.clone()]), ("claim none fits", vec![arm])] {
        let hosts: BTreeMap<_, _> = [(host.clone(), platforms)].into();
        let mut t = Took(name, vec![]);
        for _ in 0..30 {
            let offer = Offer { worker, hosts: &hosts, expires_at: now() + TimeDelta::seconds(20) };
            time!(t, claim(store, &offer, |_, _| 0, now()).await.unwrap());
        }
        t.say();
    }
    let mut t = Took("hosts::all", vec![]);
    for _ in 0..30 {
        time!(t, hosts::all(store).await.unwrap());
    }
    t.say();
    let mut t = Took("uploads::forget_unused (none)", vec![]);
    for _ in 0..10 {
        time!(t, uploads::forget_unused(store, now() - TimeDelta::days(900)).await.unwrap());
    }
    t.say();
    let mut t = Took("images::left_on", vec![]);
    for _ in 0..10 {
        time!(t, images::left_on(store, &host).await.unwrap());
    }
    t.say();
}
