//! What a build that is over went through.

use serde_json::Value;
use slipway_test_support::daemon::Daemon;

/// The events of a build that is over, in order.
#[derive(Debug, PartialEq)]
pub(crate) struct History(pub(crate) Vec<Value>);

impl History {
    /// Of a build that must have gone well in so many attempts, without a gap in its numbers
    /// and with one end.
    pub(crate) async fn of_success(api: &Daemon, id: &str, attempts: i64) -> Self {
        let done = api.end(id).await.unwrap();
        let history = Self::of(api, id).await;
        assert_eq!(done["status"], "succeeded", "{done:#}\n{history:#?}");
        assert_eq!(done["attempt"], attempts, "{history:#?}");
        history
    }

    /// Looks at its numbers, its attempts and its end on the way.
    pub(crate) async fn of(api: &Daemon, id: &str) -> Self {
        let done = api.end(id).await.unwrap();
        let url = format!("{}/api/v2/builds/{id}/events", api.url);
        let text = api.http.get(url).send().await.unwrap().text().await.unwrap();
        let lines = text.lines().filter_map(|line| line.strip_prefix("data:"));
        let events: Vec<Value> = lines
            .filter_map(|data| serde_json::from_str(data).ok())
            .filter(|event: &Value| event["seq"].is_i64())
            .collect();
        let history = Self(events);
        let numbers: Vec<i64> = history.numbers("seq");
        let wanted: Vec<i64> = (1..=done["last_seq"].as_i64().unwrap()).collect();
        assert_eq!(numbers, wanted, "{history:#?}");
        let attempts = history.numbers("attempt");
        assert!(attempts.is_sorted(), "an attempt wrote after a later one: {history:#?}");
        let ends = ["succeeded", "failed", "cancelled", "timed_out"];
        let ends = history.states().into_iter().filter(|state| ends.contains(&&**state));
        assert_eq!(ends.count(), 1, "{history:#?}");
        history
    }

    /// The states in their order.
    pub(crate) fn states(&self) -> Vec<String> {
        let states = self.0.iter().filter(|event| event["kind"] == "state");
        states.filter_map(|event| event["status"].as_str()).map(str::to_owned).collect()
    }

    fn numbers(&self, field: &str) -> Vec<i64> {
        self.0.iter().filter_map(|event| event[field].as_i64()).collect()
    }
}
