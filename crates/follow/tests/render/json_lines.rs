//! The events themselves.

use slipway_domain::{Event, StepStatus};
use slipway_follow::{Format, Renderer};

use crate::bodies::{events, log, step};

#[test]
fn each_line_is_an_event() {
    let told = events(&[step(1, "[1/1] RUN a", StepStatus::Started), log(Some(1), "one\ntwo\n")]);
    let lines = Renderer::new(Format::JsonLines).batch(&told);
    let read: Vec<Event> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(read, told);
    assert!(lines.ends_with("}\n"));
}

#[test]
fn each_form_has_a_name() {
    for format in Format::ALL {
        assert_eq!(format.as_str().parse(), Ok(format));
    }
    assert_eq!("Text".parse::<Format>(), Err(()));
}
