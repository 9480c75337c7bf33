//! `[templates]`: what builds can be made from that bring no source.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use slipway_api::{TemplateRegistry, TemplateSettings, Templates as Read};
use slipway_domain::{ImageRef, TemplateName};

use super::{SettingsError, invalid};

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Templates {
    /// A folder with a folder for each template besides those of the executable.
    pub(crate) folder: Option<PathBuf>,
    /// Where images of templates go that name no registry.
    pub(crate) registry: Option<String>,
    /// Base images in place of those that templates name, by the templates' names.
    pub(crate) base_images: BTreeMap<String, String>,
}

impl Templates {
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        self.told().map(drop)
    }

    /// Reads the templates, those that can be used and the others.
    ///
    /// # Errors
    /// When the folder cannot be read, or a setting does not fit.
    pub(crate) fn found(&self) -> Result<Read, SettingsError> {
        Read::open(&self.told()?).map_err(|error| {
            let folder = self.folder.as_deref().unwrap_or(std::path::Path::new(""));
            invalid("templates.folder", format!("{}: {error}", folder.display()))
        })
    }

    /// [`Templates::found`], and says of each that cannot be used what is wrong with it.
    ///
    /// # Errors
    /// When the folder cannot be read, or a setting does not fit.
    pub(crate) fn read(&self) -> Result<Read, SettingsError> {
        let templates = self.found()?;
        for broken in templates.broken() {
            tracing::error!("{broken}");
        }
        Ok(templates)
    }

    fn told(&self) -> Result<TemplateSettings, SettingsError> {
        let registry = self.registry.as_deref().map(TemplateRegistry::parse).transpose();
        let mut base_images = BTreeMap::new();
        for (name, image) in &self.base_images {
            let key = format!("templates.base_images.{name}");
            let name = TemplateName::parse(name).map_err(|error| invalid(&key, error.message))?;
            let image = ImageRef::parse(image).map_err(|error| invalid(&key, error.to_string()))?;
            base_images.insert(name, image);
        }
        Ok(TemplateSettings {
            folder: self.folder.clone(),
            registry: registry.map_err(|problem| invalid("templates.registry", problem))?,
            base_images,
        })
    }
}
