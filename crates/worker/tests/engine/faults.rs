//! Each way for a build to fail, on both builders, and what the user reads of it.

use slipway_domain::{DockerfilePath, Failure, Reason, Stage};
use slipway_test_support::env;
use slipway_worker::engine::{BuildRequest, Builder};

use crate::fake_registry::FakeRegistry;
use crate::support::{
    BOTH, build, build_dockerfile, engine, login_for, request, tar, unique, wrong_login,
};

/// The failure of a build from a Dockerfile.
async fn failure(
    builder: Builder,
    dockerfile: &str,
    change: impl Fn(&mut BuildRequest),
) -> Failure {
    let mut request = request();
    change(&mut request);
    let told = build_dockerfile(&engine(builder), &request, dockerfile).await;
    let failure = told.result.unwrap_err();
    assert_is_fit_to_be_shown(&failure);
    assert_eq!(failure.stage, Some(Stage::Building), "{failure:?}");
    failure
}

/// Fails with the reason, and a message that has these words.
async fn assert_fails(dockerfile: &str, reason: Reason, words: &str) {
    for builder in BOTH {
        let failure = failure(builder, dockerfile, |_| {}).await;
        assert_eq!(failure.reason, reason, "{builder:?} {dockerfile:?}: {failure:?}");
        let message = &failure.message;
        assert!(message.contains(words), "{builder:?} {dockerfile:?}: {message}");
    }
}

fn assert_is_fit_to_be_shown(failure: &Failure) {
    let message = &failure.message;
    assert!(!message.is_empty() && message.len() <= 500, "{message}");
    assert!(!message.ends_with('.') && !message.contains(char::is_control), "{message:?}");
    assert!(!message.starts_with(|c: char| c.is_uppercase()), "{message}");
    // What is the host's or the library's own.
    for word in ["overlay2", "buildkit-mount", "dockerfile.v0", "LLB", "Error {", "hunter2"] {
        assert!(!message.contains(word), "{message}");
    }
    assert!(failure.hint.is_some(), "no hint: {failure:?}");
}

#[tokio::test]
async fn a_dockerfile_that_cannot_be() {
    let base = env::base_image();
    let invalid = Reason::DockerfileInvalid;
    for (dockerfile, words) in [
        (format!("FROM {base}\nRUNN echo\n"), "line 2: unknown instruction: RUNN"),
        (format!("FROM {base}\nCOPY a\n"), "COPY requires at least two arguments"),
        (format!("FROM {base}\nCOPY --foo=1 a b\n"), "foo"),
        (format!("FROM {base}\nENV\n"), "ENV"),
        (String::new(), "cannot be empty"),
        ("# nothing\n".to_owned(), "file with no instructions"),
        ("RUN echo\n".to_owned(), "no build stage"),
        ("FROM Foo Bar Baz\n".to_owned(), "FROM requires"),
        ("FROM UPPER/x:1\n".to_owned(), "must be lowercase"),
        ("ARG B\nFROM $B\n".to_owned(), "should not be blank"),
        (format!("FROM {base}\nENV A={}\n", "x".repeat(70_000)), "line greater than max"),
    ] {
        assert_fails(&dockerfile, invalid, words).await;
    }
}

#[tokio::test]
async fn a_target_or_platform_that_is_not_there() {
    let dockerfile = format!("FROM {} AS one\n", env::base_image());
    for builder in BOTH {
        let failed = failure(builder, &dockerfile, |r| r.target = Some("nope".into())).await;
        assert_eq!(failed.reason, Reason::DockerfileInvalid, "{builder:?} {failed:?}");
        assert!(failed.message.contains("nope"), "{builder:?} {failed:?}");
    }
    // The classic builder does not mind.
    let failed =
        failure(Builder::Buildkit, &dockerfile, |r| r.platform = "foo/bar".parse().ok()).await;
    assert_eq!(failed.reason, Reason::DockerfileInvalid, "{failed:?}");
}

#[tokio::test]
async fn a_command_that_fails() {
    let base = env::base_image();
    for builder in BOTH {
        // The words of other failures, to mislead.
        let command = "echo 'no space left on device: not found: denied'; exit 42";
        let dockerfile = format!("FROM {base}\nRUN {command}\nRUN true\n");
        let failed = failure(builder, &dockerfile, |_| {}).await;
        assert_eq!(failed.reason, Reason::StepFailed, "{builder:?} {failed:?}");
        assert_eq!(
            failed.message,
            format!("step 2 of 3 failed: RUN {command} exited with code 42"),
            "{builder:?}"
        );
    }
    assert_fails(&format!("FROM {base}\nRUN make\n"), Reason::StepFailed, "exited with code 127")
        .await;
    assert_fails(
        &format!("FROM {base}\nRUN [\"/bin/nope\"]\n"),
        Reason::StepFailed,
        "step 2 of 2 failed: RUN [\"/bin/nope\"]",
    )
    .await;
}

#[tokio::test]
async fn a_failed_command_of_a_stage() {
    let dockerfile = format!(
        "FROM {base} AS tools\nRUN exit 9\nFROM {base}\nCOPY --from=tools /bin/sh /x\n",
        base = env::base_image()
    );
    let failed = failure(Builder::Buildkit, &dockerfile, |_| {}).await;
    assert_eq!(failed.message, "step 2 of 2 of stage tools failed: RUN exit 9 exited with code 9");
    let failed = failure(Builder::Classic, &dockerfile, |_| {}).await;
    assert_eq!(failed.message, "step 2 of 4 failed: RUN exit 9 exited with code 9");
}

#[tokio::test]
async fn a_file_that_is_not_there() {
    let base = env::base_image();
    let missing = Reason::FileNotFound;
    for (instruction, words) in [
        ("COPY missing /x", "step 2 of 2 failed: COPY missing /x: missing is not there"),
        ("ADD a/missing /x/", "step 2 of 2 failed: ADD a/missing /x/: a"),
        ("COPY ../x /y", "COPY ../x /y"),
    ] {
        assert_fails(&format!("FROM {base}\n{instruction}\n"), missing, words).await;
    }
    let from_stage = format!("FROM {base} AS one\nFROM {base}\nCOPY --from=one /nope /y\n");
    assert_fails(&from_stage, missing, "nope is not there").await;
}

#[tokio::test]
async fn an_address_that_cannot_be_fetched() {
    let missing = format!("http://{}/nothing-there", env::registry());
    for (address, words) in
        [("http://127.0.0.1:9/x", "connection refused"), (missing.as_str(), "404")]
    {
        let dockerfile = format!("FROM {}\nADD {address} /x\n", env::base_image());
        assert_fails(&dockerfile, Reason::AddressNotFetched, words).await;
        for builder in BOTH {
            let failed = failure(builder, &dockerfile, |_| {}).await;
            assert!(failed.message.contains(address), "{builder:?} {failed:?}");
            assert!(failed.hint.unwrap().contains("reachable from there"), "{builder:?}");
        }
    }
}

#[tokio::test]
async fn a_frontend_that_cannot_be_pulled() {
    for (image, words) in [
        ("127.0.0.1:9/frontend:1".to_owned(), "connection refused"),
        (format!("{}/engine-tests/frontend:1", env::registry()), "not found"),
    ] {
        let dockerfile = format!("# syntax={image}\nFROM {}\n", env::base_image());
        let failed = failure(Builder::Buildkit, &dockerfile, |_| {}).await;
        let message = &failed.message;
        assert!(message.starts_with("the frontend image "), "{failed:?}");
        assert!(message.contains(&image) && message.contains(words), "{failed:?}");
        assert!(failed.hint.unwrap().starts_with("remove the `# syntax=` line"));
    }
}

#[tokio::test]
async fn a_heredoc_where_the_builder_knows_none() {
    let dockerfile = format!("FROM {}\nRUN <<EOF\necho hello\nEOF\n", env::base_image());
    for builder in BOTH {
        let failed = failure(builder, &dockerfile, |_| {}).await;
        assert_eq!(failed.reason, Reason::DockerfileInvalid, "{builder:?} {failed:?}");
        assert!(failed.message.contains("unknown instruction: ECHO"), "{builder:?} {failed:?}");
        let hint = failed.hint.unwrap();
        assert!(hint.contains("# syntax=docker/dockerfile:1"), "{builder:?} {hint}");
    }
}

#[tokio::test]
async fn a_dockerfile_that_is_not_there() {
    for builder in BOTH {
        for path in ["Dockerfile", "deep/er/Dockerfile"] {
            let mut request = request();
            request.dockerfile = DockerfilePath::parse(path).unwrap();
            let told = build(&engine(builder), &request, tar(&[("other", "x")])).await;
            let failed = told.result.unwrap_err();
            assert_is_fit_to_be_shown(&failed);
            assert_eq!(failed.reason, Reason::DockerfileMissing, "{builder:?} {failed:?}");
            assert_eq!(failed.message, format!("the build context has no {path}"), "{builder:?}");
        }
    }
}

#[tokio::test]
async fn a_base_image_that_is_not_there() {
    let (base, registry) = (env::base_image(), env::registry());
    let missing = Reason::BaseImageNotFound;
    let no_repository = format!("{registry}/engine-tests/{}:1", unique());
    let no_tag = format!("{}:nope", base.rsplit_once(':').unwrap().0);
    for image in [&no_repository, &no_tag] {
        let words = format!("base image {image} was not found");
        assert_fails(&format!("FROM {image}\n"), missing, &words).await;
        assert_fails(&format!("FROM {base}\nCOPY --from={image} /a /b\n"), missing, &words).await;
    }
}

#[tokio::test]
async fn a_base_image_for_another_platform() {
    let index = crate::images::index_for_another_platform().await;
    assert_fails(&format!("FROM {index}\n"), Reason::BaseImageNotFound, &index).await;
}

#[tokio::test]
async fn a_base_image_that_wants_a_login() {
    let registry = env::registry_with_login().host;
    let dockerfile = format!("FROM {registry}/engine-tests/base:1\n");
    let logins = [None, Some(login_for(&registry, wrong_login()))];
    for builder in BOTH {
        for login in &logins {
            let failed = failure(builder, &dockerfile, |request| {
                request.secrets.registry_auth = login.clone().unwrap_or_default();
            })
            .await;
            assert_eq!(failed.reason, Reason::BaseImageDenied, "{builder:?} {login:?} {failed:?}");
            assert!(failed.hint.unwrap().contains(&registry), "{builder:?}");
        }
    }
}

#[tokio::test]
async fn a_base_image_from_a_registry_in_trouble() {
    let unreachable = Reason::RegistryUnreachable;
    assert_fails("FROM 127.0.0.1:9/x:1\n", unreachable, "connection refused").await;
    assert_fails("FROM registry.nowhere.invalid/x:1\n", unreachable, "registry.nowhere.invalid")
        .await;
    let failing = FakeRegistry::with("500 Internal Server Error").await;
    assert_fails(&format!("FROM {}\n", failing.image()), Reason::RegistryError, "500").await;
    let limited = FakeRegistry::with("429 Too Many Requests").await;
    assert_fails(&format!("FROM {}\n", limited.image()), Reason::RegistryError, "").await;
}

#[tokio::test]
async fn arguments_that_are_too_long() {
    for builder in BOTH {
        let failed = failure(builder, "FROM scratch\n", |request| {
            request.args.insert("A".into(), "x".repeat(70_000));
        })
        .await;
        assert_eq!(failed.reason, Reason::DockerfileInvalid, "{builder:?} {failed:?}");
    }
}
