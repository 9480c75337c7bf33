//! `[secrets]`: the keys that seal secrets at rest.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use slipway_domain::Secret;
use slipway_store::StoreError;
use slipway_store::seal::KeyRing;

use super::{Settings, SettingsError, invalid, masked};

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Secrets {
    /// 32 bytes in base64, mode 0600. Made at the first start in the data directory where
    /// none is given. Lose it, and the secrets of builds that are not over are lost with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_file: Option<PathBuf>,
    /// The key itself, for where a variable is easier to hand over than a file.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "masked")]
    pub(crate) key: Option<Secret>,
    /// Files of keys that only open what was sealed before.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_more")]
    old_key_files: Vec<PathBuf>,
    /// Such keys themselves.
    #[serde(
        skip_serializing_if = "Vec::is_empty",
        serialize_with = "all_masked",
        deserialize_with = "one_or_more"
    )]
    old_keys: Vec<Secret>,
}

impl Secrets {
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        match self {
            Self { key: Some(_), key_file: Some(_), .. } => {
                Err(invalid("secrets.key", "is given beside secrets.key_file; give one of them"))
            }
            Self { .. } => Ok(()),
        }
    }

    /// What is in force for `standalone`.
    pub(super) fn shown(&self, data_dir: &Path) -> Self {
        let key_file = self.key.is_none().then(|| self.key_file_in(data_dir));
        Self { key_file, ..self.clone() }
    }

    fn key_file_in(&self, data_dir: &Path) -> PathBuf {
        self.key_file.clone().unwrap_or_else(|| data_dir.join("secret.key"))
    }

    /// The ring of a key that seals, with those that only open.
    ///
    /// # Errors
    /// When one of these cannot be read.
    pub(super) fn ring(&self, current: KeyRing) -> Result<KeyRing, StoreError> {
        let files = self.old_key_files.iter().map(|file| KeyRing::read(file));
        let keys = self.old_keys.iter().map(|key| {
            // By its own name: who changes keys would look at the new one.
            KeyRing::parse(key.expose()).map_err(|_| {
                StoreError::Settings(
                    "one of secrets.old_keys does not hold 32 bytes in base64".into(),
                )
            })
        });
        files.chain(keys).try_fold(current, |ring, old| Ok(ring.with_old(old?)))
    }
}

impl Settings {
    /// The keys of a process that is alone: the current one is made on the spot where there is
    /// none.
    ///
    /// # Errors
    /// When one of them cannot be read, or made.
    pub(crate) fn own_keys(&self) -> Result<KeyRing, StoreError> {
        self.secrets.ring(match &self.secrets.key {
            Some(key) => KeyRing::parse(key.expose())?,
            None => KeyRing::load_or_create(&self.secrets.key_file_in(&self.data_dir))?,
        })
    }

    /// Whether [`Settings::own_keys`] would find keys, or make one. Makes none.
    ///
    /// # Errors
    /// As of [`Settings::own_keys`].
    pub(crate) fn check_own_keys(&self) -> Result<(), StoreError> {
        let is_made = self.secrets.key.is_none()
            && matches!(self.secrets.key_file_in(&self.data_dir).try_exists(), Ok(false));
        match is_made {
            true => self.secrets.ring(KeyRing::empty()).map(drop),
            false => self.own_keys_of_before().map(drop),
        }
    }

    /// [`Settings::own_keys`], for a command that must find the key of the process.
    ///
    /// # Errors
    /// When one of them is not there, or cannot be read.
    pub(crate) fn own_keys_of_before(&self) -> Result<KeyRing, StoreError> {
        self.secrets.ring(match &self.secrets.key {
            Some(key) => KeyRing::parse(key.expose())?,
            None => KeyRing::read(&self.secrets.key_file_in(&self.data_dir))?,
        })
    }
}

fn all_masked<S: Serializer>(keys: &[Secret], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(keys.iter().map(|_| "***"))
}

/// A list, or, as a variable has it, one text with commas between.
fn one_or_more<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: From<String>,
{
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Given {
        One(String),
        More(Vec<String>),
    }

    // The library's own words would quote what it found.
    let given = Given::deserialize(deserializer)
        .map_err(|_| serde::de::Error::custom("must be a list of texts in [ ]"))?;
    let texts = match given {
        Given::One(text) => text.split(',').map(|one| one.trim().to_owned()).collect(),
        Given::More(texts) => texts,
    };
    Ok(texts.into_iter().filter(|text| !text.is_empty()).map(T::from).collect())
}

#[cfg(test)]
mod tests {
    use super::super::{layers, strict};
    use super::*;

    fn old_keys(variable: &str) -> Vec<String> {
        let variables = [("SLIPWAY__SECRETS__OLD_KEYS".into(), variable.into())];
        let given = layers::read(None, variables).unwrap();
        let settings = strict::settings::<Settings>(given).unwrap();
        settings.secrets.old_keys.iter().map(|key| key.expose().to_owned()).collect()
    }

    #[test]
    fn old_keys_of_a_variable() {
        assert_eq!(old_keys(""), [""; 0]);
        assert_eq!(old_keys("YQ=="), ["YQ=="]);
        assert_eq!(old_keys("YQ==, Yg=="), ["YQ==", "Yg=="]);
    }

    #[test]
    fn all_keys_are_in_the_ring_and_a_wrong_one_is_not_quoted() {
        let key = || slipway_store::seal::new_key().unwrap();
        let (current, old) = (key(), key());
        let mut secrets = Secrets { old_keys: vec![old.clone().into()], ..Secrets::default() };
        let ring = secrets.ring(KeyRing::parse(&current).unwrap()).unwrap();
        let expected = KeyRing::parse(&current).unwrap().with_old(KeyRing::parse(&old).unwrap());
        assert_eq!(format!("{ring:?}"), format!("{expected:?}"));
        secrets.old_keys.push("hunter2".to_owned().into());
        let refused = secrets.ring(ring).unwrap_err().to_string();
        assert_eq!(refused, "one of secrets.old_keys does not hold 32 bytes in base64");
    }
}
