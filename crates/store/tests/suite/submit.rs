//! A build is accepted: all of it or nothing.

use std::time::Duration;

use futures::future::join_all;
use slipway_domain::{BuildId, BuildState, Secrets, Source, UploadId};
use slipway_store::Store;
use slipway_store::builds::{self, Submission, Submitted, list};
use slipway_store::uploads::{self, Upload};

use crate::cast::{all_events, at, claim, find, report, secrets, spec, submit, submit_with, told};
use crate::ground::Ground;

stories!(
    accepted_whole,
    everything_that_was_asked_for_comes_back,
    without_secrets_nothing_is_sealed,
    secrets_are_nowhere_to_be_read,
    an_upload_is_named_and_used,
    nothing_remains_of_a_build_of_an_unknown_upload,
    a_retry_names_what_it_repeats,
    one_that_is_refused_among_many,
    fifty_at_once,
    a_sender_that_goes_away_leaves_whole_builds_or_none,
);

async fn accepted_whole(ground: &Ground) {
    let store = ground.store().await;
    let spec = spec("r.example/team/app:1");
    let taken = submit_with(&store, &spec, &secrets("hunter2"), None, at(0)).await.unwrap();
    let Submitted::New { build, .. } = taken else { panic!("{taken:?}") };

    assert_eq!(build.state, BuildState::Queued);
    assert_eq!((build.attempt.0, build.losses, build.last_seq), (0, 0, 1));
    assert_eq!((build.created_at, build.not_before), (at(0), at(0)));
    assert_eq!(build.spec, spec);
    assert!(build.had_secrets);
    assert_eq!(find(&store, build.id).await, *build);
    assert_eq!(told(&store, build.id).await, ["1 queued"]);
    assert_eq!(all_events(&store, build.id).await[0].at, at(0));
    let bells = slipway_store::outbox::due(&store, 10).await.unwrap();
    assert_eq!(bells.iter().map(|bell| bell.build).collect::<Vec<_>>(), [build.id]);
    assert_eq!(ground.count("sealed_secrets").await, 1);
}

async fn everything_that_was_asked_for_comes_back(ground: &Ground) {
    let store = ground.store().await;
    let mut spec = spec("localhost:5000/team/app:1");
    spec.args = [("ÄRGER".to_owned(), "line\none \"two\" 🦀".to_owned())].into();
    spec.labels = [("l".to_owned(), "'; DROP TABLE builds; --".to_owned())].into();
    spec.target = Some("release".into());
    spec.platform = Some("linux/arm64/v8".parse().unwrap());
    (spec.no_cache, spec.pull, spec.push) = (true, true, false);
    spec.metadata = Some(serde_json::json!({"nul": "\0", "deep": [1.5, null, {"k": "v"}]}));
    spec.timeout_seconds = Some(77);
    let build = submit(&store, &spec, at(0)).await;
    assert_eq!(find(&store, build.id).await.spec, spec);
}

async fn without_secrets_nothing_is_sealed(ground: &Ground) {
    let store = ground.store().await;
    let build = submit(&store, &spec("r.example/app:1"), at(0)).await;
    assert!(!build.had_secrets);
    assert_eq!(ground.count("sealed_secrets").await, 0);
}

async fn secrets_are_nowhere_to_be_read(ground: &Ground) {
    let store = ground.store().await;
    let (password, username) = ("hunter2-and-more", "robot-of-ours");
    let secrets = secrets(password);
    let spec = spec("r.example/team/app:1");
    let taken = submit_with(&store, &spec, &secrets, None, at(0)).await.unwrap();
    report(&store, "h1", 1).await;
    let claimed = claim(&store, "h1", at(1)).await.unwrap();

    let shown = format!("{taken:?} {claimed:?} {store:?}");
    let rows = ground.everything().await.to_lowercase();
    assert!(rows.contains("r.example/team/app:1"), "the dump shows what is in plain text");
    for secret in [password, username] {
        let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
        assert!(!rows.contains(secret) && !rows.contains(&hex), "{secret} in {rows}");
        let in_file = |file: &Vec<u8>| file.windows(secret.len()).any(|w| w == secret.as_bytes());
        assert!(!ground.files().iter().any(in_file), "{secret} in a file of the database");
    }
    assert!(!shown.contains(password), "{shown}");

    let login = &claimed.secrets.registry_auth.values().next().unwrap();
    assert_eq!((login.username.as_str(), login.password.expose()), (username, password));
}

async fn an_upload_is_named_and_used(ground: &Ground) {
    let store = ground.store().await;
    let id = uploaded(&store).await;
    let mut spec = spec("r.example/app:1");
    spec.source = Source::Upload { id };
    submit(&store, &spec, at(500)).await;
    // It was used at 500: what forgets everything older must leave it.
    let forgotten = uploads::forget_unused(&store, at(400)).await.unwrap();
    assert_eq!(forgotten, []);
    assert_eq!(ground.number("SELECT count(*) FROM builds WHERE upload IS NOT NULL").await, 1);
}

async fn nothing_remains_of_a_build_of_an_unknown_upload(ground: &Ground) {
    let store = ground.store().await;
    uploaded(&store).await;
    let before = ground.everything().await;
    let mut spec = spec("r.example/app:1");
    spec.source = Source::Upload { id: UploadId::generate() };
    let refused = submit_with(&store, &spec, &secrets("hunter2"), None, at(1)).await.unwrap();
    assert!(matches!(refused, Submitted::NoSuchUpload), "{refused:?}");
    assert_eq!(ground.everything().await, before);
}

async fn a_retry_names_what_it_repeats(ground: &Ground) {
    let store = ground.store().await;
    let first = submit(&store, &spec("r.example/app:1"), at(0)).await;
    let secrets = Secrets::default();
    let again = Submission {
        retry_of: Some(first.id),
        ..Submission::new(BuildId::generate(), &first.spec, &secrets)
    };
    builds::submit(&store, &again, at(1)).await.unwrap();
    assert_eq!(find(&store, again.id).await.retry_of, Some(first.id));
}

async fn one_that_is_refused_among_many(ground: &Ground) {
    let store = ground.store().await;
    let (spec, secrets) = (spec("r.example/app:1"), Secrets::default());
    let one = async |number: i64| {
        let id = BuildId::generate();
        // What it repeats has been forgotten since.
        let retry_of = (number == 7).then(BuildId::generate);
        let submission = Submission { retry_of, ..Submission::new(id, &spec, &secrets) };
        builds::submit(&store, &submission, at(number)).await
    };
    let answers = join_all((0..20).map(one)).await;
    for (number, answer) in answers.into_iter().enumerate() {
        match answer {
            Ok(Submitted::New { build, .. }) => {
                assert_eq!(told(&store, build.id).await, ["1 queued"]);
                assert_ne!(number, 7);
            }
            Ok(other) => panic!("{other:?}"),
            Err(error) => assert_eq!((number, error.is_passing()), (7, false), "{error:?}"),
        }
    }
    assert_eq!((ground.count("builds").await, ground.count("outbox").await), (19, 19));
}

async fn fifty_at_once(ground: &Ground) {
    let store = ground.store().await;
    let one = async |number: i64| {
        submit(&store, &spec(&format!("r.example/app:{number}")), at(number)).await
    };
    let accepted = join_all((0..50).map(one)).await;
    assert_eq!(ground.count("builds").await, 50);
    assert_eq!(ground.count("outbox").await, 50);
    let mut rounds: Vec<i64> = accepted.iter().map(|build| build.round).collect();
    rounds.sort_unstable();
    assert_eq!(rounds, (1..=50).collect::<Vec<i64>>(), "a place each in the line");
    for build in accepted {
        assert_eq!(told(&store, build.id).await, ["1 queued"]);
        assert_eq!(find(&store, build.id).await, build);
    }
}

async fn a_sender_that_goes_away_leaves_whole_builds_or_none(ground: &Ground) {
    let store = ground.store().await;
    let (spec, none) = (spec("r.example/app:1"), Secrets::default());
    let mut broken_off = 0;
    for patience in (0..150).map(|n| Duration::from_micros(n * 20)) {
        let submitting = submit_with(&store, &spec, &none, None, at(0));
        broken_off += u32::from(tokio::time::timeout(patience, submitting).await.is_err());
    }
    assert!(broken_off > 0, "nobody went away");

    submit(&store, &spec, at(1)).await;
    let builds = list(&store, &builds::Filter::default(), 200).await.unwrap();
    let rows = i64::try_from(builds.len()).unwrap();
    assert_eq!((ground.count("events").await, ground.count("outbox").await), (rows, rows));
    for build in builds {
        assert_eq!(told(&store, build.id).await, ["1 queued"]);
    }
}

async fn uploaded(store: &Store) -> UploadId {
    let id = UploadId::generate();
    let upload = Upload {
        id,
        project: slipway_domain::Project::default(),
        size_bytes: 3,
        sha256: "a".repeat(64),
        created_at: at(0),
    };
    uploads::insert(store, &upload).await.unwrap();
    id
}
