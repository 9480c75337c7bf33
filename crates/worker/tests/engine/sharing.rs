//! Builds that run the same step at the same time on one host: the builder runs it once.

use slipway_domain::{Failure, LogStream, Reason, StepStatus};
use slipway_test_support::env;
use slipway_worker::engine::{Builder, BuiltImage, Engine, Progress};
use tokio::sync::oneshot;

use crate::support::{Told, build, context, engine, listen, request, tar, unique};

const NOTE: &str = "shared with another build that runs the same step on this host";
/// A machine may be so busy that the second comes when the first is through.
const TRIES: usize = 4;

/// Two builds of one Dockerfile, each with a context of its own; the second begins when the
/// first prints `begin`.
async fn two_at_once(
    engine: &Engine,
    dockerfile: &str,
    file: &str,
) -> (Told<BuiltImage>, Told<BuiltImage>) {
    let files = tar(&[("Dockerfile", dockerfile), ("f", file)]);
    let (first, second) = (request(), request());
    let (begun, begins) = oneshot::channel();
    let running = listen(async |progress| {
        let (sender, mut news) = tokio::sync::mpsc::channel(8);
        let work = engine.build(&first, context(files.clone()), sender);
        let forward = async {
            let mut begun = Some(begun);
            while let Some(item) = news.recv().await {
                let prints = matches!(&item, Progress::Log { stream: LogStream::Stdout, .. });
                if let Some(begun) = begun.take_if(|_| prints) {
                    let _ = begun.send(());
                }
                let _ = progress.send(item).await;
            }
        };
        tokio::join!(work, forward).0
    });
    let joining = async {
        begins.await.unwrap();
        build(engine, &second, files.clone()).await
    };
    let told = tokio::join!(running, joining);
    engine.untag(&first.tag).await.unwrap();
    told
}

fn dockerfile(copy: &str, mark: &str, status: u8) -> String {
    let base = env::base_image();
    format!("FROM {base}\n{copy}RUN echo begin {mark}; sleep 4; echo end {mark}; exit {status}\n")
}

#[tokio::test]
async fn a_step_that_another_build_runs_says_so() {
    let engine = engine(Builder::Buildkit);
    for _ in 0..TRIES {
        let mark = unique();
        let (first, second) =
            two_at_once(&engine, &dockerfile("COPY f /\n", &mark, 0), &mark).await;
        assert!(first.text(LogStream::Stdout).contains(&format!("end {mark}")));
        assert!(!first.text(LogStream::Slipway).contains(NOTE));
        second.result.as_ref().unwrap();
        if !second.text(LogStream::Slipway).contains(NOTE) {
            continue;
        }
        assert_eq!(second.text(LogStream::Stdout), "");
        // Each is there, in its order, and says why there is nothing more.
        let steps: Vec<u32> = ["COPY f", "RUN echo begin"].map(|step| second.number(step)).into();
        assert!(steps.is_sorted());
        assert_eq!(second.statuses("RUN echo begin"), [StepStatus::Cached]);
        for step in steps {
            let says = |item: &Progress| matches!(item, Progress::Log { step: Some(n), stream: LogStream::Slipway, .. } if *n == step);
            assert!(second.news.iter().any(says), "{step}: {:?}", second.news);
        }
        return;
    }
    panic!("the second was never told that its step is shared");
}

#[tokio::test]
async fn a_step_that_fails_in_another_build_says_where_its_output_is() {
    let engine = engine(Builder::Buildkit);
    for _ in 0..TRIES {
        let mark = unique();
        let (first, second) =
            two_at_once(&engine, &dockerfile("COPY f /\n", &mark, 3), &mark).await;
        let failed = |told: Told<BuiltImage>| -> Failure { told.result.unwrap_err() };
        let said = second.text(LogStream::Slipway);
        let (own, shared) = (failed(first), failed(second));
        assert_eq!((own.reason, shared.reason), (Reason::StepFailed, Reason::StepFailed));
        assert!(own.hint.unwrap().contains("above in the log"));
        if !said.contains("the step that failed is shared with another build") {
            continue;
        }
        assert!(shared.hint.unwrap().contains("the log of the other build"));
        return;
    }
    panic!("the second was never told that the step that failed is shared");
}

#[tokio::test]
async fn steps_that_are_a_builds_own_or_cached_say_nothing() {
    let engine = engine(Builder::Buildkit);
    let mark = unique();
    // The builder tells both: nothing is copied before the step.
    let (first, second) = two_at_once(&engine, &dockerfile("", &mark, 0), &mark).await;
    for told in [&first, &second] {
        assert!(!told.text(LogStream::Slipway).contains(NOTE), "{:?}", told.news);
    }
    let base = env::base_image();
    let stages = format!(
        "FROM {base} AS a\nCOPY f /\nRUN cat /f > /a\nFROM {base} AS b\nCOPY --from=a /a /\n\
         RUN cat /a\nFROM scratch\nCOPY --from=b /a /b\n"
    );
    for last in ["", "COPY f /last\n"] {
        let files = tar(&[("Dockerfile", &format!("{stages}{last}")), ("f", &mark)]);
        let told = build(&engine, &request(), files).await;
        told.result.as_ref().unwrap();
        assert!(!told.text(LogStream::Slipway).contains(NOTE), "{:?}", told.news);
    }
}
