use std::fs;
use std::path::Path;

use super::*;

/// A folder of templates with these files.
fn folder_of(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn open(folder: &Path) -> Templates {
    let settings =
        TemplateSettings { folder: Some(folder.to_owned()), ..TemplateSettings::default() };
    Templates::open(&settings).unwrap()
}

const MANIFEST: &str = "description = \"d\"\nbase_image = \"debian:12\"\n";
const DOCKERFILE: &str = "FROM {{base_image}}\n{{environment}}\n";

#[test]
fn those_of_the_executable_are_whole() {
    let templates = Templates::open(&TemplateSettings::default()).unwrap();
    assert_eq!(templates.broken(), []);
    let shown: Vec<String> = templates
        .all()
        .map(|t| {
            let files: Vec<&str> = t.files.keys().map(String::as_str).collect();
            format!("{} {} {:?} {}", t.name, t.base_image, t.port, files.join(" "))
        })
        .collect();
    insta::assert_snapshot!(shown.join("\n"), @r"
    nodejs node:18-alpine Some(3000) package.json server.js
    python-fastapi python:3.11-slim Some(8000) main.py requirements.txt
    python-flask python:3.11-slim Some(5000) app.py requirements.txt
    ");
}

#[test]
fn a_base_image_of_the_settings_wins() {
    let name = TemplateName::parse("nodejs").unwrap();
    let image = ImageRef::parse("mirror.example/node:18").unwrap();
    let missing = TemplateName::parse("cobol").unwrap();
    let settings = TemplateSettings {
        base_images: [(name, image.clone()), (missing, image)].into(),
        ..TemplateSettings::default()
    };
    let templates = Templates::open(&settings).unwrap();
    let filled = templates.find("nodejs").unwrap().fill(Values::default()).unwrap();
    let slipway_domain::Source::Dockerfile { content, .. } = filled.source else { panic!() };
    assert!(content.starts_with("FROM mirror.example/node:18\n"), "{content}");
    assert_eq!(templates.broken()[0].folder, "cobol");
}

#[test]
fn a_folder_adds_and_replaces() {
    let folder = folder_of(&[
        ("shell/template.toml", MANIFEST),
        ("shell/Dockerfile", DOCKERFILE),
        ("shell/context/bin/run", "#!/bin/sh\n"),
        ("nodejs/template.toml", MANIFEST),
        ("nodejs/Dockerfile", DOCKERFILE),
        ("README.md", "not a template"),
        (".git/config", "neither"),
    ]);
    let templates = open(folder.path());
    assert_eq!(templates.broken(), []);
    assert_eq!(templates.names(), ["nodejs", "python-fastapi", "python-flask", "shell"]);
    assert_eq!(templates.find("nodejs").unwrap().description, "d");
    let shell = templates.find("shell").unwrap();
    assert_eq!(shell.files.keys().collect::<Vec<_>>(), ["bin/run"]);
}

#[test]
fn what_is_broken_is_named_and_the_others_work() {
    let folder = folder_of(&[
        ("no-manifest/Dockerfile", DOCKERFILE),
        ("no-dockerfile/template.toml", MANIFEST),
        ("odd-manifest/template.toml", "description = \"d\"\nbase = \"x\"\n"),
        ("odd-manifest/Dockerfile", DOCKERFILE),
        ("odd-image/template.toml", "description = \"d\"\nbase_image = \"A B\"\n"),
        ("odd-image/Dockerfile", DOCKERFILE),
        ("odd-gap/template.toml", MANIFEST),
        ("odd-gap/Dockerfile", "FROM {{base_imgae}}\n{{environment}}\n"),
        ("no-gap/template.toml", MANIFEST),
        ("no-gap/Dockerfile", "FROM {{base_image}}\n"),
        ("no-port/template.toml", MANIFEST),
        ("no-port/Dockerfile", "FROM {{base_image}}\n{{environment}}\nEXPOSE {{port}}\n"),
        ("mid-line/template.toml", MANIFEST),
        ("mid-line/Dockerfile", "FROM {{base_image}}\nENV {{environment}}\n"),
        ("Big Name/template.toml", MANIFEST),
        ("Big Name/Dockerfile", DOCKERFILE),
        ("doubled/template.toml", MANIFEST),
        ("doubled/Dockerfile", DOCKERFILE),
        ("doubled/context/Dockerfile", "FROM scratch\n"),
        ("nodejs/Dockerfile", DOCKERFILE),
        ("whole/template.toml", MANIFEST),
        ("whole/Dockerfile", DOCKERFILE),
    ]);
    let binary = folder.path().join("binary");
    fs::create_dir_all(binary.join("context")).unwrap();
    fs::write(binary.join("template.toml"), MANIFEST).unwrap();
    fs::write(binary.join("Dockerfile"), DOCKERFILE).unwrap();
    fs::write(binary.join("context/logo.png"), [0x89, b'P', 0xff]).unwrap();

    let templates = open(folder.path());
    assert_eq!(templates.names(), ["python-fastapi", "python-flask", "whole"]);
    let broken: Vec<String> = templates.broken().iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(broken.join("\n"), @r#"
    the template "Big Name" cannot be used: it is no template's name: a-z and 0-9, with single dots, hyphens and underscores between
    the template "binary" cannot be used: context/logo.png: is no text in UTF-8
    the template "doubled" cannot be used: context: has "Dockerfile", which is the Dockerfile
    the template "mid-line" cannot be used: Dockerfile: {{environment}} must have a line of its own
    the template "no-dockerfile" cannot be used: Dockerfile: is missing
    the template "no-gap" cannot be used: Dockerfile: has no line {{environment}}
    the template "no-manifest" cannot be used: template.toml: is missing
    the template "no-port" cannot be used: Dockerfile: has {{port}}, and template.toml has no port
    the template "nodejs" cannot be used: template.toml: is missing
    the template "odd-gap" cannot be used: Dockerfile: has {{base_imgae}}; there are base_image, port, build_args and environment
    the template "odd-image" cannot be used: template.toml: base_image: has capitals in "A B"; repositories are lower-case
    the template "odd-manifest" cannot be used: template.toml: there is no "base"; there are description, base_image and port
    "#);
}

#[test]
fn a_folder_that_is_not_there_is_an_error() {
    let folder = Some(PathBuf::from("/nowhere/at/all"));
    Templates::open(&TemplateSettings { folder, ..TemplateSettings::default() }).unwrap_err();
}
