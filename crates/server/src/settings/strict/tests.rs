use std::ffi::OsString;

use super::super::{Settings, SettingsError, layers};
use super::*;

fn read(toml: &str, variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("slipway.toml");
    std::fs::write(&file, toml).unwrap();
    let variables = variables.iter().map(|(name, text)| (OsString::from(name), text.into()));
    Ok(settings(layers::read(Some(&file), variables)?)?)
}

fn said(toml: &str) -> String {
    let said = read(toml, &[]).unwrap_err().to_string();
    assert!(!said.contains("hunter2"), "{said}");
    said.strip_prefix("settings: ").unwrap().to_owned()
}

fn said_of(name: &str, text: &str) -> String {
    let said = read("", &[(name, text)]).unwrap_err().to_string();
    assert!(!said.contains("hunter2"), "{said}");
    said.strip_prefix("settings: ").unwrap().to_owned()
}

#[test]
fn a_value_of_the_file_is_of_one_kind() {
    for (toml, words) in [
        ("http = 5", "http: must be a section headed [http], not a number"),
        ("[http]\nlisten = [1]", "http.listen: must be a text in quotes, not a list"),
        ("[http]\nlisten = 8080", "http.listen: must be a text in quotes, not a number"),
        ("[http]\nlisten = true", "http.listen: must be a text in quotes, not true"),
        ("[http]\ntls_key = 1", "http.tls_key: must be a text in quotes, not a number"),
        ("[secrets]\nkey = 12345", "secrets.key: must be a text in quotes, not a number"),
        ("[http]\ncors_origins = \"*\"", "http.cors_origins: must be a list in [ ], not this text"),
        (
            "[http]\ncors_origins = [\"*\", 5]",
            "the second of http.cors_origins: must be a text in quotes, not a number",
        ),
        (
            "[retention]\nbuilds_days = true",
            "retention.builds_days: must be a whole number, not true",
        ),
        (
            "[retention]\nbuilds_days = 7.0",
            "retention.builds_days: must be a whole number, not 7.0",
        ),
        (
            "[retention]\nbuilds_days = 7.9",
            "retention.builds_days: must be a whole number, not 7.9",
        ),
        (
            "[retention]\nbuilds_days = \"7\"",
            "retention.builds_days: must be a whole number, not this text",
        ),
        (
            "[retention]\nbuilds_days = \"\"",
            "retention.builds_days: must be a whole number, and is empty",
        ),
        (
            "[retention]\nbuilds_days = -1",
            "retention.builds_days: must be a whole number that is not negative",
        ),
        (
            "[retention]\nbuilds_days = 4294967296",
            "retention.builds_days: must be a whole number of at most 4294967295",
        ),
        (
            "[retention]\nbuilds_days = 1606938044258990275541962092341162602522202993782792835301376",
            "retention.builds_days: must be a whole number of at most 4294967295",
        ),
        (
            "[worker]\nlease_seconds = 18446744073709551616",
            "worker.lease_seconds: must be a whole number of at most 18446744073709551615",
        ),
        (
            "[worker]\nconcurrency = \"hunter2\"",
            "worker.concurrency: must be a whole number, not this text",
        ),
        (
            "[limits]\nallow_private_addresses = 2",
            "limits.allow_private_addresses: must be true or false, not 2",
        ),
        (
            "[limits]\nallow_private_addresses = 1",
            "limits.allow_private_addresses: must be true or false, not 1",
        ),
        (
            "[limits]\nallow_private_addresses = \"yes\"",
            "limits.allow_private_addresses: must be true or false, not this text",
        ),
        (
            "[limits]\nallow_loopback_addresses = \"true\"",
            "limits.allow_loopback_addresses: must be true or false, not this text",
        ),
        (
            "[build]\nextra_args = \"x\"",
            "build.extra_args: must be a table { NAME = \"value\" }, not this text",
        ),
        (
            "[build.extra_args]\n\"A.B\" = 1",
            "build.extra_args.\"A.B\": must be a text in quotes, not a number",
        ),
        (
            "[registries.\"r.example:5000\"]\nplain_http = \"no\"",
            "registries.\"r.example:5000\".plain_http: must be true or false, not this text",
        ),
        (
            "[registries.\"https://u:hunter2@r.example\"]\nplain_http = 0",
            "registries.\"https://u:***@r.example\".plain_http: must be true or false, not 0",
        ),
        (
            "[docker]\nhosts = 1",
            "docker.hosts: must be a list of tables, each headed [[docker.hosts]], not a number",
        ),
        (
            "[[triggers]]\nname = 1",
            "name in the first [[triggers]]: must be a text in quotes, not a number",
        ),
        (
            "triggers = [1]",
            "the first [[triggers]]: must be a section headed [[triggers]], not a number",
        ),
        (
            "[[triggers]]\nforge = 5",
            "forge in the first [[triggers]]: must be github, gitea or gitlab, not a number",
        ),
        (
            "[[triggers]]\nforge = \"sourcehut\"",
            "forge in the first [[triggers]]: must be github, gitea or gitlab",
        ),
        (
            "[[triggers]]\nforge = { github = 1 }",
            "forge in the first [[triggers]]: must be github, gitea or gitlab, not a table",
        ),
        (
            "[[triggers]]\nevents = \"push\"",
            "events in the first [[triggers]]: must be a list in [ ], not this text",
        ),
        (
            "[[triggers]]\nevents = [\"push\", \"tag\"]",
            "the second of events in the first [[triggers]]: must be push, release or pull_request",
        ),
        ("[secrets]\nold_keys = 5", "secrets.old_keys: must be a list of texts in [ ]"),
        (
            "[kafka]\nclusters = {}",
            "kafka.clusters: must be a list of tables, each headed [[kafka.clusters]], not a table",
        ),
    ] {
        assert_eq!(said(toml), words, "{toml}");
    }
}

#[test]
fn hosts_by_their_number() {
    let host = "[[docker.hosts]]\nname = \"a\"\nurl = \"unix:///a\"\n";
    for (toml, words) in [
        (
            "[[docker.hosts]]\nname = \"a\"".to_owned(),
            "url in the first [[docker.hosts]]: is missing",
        ),
        (
            format!("{host}{host}slots = -1"),
            "slots in the second [[docker.hosts]]: must be a whole number that is not negative",
        ),
        (
            format!("{host}builder = \"x\""),
            "builder in the first [[docker.hosts]]: must be auto, buildkit or classic",
        ),
        (
            format!("{host}builder = 1"),
            "builder in the first [[docker.hosts]]: must be auto, buildkit or classic, not a number",
        ),
        (
            format!("{host}plain_tcp = 1"),
            "plain_tcp in the first [[docker.hosts]]: must be true or false, not 1",
        ),
    ] {
        assert_eq!(said(&toml), words, "{toml}");
    }
}

#[test]
fn names_that_there_are_not() {
    for (toml, words) in [
        ("[nope]\na = 1", "there is no section nope; the sections are http, "),
        ("[http]\nlissten = 1", "there is no lissten in [http]; there are listen, "),
        (
            "[[docker.hosts]]\nname = \"a\"\nurl = \"u\"\nurrl = 1",
            "there is no urrl in the first [[docker.hosts]]; there are name, url, ",
        ),
        (
            "[registries.\"r.example\"]\nuser = \"u\"",
            "there is no user in [registries.\"r.example\"]; there are username, ",
        ),
    ] {
        let said = said(toml);
        assert!(said.starts_with(words), "{said}");
    }
    for (name, words) in [
        ("SLIPWAY__HTTP__LISSTEN", "there is no lissten in [http]; there are listen, "),
        ("SLIPWAY__NOPE__DEEP__DOWN", "there is no section nope; the sections are http, "),
        ("SLIPWAY__NOPE", "there is no section nope; the sections are http, "),
    ] {
        let said = said_of(name, "hunter2");
        assert!(said.starts_with(&format!("{name}: {words}")), "{said}");
    }
}

#[test]
fn a_variable_is_read_as_what_is_wanted_and_told_by_its_own_name() {
    let days = "SLIPWAY__RETENTION__BUILDS_DAYS";
    let private = "SLIPWAY__LIMITS__ALLOW_PRIVATE_ADDRESSES";
    for (name, text, words) in [
        (days, "many", "must be a whole number, not this text"),
        (days, "true", "must be a whole number, not this text"),
        (days, "7.0", "must be a whole number, not this text"),
        (days, "1e2", "must be a whole number, not this text"),
        (days, " 7", "must be a whole number, not this text"),
        (days, "", "must be a whole number, and is empty"),
        (days, "-1", "must be a whole number that is not negative"),
        (days, "4294967296", "must be a whole number of at most 4294967295"),
        (private, "yes", "must be true or false, not this text"),
        (private, "1", "must be true or false, not this text"),
        (private, "TRUE", "must be true or false, not this text"),
        (private, "", "must be true or false, and is empty"),
        (
            "SLIPWAY__LIMITS__ALLOWED_ADDRESSES",
            "10.0.0.0/8",
            "is a list, which the settings file can hold and no variable",
        ),
        (
            "SLIPWAY__HTTP",
            "hunter2",
            "holds more than one setting; the variable of one is SLIPWAY__HTTP__NAME",
        ),
        (
            "SLIPWAY__BUILD__EXTRA_ARGS",
            "{}",
            "holds more than one setting; the variable of one is SLIPWAY__BUILD__EXTRA_ARGS__NAME",
        ),
    ] {
        assert_eq!(said_of(name, text), format!("{name}: {words}"), "{text}");
    }
}

#[test]
fn a_variable_wins_over_the_file_and_a_text_stays_what_it_is() {
    let settings = read(
        "[retention]\nbuilds_days = 7\nlogs_to_blobs_days = 3\n[limits]\nallow_private_addresses = true",
        &[
            ("SLIPWAY__RETENTION__BUILDS_DAYS", "30"),
            ("SLIPWAY__LIMITS__ALLOW_PRIVATE_ADDRESSES", "false"),
            ("SLIPWAY__LIMITS__ALLOW_LOOPBACK_ADDRESSES", "true"),
            // A number to no one but a reader that guesses.
            ("SLIPWAY__BLOBS__SECRET_ACCESS_KEY", "0012e3"),
            ("SLIPWAY__BLOBS__REGION", "TRUE"),
            ("SLIPWAY__BLOBS__ENDPOINT", ""),
            ("SLIPWAYS__BLOBS__NOTHING", "of ours"),
            ("SLIPWAY_CONFIG", "neither"),
        ],
    )
    .unwrap();
    assert_eq!(settings.retention.builds_days, 30);
    assert_eq!(settings.retention.logs_to_blobs_days, 3);
    assert!(!settings.limits.allow_private_addresses);
    assert_eq!(settings.limits.allow_loopback_addresses, Some(true));
    assert_eq!(settings.blobs.secret_access_key.unwrap().expose(), "0012e3");
    assert_eq!(settings.blobs.region.as_deref(), Some("TRUE"));
    assert_eq!(settings.blobs.endpoint.as_deref(), Some(""));
}

#[test]
fn an_argument_s_name_is_spelled_as_it_is() {
    let settings = read(
        "[build.extra_args]\nFOO = \"file\"\nBAR = \"file\"",
        &[
            ("SLIPWAY__BUILD__EXTRA_ARGS__FOO", "variable"),
            ("slipway__build__extra_args__http_proxy", "http://proxy"),
            ("SLIPWAY__BUILD__NO_CACHE", "true"),
        ],
    )
    .unwrap();
    let args = settings.build.extra_args.iter().map(|(name, text)| format!("{name}={text}"));
    let args: Vec<String> = args.collect();
    assert_eq!(args, ["BAR=file", "FOO=variable", "http_proxy=http://proxy"]);
    assert!(settings.build.no_cache);
}

#[test]
fn a_variable_that_is_no_text() {
    use std::os::unix::ffi::OsStringExt as _;

    let name = OsString::from("SLIPWAY__SECRETS__KEY");
    let refused = layers::read(None, [(name, OsString::from_vec(b"hunter2\xff".to_vec()))]);
    let said = refused.unwrap_err().to_string();
    assert_eq!(said, "settings: SLIPWAY__SECRETS__KEY: is no text in UTF-8");
}

#[test]
fn a_variable_that_would_be_none_of_ours_is_not_passed_over() {
    for name in ["SLIPWAY_HTTP__LISTEN", "slipway_http__listen"] {
        let said = said_of(name, "hunter2");
        let words = format!("{name}: is no setting: settings begin with SLIPWAY__");
        assert!(said.starts_with(&words), "{said}");
    }
    // Others have variables of such names, and none of them takes it for a setting.
    read("", &[("SLIPWAY_REGISTRY", "x"), ("SLIPWAYS__X", "y"), ("X__SLIPWAY_", "z")]).unwrap();
}
