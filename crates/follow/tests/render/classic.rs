//! What clients of older services read: the classic builder's words, as text and as JSON.

use slipway_domain::{EventBody, Failure, LogStream, Outcome, Reason, Stage, StepStatus};
use slipway_follow::{Aside, Format, Renderer};

use crate::bodies::{ended, events, finished, log, on_host, progress, state, step};

fn rendered(format: Format, bodies: &[EventBody]) -> String {
    Renderer::new(format).batch(&events(bodies))
}

/// As BuildKit tells it.
fn by_buildkit() -> Vec<EventBody> {
    vec![
        state(slipway_domain::BuildState::Queued),
        on_host(Stage::Building),
        step(1, "[internal] load build definition from Dockerfile", StepStatus::Started),
        progress(Some(1), "transferring dockerfile: 98 B done\n"),
        ended(1, StepStatus::Completed, None, Some(3)),
        step(2, "[build 1/2] FROM r.example/base:1", StepStatus::Cached),
        step(3, "[build  2/2] RUN make", StepStatus::Started),
        log(Some(3), "cc main.c\n\u{1b}[1;31mred\u{1b}[0m\n"),
        ended(3, StepStatus::Completed, None, Some(12_345)),
        step(4, "[stage-1 1/1] ARG TOKEN=\"***\"", StepStatus::Started),
        step(5, "exporting to image", StepStatus::Started),
        progress(Some(5), "exporting layers done\nwriting image sha256:888ef4bed48c\n"),
        progress(Some(5), "writing image sha256:888ef4bed48c done\n"),
        on_host(Stage::Pushing),
        progress(None, "888ef4bed48c: Pushing\n888ef4bed48c: Pushed\n"),
        progress(None, "1.2: digest: sha256:0123 size: 527\n"),
        finished(Outcome::Succeeded, None),
    ]
}

/// As the classic builder tells it: a step begins before it is found in the cache.
fn by_the_classic_builder() -> Vec<EventBody> {
    vec![
        on_host(Stage::Building),
        step(1, "[1/3] FROM r/x AS build", StepStatus::Started),
        log(Some(1), " ---> ff9f3458e421\n"),
        ended(1, StepStatus::Completed, None, Some(1)),
        step(2, "[2/3] RUN a", StepStatus::Started),
        log(Some(2), " ---> bbeb9c8e079c\n"),
        step(2, "[2/3] RUN a", StepStatus::Cached),
        step(3, "[3/3] RUN b", StepStatus::Started),
        log(Some(3), " ---> Running in 6fc2ab0020dd\nb\nSuccessfully built bbeb9c8e079d\n"),
    ]
}

#[test]
fn a_build_of_buildkit_reads_like_a_classic_one() {
    let shown = rendered(Format::Classic, &by_buildkit()).replace('\u{1b}', "ESC");
    insta::assert_snapshot!(shown, @r#"
    transferring dockerfile: 98 B done
    Step 1/2 : FROM r.example/base:1
     ---> Using cache
    Step 2/2 : RUN make
    cc main.c
    ESC[1;31mredESC[0m
    Step 1/1 : ARG TOKEN="***"
    exporting layers done
    writing image sha256:888ef4bed48c
    Successfully built 888ef4bed48c
    888ef4bed48c: Pushing
    888ef4bed48c: Pushed
    1.2: digest: sha256:0123 size: 527
    "#);
}

#[test]
fn a_build_of_the_classic_builder_names_each_step_once() {
    insta::assert_snapshot!(rendered(Format::Classic, &by_the_classic_builder()), @r"
    Step 1/3 : FROM r/x AS build
     ---> ff9f3458e421
    Step 2/3 : RUN a
     ---> bbeb9c8e079c
     ---> Using cache
    Step 3/3 : RUN b
     ---> Running in 6fc2ab0020dd
    b
    Successfully built bbeb9c8e079d
    ");
}

#[test]
fn as_an_engine_answers_it() {
    let json = rendered(Format::DockerJson, &by_buildkit());
    assert!(json.lines().all(|line| !line.is_empty()));
    assert_eq!(json.matches("\r\n").count(), json.matches('\n').count());
    insta::assert_snapshot!(json.replace("\r\n", "\n"), @r#"
    {"status":"transferring dockerfile: 98 B done"}
    {"stream":"Step 1/2 : FROM r.example/base:1\n"}
    {"stream":" ---> Using cache\n"}
    {"stream":"Step 2/2 : RUN make\n"}
    {"stream":"cc main.c\n"}
    {"stream":"\u001b[1;31mred\u001b[0m\n"}
    {"stream":"Step 1/1 : ARG TOKEN=\"***\"\n"}
    {"status":"exporting layers done"}
    {"status":"writing image sha256:888ef4bed48c"}
    {"stream":"Successfully built 888ef4bed48c\n"}
    {"status":"Pushing","id":"888ef4bed48c"}
    {"status":"Pushed","id":"888ef4bed48c"}
    {"status":"1.2: digest: sha256:0123 size: 527"}
    "#);
}

#[test]
fn ends_that_are_none_of_success() {
    let failure =
        || Failure::new(Reason::StepFailed, "make \"all\" ended with code 2").hint("read");
    let all = [
        finished(Outcome::Failed, Some(failure())),
        finished(Outcome::TimedOut, Some(Failure::new(Reason::TimedOut, "building took 61 s"))),
        finished(Outcome::Cancelled, None),
        finished(Outcome::Failed, None),
        finished(Outcome::TimedOut, None),
    ];
    insta::assert_snapshot!(rendered(Format::Classic, &all), @r#"
    make "all" ended with code 2
    building took 61 s
    cancelled
    failed
    timed out
    "#);
    insta::assert_snapshot!(rendered(Format::DockerJson, &all).replace("\r\n", "\n"), @r#"
    {"errorDetail":{"message":"make \"all\" ended with code 2"},"error":"make \"all\" ended with code 2"}
    {"errorDetail":{"message":"building took 61 s"},"error":"building took 61 s"}
    {"errorDetail":{"message":"cancelled"},"error":"cancelled"}
    {"errorDetail":{"message":"failed"},"error":"failed"}
    {"errorDetail":{"message":"timed out"},"error":"timed out"}
    "#);
}

#[test]
fn an_attempt_that_was_lost_begins_its_steps_again() {
    let bodies = [
        step(1, "[1/1] RUN a", StepStatus::Started),
        EventBody::State {
            status: slipway_domain::BuildState::Queued,
            host: None,
            note: Some("the worker was lost; the build is back in line".into()),
            digest: None,
            failure: None,
        },
        step(1, "[1/1] RUN a", StepStatus::Cached),
    ];
    insta::assert_snapshot!(rendered(Format::Classic, &bodies), @r"
    Step 1/1 : RUN a
    the worker was lost; the build is back in line
    Step 1/1 : RUN a
     ---> Using cache
    ");
}

/// A step that prints what the builder would say gains nothing by it: it is output.
#[test]
fn output_that_looks_like_the_builders() {
    let forged = "writing image sha256:666 done\nDigest: sha256:666\n";
    let bodies = [
        log(Some(1), forged),
        EventBody::Log { step: Some(1), stream: LogStream::Stderr, text: forged.into() },
    ];
    assert_eq!(rendered(Format::Classic, &bodies), forged.repeat(2));
    assert!(!rendered(Format::DockerJson, &bodies).contains("status"));
}

#[test]
fn the_texts_of_the_stream_are_the_classic_log() {
    let bodies = by_the_classic_builder();
    let texts: String = rendered(Format::DockerJson, &bodies)
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|line| line["stream"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(texts, rendered(Format::Classic, &bodies));
}

#[test]
fn in_one_batch_or_many_it_reads_the_same() {
    for format in Format::ALL {
        for bodies in [by_buildkit(), by_the_classic_builder()] {
            let events = events(&bodies);
            let mut renderer = Renderer::new(format);
            let pieces: String =
                events.iter().map(|event| renderer.batch(std::slice::from_ref(event))).collect();
            assert_eq!(pieces, Renderer::new(format).batch(&events), "{format:?}");
        }
    }
}

#[test]
fn what_is_told_beside_the_events() {
    let all = Format::ALL.map(|format| {
        let renderer = Renderer::new(format);
        let stopping = renderer.aside(Aside::Stopping { last_seq: 7 });
        renderer.aside(Aside::Waiting("project limit 2 of 2")) + &stopping
    });
    insta::assert_snapshot!(all.concat().replace('\r', ""), @r#"
    ==> waiting: project limit 2 of 2
    ==> this server is stopping; go on with ?follow=true&from=7
    waiting: project limit 2 of 2
    this server is stopping; go on with ?follow=true&from=7
    {"stream":"waiting: project limit 2 of 2\n"}
    {"stream":"this server is stopping; go on with ?follow=true&from=7\n"}
    {"kind":"waiting","reason":"project limit 2 of 2"}
    {"kind":"reconnect","last_seq":7}
    "#);
}
