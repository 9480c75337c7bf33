//! Images from templates: that their applications run, and that values stay values.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use slipway_test_support::engine::{Kind, PrivateEngine};
use slipway_test_support::env;
use tokio::process::Command;

use crate::stack::{Stack, digest_in_registry, engine_socket, one_host, remove_image, unique};

const BASE: &str = "template-base:1";

/// One engine, one base image, three applications: pip and npm fetch what they need, so this
/// is the one story here that needs the outside.
#[tokio::test(flavor = "multi_thread")]
async fn each_application_runs_and_says_that_it_is_well() {
    let engine = PrivateEngine::start(Kind { outbound: true, ..Kind::default() }).await.unwrap();
    make_base(&engine).await;
    let bases = ["nodejs", "python-fastapi", "python-flask"].map(|n| format!("{n} = \"{BASE}\"\n"));
    let settings =
        format!("{}[templates.base_images]\n{}", one_host(&engine.url()), bases.concat());
    let stack = Stack::with(&settings).await;
    let run = unique();
    let applications = [("python-flask", 5000), ("python-fastapi", 8000), ("nodejs", 3000)];
    let builds = applications.map(|(template, _)| {
        let request = json!({
            "model_version": template, "version": "1.0.0", "name": format!("{run}/{template}"),
            "tag": "1", "environment": {"GREETING": "it's \"well\""},
        });
        let stack = &stack;
        async move { fetched_and_built(stack, &request).await }
    });
    let builds = futures::future::join_all(builds).await;
    for ((template, port), done) in applications.into_iter().zip(builds) {
        let message = done["message"].as_str().unwrap();
        assert!(message.ends_with("is not pushed, it stays on the Docker host a"), "{message}");
        let logs = done["logs"].as_array().unwrap();
        assert!(logs.iter().any(|line| line.as_str().unwrap().starts_with("Step 1/")), "{logs:#?}");

        let image = done["image_name"].as_str().unwrap();
        let config = config_of(&engine.socket(), image).await;
        assert_ne!(config["User"], "", "{template} runs as root");
        assert!(config["Env"].as_array().unwrap().contains(&"GREETING=it's \"well\"".into()));
        assert!(!config["ExposedPorts"][format!("{port}/tcp")].is_null(), "{config:#}");
        let health = health_of(&engine.socket(), image, port).await;
        assert_eq!(health, json!({"status": "healthy"}), "{template}");
    }
}

/// What could end a line, a quote or a word of a Dockerfile, through either builder.
#[tokio::test(flavor = "multi_thread")]
async fn values_arrive_as_they_are() {
    let odd = "\"\nRUN touch /owned\n' $(id) `id` ${PATH} $HOME \\ \\\" \\n <<EOF # {{port}} ü";
    for builder in ["buildkit", "classic"] {
        let folder = tempfile::tempdir().unwrap();
        let shell = folder.path().join("shell");
        std::fs::create_dir_all(&shell).unwrap();
        let manifest = format!("description = \"d\"\nbase_image = \"{}\"\n", env::base_image());
        std::fs::write(shell.join("template.toml"), manifest).unwrap();
        let dockerfile = "FROM {{base_image}}\n{{build_args}}\nRUN echo \"$GIVEN\" >/given\n\
                          {{environment}}\nRUN echo \"$ODD\" >/odd\n";
        std::fs::write(shell.join("Dockerfile"), dockerfile).unwrap();
        let settings = format!(
            "{}builder = \"{builder}\"\n[templates]\nfolder = \"{}\"\n",
            one_host(&env::docker_host()),
            folder.path().display(),
        );
        let stack = Stack::with(&settings).await;
        let request = json!({
            "model_version": "shell", "version": odd, "name": format!("stories/{}", unique()),
            "tag": "1", "description": odd, "environment": {"ODD": odd, "EMPTY": ""},
            "build_args": {"GIVEN": odd},
        });
        let id = submit(&stack, &request).await;
        let done = ended(&stack, &id).await;
        assert_eq!(done["status"], "success", "{builder}: {done:#}");
        let image = done["image_name"].as_str().unwrap();
        let config = config_of(&engine_socket(), image).await;
        let variables = config["Env"].as_array().unwrap();
        assert!(variables.contains(&format!("ODD={odd}").into()), "{builder}: {config:#}");
        assert!(variables.contains(&"EMPTY=".into()), "{builder}: {config:#}");
        for label in ["description", "version"] {
            assert_eq!(config["Labels"][label], odd, "{builder}");
        }
        remove_image(image).await;

        // With a registry in its name the image goes there, and from the host.
        let mut pushed = request;
        pushed["name"] = format!("{}/stories/{}", env::registry(), unique()).into();
        let pushed = submit(&stack, &pushed).await;
        let done = ended(&stack, &pushed).await;
        let image = done["image_name"].as_str().unwrap();
        let digest = digest_in_registry(&env::registry(), image).await.expect("a digest");
        let message = format!("Build completed; the image is pushed as {digest}");
        assert_eq!(done["message"], message, "{done:#}");
        stack.leaves_nothing(&[&id, &pushed]).await;
    }
}

/// Makes the image that stands in for the official ones of Python and Node.js.
async fn make_base(engine: &PrivateEngine) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dev/template-base.sh");
    let folder = tempfile::tempdir().unwrap();
    let made = Command::new(script)
        .args([&engine.url(), BASE])
        .arg(folder.path().join("root"))
        .output()
        .await
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

async fn submit(stack: &Stack, request: &Value) -> String {
    let url = format!("{}/api/v1/build", stack.daemon.url);
    let answer = stack.daemon.http.post(url).body(request.to_string()).send().await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    answer["build_id"].as_str().unwrap_or_else(|| panic!("not accepted: {answer:#}")).to_owned()
}

/// Builds what fetches from outside. A package registry may answer badly, or hold a connection
/// without a word for longer than any test waits, so a build gets a few minutes, and other tries.
async fn fetched_and_built(stack: &Stack, request: &Value) -> Value {
    const TRIES: usize = 4;
    const EACH: Duration = Duration::from_secs(200);
    let mut before = Vec::new();
    for _ in 0..TRIES {
        let id = submit(stack, request).await;
        let done = tokio::time::timeout(EACH, ended(stack, &id)).await;
        match done {
            Ok(done) if done["status"] == "success" => return done,
            Ok(done) => before.push(done),
            Err(_) => {
                before.push(stack.get(&format!("/api/v1/build/{id}/status")).await);
                stack.daemon.cancel(&id).await.unwrap();
            }
        }
    }
    panic!("no try came to its end: {before:#?}");
}

/// Polls as a client does until the build is over.
async fn ended(stack: &Stack, id: &str) -> Value {
    for _ in 0..900 {
        let status = stack.get(&format!("/api/v1/build/{id}/status")).await;
        if matches!(status["status"].as_str(), Some("success" | "failed")) {
            return status;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    panic!("build {id} does not end: {}", stack.daemon.log());
}

/// What an image says of how it is run.
async fn config_of(socket: &Path, image: &str) -> Value {
    let mut about = engine_json(socket, "GET", &format!("/images/{image}/json"), None).await;
    about["Config"].take()
}

/// Runs the image and asks its application how it is, until it answers.
async fn health_of(socket: &Path, image: &str, port: u16) -> Value {
    let create = json!({"Image": image}).to_string();
    let made = engine_json(socket, "POST", "/containers/create", Some(&create)).await;
    let id = made["Id"].as_str().unwrap_or_else(|| panic!("{made:#}")).to_owned();
    engine_json(socket, "POST", &format!("/containers/{id}/start"), None).await;
    let path = format!("/containers/{id}/json");
    for _ in 0..600 {
        let inspected = engine_json(socket, "GET", &path, None).await;
        let state = &inspected["State"];
        assert_eq!(state["Status"], "running", "{image}: {state:#}");
        let address = inspected["NetworkSettings"]["IPAddress"].as_str().unwrap();
        let url = format!("http://{address}:{port}/health");
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(5));
        if let Ok(answer) = client.build().unwrap().get(url).send().await {
            let health = answer.json().await.unwrap();
            let running = engine_json(socket, "GET", &format!("/containers/{id}/top"), None).await;
            for process in running["Processes"].as_array().unwrap() {
                assert_ne!(process[0], "root", "{running:#}");
            }
            engine_json(socket, "DELETE", &format!("/containers/{id}?force=1"), None).await;
            return health;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    panic!("{image} answers nothing at /health");
}

/// Asks the engine. An answer without a body is null.
async fn engine_json(socket: &Path, method: &str, path: &str, body: Option<&str>) -> Value {
    let mut curl = Command::new("curl");
    curl.args(["-sS", "-X", method, "--unix-socket"]).arg(socket);
    if let Some(body) = body {
        curl.args(["-H", "Content-Type: application/json", "-d", body]);
    }
    let output = curl.arg(format!("http://engine{path}")).output().await.unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}
