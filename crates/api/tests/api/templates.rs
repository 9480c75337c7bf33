//! The templates' service, with the requests that its clients send.

use reqwest::Method;
use serde_json::{Value, json};
use slipway_api::{TemplateRegistry, TemplateSettings};
use slipway_domain::{Source, Stage, StepStatus};
use slipway_store::builds::Ending;

use crate::server::{Answer, Server, answer};
use crate::worker::{Worker, a_failure, line, step};

const PATH: &str = "/api/v1/build";

fn with_registry(registry: &str) -> TemplateSettings {
    let registry = Some(TemplateRegistry::parse(registry).unwrap());
    TemplateSettings { registry, ..TemplateSettings::default() }
}

/// A request as the service's documents show it, with changes; null takes a field away.
fn a_request(changes: Value) -> Value {
    let mut request = json!({
        "model_version": "python-flask", "version": "1.0.0", "name": "my-app", "tag": "latest",
        "description": "My application", "environment": {"DEBUG": "false"},
        "build_args": {"PIP_INDEX_URL": "https://pypi.example/simple"},
    });
    let fields = request.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            fields.remove(name);
        } else {
            fields.insert(name.clone(), value.clone());
        }
    }
    request
}

async fn submit(server: &Server, changes: Value) -> Answer {
    server.post(PATH, a_request(changes).to_string()).await
}

async fn build(server: &Server, changes: Value) -> String {
    let accepted = submit(server, changes).await;
    assert_eq!(accepted.status, 200, "{accepted:?}");
    accepted.json()["build_id"].as_str().unwrap().to_owned()
}

/// With ids and times taken out: those differ each time.
fn masked(text: &str) -> String {
    let mut value: Value = serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"));
    mask(&mut value);
    value.to_string()
}

fn mask(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match (name.as_str(), &*value) {
                    ("build_id", _) => *value = "[id]".into(),
                    ("started_at" | "completed_at", Value::String(_)) => *value = "[time]".into(),
                    _ => mask(value),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(mask),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[tokio::test]
async fn a_client_that_polls_sees_a_build_through() {
    let server = Server::with_templates(&with_registry("r.example:5000/team")).await;
    let accepted = submit(&server, json!({})).await;
    let id = accepted.json()["build_id"].as_str().unwrap().to_owned();
    let started_at = accepted.json()["started_at"].as_str().unwrap().to_owned();
    assert!(chrono_like(&started_at), "{started_at}");
    assert_eq!(
        accepted.line(),
        format!(
            "200 {{\"build_id\":\"{id}\",\"status\":\"pending\",\"message\":\"Build started\",\
             \"image_name\":\"r.example:5000/team/my-app:latest\",\"started_at\":\"{started_at}\"}}"
        )
    );
    let seen = async || {
        let status = server.get(&format!("/api/v1/build/{id}/status")).await;
        assert_eq!(status.status, 200);
        masked(&status.text)
    };
    let mut table = vec![seen().await];
    let worker = Worker::start(&server).await;
    let claimed = worker.claim().await;
    assert!(claimed.spec.push);
    let lease = claimed.lease;
    worker.advance(&lease, Stage::Building).await;
    worker.say(&lease, &[step(StepStatus::Started), line("say \"hello\"\nand more\n")]).await;
    table.push(seen().await);
    worker.advance(&lease, Stage::Pushing).await;
    table.push(seen().await);
    worker.advance(&lease, Stage::Purging).await;
    worker.finish(&lease, Ending::Succeeded).await;
    table.push(seen().await);
    insta::assert_snapshot!(table.join("\n"), @r#"
    {"build_id":"[id]","completed_at":null,"image_name":"r.example:5000/team/my-app:latest","logs":[],"message":"Build is waiting","started_at":"[time]","status":"pending"}
    {"build_id":"[id]","completed_at":null,"image_name":"r.example:5000/team/my-app:latest","logs":["Step 1/1 : RUN make","say \"hello\"","and more"],"message":"Building the image","started_at":"[time]","status":"building"}
    {"build_id":"[id]","completed_at":null,"image_name":"r.example:5000/team/my-app:latest","logs":["Step 1/1 : RUN make","say \"hello\"","and more"],"message":"Pushing the image","started_at":"[time]","status":"building"}
    {"build_id":"[id]","completed_at":"[time]","image_name":"r.example:5000/team/my-app:latest","logs":["Step 1/1 : RUN make","say \"hello\"","and more"],"message":"Build completed; the image is pushed as sha256:6f1a5bd2c1b4a4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d","started_at":"[time]","status":"success"}
    "#);
    let whole = server.get(&format!("/api/v1/build/{id}/status")).await;
    let order = [
        "{\"build_id\":",
        "\"status\":",
        "\"message\":",
        "\"image_name\":",
        "\"started_at\":",
        "\"completed_at\":",
        "\"logs\":[",
    ];
    let places: Vec<usize> = order.iter().map(|key| whole.text.find(key).unwrap()).collect();
    assert!(places.is_sorted(), "{}", whole.text);
    let head = answer(server.request(Method::HEAD, &format!("/api/v1/build/{id}/status"))).await;
    assert_eq!((head.status, head.text.as_str()), (200, ""));
}

/// `2026-11-21T22:16:09.123456Z`
fn chrono_like(text: &str) -> bool {
    text.len() >= 20 && text.as_bytes()[10] == b'T' && text.ends_with('Z')
}

#[tokio::test]
async fn what_the_build_is_made_of() {
    let server = Server::start().await;
    let id = build(&server, json!({"files": {"app.py": "app = 1\n"}})).await;
    let native = server.get(&format!("/api/v2/builds/{id}")).await.json();
    assert_eq!(native["source"], json!({"type": "template", "name": "python-flask", "files": 2}));
    let worker = Worker::start(&server).await;
    let spec = worker.claim().await.spec;
    let Source::Dockerfile { content, files, template } = &spec.source else { panic!() };
    assert!(content.contains("ARG PIP_INDEX_URL\n"), "{content}");
    assert!(content.contains("ENV DEBUG=\"${SLIPWAY_ENV_DEBUG}\"\n"), "{content}");
    assert_eq!(files["app.py"], "app = 1\n");
    assert_eq!(template.as_ref().unwrap().as_str(), "python-flask");
    insta::assert_json_snapshot!(
        json!({"image": spec.image, "args": spec.args, "labels": spec.labels, "push": spec.push}),
        @r#"
        {
          "args": {
            "PIP_INDEX_URL": "https://pypi.example/simple",
            "SLIPWAY_ENV_DEBUG": "false"
          },
          "image": "my-app:latest",
          "labels": {
            "description": "My application",
            "model_version": "python-flask",
            "version": "1.0.0"
          },
          "push": false
        }
        "#
    );
}

#[tokio::test]
async fn builds_that_end_badly_and_images_that_stay() {
    let server = Server::start().await;
    let worker = Worker::start(&server).await;
    let mut table = Vec::new();
    let seen = async |id: &str| {
        let status = server.get(&format!("/api/v1/build/{id}/status")).await.json();
        format!("{} {} {}", status["status"], status["image_name"], status["message"])
    };
    // Nobody named a registry.
    let id = build(&server, json!({})).await;
    table.push(seen(&id).await);
    let claimed = worker.claim().await;
    assert!(!claimed.spec.push);
    worker.advance(&claimed.lease, Stage::Building).await;
    table.push(seen(&id).await);
    worker.finish(&claimed.lease, Ending::Succeeded).await;
    table.push(seen(&id).await);

    let id = build(&server, json!({"name": "r.example/team/my-app", "tag": "2"})).await;
    let lease = worker.claim().await.lease;
    worker.advance(&lease, Stage::Building).await;
    worker.finish(&lease, Ending::Failed(a_failure())).await;
    table.push(seen(&id).await);

    let id = build(&server, json!({"name": "docker.io/me/my-app"})).await;
    let path = format!("/api/v2/builds/{id}/cancel");
    assert_eq!(answer(server.request(Method::POST, &path)).await.status, 202);
    table.push(seen(&id).await);
    insta::assert_snapshot!(table.join("\n"), @r#"
    "pending" "my-app:latest" "Build is waiting; no registry is named, so the image will stay on the Docker host"
    "building" "my-app:latest" "Building the image; no registry is named, so the image will stay on the Docker host"
    "success" "my-app:latest" "Build completed; the image is not pushed, it stays on the Docker host local"
    "failed" "r.example/team/my-app:2" "Build failed: make: exit code 2"
    "failed" "me/my-app:latest" "Build failed: cancelled"
    "#);
}

#[tokio::test]
async fn what_is_refused() {
    let server = Server::start().await;
    let mut table = Vec::new();
    for field in ["model_version", "version", "name", "tag"] {
        table.push(submit(&server, json!({field: null})).await.line());
        table.push(submit(&server, json!({field: ""})).await.line());
    }
    let same = table[0].clone();
    assert_eq!(
        same,
        r#"400 {"error":"model_version, version, name, and tag are required","code":400}"#
    );
    table.dedup();
    assert_eq!(table, [same]);
    for changes in [
        json!({"model_version": "cobol"}),
        json!({"model_version": "../../etc/passwd"}),
        json!({"model_version": "python-flask/../nodejs"}),
        json!({"model_version": 5}),
        json!({"name": "My App"}),
        json!({"name": "my-app\nRUN rm -rf /"}),
        json!({"name": "../../my-app"}),
        json!({"name": "my-app:1"}),
        json!({"tag": "a b"}),
        json!({"tag": "$(id)"}),
        json!({"environment": {"A": 5}}),
        json!({"environment": {"A B": "x"}}),
        json!({"environment": {"A=\"\nRUN id": "x"}}),
        json!({"environment": {"A": "x\0"}}),
        json!({"environment": "A=B"}),
        json!({"build_args": {"A$B": "x"}}),
        json!({"build_args": {"SLIPWAY_ENV_A": "x"}}),
        json!({"description": "x".repeat(70_000)}),
        json!({"files": {"../app.py": ""}}),
        json!({"files": {"Dockerfile": "FROM scratch"}}),
    ] {
        table.push(submit(&server, changes).await.line());
    }
    for (method, path) in [
        (Method::GET, "/api/v1/build/0197a3c4-5d6e-7f80-9a1b-2c3d4e5f6071/status"),
        (Method::GET, "/api/v1/build/..%2f..%2fx/status"),
        (Method::POST, "/api/v1/builds"),
        (Method::DELETE, "/api/v1"),
        (Method::GET, "/api/v1/build/x/nothing"),
        (Method::GET, "/api/v1/builds?limit=0"),
        (Method::GET, "/api/v1/builds?offset=-1"),
    ] {
        let refused = answer(server.request(method.clone(), path)).await;
        table.push(format!("{method} {path}: {} {}", refused.header("allow"), refused.line()));
    }
    insta::assert_snapshot!(table[1..].join("\n"), @r#"
    400 {"error":"unknown model_version \"cobol\"; supported are nodejs, python-fastapi, python-flask","code":400}
    400 {"error":"unknown model_version \"../../etc/passwd\"; supported are nodejs, python-fastapi, python-flask","code":400}
    400 {"error":"unknown model_version \"python-flask/../nodejs\"; supported are nodejs, python-fastapi, python-flask","code":400}
    400 {"error":"model_version: must be a string, not an integer","code":400}
    400 {"error":"name: has capitals in \"My App\"; repositories are lower-case","code":400}
    400 {"error":"name: has \"my-app\\nRUN rm -rf \" for a registry, which is no host or host:port","code":400}
    400 {"error":"name: has \"..\" for a registry, which is no host or host:port","code":400}
    400 {"error":"name: has a tag or digest in it; the tag has a field of its own","code":400}
    400 {"error":"tag: has the tag \"a b\"; a tag is 1 to 128 of a-z, A-Z, 0-9, underscore, dot and hyphen, and begins with none of the last two","code":400}
    400 {"error":"tag: has the tag \"$(id)\"; a tag is 1 to 128 of a-z, A-Z, 0-9, underscore, dot and hyphen, and begins with none of the last two","code":400}
    400 {"error":"environment.A: must be a string, not an integer","code":400}
    400 {"error":"environment: has a name that is none of a variable","code":400,"details":"a name is 1 to 128 letters, digits and underscores, and begins with no digit"}
    400 {"error":"environment: has a name that is none of a variable","code":400,"details":"a name is 1 to 128 letters, digits and underscores, and begins with no digit"}
    400 {"error":"environment.A: holds a NUL","code":400}
    400 {"error":"environment: must be an object, not a string","code":400}
    400 {"error":"build_args: has a name that is none of a variable","code":400,"details":"a name is 1 to 128 letters, digits and underscores, and begins with no digit"}
    400 {"error":"build_args: has a name that begins with SLIPWAY_ENV_, which templates need","code":400}
    400 {"error":"description: is larger than 64 KiB","code":400}
    400 {"error":"files: has \"../app.py\", which leaves the build context","code":400}
    400 {"error":"files: has a Dockerfile, and so has the template","code":400,"details":"build a Dockerfile of your own as a source of type dockerfile"}
    GET /api/v1/build/0197a3c4-5d6e-7f80-9a1b-2c3d4e5f6071/status:  404 {"error":"Build not found","code":404,"details":"build not found"}
    GET /api/v1/build/..%2f..%2fx/status:  404 {"error":"Build not found","code":404,"details":"build not found"}
    POST /api/v1/builds: GET, HEAD 405 {"error":"this path does not know the method","code":405,"details":"this path takes GET, HEAD; see /docs"}
    DELETE /api/v1: GET, HEAD 405 {"error":"this path does not know the method","code":405,"details":"this path takes GET, HEAD; see /docs"}
    GET /api/v1/build/x/nothing:  404 {"error":"there is nothing at this path","code":404,"details":"see /docs for the paths there are"}
    GET /api/v1/builds?limit=0:  400 {"error":"limit: must be 1 to 200","code":400}
    GET /api/v1/builds?offset=-1:  400 {"error":"offset: must be a whole number that is not negative","code":400}
    "#);
}

#[tokio::test]
async fn bodies_as_they_come() {
    let server = Server::start().await;
    let as_a_form = server
        .request(Method::POST, PATH)
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(a_request(json!({"unknown": [1]})).to_string());
    assert_eq!(answer(as_a_form).await.status, 200);
    // Values that would end a line, a quote or a word in a Dockerfile are values.
    let odd = json!({
        "environment": {"A": "\"\nRUN touch /owned\n$(id) ${PATH} \\ `id` '"},
        "description": "it's \"quoted\"\nRUN id", "version": "${PATH}",
    });
    let id = build(&server, odd.clone()).await;
    let worker = Worker::start(&server).await;
    worker.claim().await;
    let spec = worker.claim().await.spec;
    assert_eq!(spec.args["SLIPWAY_ENV_A"], odd["environment"]["A"]);
    assert_eq!(spec.labels["description"], odd["description"]);
    let Source::Dockerfile { content, .. } = &spec.source else { panic!() };
    assert!(!content.contains("owned") && !content.contains("RUN id"), "{content}");
    assert_eq!(server.get(&format!("/api/v1/build/{id}/status")).await.status, 200);

    let large = submit(&server, json!({"description": "x".repeat(20 << 20)})).await;
    // Malformed, it could be anybody's: boatyard's envelope.
    let cut = server.post(PATH, r#"{"model_version": "nodejs""#).await;
    insta::assert_snapshot!([large.line(), cut.line()].join("\n"), @r#"
    413 {"error":"the body is larger than 2097152 bytes","code":413}
    400 {"Error":"the body is no JSON object: EOF while parsing an object at line 1 column 26"}
    "#);
}

#[tokio::test]
async fn both_owners_of_one_path() {
    let server = Server::start().await;
    let boatyard = json!({"image_name": "app", "dockerfile": "FROM scratch\n", "tag": "1"});
    let boatyard = server.post(PATH, boatyard.to_string()).await;
    let job = boatyard.json()["JobIdentifier"].as_str().unwrap().to_owned();
    let ours = build(&server, json!({})).await;
    // Each sees the other's, in its own words.
    let mut table = vec![
        server.get(&format!("/api/v1/{ours}/status")).await.line(),
        masked(&server.get(&format!("/api/v1/build/{job}/status")).await.text),
    ];
    table.push(masked(&server.get("/api/v1/builds").await.text));
    insta::assert_snapshot!(table.join("\n"), @r#"
    200 {"Status":"Building"}
    {"build_id":"[id]","completed_at":null,"image_name":"app:latest","logs":[],"message":"Build is waiting","started_at":"[time]","status":"pending"}
    {"builds":[{"build_id":"[id]","completed_at":null,"image_name":"my-app:latest","logs":[],"message":"Build is waiting; no registry is named, so the image will stay on the Docker host","started_at":"[time]","status":"pending"},{"build_id":"[id]","completed_at":null,"image_name":"app:latest","logs":[],"message":"Build is waiting","started_at":"[time]","status":"pending"}],"total":2}
    "#);
}

#[tokio::test]
async fn lists_newest_first() {
    let server = Server::start().await;
    let empty = server.get("/api/v1/builds").await;
    assert_eq!(empty.line(), r#"200 {"builds":[],"total":0}"#);
    for number in 0..5 {
        build(&server, json!({"tag": number.to_string()})).await;
    }
    let shown = async |query: &str| {
        let list = server.get(&format!("/api/v1/builds{query}")).await.json();
        let tags: Vec<String> = list["builds"]
            .as_array()
            .unwrap()
            .iter()
            .map(|build| build["image_name"].as_str().unwrap().replace("my-app:", ""))
            .collect();
        format!("{} of {}", tags.join(" "), list["total"])
    };
    assert_eq!(shown("").await, "4 3 2 1 0 of 5");
    assert_eq!(shown("?limit=2").await, "4 3 of 5");
    assert_eq!(shown("?limit=2&offset=3&_=1700000000").await, "1 0 of 5");
    assert_eq!(shown("?offset=9").await, " of 5");
}

#[tokio::test]
async fn a_long_log_whole_and_in_a_list() {
    let server = Server::start().await;
    let id = build(&server, json!({})).await;
    let worker = Worker::start(&server).await;
    let lease = worker.claim().await.lease;
    worker.advance(&lease, Stage::Building).await;
    let mut expected = Vec::new();
    for n in 0..300 {
        let text = format!("{n} \u{1b}[31m\"ü\\{}", "y".repeat(10_000));
        worker.say(&lease, &[line(&format!("{text}\n"))]).await;
        expected.push(Value::from(text));
    }
    let whole = server.get(&format!("/api/v1/build/{id}/status")).await.json();
    let logs = whole["logs"].as_array().unwrap();
    assert!(logs.ends_with(&expected), "{} lines", logs.len());
    let list = server.get("/api/v1/builds").await.json();
    let end = list["builds"][0]["logs"].as_array().unwrap();
    assert!(expected.ends_with(end) && !end.is_empty() && end.len() <= 100, "{}", end.len());
}

#[tokio::test]
async fn what_it_is_and_how_it_is() {
    let server = Server::start().await;
    let index = server.get("/api/v1").await;
    assert_eq!(index.status, 200);
    insta::assert_json_snapshot!(index.json(), {".version" => "[version]"}, @r#"
    {
      "description": "Builds Docker images from templates",
      "endpoints": {
        "GET /": "Information about the API",
        "GET /api/v1": "Information about the API",
        "GET /api/v1/build/{id}/status": "Status and log of a build",
        "GET /api/v1/builds": "All builds, newest first",
        "GET /health": "Health of the service",
        "POST /api/v1/build": "Start a build from a template or a repository"
      },
      "name": "Docker Image Builder API",
      "supported_model_versions": [
        "nodejs",
        "python-fastapi",
        "python-flask"
      ],
      "version": "[version]"
    }
    "#);
    let for_json = server.request(Method::GET, "/").header("Accept", "application/json, */*");
    assert_eq!(answer(for_json).await.json(), index.json());
    assert!(server.get("/").await.text.starts_with("This is Slipway"));
    crate::worker::report(&server, &crate::worker::a_host("a")).await;
    let health = server.get("/health").await.json();
    assert_eq!(health["status"], "healthy");
    assert_eq!(health["service"], "docker-image-builder");
}

#[tokio::test]
async fn from_a_repository() {
    let server = Server::with_templates(&with_registry("r.example")).await;
    let worker = Worker::start(&server).await;
    let accepted = server
        .post(
            PATH,
            json!({
                "image_name": "my-app", "tag": "2", "description": "it's mine",
                "repourl": "https://git.example/team/app.git",
                "repousername": "me", "repopassword": "hunter2",
            })
            .to_string(),
        )
        .await;
    assert_eq!(accepted.json()["message"], "Build started", "{accepted:?}");
    assert_eq!(accepted.json()["image_name"], "r.example/my-app:2");
    let claimed = worker.claim().await;
    let login = claimed.secrets.source.login.as_ref().unwrap();
    assert_eq!((login.username.as_str(), login.password.expose()), ("me", "hunter2"));
    assert_eq!(claimed.spec.labels["description"], "it's mine");
    let Source::Git { url, .. } = &claimed.spec.source else { panic!() };
    assert_eq!(url.as_str(), "https://git.example/team/app.git");

    let token = json!({
        "image_name": "my-app", "repourl": "https://git.example/a.git", "repopassword": "t0ken",
    });
    assert_eq!(server.post(PATH, token.to_string()).await.status, 200);
    let claimed = worker.claim().await;
    assert_eq!(claimed.spec.image.to_string(), "r.example/my-app:latest");
    assert_eq!(claimed.secrets.source.token.unwrap().expose(), "t0ken");

    let mut table = Vec::new();
    for body in [
        json!({"repourl": "https://git.example/a.git"}),
        json!({"image_name": "a", "repourl": ""}),
        json!({"image_name": "A", "repourl": "https://git.example/a.git"}),
        json!({"image_name": "a", "tag": "b c", "repourl": "https://git.example/a.git"}),
        json!({"image_name": "a", "repourl": "file:///etc"}),
        json!({"image_name": "a", "repourl": "ext::sh -c id"}),
        json!({"image_name": "a", "repourl": "https://git.example/a.git", "repousername": "me"}),
        json!({"image_name": "a", "repourl": "https://u:p@git.example/a.git",
            "repousername": "me", "repopassword": "hunter2"}),
        json!({"image_name": "a", "repourl": "git@git.example:a.git", "repopassword": "hunter2"}),
    ] {
        let refused = server.post(PATH, body.to_string()).await;
        assert!(!refused.text.contains("hunter2"), "{refused:?}");
        table.push(refused.line());
    }
    insta::assert_snapshot!(table.join("\n"), @r#"
    400 {"error":"image_name and repourl are required","code":400}
    400 {"error":"image_name and repourl are required","code":400}
    400 {"error":"image_name: has capitals in \"A\"; repositories are lower-case","code":400}
    400 {"error":"tag: has the tag \"b c\"; a tag is 1 to 128 of a-z, A-Z, 0-9, underscore, dot and hyphen, and begins with none of the last two","code":400}
    400 {"error":"repourl: is of another kind than https, http or ssh","code":400,"details":"write it as https://host/path.git, ssh://git@host/path.git or git@host:path"}
    400 {"error":"repourl: is of another kind than https, http or ssh","code":400,"details":"write it as https://host/path.git, ssh://git@host/path.git or git@host:path"}
    400 {"error":"repopassword: is missing beside the username","code":400}
    400 {"error":"repourl: has a login, and there is another beside it","code":400}
    400 {"error":"repourl: is by ssh, which takes a key, not a password","code":400,"details":"write the address as https://…"}
    "#);
}

#[tokio::test]
async fn by_the_native_api() {
    let server = Server::start().await;
    let list = server.get("/api/v2/templates").await;
    assert_eq!(list.status, 200);
    insta::assert_json_snapshot!(list.json()["templates"][2], @r#"
    {
      "base_image": "python:3.11-slim",
      "description": "A web application with Flask: app.py has the variable app, gunicorn serves it",
      "files": [
        "app.py",
        "requirements.txt"
      ],
      "name": "python-flask",
      "port": 5000
    }
    "#);

    let from = |source: Value| json!({"source": source, "args": {"X": "1"}});
    let path = server
        .submitted(from(json!({
            "type": "template", "name": "nodejs", "environment": {"A": "b"},
            "files": {"server.js": "// mine\n", "lib/a.js": ""},
        })))
        .await;
    let shown = server.get(&path).await.json();
    assert_eq!(shown["source"], json!({"type": "template", "name": "nodejs", "files": 3}));
    let worker = Worker::start(&server).await;
    let spec = worker.claim().await.spec;
    assert_eq!(spec.args, [("SLIPWAY_ENV_A".into(), "b".into()), ("X".into(), "1".into())].into());

    let mut table = Vec::new();
    for source in [
        json!({"type": "template"}),
        json!({"type": "template", "name": "cobol"}),
        json!({"type": "template", "name": "../nodejs"}),
        json!({"type": "template", "name": "nodejs", "content": "FROM scratch"}),
        json!({"type": "template", "name": "nodejs", "environment": {"A": 1}}),
        json!({"type": "template", "name": "nodejs", "environment": {"1A": ""}}),
        json!({"type": "template", "name": "nodejs", "files": {"a/../../b": ""}}),
    ] {
        table.push(server.submit(from(source)).await.line());
    }
    let secret = json!({"type": "template", "name": "nodejs", "environment": {"DB_PASSWORD": "x"}});
    table.push(server.submit(from(secret)).await.json()["warnings"].to_string());
    insta::assert_snapshot!(table.join("\n"), @r#"
    400 {"error":{"code":"invalid_field","message":"is missing","field":"source.name"}}
    400 {"error":{"code":"invalid_field","message":"is no template","field":"source.name","hint":"the templates are nodejs, python-fastapi, python-flask"}}
    400 {"error":{"code":"invalid_field","message":"is no template","field":"source.name","hint":"the templates are nodejs, python-fastapi, python-flask"}}
    400 {"error":{"code":"unknown_field","message":"there is no such field","field":"source.content","hint":"the fields are type, name, environment, files"}}
    400 {"error":{"code":"invalid_field","message":"must be a string, not an integer","field":"source.environment.A"}}
    400 {"error":{"code":"invalid_field","message":"has a name that is none of a variable","field":"source.environment","hint":"a name is 1 to 128 letters, digits and underscores, and begins with no digit"}}
    400 {"error":{"code":"invalid_field","message":"has \"a/../../b\", which leaves the build context","field":"source.files"}}
    [{"field":"source.environment.DB_PASSWORD","hint":"give it to the container when it starts","message":"looks like a secret; the environment stays in the image, for everybody who can pull it"}]
    "#);
}

#[tokio::test]
async fn a_template_of_the_operator() {
    let folder = tempfile::tempdir().unwrap();
    let shell = folder.path().join("shell");
    std::fs::create_dir_all(shell.join("context")).unwrap();
    let manifest = "description = \"A script\"\nbase_image = \"debian:12\"\n";
    std::fs::write(shell.join("template.toml"), manifest).unwrap();
    let dockerfile = "FROM {{base_image}}\nCOPY run /\n{{environment}}\nCMD [\"/run\"]\n";
    std::fs::write(shell.join("Dockerfile"), dockerfile).unwrap();
    std::fs::write(shell.join("context/run"), "#!/bin/sh\n").unwrap();
    std::fs::create_dir(folder.path().join("broken")).unwrap();
    let settings =
        TemplateSettings { folder: Some(folder.path().to_owned()), ..TemplateSettings::default() };
    let server = Server::with_templates(&settings).await;
    let broken = server.api.templates.broken();
    assert_eq!((broken.len(), broken[0].folder.as_str()), (1, "broken"));
    let known = server.get("/api/v1").await.json()["supported_model_versions"].clone();
    assert_eq!(known, json!(["nodejs", "python-fastapi", "python-flask", "shell"]));
    build(&server, json!({"model_version": "shell"})).await;
    assert_eq!(submit(&server, json!({"model_version": "broken"})).await.status, 400);
}
