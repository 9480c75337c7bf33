//! The variables of buildshuttle.

use std::collections::BTreeMap;

use super::Old;
use crate::settings::docker_config::DockerConfig;
use crate::settings::{SettingsError, invalid};

pub(super) fn apply(old: &mut Old<'_>) -> Result<(), SettingsError> {
    bucket(old)?;
    extra_args(old)?;
    logins(old)?;
    timeout(old)?;
    no_cache(old)?;
    topic(old);
    at_once(old)
}

/// `S3_BUCKET` and its companions. Which of them are secret is for `[blobs]` to know.
fn bucket(old: &mut Old<'_>) -> Result<(), SettingsError> {
    let Some(name) = old.variable_for("S3_BUCKET", "blobs.url") else { return Ok(()) };
    let url = if name.contains("://") { name.clone() } else { format!("s3://{name}") };
    old.understood("S3_BUCKET", format!("blobs.url = {url:?}"));
    old.settings.blobs.url = Some(url);
    if let Some(key) = old.variable_for("S3_ACCESS_KEY", "blobs.access_key_id") {
        old.settings.blobs.access_key_id = Some(key);
        old.understood("S3_ACCESS_KEY", "blobs.access_key_id");
    }
    if let Some(key) = old.variable_for("S3_SECRET_KEY", "blobs.secret_access_key") {
        old.settings.blobs.secret_access_key = Some(key.into());
        old.understood("S3_SECRET_KEY", "blobs.secret_access_key");
    }
    if let Some(region) = old.variable_for("S3_REGION", "blobs.region") {
        old.understood("S3_REGION", format!("blobs.region = {region:?}"));
        old.settings.blobs.region = Some(region);
    }
    if let Some(location) = old.variable_for("S3_LOCATION", "blobs.endpoint") {
        match endpoint(&location, &name) {
            Some(endpoint) => {
                old.understood("S3_LOCATION", format!("blobs.endpoint = {endpoint:?}"));
                old.settings.blobs.endpoint = Some(endpoint);
            }
            None => old.understood("S3_LOCATION", "nothing: that is where AWS has it"),
        }
    }
    Ok(())
}

/// The server behind a bucket's address, as `https://bucket.s3.example`, with or without the
/// scheme, the bucket and a path. AWS's own is known without it.
fn endpoint(location: &str, bucket: &str) -> Option<String> {
    let (scheme, rest) = location.trim().split_once("://").unwrap_or(("https", location.trim()));
    let host = rest.split('/').next().unwrap_or_default();
    let host = host.strip_prefix(&format!("{bucket}.")).unwrap_or(host);
    let name = host.split(':').next().unwrap_or_default();
    let is_server = !name.ends_with("amazonaws.com") && (name.contains('.') || host.contains(':'));
    is_server.then(|| format!("{scheme}://{host}"))
}

fn extra_args(old: &mut Old<'_>) -> Result<(), SettingsError> {
    const NAME: &str = "EXTRA_BUILD_ARGS";
    let Some(json) = old.variable(NAME) else { return Ok(()) };
    let args: BTreeMap<String, String> = serde_json::from_str(&json).map_err(|_| {
        invalid(NAME, "is no JSON object of texts, such as {\"HTTP_PROXY\": \"…\"}")
    })?;
    for (name, value) in args {
        old.settings.build.extra_args.entry(name).or_insert(value);
    }
    old.understood(NAME, "build.extra_args");
    Ok(())
}

/// Logins by registry, or, as in Docker's own file, below `auths`.
fn logins(old: &mut Old<'_>) -> Result<(), SettingsError> {
    const NAME: &str = "EXTRA_DOCKER_REGISTRY_CONFIG";
    let Some(json) = old.variable(NAME) else { return Ok(()) };
    let found = DockerConfig::of_logins(&json).map_err(|problem| invalid(NAME, problem))?;
    let names: Vec<String> = found.logins.keys().map(ToString::to_string).collect();
    old.settings.registries.add(found.logins)?;
    old.understood(NAME, format!("[registries] {}", names.join(", ")));
    Ok(())
}

fn timeout(old: &mut Old<'_>) -> Result<(), SettingsError> {
    const NAME: &str = "TIMEOUT_IN_MS";
    let Some(text) = old.variable_for(NAME, "build.timeout_seconds") else { return Ok(()) };
    let ms: u64 = number(NAME, &text)?;
    old.settings.build.timeout_seconds = ms.div_ceil(1000);
    let now = format!("build.timeout_seconds = {}", old.settings.build.timeout_seconds);
    old.understood(NAME, now);
    Ok(())
}

fn no_cache(old: &mut Old<'_>) -> Result<(), SettingsError> {
    const NAME: &str = "NO_CACHE";
    let Some(text) = old.variable_for(NAME, "build.no_cache") else { return Ok(()) };
    let no_cache = match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" => true,
        "false" | "0" => false,
        _ => return Err(invalid(NAME, "must be true or false")),
    };
    old.settings.build.no_cache = no_cache;
    old.understood(NAME, format!("build.no_cache = {no_cache}"));
    Ok(())
}

fn topic(old: &mut Old<'_>) {
    const NAME: &str = "KAFKA_TOPIC";
    if let Some(topic) = old.variable_for(NAME, "dialects.kafka_topic") {
        old.understood(NAME, format!("dialects.kafka_topic = {topic:?}"));
        old.settings.dialects.kafka_topic = topic;
    }
}

fn at_once(old: &mut Old<'_>) -> Result<(), SettingsError> {
    const NAME: &str = "MAXIMUM_PARALLEL_BUILDS";
    let Some(text) = old.variable_for(NAME, "worker.concurrency") else { return Ok(()) };
    let builds: u32 = number(NAME, &text)?;
    old.settings.worker.concurrency = builds;
    old.understood(NAME, format!("worker.concurrency = {builds}"));
    Ok(())
}

fn number<N: std::str::FromStr + Default + PartialEq>(
    name: &str,
    text: &str,
) -> Result<N, SettingsError> {
    let number = text.trim().parse::<N>().ok().filter(|number| *number != N::default());
    number.ok_or_else(|| invalid(name, "must be a whole number from 1 on"))
}

#[cfg(test)]
mod tests {
    use super::super::tests::applied;
    use super::*;

    const ARGS: &str =
        r#"{"HTTP_PROXY": "http://u:hunter2@proxy:3128", "NPM_TOKEN": "hunter2", "V": "1"}"#;
    const LOGINS: &str = r#"{"harbor.example": {"username": "odo", "password": "hunter2"}}"#;

    #[test]
    fn all_of_them() {
        let (settings, told) = applied(
            &[
                ("PORT", "9000"),
                ("S3_BUCKET", "sources"),
                ("S3_ACCESS_KEY", "AKIA"),
                ("S3_SECRET_KEY", "hunter2"),
                ("S3_LOCATION", "https://sources.s3.example:9000/"),
                ("S3_REGION", "us-west-2"),
                ("EXTRA_BUILD_ARGS", ARGS),
                ("EXTRA_DOCKER_REGISTRY_CONFIG", LOGINS),
                ("TIMEOUT_IN_MS", "1200001"),
                ("NO_CACHE", "true"),
                ("KAFKA_TOPIC", "logs"),
                ("MAXIMUM_PARALLEL_BUILDS", "4"),
            ],
            &[],
            &[],
        )
        .unwrap();
        insta::assert_snapshot!(told.join("\n"), @r#"
        PORT is understood as http.listen = "0.0.0.0:9000"
        S3_BUCKET is understood as blobs.url = "s3://sources"
        S3_ACCESS_KEY is understood as blobs.access_key_id
        S3_SECRET_KEY is understood as blobs.secret_access_key
        S3_REGION is understood as blobs.region = "us-west-2"
        S3_LOCATION is understood as blobs.endpoint = "https://s3.example:9000"
        EXTRA_BUILD_ARGS is understood as build.extra_args
        EXTRA_DOCKER_REGISTRY_CONFIG is understood as [registries] harbor.example
        TIMEOUT_IN_MS is understood as build.timeout_seconds = 1201
        NO_CACHE is understood as build.no_cache = true
        KAFKA_TOPIC is understood as dialects.kafka_topic = "logs"
        MAXIMUM_PARALLEL_BUILDS is understood as worker.concurrency = 4
        "#);
        let access = settings.blobs.access();
        assert_eq!(access.access_key_id.as_deref(), Some("AKIA"));
        assert_eq!(access.secret_access_key.unwrap().expose(), "hunter2");
        let logins = settings.logins().unwrap();
        let (registry, login) = logins.iter().next().unwrap();
        assert_eq!(registry.as_str(), "harbor.example");
        assert_eq!((login.username.as_str(), login.password.expose()), ("odo", "hunter2"));
        assert_eq!(settings.build.extra_args["NPM_TOKEN"], "hunter2");
        let shown = settings.as_toml().unwrap();
        for line in ["HTTP_PROXY = \"http://u:***@proxy:3128\"", "NPM_TOKEN = \"***\"", "V = \"1\""]
        {
            assert!(shown.contains(line), "{shown}");
        }
        assert!(settings.build.no_cache);
        assert_eq!(settings.dialects.kafka_topic, "logs");
        assert_eq!((settings.build.timeout_seconds, settings.worker.concurrency), (1201, 4));
    }

    #[test]
    fn settings_win() {
        let variables = [
            ("S3_BUCKET", "sources"),
            ("S3_SECRET_KEY", "hunter2"),
            ("TIMEOUT_IN_MS", "1000"),
            ("NO_CACHE", "1"),
            ("MAXIMUM_PARALLEL_BUILDS", "1"),
        ];
        let given = ["blobs.url", "build.timeout_seconds", "build.no_cache", "worker.concurrency"];
        let (settings, told) = applied(&variables, &[], &given).unwrap();
        assert!(told.is_empty(), "{told:?}");
        assert!(settings.blobs.url.is_none() && settings.blobs.secret_access_key.is_none());
    }

    #[test]
    fn what_is_wrong_is_named_and_not_quoted() {
        for (name, value) in [
            ("EXTRA_BUILD_ARGS", "hunter2"),
            ("EXTRA_BUILD_ARGS", r#"{"A": ["hunter2"]}"#),
            ("EXTRA_DOCKER_REGISTRY_CONFIG", "hunter2"),
            ("EXTRA_DOCKER_REGISTRY_CONFIG", r#"{"r.example": "hunter2"}"#),
            ("EXTRA_DOCKER_REGISTRY_CONFIG", r#"["hunter2"]"#),
            ("TIMEOUT_IN_MS", "20 minutes"),
            ("TIMEOUT_IN_MS", "0"),
            ("NO_CACHE", "perhaps"),
            ("MAXIMUM_PARALLEL_BUILDS", "0"),
            ("MAXIMUM_PARALLEL_BUILDS", "-1"),
        ] {
            let problem = applied(&[(name, value)], &[], &[]).unwrap_err();
            assert!(problem.starts_with(&format!("settings: {name}: ")), "{problem}");
            assert!(!problem.contains("hunter2"), "{problem}");
        }
    }

    #[test]
    fn where_a_bucket_is() {
        let of = |location: &str| endpoint(location, "b");
        for aws in ["s3.amazonaws.com", "https://b.s3.us-west-2.amazonaws.com/", "us-west-2", ""] {
            assert_eq!(of(aws), None, "{aws}");
        }
        assert_eq!(of("minio:9000").as_deref(), Some("https://minio:9000"));
        assert_eq!(of("https://s3.example/b").as_deref(), Some("https://s3.example"));
        assert_eq!(of("b.s3.example").as_deref(), Some("https://s3.example"));
    }
}
