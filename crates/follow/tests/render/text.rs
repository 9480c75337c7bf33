//! What a person reads on a terminal.

use slipway_domain::{BuildState, EventBody, Failure, Outcome, Reason, Stage, StepStatus};
use slipway_follow::{Text, as_text};

use crate::bodies::{ended, events, finished, log, on_host, state, step};

#[test]
fn a_build_that_goes_well() {
    let bodies = [
        state(BuildState::Queued),
        on_host(Stage::Preparing),
        on_host(Stage::Building),
        step(1, "[1/2] FROM r.example/base:1", StepStatus::Cached),
        step(2, "[2/2] RUN make", StepStatus::Started),
        log(Some(2), "cc main.c\nld main.o\n"),
        ended(2, StepStatus::Completed, None, Some(12_345)),
        on_host(Stage::Pushing),
        log(None, "layer 1 of 1: 10 MiB\n"),
        on_host(Stage::Purging),
        EventBody::State {
            status: BuildState::Finished(Outcome::Succeeded),
            host: None,
            note: None,
            digest: Some("sha256:0123".into()),
            failure: None,
        },
    ];
    insta::assert_snapshot!(rendered(&bodies), @r"
    ==> queued
    ==> preparing on h1
    ==> building on h1
    #1 [1/2] FROM r.example/base:1
    #1 CACHED
    #2 [2/2] RUN make
    cc main.c
    ld main.o
    #2 DONE 12.3s
    ==> pushing on h1
    layer 1 of 1: 10 MiB
    ==> purging on h1
    ==> succeeded sha256:0123
    ");
}

#[test]
fn steps_side_by_side_are_told_apart() {
    let bodies = [
        step(1, "[a 1/1] RUN make a", StepStatus::Started),
        log(Some(1), "a: one\n"),
        step(2, "[b 1/1] RUN make b", StepStatus::Started),
        log(Some(2), "b: one\n"),
        log(Some(2), "b: two\n"),
        log(Some(1), "a: two\n"),
        log(None, "pulling\n"),
        log(Some(1), "a: three\n"),
        ended(1, StepStatus::Completed, None, Some(950)),
        log(Some(2), "b: three\n"),
        ended(2, StepStatus::Completed, None, None),
    ];
    insta::assert_snapshot!(rendered(&bodies), @r"
    #1 [a 1/1] RUN make a
    a: one
    #2 [b 1/1] RUN make b
    b: one
    b: two
    #1 …
    a: two
    pulling
    a: three
    #1 DONE 0.9s
    #2 …
    b: three
    #2 DONE
    ");
}

#[test]
fn a_build_that_is_lost_and_then_fails() {
    let failure = Failure::new(Reason::StepFailed, "the step RUN make ended with code 2")
        .hint("read its output");
    let bodies = [
        on_host(Stage::Building),
        step(3, "[3/4] RUN make", StepStatus::Started),
        log(Some(3), "make: Nothing to be done\n"),
        EventBody::State {
            status: BuildState::Queued,
            host: None,
            note: Some("the worker was lost; the build is back in line".into()),
            digest: None,
            failure: None,
        },
        on_host(Stage::Building),
        log(Some(3), "no heading: it is another attempt\n"),
        ended(3, StepStatus::Failed, Some("exit code: 2"), Some(100)),
        ended(4, StepStatus::Failed, None, None),
        finished(Outcome::Failed, Some(failure)),
    ];
    insta::assert_snapshot!(rendered(&bodies), @r"
    ==> building on h1
    #3 [3/4] RUN make
    make: Nothing to be done
    ==> queued: the worker was lost; the build is back in line
    ==> building on h1
    no heading: it is another attempt
    #3 ERROR 0.1s: exit code: 2
    #4 ERROR: failed
    ==> failed: the step RUN make ended with code 2
        read its output
    ");
}

#[test]
fn the_other_ends() {
    let bodies = [
        finished(Outcome::Succeeded, None),
        finished(Outcome::Cancelled, None),
        finished(Outcome::TimedOut, Some(Failure::new(Reason::TimedOut, "building took 61 s"))),
        state(BuildState::Running(Stage::Preparing)),
    ];
    insta::assert_snapshot!(rendered(&bodies), @r"
    ==> succeeded
    ==> cancelled
    ==> timed_out: building took 61 s
    ==> preparing
    ");
}

#[test]
fn in_one_batch_or_many_it_reads_the_same() {
    let bodies = [log(Some(1), "a\n"), log(Some(2), "b\n"), log(Some(1), "a\n")];
    let mut text = Text::default();
    let pieces: String =
        events(&bodies).iter().map(|e| as_text(&mut text, std::slice::from_ref(e))).collect();
    assert_eq!(pieces, rendered(&bodies));
}

fn rendered(bodies: &[EventBody]) -> String {
    as_text(&mut Text::default(), &events(bodies))
}
