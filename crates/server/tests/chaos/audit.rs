//! Whether all is as it should be.

use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;
use tokio::time::sleep;

use crate::crowd::{Sent, events};
use crate::house::House;
use crate::orders::Wanted;

/// An absence of an image is believed after a minute only, see ARCHITECTURE.md.
pub(crate) const SWEPT_WITHIN: Duration = Duration::from_secs(240);

/// Every build ended once, as it should; what the registry has is what the build says; its
/// events have no gap and go through its attempts in order.
pub(crate) async fn each_ended_once_as_it_should(house: &House, sent: &[Sent], ends: &[Value]) {
    let mut wrong = Vec::new();
    for (one, end) in sent.iter().zip(ends) {
        let events = events(house, &one.id).await;
        if let Err(problem) = looks_right(house, one, end, &events).await {
            wrong.push(format!("{problem}: {one:?}\n{end:#}\n{}", in_short(&events)));
        }
    }
    assert!(wrong.is_empty(), "{} builds are wrong:\n{}", wrong.len(), wrong.join("\n\n"));
}

async fn looks_right(
    house: &House,
    one: &Sent,
    end: &Value,
    events: &[Value],
) -> Result<(), String> {
    let status = end["status"].as_str().unwrap_or_default();
    let reason = end["failure"]["reason"].as_str().unwrap_or_default();
    let as_wanted = match one.order.wanted {
        Wanted::Success => status == "succeeded",
        Wanted::StepFails => (status, reason) == ("failed", "step_failed"),
        Wanted::NoDockerfile => (status, reason) == ("failed", "dockerfile_invalid"),
        Wanted::TimesOut => (status, reason) == ("timed_out", "timed_out"),
        Wanted::Cancelled(_) => status == "cancelled" && one.cancelled,
    };
    if !as_wanted {
        return Err(format!("ended as {status} {reason}"));
    }
    let numbers: Vec<i64> = events.iter().filter_map(|event| event["seq"].as_i64()).collect();
    let wanted: Vec<i64> = (1..=end["last_seq"].as_i64().unwrap_or(0)).collect();
    if numbers != wanted {
        return Err(format!("its events are {numbers:?}, not 1 to {}", wanted.len()));
    }
    let attempts: Vec<i64> = events.iter().filter_map(|event| event["attempt"].as_i64()).collect();
    if attempts.windows(2).any(|pair| pair[1] < pair[0]) {
        return Err(format!("an attempt wrote after a later one: {attempts:?}"));
    }
    let is_end = |event: &&Value| {
        let ends = ["succeeded", "failed", "cancelled", "timed_out"];
        event["kind"] == "state" && ends.iter().any(|end| event["status"] == *end)
    };
    if events.iter().filter(is_end).count() != 1 {
        return Err("it did not end once".into());
    }
    let doubled = events.iter().filter(|event| event["kind"] == "log").find(|event| {
        let twin =
            |other: &&Value| other["attempt"] == event["attempt"] && other["text"] == event["text"];
        event["stream"] == "stdout" && events.iter().filter(twin).count() > 1
    });
    if let Some(event) = doubled {
        return Err(format!("its output was written twice: {event}"));
    }
    if status == "succeeded" && !registry_has(house, &one.order.image, end).await {
        return Err("the registry does not have its digest".into());
    }
    Ok(())
}

async fn registry_has(house: &House, image: &str, end: &Value) -> bool {
    let Some(digest) = end["digest"].as_str() else { return false };
    let path = image.split_once('/').and_then(|(_, path)| path.rsplit_once(':')).unwrap().0;
    let registry = house.registry.address().unwrap();
    let answer = reqwest::Client::new()
        .head(format!("http://{registry}/v2/{path}/manifests/{digest}"))
        .header("Accept", "application/vnd.docker.distribution.manifest.v2+json")
        .send()
        .await
        .unwrap();
    answer.status().is_success()
}

/// No row of work in progress, no image, no container.
pub(crate) async fn nothing_is_left(house: &House) {
    let began = tokio::time::Instant::now();
    loop {
        let left = left(house).await;
        if left.is_empty() {
            println!("chaos: nothing is left after {:.1} s", began.elapsed().as_secs_f64());
            return;
        }
        assert!(began.elapsed() < SWEPT_WITHIN, "left: {left:?}");
        sleep(Duration::from_secs(1)).await;
    }
}

async fn left(house: &House) -> Vec<String> {
    let mut left = Vec::new();
    for table in ["leases", "outbox", "push_turns", "images_on_hosts", "sealed_secrets"] {
        let rows = house.number(&format!("SELECT count(*) FROM {table}")).await;
        if rows > 0 {
            left.push(format!("{rows} rows of {table}"));
        }
    }
    for engine in &house.engines {
        let images = ask(&engine.socket(), "images/json").await;
        let tags = images.as_array().into_iter().flatten().filter_map(|i| i["RepoTags"].as_array());
        for tag in tags.flatten().filter_map(Value::as_str).filter(|tag| *tag != "<none>:<none>") {
            left.push(format!("image {tag}"));
        }
        let containers = ask(&engine.socket(), "containers/json").await;
        let running = containers.as_array().map_or(0, Vec::len);
        if running > 0 {
            left.push(format!("{running} running containers"));
        }
    }
    left
}

async fn ask(socket: &std::path::Path, path: &str) -> Value {
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--unix-socket"])
        .arg(socket)
        .arg(format!("http://engine/{path}"))
        .output()
        .await
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}

fn in_short(events: &[Value]) -> String {
    let line = |event: &Value| match event["kind"].as_str() {
        Some("state") => format!(
            "{} #{} {} {} {}",
            event["seq"], event["attempt"], event["status"], event["host"], event["note"]
        ),
        _ => format!("{} #{} {}", event["seq"], event["attempt"], event["text"]),
    };
    events.iter().map(line).collect::<Vec<_>>().join("\n")
}
