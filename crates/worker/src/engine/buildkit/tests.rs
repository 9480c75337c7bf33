//! What a trace tells.

use super::*;

/// A vertex as the trace has it, its times in milliseconds.
fn vertex(digest: &str, started: Option<i32>, completed: Option<i32>) -> Vertex {
    let mut vertex =
        Vertex { digest: digest.to_owned(), name: format!("[1/1] {digest}"), ..Vertex::default() };
    vertex.started = started.map(|_| Default::default());
    vertex.completed = completed.map(|_| Default::default());
    if let Some((at, ms)) = vertex.started.as_mut().zip(started) {
        at.nanos = ms * 1_000_000;
    }
    if let Some((at, ms)) = vertex.completed.as_mut().zip(completed) {
        at.nanos = ms * 1_000_000;
    }
    vertex
}

/// What a trace tells, each line of it one `StatusResponse`.
fn told(lines: Vec<Vec<Vertex>>) -> Vec<String> {
    let (mut trace, mut news) = (Trace::default(), Vec::new());
    for vertexes in lines {
        trace.apply(StatusResponse { vertexes, ..StatusResponse::default() }, &mut news);
    }
    trace.finish(&mut news);
    let tell = |item| match item {
        Progress::Step { step, name, status, error, duration_ms } => {
            let ms = duration_ms.map(|ms| format!(" {ms} ms")).unwrap_or_default();
            let error = error.map(|error| format!(" {error}")).unwrap_or_default();
            format!("{step} {} {status:?}{ms}{error}", name.trim_start_matches("[1/1] "))
        }
        Progress::Log { bytes, .. } => String::from_utf8_lossy(&bytes).into_owned(),
    };
    news.into_iter().map(tell).collect()
}

#[test]
fn a_step_that_is_announced_runs_and_ends() {
    let lines = vec![
        vec![vertex("a", None, None), vertex("b", None, None)],
        vec![vertex("b", Some(1), None)],
        vec![vertex("b", Some(1), Some(8))],
        vec![vertex("a", Some(9), None), vertex("b", Some(1), Some(8))],
    ];
    // Numbers go by what runs, not by what is announced.
    assert_eq!(told(lines), ["1 b Started", "1 b Completed 7 ms", "2 a Started"]);
}

#[test]
fn an_end_that_does_not_last_is_not_told() {
    let lines = vec![
        vec![vertex("from", Some(1), None)],
        vec![vertex("from", Some(1), Some(1))],
        vec![vertex("from", Some(2), None)],
        vec![vertex("from", Some(2), Some(99))],
        vec![vertex("run", Some(99), None)],
    ];
    assert_eq!(told(lines), ["1 from Started", "1 from Completed 98 ms", "2 run Started"]);
}

#[test]
fn from_the_cache() {
    let cached = |digest| Vertex { cached: true, ..vertex(digest, Some(5), Some(5)) };
    let lines = vec![
        vec![cached("a")],
        // It ran, and is asked for once more.
        vec![vertex("b", Some(1), Some(3))],
        vec![cached("b")],
    ];
    assert_eq!(told(lines), ["1 a Cached 0 ms", "2 b Started", "2 b Completed 2 ms"]);
}

#[test]
fn what_a_step_builds_on_is_told_before_it() {
    let lines = vec![vec![
        Vertex { cached: true, ..vertex("from", Some(5), Some(5)) },
        vertex("other", Some(5), Some(6)),
        Vertex { inputs: vec!["from".to_owned()], ..vertex("run", Some(6), None) },
    ]];
    let expected =
        ["2 other Started", "1 from Cached 0 ms", "3 run Started", "2 other Completed 1 ms"];
    assert_eq!(told(lines), expected);
}

#[test]
fn the_step_that_failed_is_not_one_that_was_stopped() {
    let failed = |digest, error: &str| Vertex {
        error: error.to_owned(),
        ..vertex(digest, Some(1), Some(2))
    };
    let (mut trace, mut news) = (Trace::default(), Vec::new());
    let vertexes = vec![failed("stopped", "context canceled"), failed("bad", "exit code: 1")];
    trace.apply(StatusResponse { vertexes, ..StatusResponse::default() }, &mut news);
    assert_eq!(trace.failed(), Some(&FailedStep::of_vertex("[1/1] bad")));
}

#[test]
fn layers_are_told_when_they_begin_and_end() {
    let status = |current, done: bool| VertexStatus {
        id: format!("extracting sha256:{}", "8".repeat(64)),
        current,
        total: 1_068_557,
        completed: done.then(Default::default),
        ..VertexStatus::default()
    };
    let (mut trace, mut news) = (Trace::default(), Vec::new());
    for status in [status(0, false), status(9, false), status(99, false), status(99, true)] {
        let statuses = vec![status];
        trace.apply(StatusResponse { statuses, ..StatusResponse::default() }, &mut news);
    }
    let expected =
        ["extracting sha256:888888888888 1.0 MB", "extracting sha256:888888888888 1.0 MB done"];
    assert_eq!(news, expected.map(|text| Progress::line(None, text)));
}
