//! Several builds as one stream.

use reqwest::Method;
use serde_json::{Value, json};
use slipway_domain::Stage;
use slipway_store::builds::Ending;

use crate::server::{Server, answer};
use crate::socket::Client;
use crate::worker::{Worker, line};

fn id(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}

/// What a stream said, a line for each message: its id, its kind, its build by its place in
/// the list, its number.
fn table(text: &str, builds: &[&str]) -> Vec<String> {
    let said = text.split("\n\n").filter(|block| block.contains("data: "));
    said.map(|block| {
        let field = |name: &str| {
            block.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("-").to_owned()
        };
        let data: Value = serde_json::from_str(&field("data: ")).unwrap();
        let build = builds.iter().position(|build| data["build"] == *build);
        let build = build.map_or("-".to_owned(), |place| place.to_string());
        format!("{} {} {build} {}", field("id: "), field("event: "), data["seq"])
    })
    .collect()
}

#[tokio::test]
async fn two_builds_from_the_beginning_and_from_a_place() {
    let server = Server::start().await;
    let first = server.submitted(json!({})).await;
    let second = server.submitted(json!({})).await;
    let builds = [id(&first), id(&second)];
    let worker = Worker::start(&server).await;
    worker.succeed().await;
    worker.fail().await;

    let path = format!("/api/v2/events?builds={},{}", builds[0], builds[1]);
    let whole = server.get(&path).await;
    assert_eq!(whole.header("content-type"), "text/event-stream");
    let all = table(&whole.text, &builds);
    // Each build in its own order, and nothing of the output.
    for (place, expected) in [(0, vec![1, 2, 3, 4, 6, 7, 8, 9]), (1, vec![1, 2, 3, 4])] {
        let seqs = all.iter().filter_map(|line| {
            let mut words = line.split(' ').skip(2);
            (words.next()? == place.to_string()).then(|| words.next()?.parse::<i64>().ok())?
        });
        assert_eq!(seqs.collect::<Vec<_>>(), expected);
    }
    assert_eq!(all.last().unwrap(), "- end - null");
    assert!(whole.text.ends_with("event: end\ndata: {\"from\":\"9.4\"}\n\n"), "{}", whole.text);
    let logs = server.get(&format!("{path}&logs=true")).await.text;
    assert_eq!(table(&logs, &builds).len(), all.len() + 1);

    // From any of its ids, what is left is what came after it.
    for (index, line) in all.iter().enumerate().take(all.len() - 1) {
        let place = line.split(' ').next().unwrap();
        let rest = answer(server.request(Method::GET, &path).header("Last-Event-ID", place)).await;
        let mut expected: Vec<_> = all[index + 1..].to_vec();
        let mut rest = table(&rest.text, &builds);
        // Which build is looked at first is no matter; so by build and number.
        let without_place = |line: &String| line.split_once(' ').unwrap().1.to_owned();
        expected = expected.iter().map(without_place).collect();
        rest = rest.iter().map(without_place).collect();
        expected.sort();
        rest.sort();
        if index == all.len() - 2 {
            expected.clear();
        }
        assert_eq!(rest, expected, "from {place}");
    }
    let over = answer(server.request(Method::GET, &path).header("Last-Event-ID", "9.4")).await;
    assert_eq!(over.status, 204);

    // Some libraries come back to the same URL with it; the header is the browser's own.
    let places = [("&lastEventId=9.4", 204), ("&lastEventId=9.3", 200), ("&from=9.4", 200)];
    for (place, status) in places {
        assert_eq!(server.get(&format!("{path}{place}")).await.status, status, "{place}");
    }
    let rest = server.get(&format!("{path}&lastEventId=9.3&from=0.0")).await;
    assert_eq!(table(&rest.text, &builds), ["9.4 state 1 4", "- end - null"]);
}

#[tokio::test]
async fn a_parameter_that_is_empty_is_named() {
    let server = Server::start().await;
    let mut said = Vec::new();
    for query in ["", "?project=", "?builds=", "?builds=&project="] {
        let error = server.get(&format!("/api/v2/events{query}")).await;
        let error = &error.json()["error"];
        said.push(format!("{query} {}: {}", error["field"], error["message"]));
    }
    insta::assert_snapshot!(said.join("\n"), @r#"
     "builds": "is missing"
    ?project= "project": "is empty"
    ?builds= "builds": "is empty"
    ?builds=&project= "builds": "is empty"
    "#);
}

#[tokio::test]
async fn live_over_a_websocket_and_cut_off_in_between() {
    let server = Server::start().await;
    let first = server.submitted(json!({})).await;
    let second = server.submitted(json!({})).await;
    let builds = [id(&first), id(&second)];
    let worker = Worker::start(&server).await;
    let leases = [worker.claim().await.lease, worker.claim().await.lease];

    let mut seen: [Vec<i64>; 2] = Default::default();
    let writing = async {
        for lease in &leases {
            worker.advance(lease, Stage::Building).await;
        }
        for n in 0..100 {
            worker.say(&leases[n % 2], &[line(&format!("{n}\n"))]).await;
        }
        for lease in &leases {
            worker.finish(lease, Ending::Cancelled).await;
        }
    };
    let following = async {
        loop {
            let from = seen.each_ref().map(|seqs| seqs.last().copied().unwrap_or(0));
            let path = format!(
                "/api/v2/events/ws?builds={},{}&logs=true&from={}.{}",
                builds[0], builds[1], from[0], from[1]
            );
            let mut client = Client::open(&server, &path).await;
            for _ in 0..17 {
                let Some(said) = client.text().await else { return };
                let said: Value = serde_json::from_str(&said).unwrap();
                if let Some(seq) = said["seq"].as_i64() {
                    let place = builds.iter().position(|build| said["build"] == *build).unwrap();
                    seen[place].push(seq);
                }
            }
        }
    };
    tokio::join!(writing, following);
    // Queued, preparing, building, 50 lines, cancelled.
    let every: Vec<i64> = (1..=54).collect();
    assert_eq!(seen, [every.clone(), every]);
    server.nobody_follows().await;
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let server = Server::start().await;
    let build = server.submitted(json!({})).await;
    let build = id(&build);
    let unknown = "0197a3c4-5d6e-7f80-9a1b-2c3d4e5f6071";
    let many = [build; 2].join(",");
    let mut table = Vec::new();
    for query in [
        String::new(),
        "builds=".to_owned(),
        "builds=x".to_owned(),
        format!("builds={many}"),
        format!("builds={build},{unknown}"),
        format!("builds={build}&from=1.2"),
        format!("builds={build}&from=x"),
        format!("builds={build}&from=-1"),
        format!("builds={build}&logs=yes"),
        format!("builds={build}&project=a"),
    ] {
        let error = server.get(&format!("/api/v2/events?{query}")).await;
        let said = error.json()["error"].clone();
        table.push(format!("{} {}: {}", error.status, said["field"], said["message"]));
    }
    insta::assert_snapshot!(table.join("\n"), @r#"
    400 "builds": "is missing"
    400 "builds": "is empty"
    400 "builds": "is no list of ids"
    400 "builds": "names a build twice"
    404 null: "there is no build 0197a3c4-5d6e-7f80-9a1b-2c3d4e5f6071"
    400 "from": "has 2 numbers for 1 builds"
    400 "from": "is not the number of an event"
    400 "from": "is not the number of an event"
    400 "logs": "must be true or false"
    400 "project": "does not go together with builds"
    "#);
    assert_eq!(server.get(&format!("/api/v2/events/ws?builds={build}")).await.status, 426);
}
