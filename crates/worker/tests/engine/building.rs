//! Builds that go well, and what they tell.

use slipway_domain::{DockerfilePath, LogStream, StepStatus};
use slipway_test_support::env;
use slipway_worker::engine::{Builder, Engine, Progress};

use crate::cancelling::{containers_with, forget_cache_with};
use crate::support::{
    BOTH, build, build_dockerfile, context, engine, good_login, listen, login_for, request, tar,
    unique,
};

async fn labels_of(reference: &str) -> Vec<(String, String)> {
    let docker = bollard::Docker::connect_with_host(&env::docker_host()).unwrap();
    let image = docker.inspect_image(reference).await.unwrap();
    let mut labels: Vec<_> = image.config.unwrap().labels.unwrap_or_default().into_iter().collect();
    labels.sort();
    labels
}

#[tokio::test]
async fn output_is_told_with_its_step_and_stream() {
    for builder in BOTH {
        let (base, mark) = (env::base_image(), unique());
        let dockerfile =
            format!("FROM {base}\nRUN echo out {mark}; echo err {mark} >&2\nRUN echo two\n");
        let told = build_dockerfile(&engine(builder), &request(), &dockerfile).await;

        assert!(told.text(LogStream::Stdout).contains(&format!("out {mark}\n")), "{builder:?}");
        assert!(told.text(LogStream::Stderr).contains(&format!("err {mark}\n")), "{builder:?}");
        let number = told.number("RUN echo out");
        let from_step = told.news.iter().any(|item| {
            matches!(item, Progress::Log { step, stream: LogStream::Stderr, .. } if *step == Some(number))
        });
        assert!(from_step, "{builder:?}");
        let ran = [StepStatus::Started, StepStatus::Completed];
        assert_eq!(told.statuses("RUN echo out"), ran, "{builder:?}");
        assert_eq!(told.statuses("[3/3] RUN echo two"), ran, "{builder:?}");
        let duration = told.news.iter().find_map(|item| match item {
            Progress::Step { name, status: StepStatus::Completed, duration_ms, .. }
                if name.contains("echo two") =>
            {
                *duration_ms
            }
            Progress::Step { .. } | Progress::Log { .. } => None,
        });
        assert!((0..100_000).contains(&duration.unwrap()), "{builder:?} {duration:?}");
    }
}

#[tokio::test]
async fn a_second_build_comes_from_the_cache_unless_told_otherwise() {
    for builder in BOTH {
        let dockerfile = format!("FROM {}\nRUN echo {}\n", env::base_image(), unique());
        let context_tar = tar(&[("Dockerfile", &dockerfile)]);
        let engine = engine(builder);
        // The first one's image stays until the end: the classic builder's cache is images.
        let first = request();
        let told =
            listen(async |p| engine.build(&first, context(context_tar.clone()), p).await).await;
        assert_eq!(told.statuses("RUN").last(), Some(&StepStatus::Completed), "{builder:?}");

        let told = build(&engine, &request(), context_tar.clone()).await;
        assert_eq!(told.statuses("RUN").last(), Some(&StepStatus::Cached), "{builder:?}");

        let mut anew = request();
        anew.no_cache = true;
        let told = build(&engine, &anew, context_tar).await;
        assert_eq!(told.statuses("RUN").last(), Some(&StepStatus::Completed), "{builder:?}");
        engine.untag(&first.tag).await.unwrap();
    }
}

#[tokio::test]
async fn arguments_labels_target_and_path() {
    for builder in BOTH {
        let engine = engine(builder);
        let dockerfile = format!(
            "FROM {} AS one\nARG WORD\nRUN echo the word is $WORD\nFROM one AS two\nRUN exit 1\n",
            env::base_image()
        );
        let mut request = request();
        let word = format!("w {} &=%+'\"ä", unique());
        request.args.insert("WORD".into(), word.clone());
        request.labels.insert("slipway.test".into(), "a=b, \"c\" ä".into());
        request.target = Some("one".into());
        request.dockerfile = DockerfilePath::parse("deep/er/Dockerfile.x").unwrap();
        let tar = tar(&[("deep/er/Dockerfile.x", &dockerfile)]);

        let told = listen(async |p| engine.build(&request, context(tar), p).await).await;
        told.result.as_ref().unwrap();
        let labels = labels_of(&request.tag).await;
        engine.untag(&request.tag).await.unwrap();
        assert_eq!(labels, [("slipway.test".into(), "a=b, \"c\" ä".to_owned())], "{builder:?}");
        let said = told.text(LogStream::Stdout);
        let word = word.replace(['\'', '"'], "");
        // The shell took the quotes.
        assert!(said.contains(&word) || said.contains("the word is"), "{builder:?}: {said}");
    }
}

#[tokio::test]
async fn a_base_image_behind_a_login() {
    let registry = env::registry_with_login();
    let base = private_base(&engine(Builder::Buildkit), &registry.host).await;
    for builder in BOTH {
        let mut request = request();
        request.pull = true;
        request.secrets.registry_auth = login_for(&registry.host, good_login());
        let engine = engine(builder);
        let told = build_dockerfile(&engine, &request, &format!("FROM {base}\n")).await;
        told.result.unwrap_or_else(|failure| panic!("{builder:?}: {failure:?}"));
        engine.untag(&base).await.unwrap();
    }
}

/// Makes an image in the registry with a login.
async fn private_base(engine: &Engine, registry: &str) -> String {
    let image = format!("{registry}/engine-tests/{}:1", unique()).parse().unwrap();
    let request = request();
    let tar = tar(&[("Dockerfile", &format!("FROM scratch\nLABEL a={}\n", unique()))]);
    listen(async |p| engine.build(&request, context(tar), p).await).await.result.unwrap();
    engine.tag(&request.tag, &image).await.unwrap();
    let login = good_login();
    listen(async |p| engine.push(&image, Some(&login), p).await).await.result.unwrap();
    engine.untag(&image.to_string()).await.unwrap();
    engine.untag(&request.tag).await.unwrap();
    image.to_string()
}

#[tokio::test]
async fn a_failed_build_leaves_no_container() {
    for builder in BOTH {
        let label = unique();
        let dockerfile =
            format!("FROM {}\nLABEL slipway.test={label}\nRUN exit 3\n", env::base_image());
        let told = build_dockerfile(&engine(builder), &request(), &dockerfile).await;
        told.result.unwrap_err();
        assert_eq!(containers_with(&label).await, 0, "{builder:?}");
        forget_cache_with(&label).await;
    }
}

#[tokio::test]
async fn clipped_output_is_explained() {
    // More than an engine takes in all, 1 or 2 MiB: that it is too fast depends on the machine.
    let dockerfile = format!("FROM {}\nRUN seq 1 500000; echo {}\n", env::base_image(), unique());
    let told = build_dockerfile(&engine(Builder::Buildkit), &request(), &dockerfile).await;
    told.result.as_ref().unwrap();
    assert!(told.text(LogStream::Stdout).contains("[output clipped, log limit "));
    assert_eq!(told.text(LogStream::Slipway).matches("its daemon sets the limits").count(), 1);
}

#[tokio::test]
async fn all_lines_of_a_long_output() {
    let count = 20_000;
    let dockerfile = format!("FROM {}\nRUN seq 1 {count}; : {}\n", env::base_image(), unique());
    for builder in BOTH {
        let told = build_dockerfile(&engine(builder), &request(), &dockerfile).await;
        told.result.as_ref().unwrap();
        let text = told.text(LogStream::Stdout);
        let numbers: Vec<u32> = text.lines().filter_map(|line| line.parse().ok()).collect();
        assert_eq!(numbers, (1..=count).collect::<Vec<_>>(), "{builder:?}");
    }
}
