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
mod template;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use slipway_domain::{FieldError, ImageRef, TemplateName};
use thiserror::Error;

pub(crate) use dockerfile::CARRIER;
pub(crate) use fill::{ENVIRONMENT, Values};
pub(crate) use registry::Place;
pub use registry::TemplateRegistry;
pub(crate) use template::Template;

use self::template::Parts;

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

/// A folder of the operator's that is no template, and why.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the template {folder:?} cannot be used: {problem}")]
pub struct BrokenTemplate {
    /// Its name in the folder of templates.
    pub folder: String,
    /// What is wrong with it.
    pub problem: String,
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

#[cfg(test)]
mod tests;
