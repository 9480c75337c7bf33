//! Events of a build, in few words.

use slipway_domain::{
    Attempt, BuildState, Event, EventBody, Failure, HostName, LogStream, Outcome, Stage,
    StepStatus, now,
};

pub(crate) fn events(bodies: &[EventBody]) -> Vec<Event> {
    (1..)
        .zip(bodies)
        .map(|(seq, body)| Event { seq, at: now(), attempt: Attempt(1), body: body.clone() })
        .collect()
}

pub(crate) fn state(status: BuildState) -> EventBody {
    EventBody::State { status, host: None, note: None, digest: None, failure: None }
}

pub(crate) fn on_host(stage: Stage) -> EventBody {
    EventBody::State {
        status: BuildState::Running(stage),
        host: Some(HostName::parse("h1").unwrap()),
        note: None,
        digest: None,
        failure: None,
    }
}

pub(crate) fn finished(outcome: Outcome, failure: Option<Failure>) -> EventBody {
    EventBody::State {
        status: BuildState::Finished(outcome),
        host: Some(HostName::parse("h1").unwrap()),
        note: None,
        digest: None,
        failure,
    }
}

pub(crate) fn step(step: u32, name: &str, status: StepStatus) -> EventBody {
    EventBody::Step { step, name: name.into(), status, error: None, duration_ms: None }
}

pub(crate) fn ended(
    step: u32,
    status: StepStatus,
    error: Option<&str>,
    duration_ms: Option<i64>,
) -> EventBody {
    let error = error.map(str::to_owned);
    EventBody::Step { step, name: "RUN make".into(), status, error, duration_ms }
}

pub(crate) fn log(step: Option<u32>, text: &str) -> EventBody {
    EventBody::Log { step, stream: LogStream::Stdout, text: text.into() }
}

pub(crate) fn progress(step: Option<u32>, text: &str) -> EventBody {
    EventBody::Log { step, stream: LogStream::Progress, text: text.into() }
}
