//! A command of the Dockerfile that ended badly.

use slipway_domain::{Failure, Reason};

use super::failure;
use super::step::FailedStep;

/// Made of a sentence about the end of a process; `code` is what the classic builder tells
/// apart.
pub(super) fn command_failed(
    text: &str,
    code: Option<i64>,
    step: Option<&FailedStep>,
) -> Option<Failure> {
    let place = step.map_or_else(|| "a step".to_owned(), FailedStep::place);
    let instruction = step.map_or_else(|| "a command".to_owned(), FailedStep::instruction);
    let Some((told, end)) = end_of_process(text) else {
        // `… unable to start container process: exec: "/bin/nope": stat /bin/nope: no such file
        // or directory: unknown` (classic; BuildKit answers with an exit code)
        let (_, why) = text.split_once("unable to start container process: ")?;
        let why = why.trim_end_matches(": unknown");
        let message = format!("{place} failed: {instruction} could not start: {why}");
        let hint = "check that the image has the program and can execute it";
        return Some(failure(Reason::StepFailed, &message).hint(hint));
    };
    let code = code.or(told);
    let message = match code {
        Some(code) => format!("{place} failed: {instruction} exited with code {code}"),
        None => format!("{place} failed: {instruction}: {end}"),
    };
    Some(failure(Reason::StepFailed, &message).hint(match code {
        Some(126) => "code 126: the command is there, but cannot be executed",
        Some(127) => "code 127: the image does not have the command",
        Some(137) => "code 137: the command was killed, most often for want of memory",
        _ => "the output of the step, above in the log, tells why",
    }))
}

/// The exit code, if there is one, and the words about the end of a process.
fn end_of_process(text: &str) -> Option<(Option<i64>, &str)> {
    let (_, end) = [
        // `executor failed running [/bin/sh -c exit 3]: exit code: 3` (BuildKit)
        ("executor failed running [", "]: "),
        // `process "/bin/sh -c exit 3" did not complete successfully: exit code: 3` (BuildKit
        // 0.11 and later)
        ("process \"", "\" did not complete successfully: "),
        // `The command '/bin/sh -c exit 3' returned a non-zero code: 3` (classic)
        ("The command '", "' returned a non-zero "),
    ]
    .into_iter()
    .find_map(|(start, middle)| text.strip_prefix(start)?.rsplit_once(middle))?;
    let code = end.trim_start_matches("exit ").strip_prefix("code: ");
    let digits = code.and_then(|code| code.split(|c: char| !c.is_ascii_digit()).next());
    Some((digits.and_then(|digits| digits.parse().ok()), end))
}
