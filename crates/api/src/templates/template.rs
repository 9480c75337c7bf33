//! One template: what its folder says, taken for good only when a build can be made from it.

use std::collections::BTreeMap;

use slipway_domain::{FieldError, ImageRef, TemplateName};

use super::dockerfile::Dockerfile;
use super::fill::Values;
use super::{TemplateSettings, manifest};

/// A template.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    pub(crate) name: TemplateName,
    pub(crate) description: String,
    pub(crate) base_image: ImageRef,
    pub(crate) port: Option<u16>,
    pub(super) dockerfile: Dockerfile,
    /// The sample, by its paths.
    pub(crate) files: BTreeMap<String, String>,
}

/// The texts that a template is made of.
#[derive(Debug, Clone, Default)]
pub(super) struct Parts {
    pub(super) manifest: String,
    pub(super) dockerfile: String,
    pub(super) files: BTreeMap<String, String>,
}

impl Template {
    pub(super) fn read(
        name: &str,
        parts: Parts,
        settings: &TemplateSettings,
    ) -> Result<Self, String> {
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
        let filled = self.fill(Values::default()).map_err(in_the_folder)?;
        let draft = slipway_domain::BuildSpecDraft::new("app", filled.source);
        draft.parse().map(drop).map_err(in_the_folder)
    }
}

/// What is wrong with a request that brings nothing of its own is wrong with the template: it is
/// told by where that has it.
fn in_the_folder(FieldError { field, message, .. }: FieldError) -> String {
    match field.as_str() {
        "source.files" => format!("context: {message}"),
        "source.content" => format!("Dockerfile: {message}"),
        field => format!("{field}: {message}"),
    }
}
