//! `deploy/slipway.toml` lists every setting, and tells the truth about the defaults. Which
//! settings there are is asked of `slipwayd` itself: it names them when it refuses one.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::process::Output;

use toml::{Table, Value};

use crate::config;

/// Where the file shows an example, because what holds otherwise is nothing or depends on
/// the data directory.
const EXAMPLES: [&str; 12] = [
    "database.url",
    "blobs.url",
    "secrets.key_file",
    "build.extra_args",
    "dialects.default_registry",
    "limits.allow_loopback_addresses",
    "sources.extra_ca_file",
    "sources.known_hosts_file",
    "templates.base_images",
    "templates.folder",
    "templates.registry",
    "worker.temp_dir",
];

#[test]
fn every_setting_has_a_line_and_every_line_is_a_setting() {
    let file = the_file();
    assert_eq!(names_of(&file), known_in(""), "sections");
    for (name, section) in &file {
        // Its names are those of registries.
        let heading = match name.as_str() {
            "registries" => "registries.\"registry.example\"",
            name => name,
        };
        // A list of them.
        if let Some(list) = section.as_array() {
            let listed = list.iter().map(|one| names_of(one.as_table().unwrap()));
            let listed = listed.flatten().collect::<BTreeSet<_>>();
            assert_eq!(listed, known_in(&format!("[[{heading}]]\n")), "[[{heading}]]");
            continue;
        }
        let section = section.as_table().unwrap();
        let section = section.get("registry.example").map_or(section, |of| of.as_table().unwrap());
        assert_eq!(names_of(section), known_in(&format!("[{heading}]\n")), "[{heading}]");
    }
    let listed = hosts(&file).iter().flat_map(names_of).collect::<BTreeSet<_>>();
    assert_eq!(listed, known_in("[[docker.hosts]]\n"), "[[docker.hosts]]");
}

#[test]
fn what_it_shows_is_what_holds() {
    let file = the_file();
    let in_force = toml::from_str::<Table>(&printed(&config(None))).unwrap();
    for (name, section) in &in_force {
        for (key, value) in section.as_table().unwrap() {
            let path = format!("{name}.{key}");
            if path != "docker.hosts" && !EXAMPLES.contains(&&*path) {
                assert_eq!(&file[name][key], value, "{path}");
            }
        }
    }
    let shown = &hosts(&file)[0];
    let default = &hosts(&in_force)[0];
    for (key, value) in shown {
        assert_eq!(value, &default[key], "docker.hosts.{key}");
    }
}

/// The file with its settings switched on. A sentence begins with a blank, a setting does
/// not.
fn the_file() -> Table {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/slipway.toml");
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.lines().all(|line| line.is_empty() || line.starts_with('#')), "a line is on");
    let settings = text.lines().filter_map(|line| line.strip_prefix('#'));
    let settings = settings.filter(|line| !line.starts_with(' '));
    toml::from_str(&settings.map(|line| format!("{line}\n")).collect::<String>()).unwrap()
}

fn names_of(table: &Table) -> BTreeSet<String> {
    table.keys().cloned().collect()
}

fn hosts(settings: &Table) -> Vec<Table> {
    let hosts = settings["docker"]["hosts"].as_array().unwrap();
    hosts.iter().map(|host| Value::as_table(host).unwrap().clone()).collect()
}

/// What can be set below a heading, in the words of the refusal of what cannot.
fn known_in(heading: &str) -> BTreeSet<String> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "{heading}no_such_setting = 1").unwrap();
    let output = config(Some(file.path()));
    let refusal = String::from_utf8(output.stderr).unwrap();
    let refusal = refusal.lines().next().unwrap();
    assert!(refusal.contains("no_such_setting"), "{refusal}");
    let before = ["; there are ", "; the sections are ", "expected one of ", "expected "];
    let known = before.iter().find_map(|words| Some(refusal.rsplit_once(words)?.1));
    let known = known.unwrap_or_else(|| panic!("names no settings: {refusal}"));
    let known = known.split(" for key ").next().unwrap().replace('`', "").replace(" or ", ", ");
    known.split(", ").map(|name| name.trim().to_owned()).collect()
}

fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}
