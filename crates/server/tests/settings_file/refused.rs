//! What a daemon refuses at its start without a word to anybody, `slipwayd config` refuses.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use crate::{config, slipwayd};

/// 32 bytes.
const KEY: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

/// What the daemons of one service share, but for the section that a test is about.
fn shared(but: &str) -> String {
    let sections = [
        ("[database]", "url = \"postgres://u:hunter2@127.0.0.1:1/x\"\n"),
        ("[queue]", "url = \"amqp://u:hunter2@127.0.0.1:1\"\n"),
        ("[blobs]", "url = \"file:///nowhere/slipway\"\n"),
        ("[secrets]", &*format!("key = \"{KEY}\"\n")),
    ]
    .map(|(heading, line)| (heading != but).then(|| format!("{heading}\n{line}")));
    sections.into_iter().flatten().collect()
}

/// The last line of what was said.
fn said(output: &Output) -> String {
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    said.lines().last().unwrap_or_default().to_owned()
}

/// A folder with a settings file, with files that are of no use, and with an empty folder.
fn folder(toml: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    std::fs::write(place.join("junk"), "hunter2").unwrap();
    std::fs::set_permissions(place.join("junk"), PermissionsExt::from_mode(0o600)).unwrap();
    std::fs::write(place.join("nothing"), "").unwrap();
    std::fs::write(place.join("open.key"), KEY).unwrap();
    std::fs::set_permissions(place.join("open.key"), PermissionsExt::from_mode(0o644)).unwrap();
    let toml = toml.replace("HERE", place.to_str().unwrap());
    std::fs::write(place.join("slipway.toml"), toml).unwrap();
    std::fs::create_dir(place.join("empty")).unwrap();
    folder
}

/// Both must refuse, in the same words, and leave nothing behind.
fn refuse_alike(role: &str, toml: &str, words: &str) {
    let folder = folder(toml);
    let file = folder.path().join("slipway.toml");
    let empty = folder.path().join("empty");
    let data = empty.join("data");
    let alone = ["--data-dir", data.to_str().unwrap()];
    let checked = slipwayd(&["config", "--role", role], Some(&file)).args(alone).output().unwrap();
    assert!(!checked.stdout.is_empty(), "the settings are printed all the same");
    let checked = said(&checked);
    assert!(checked.contains(words), "{role} {toml}: {checked}");
    assert!(!checked.contains("hunter2"), "{checked}");
    assert_eq!(std::fs::read_dir(&empty).unwrap().count(), 0, "{toml}");

    let mut daemon = slipwayd(&[role], Some(&file));
    if role == "standalone" {
        daemon.args(alone);
    }
    assert_eq!(said(&daemon.output().unwrap()), checked, "{role} {toml}");
}

#[test]
fn what_every_daemon_refuses() {
    for (section, lines, words) in [
        (
            "[database]",
            "url = \"postgres://u:hunter2@[::1/x\"",
            "database.url is no PostgreSQL URL: write postgres://user:password@host/database, and",
        ),
        ("[database]", "url = \"postgres://u:hun/ter2@h/x\"", "%2F for /"),
        ("[blobs]", "url = \"s3://\"", "blobs.url names no bucket: write s3://bucket/prefix"),
        ("[blobs]", "url = \"file://HERE/junk\"", "/junk is no folder"),
        (
            "[blobs]",
            "url = \"s3://b\"\nendpoint = \"https://s3.example\"",
            "blobs.access_key_id is missing",
        ),
        (
            "[blobs]",
            "url = \"s3://b\"\naccess_key_id = \"a\"",
            "blobs.secret_access_key is missing beside access_key_id",
        ),
        (
            "[blobs]",
            "url = \"s3://b\"\nendpoint = \"http://s3.example\"\naccess_key_id = \"a\"\n\
             secret_access_key = \"hunter2\"",
            "set blobs.allow_http = true",
        ),
        ("[secrets]", "key = \"hunter2\"", "secrets.key does not hold 32 bytes in base64"),
        ("[secrets]", "key = \"c2hvcnQ=\"", "secrets.key does not hold 32 bytes in base64"),
        ("[secrets]", "key_file = \"HERE/junk\"", "/junk: does not hold 32 bytes in base64"),
        ("[secrets]", "key_file = \"HERE/open.key\"", "/open.key: others may read it (mode 644)"),
        (
            "[secrets]",
            &format!("key = \"{KEY}\"\nold_keys = [\"hunter2\"]"),
            "one of secrets.old_keys does not hold 32 bytes in base64",
        ),
        (
            "[secrets]",
            &format!("key = \"{KEY}\"\nold_key_files = [\"HERE/none\"]"),
            "/none: cannot be read",
        ),
        ("[sources]", "extra_ca_file = \"HERE/none\"", "sources.extra_ca_file: "),
        ("[sources]", "extra_ca_file = \"HERE/junk\"", "/junk: holds not only certificates in PEM"),
        ("[sources]", "extra_ca_file = \"HERE/nothing\"", "/nothing: is empty; certificates"),
    ] {
        let toml = format!("{section}\n{lines}\n");
        refuse_alike("standalone", &toml, words);
        for role in ["api", "worker"] {
            refuse_alike(role, &format!("{}{toml}", shared(section)), words);
        }
    }
}

#[test]
fn what_only_some_of_them_read() {
    for (lines, words) in [
        ("[http]\ntls_cert = \"HERE/none\"\ntls_key = \"HERE/junk\"", "http.tls_cert: "),
        ("[http]\ntls_cert = \"HERE/junk\"\ntls_key = \"HERE/junk\"", "http.tls_cert: "),
        ("[templates]\nfolder = \"HERE/none\"", "templates.folder: "),
        (
            "[[kafka.clusters]]\nbrokers = [\"k:9093\"]\nca_file = \"HERE/none\"",
            "kafka.clusters.ca_file: ",
        ),
    ] {
        refuse_alike("standalone", lines, words);
        refuse_alike("api", &(shared("") + lines), words);
        allowed("worker", &(shared("") + lines));
    }
    for (lines, words) in [
        ("[docker]\nconfig_file = \"HERE/none\"", "docker.config_file: "),
        ("[docker]\nconfig_file = \"HERE/junk\"", "docker.config_file: "),
        ("[sources]\nknown_hosts_file = \"HERE/none\"", "sources.known_hosts_file: "),
        ("[sources]\nknown_hosts_file = \"HERE/junk\"", "/junk: line 1 is none of known_hosts: "),
        ("[worker]\ntemp_dir = \"HERE/junk\"", "worker.temp_dir: "),
    ] {
        refuse_alike("standalone", lines, words);
        refuse_alike("worker", &(shared("") + lines), words);
        allowed("api", &(shared("") + lines));
    }
    let old = "[secrets]\nold_keys = [\"hunter2\"]";
    refuse_alike("standalone", old, "one of secrets.old_keys does not hold");
}

fn allowed(role: &str, toml: &str) {
    let folder = folder(toml);
    let file = folder.path().join("slipway.toml");
    let output = slipwayd(&["config", "--role", role], Some(&file)).output().unwrap();
    assert!(output.status.success(), "{role} {toml}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn what_daemons_share_has_to_be_named() {
    for (section, key) in [
        ("[database]", "database.url"),
        ("[queue]", "queue.url"),
        ("[blobs]", "blobs.url"),
        ("[secrets]", "secrets.key_file"),
    ] {
        for role in ["api", "worker"] {
            let words = format!("settings: {key}: `slipwayd {role}`");
            refuse_alike(role, &shared(section), &words);
        }
        allowed("standalone", &shared(section));
    }
    for url in ["amqp://", "amqp://u:hunter2@:5672", "amqps://u:hunter2@mq:many/"] {
        let toml = format!("{}[queue]\nurl = \"{url}\"\n", shared("[queue]"));
        refuse_alike("api", &toml, "queue.url must be local: or amqp://");
        refuse_alike("worker", &toml, "queue.url must be local: or amqp://");
    }
}

#[test]
fn a_broker_says_that_there_are_several_daemons() {
    let of = |toml: &str| {
        let folder = folder(toml);
        config(Some(&folder.path().join("slipway.toml")))
    };
    let all = of(&shared(""));
    assert!(all.status.success(), "{}", String::from_utf8_lossy(&all.stderr));
    assert!(said(&of(&shared("[blobs]"))).contains("blobs.url: `slipwayd api`"));
    assert!(of(&shared("[queue]")).status.success());
    let temp = shared("") + "[worker]\ntemp_dir = \"HERE/junk\"\n";
    assert!(said(&of(&temp)).contains("worker.temp_dir"));
}

#[test]
fn a_wrong_kind_by_its_place() {
    let folder = folder("[retention]\nbuilds_days = true\n");
    let file = folder.path().join("slipway.toml");
    let said_of = |file: Option<&Path>, variables: &[(&str, &str)]| {
        said(&slipwayd(&["config"], file).envs(variables.iter().copied()).output().unwrap())
    };
    assert_eq!(
        said_of(Some(&file), &[]),
        "slipwayd: settings: retention.builds_days: must be a whole number, not true"
    );
    // The variable wins, and is the one that is wrong.
    let variable = ("SLIPWAY__RETENTION__BUILDS_DAYS", "7.5");
    assert_eq!(
        said_of(Some(&file), &[variable]),
        "slipwayd: settings: SLIPWAY__RETENTION__BUILDS_DAYS: must be a whole number, not this text"
    );
    let none = folder.path().join("none.toml");
    let none = said_of(Some(&none), &[]);
    assert!(none.contains("/none.toml cannot be read: "), "{none}");
    let junk = said_of(Some(&folder.path().join("junk")), &[]);
    assert!(junk.contains("/junk is no TOML in line 1, column "), "{junk}");
    assert!(!junk.contains("hunter2"), "{junk}");
}
