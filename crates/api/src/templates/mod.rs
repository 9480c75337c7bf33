//! Templates: what a build can be made from that brings no source of its own.
//!
//! A template is a folder: a Dockerfile with a few gaps, a sample application, and a file that
//! says what it is. Three are part of the executable (`/templates` of the repository), further
//! ones are the operator's. The gaps are filled when a request is taken, and the row holds what
//! came of it: a worker needs no template, and a retry builds the same.
//!
//! No value of a request is ever written into a Dockerfile. It travels beside it, as a build
//! argument or a label, and the Dockerfile only names it: so there is nothing to escape, and
//! no quote, newline or `$(…)` that could mean anything. See [`fill`].

mod builtin;
mod dockerfile;
mod fill;
mod folder;
mod manifest;
mod registry;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use slipway_domain::{FieldError, ImageRef, TemplateName};
use thiserror::Error;

pub(crate) use dockerfile::CARRIER;
pub(crate) use fill::{ENVIRONMENT, Values};
pub(crate) use registry::Place;
pub use registry::TemplateRegistry;

use self::dockerfile::Dockerfile;

/// What the operator decides about templates.
#[derive(Debug, Clone, Default)]
pub struct TemplateSettings {
    /// A folder with a folder for each further template.
    pub folder: Option<PathBuf>,
    /// Base images in place of those that templates name.
    pub base_images: BTreeMap<TemplateName, ImageRef>,
    /// Where images go that name no registry.
    pub registry: Option<TemplateRegistry>,
}

/// All templates there are.
#[derive(Debug, Clone, Default)]
pub struct Templates {
    all: BTreeMap<TemplateName, Template>,
    broken: Vec<BrokenTemplate>,
    registry: Option<TemplateRegistry>,
}

/// A template.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    pub(crate) name: TemplateName,
    pub(crate) description: String,
    pub(crate) base_image: ImageRef,
    pub(crate) port: Option<u16>,
    dockerfile: Dockerfile,
    /// The sample, by its paths.
    pub(crate) files: BTreeMap<String, String>,
}

/// A folder of the operator's that is no template, and why.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the template {folder:?} cannot be used: {problem}")]
pub struct BrokenTemplate {
    /// Its name in the folder of templates.
    pub folder: String,
    /// What is wrong with it.
    pub problem: String,
}

/// The texts that a template is made of.
#[derive(Debug, Clone, Default)]
struct Parts {
    manifest: String,
    dockerfile: String,
    files: BTreeMap<String, String>,
}

impl Templates {
    /// Those of the executable and those of the settings. One of the operator's takes the place
    /// of a built-in one with the same name, also where it is broken: whoever put it there does
    /// not want the other. What is broken hinders nothing else, see [`Templates::broken`].
    ///
    /// # Errors
    /// When the operator's folder cannot be read at all.
    pub fn open(settings: &TemplateSettings) -> io::Result<Self> {
        let mut templates = Self { registry: settings.registry.clone(), ..Self::default() };
        for (name, parts) in builtin::all() {
            templates.add(name, Ok(parts), settings);
        }
        let own = settings.folder.as_deref().map_or_else(|| Ok(Vec::new()), folder::read)?;
        for (name, parts) in own {
            templates.add(&name, parts, settings);
        }
        let known = |name: &TemplateName| templates.all.contains_key(name);
        let unknown = settings.base_images.keys().filter(|name| !known(name));
        let unknown = unknown.map(|name| BrokenTemplate {
            folder: name.to_string(),
            problem: "templates.base_images names it, and there is no such template".to_owned(),
        });
        let unknown: Vec<_> = unknown.collect();
        templates.broken.extend(unknown);
        Ok(templates)
    }

    /// What was found and cannot be used.
    #[must_use]
    pub fn broken(&self) -> &[BrokenTemplate] {
        &self.broken
    }

    /// All that can be used, by name.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Template> {
        self.all.values()
    }

    /// The names of all that can be used.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.all.keys().map(TemplateName::as_str).collect()
    }

    /// The template that a request names, if there is one.
    pub(crate) fn named(&self, name: &str) -> Option<&Template> {
        self.all.get(&TemplateName::parse(name).ok()?)
    }

    /// The same, or what to say to the sender.
    pub(crate) fn find(&self, name: &str) -> Result<&Template, FieldError> {
        self.named(name).ok_or_else(|| {
            FieldError::new("source.name", "is no template")
                .hint(format!("the templates are {}", self.names().join(", ")))
        })
    }

    /// Where an image of that name goes.
    pub(crate) fn place(&self, name: &str, tag: &str) -> Result<Place, FieldError> {
        registry::place(self.registry.as_ref(), name, tag)
    }

    fn add(&mut self, name: &str, parts: Result<Parts, String>, settings: &TemplateSettings) {
        if let Ok(name) = TemplateName::parse(name) {
            self.all.remove(&name);
        }
        match parts.and_then(|parts| Template::read(name, parts, settings)) {
            Ok(template) => drop(self.all.insert(template.name.clone(), template)),
            Err(problem) => {
                self.broken.push(BrokenTemplate { folder: name.to_owned(), problem });
            }
        }
    }
}

impl Template {
    fn read(name: &str, parts: Parts, settings: &TemplateSettings) -> Result<Self, String> {
        let name = TemplateName::parse(name).map_err(|error| format!("it {}", error.message))?;
        let manifest = manifest::read(&parts.manifest)?;
        let base_image = match settings.base_images.get(&name) {
            Some(image) => image.clone(),
            None => manifest.base_image,
        };
        let dockerfile = Dockerfile::read(&parts.dockerfile, &base_image, manifest.port)
            .map_err(|problem| format!("Dockerfile: {problem}"))?;
        let template = Self {
            name,
            description: manifest.description,
            base_image,
            port: manifest.port,
            dockerfile,
            files: parts.files,
        };
        template.try_out()?;
        Ok(template)
    }

    /// What no request could be built with is said at the start.
    fn try_out(&self) -> Result<(), String> {
        let filled = self.fill(Values::default()).map_err(|error| error.to_string())?;
        let draft = slipway_domain::BuildSpecDraft::new("app", filled.source);
        draft.parse().map(drop).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
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
        the template "binary" cannot be used: context/logo.png: is no text in UTF-8, which a sample has to be
        the template "doubled" cannot be used: source.files: has "Dockerfile", which is the Dockerfile
        the template "mid-line" cannot be used: Dockerfile: {{environment}} must have a line of its own
        the template "no-dockerfile" cannot be used: Dockerfile: No such file or directory (os error 2)
        the template "no-gap" cannot be used: Dockerfile: has no line {{environment}}
        the template "no-manifest" cannot be used: template.toml: No such file or directory (os error 2)
        the template "no-port" cannot be used: Dockerfile: has {{port}}, and template.toml has no port
        the template "nodejs" cannot be used: template.toml: No such file or directory (os error 2)
        the template "odd-gap" cannot be used: Dockerfile: has {{base_imgae}}; there are base_image, port, build_args and environment
        the template "odd-image" cannot be used: template.toml: has capitals in "A B"; repositories are lower-case
        the template "odd-manifest" cannot be used: template.toml: unknown field `base`, expected one of `description`, `base_image`, `port`
        "#);
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error() {
        let folder = Some(PathBuf::from("/nowhere/at/all"));
        Templates::open(&TemplateSettings { folder, ..TemplateSettings::default() }).unwrap_err();
    }
}
