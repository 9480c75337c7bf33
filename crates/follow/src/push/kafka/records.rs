//! What a record holds, in the words of each form.

use serde_json::{Value, json};
use slipway_domain::{BuildId, Event, FollowerForm};

use crate::Renderer;

/// A record is at most so large, a broker's own bound being 1 MiB by default.
const RECORD_BYTES: usize = 512 * 1024;

/// The records of one event of a log. `is_last` says that nothing comes after it.
pub(super) fn of_event(
    form: &FollowerForm,
    build: BuildId,
    event: &Event,
    renderer: &mut Renderer,
    is_last: bool,
) -> Vec<String> {
    let (metadata, number): (Value, Value) = match form {
        FollowerForm::Native | FollowerForm::CommitStatus { .. } => {
            return vec![native(build, event)];
        }
        FollowerForm::Buildshuttle { metadata, build } => {
            let metadata = metadata.clone().unwrap_or(Value::Null);
            let number = build.parse::<i64>().map_or_else(|_| json!(build), |number| json!(number));
            (metadata, number)
        }
        FollowerForm::Callback { metadata, build } => (json!(metadata), json!(build)),
    };
    let job = match form {
        FollowerForm::Buildshuttle { build, .. } => build.clone(),
        FollowerForm::Native
        | FollowerForm::Callback { .. }
        | FollowerForm::CommitStatus { .. } => number.to_string(),
    };
    let mut text = String::new();
    renderer.render(event, &mut text);
    let line = |message: &str| {
        let record = json!({"metadata": metadata, "build": number, "job": job, "message": message});
        record.to_string()
    };
    let mut records: Vec<String> =
        text.lines().map(str::trim_end).filter(|l| !l.is_empty()).map(line).collect();
    if is_last {
        records.push(line("Build finished"));
    }
    records
}

/// The event as `/api/v2` has it, with its build.
fn native(build: BuildId, event: &Event) -> String {
    // Words, numbers and texts: this cannot fail to serialise.
    let mut value = serde_json::to_value(event).unwrap_or_default();
    if let Some(object) = value.as_object_mut() {
        object.insert("build".into(), json!(build));
        if let Some(Value::String(text)) = object.get_mut("text")
            && text.len() > RECORD_BYTES
        {
            let mut end = RECORD_BYTES;
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            text.truncate(end);
        }
    }
    value.to_string()
}
