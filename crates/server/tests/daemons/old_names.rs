//! A deployment of an older service, started as it is.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use slipway_test_support::certificates::{Authority, Valid};
use slipway_test_support::port::Port;
use tokio::process::Command;

use crate::cluster::SLIPWAYD;

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

#[tokio::test]
async fn what_its_variables_are_now_is_shown_and_no_secret_of_them() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "slipway.toml", "[worker]\nconcurrency = 2\n");
    let shown = Command::new(SLIPWAYD)
        .args(["config", "--config", "slipway.toml"])
        .current_dir(folder.path())
        .env_clear()
        .envs([
            ("PORT", ":9000"),
            ("CACHE_PASSWORD", "hunter2"),
            ("S3_BUCKET", "sources"),
            ("S3_ACCESS_KEY", "AKIA"),
            ("S3_SECRET_KEY", "hunter2"),
            (
                "EXTRA_DOCKER_REGISTRY_CONFIG",
                r#"{"r.example": {"username": "u", "password": "hunter2"}}"#,
            ),
            ("EXTRA_BUILD_ARGS", r#"{"NPM_TOKEN": "hunter2"}"#),
            ("TIMEOUT_IN_MS", "60000"),
            ("SLIPWAY__BUILD__TIMEOUT_SECONDS", "30"),
            ("MAXIMUM_PARALLEL_BUILDS", "16"),
        ])
        .output()
        .await
        .unwrap();
    let said = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.status.success(), "{}", String::from_utf8_lossy(&shown.stderr));
    assert!(!said.contains("hunter2"), "{said}");
    for line in [
        "# PORT is understood as http.listen = \"0.0.0.0:9000\"\n",
        "# S3_BUCKET is understood as blobs.url = \"s3://sources\"\n",
        "# CACHE_PASSWORD is understood as nothing",
        "\nlisten = \"0.0.0.0:9000\"\n",
        "\nurl = \"s3://sources\"\n",
        "\n[registries.\"r.example\"]\nusername = \"u\"\n",
        // Under their own names, in a variable and in the file.
        "\ntimeout_seconds = 30\n",
        "\nconcurrency = 2\n",
    ] {
        assert!(said.contains(line), "{line:?}: {said}");
    }
    assert!(!said.contains("TIMEOUT_IN_MS") && !said.contains("MAXIMUM_PARALLEL"), "{said}");
}

#[tokio::test]
async fn generators_folder_and_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new().unwrap();
    let pair = authority.for_server("127.0.0.1", Valid::Always).unwrap();
    write(folder.path(), "ca.pem", authority.pem());
    write(folder.path(), "cert/g.crt", &pair.cert);
    write(folder.path(), "cert/g.key", &pair.key);
    write(folder.path(), "conf/pool.json", r#"{"docker": [{"url": "127.0.0.1", "port": "1"}]}"#);
    let conf = "listenmode = https\nhttpscertfile = cert/g.crt\nhttpskeyfile = cert/g.key\n\
                [db]\npasswd = hunter2\n[generator]\ngenurl = registry.example\n";
    write(folder.path(), "conf/runtime.conf", conf);
    let port = Port::keep().unwrap();
    let log = std::fs::File::create(folder.path().join("log")).unwrap();
    let _daemon = Command::new(SLIPWAYD)
        .args(["web", "--address", "127.0.0.1", "--port", &port.number().to_string()])
        .current_dir(folder.path())
        .env_clear()
        .stdin(Stdio::null())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let said = || std::fs::read_to_string(folder.path().join("log")).unwrap();
    let submit = format!(
        "https://{}/b1/build/?imagename=team/app&dockerfile=RlJPTSBzY3JhdGNoCg",
        port.address()
    );
    let mut id = String::new();
    for _ in 0..1800 {
        let answer = Command::new("curl")
            .args(["-sSf", "--cacert", "ca.pem", &submit])
            .current_dir(folder.path())
            .output()
            .await
            .unwrap();
        if answer.status.success() {
            id = String::from_utf8(answer.stdout).unwrap();
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(id.len(), 32, "{id}: {}", said());
    let build = Command::new("curl")
        .args(["-sSf", "--cacert", "ca.pem"])
        .arg(format!("https://{}/api/v2/builds/{id}", port.address()))
        .current_dir(folder.path())
        .output()
        .await
        .unwrap();
    let build: serde_json::Value = serde_json::from_slice(&build.stdout).unwrap();
    assert_eq!(build["image"], "registry.example/team/app:latest", "{build:#}");
    let said = said();
    for name in [
        "conf/pool.json is understood as docker.hosts with tcp://127.0.0.1:1",
        "conf/runtime.conf httpscertfile is understood as http.tls_cert",
        "conf/runtime.conf httpskeyfile is understood as http.tls_key",
        "conf/runtime.conf genurl is understood as dialects.default_registry",
        "conf/runtime.conf [db] is understood as nothing",
        "web --address --port is understood as http.listen",
    ] {
        assert_eq!(said.matches(name).count(), 1, "{name}: {said}");
    }
    assert!(!said.contains("hunter2"), "{said}");
}
