//! Builds of buildshuttle's clients, from the request as curl sends it to the image that is
//! pulled elsewhere and run.

mod kafka;
mod stories;
mod told;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use serde_json::{Value, json};
use slipway_test_support::{archives, env};
use tokio::process::Command;

use crate::stack::{Stack, one_host, unique};

const SECRET: &str = "hunter2 in an argument";

/// What a client runs: the status and the body.
async fn curl(stack: &Stack, arguments: &[&str], path: &str) -> (String, String) {
    let answered = Command::new("curl")
        .args(["-sS", "-w", "\n%{http_code}"])
        .args(arguments)
        .arg(format!("{}{path}", stack.daemon.url))
        .output()
        .await
        .unwrap();
    let answered = String::from_utf8(answered.stdout).unwrap();
    let (body, status) = answered.rsplit_once('\n').unwrap();
    (status.to_owned(), body.to_owned())
}

/// Sends a body from a file, as large ones are sent.
async fn post(stack: &Stack, path: &str, body: &Value) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("body.json");
    std::fs::write(&file, body.to_string()).unwrap();
    curl(stack, &["-d", &format!("@{}", file.display())], path).await
}

/// A context in a top folder, as archives of repositories have it.
fn context(dockerfile: &str) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, text) in [("web-main/Dockerfile", dockerfile), ("web-main/.profile", "x")] {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, path, text.as_bytes()).unwrap();
    }
    archives::gzip(&tar.into_inner().unwrap())
}

/// Two stages that say what they know of their arguments, which they do not declare.
fn undeclared() -> String {
    let (base, unique) = (env::base_image(), unique());
    format!(
        "# FROM a comment\nFROM {base} AS one\nRUN echo {unique} && \\\n  # FROM another\n  \
         echo \"one=$GREETING\" > /one && echo \"$SECRET\"\n  from {base}\n\
         COPY --from=one /one /one\nRUN printf '%s' \"two=$GREETING,$EXTRA,$dotted\" > /two\n\
         CMD [\"cat\", \"/one\", \"/two\"]\n"
    )
}

fn arguments() -> Value {
    json!({"GREETING": "several\nlines \"quoted\"", "SECRET": SECRET, "do.tted": "yes"})
}

const SAID: &str =
    "one=several\nlines \"quoted\"\ntwo=several\nlines \"quoted\",from the settings,yes";

fn settings() -> String {
    format!(
        "[build.extra_args]\nEXTRA = \"from the settings\"\nGREETING = \"not this\"\n{}",
        one_host(&env::docker_host())
    )
}

/// The newest build, once it is over.
async fn newest_over(stack: &Stack) -> Value {
    let builds = stack.get("/api/v2/builds?limit=1").await;
    let id = builds["builds"][0]["id"].as_str().unwrap().to_owned();
    stack.daemon.end(&id).await.unwrap()
}

/// Asks the second engine.
async fn engine(method: &str, path: &str, arguments: &[&str]) -> String {
    let url = env::second_docker_host();
    let socket = url.strip_prefix("unix://").expect("these tests need a unix socket");
    let output = Command::new("curl")
        .args(["-sS", "-X", method, "--unix-socket", socket])
        .args(arguments)
        .arg(format!("http://engine{path}"))
        .output()
        .await
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Pulls an image to another engine, runs it there, and gives what it says.
pub(crate) async fn pulled_and_run(image: &str, login: Option<(&str, &str)>) -> String {
    let auth =
        login.map_or(json!({}), |(user, password)| json!({"username": user, "password": password}));
    let auth = format!("X-Registry-Auth: {}", URL_SAFE.encode(auth.to_string()));
    let pulled = engine("POST", &format!("/images/create?fromImage={image}"), &["-H", &auth]).await;
    let body = json!({"Image": image, "Tty": true}).to_string();
    let made = engine(
        "POST",
        "/containers/create",
        &["-H", "Content-Type: application/json", "-d", &body],
    )
    .await;
    let made: Value = serde_json::from_str(&made).unwrap();
    let id = made["Id"].as_str().unwrap_or_else(|| panic!("{made}: {pulled}"));
    engine("POST", &format!("/containers/{id}/start"), &[]).await;
    engine("POST", &format!("/containers/{id}/wait"), &[]).await;
    let said = engine("GET", &format!("/containers/{id}/logs?stdout=1&stderr=1"), &[]).await;
    engine("DELETE", &format!("/containers/{id}?force=1"), &[]).await;
    engine("DELETE", &format!("/images/{image}"), &[]).await;
    // A terminal's ends of lines.
    said.replace("\r\n", "\n")
}
