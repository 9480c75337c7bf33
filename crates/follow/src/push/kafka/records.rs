//! What a record holds, in the words of each form.

use serde_json::{Value, json};
use slipway_domain::{BuildId, Event, FollowerForm};

use crate::Renderer;

/// A record is at most so large, a broker's own bound being 1 MiB by default.
const RECORD_BYTES: usize = 512 * 1024;

/// How buildshuttle's consumers are told of each line.
pub(super) struct Lines {
    metadata: Value,
    number: Value,
    job: String,
}

impl Lines {
    /// `None` where records are the events themselves.
    pub(super) fn of(form: &FollowerForm) -> Option<Self> {
        match form {
            FollowerForm::Native | FollowerForm::CommitStatus { .. } => None,
            FollowerForm::Buildshuttle { metadata, build } => Some(Self {
                metadata: metadata.clone().unwrap_or(Value::Null),
                number: build.parse::<i64>().map_or_else(|_| json!(build), |number| json!(number)),
                job: build.clone(),
            }),
            FollowerForm::Callback { metadata, build } => {
                let number = json!(build);
                Some(Self { metadata: json!(metadata), job: number.to_string(), number })
            }
        }
    }

    /// The records of one event of a log.
    pub(super) fn of_event(&self, event: &Event, renderer: &mut Renderer) -> Vec<String> {
        let mut text = String::new();
        renderer.render(event, &mut text);
        let lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty());
        let end = event.is_end().then_some("Build finished");
        lines.chain(end).map(|message| self.record(message)).collect()
    }

    fn record(&self, message: &str) -> String {
        let Self { metadata, number, job } = self;
        json!({"metadata": metadata, "build": number, "job": job, "message": message}).to_string()
    }
}

/// The event as `/api/v2` has it, with its build.
pub(super) fn native(build: BuildId, event: &Event) -> String {
    // Words, numbers and texts: this cannot fail to serialise.
    let mut value = serde_json::to_value(event).unwrap_or_default();
    if let Some(object) = value.as_object_mut() {
        object.insert("build".into(), json!(build));
        if let Some(Value::String(text)) = object.get_mut("text") {
            text.truncate(text.floor_char_boundary(RECORD_BYTES));
        }
    }
    value.to_string()
}
