//! What a trigger knows that nobody else must.

use serde::{Deserialize, Serialize};

use crate::{FieldError, Secret};

/// What a trigger knows that nobody else must.
#[derive(Debug, Clone, Default)]
pub struct TriggerSecrets {
    /// What deliveries are signed with.
    pub secret: Option<Secret>,
    /// What the source is fetched with and the commit's status is set with.
    pub token: Option<Secret>,
}

impl TriggerSecrets {
    /// The same, checked: what goes into a line of a request ends where a line does.
    ///
    /// # Errors
    /// When one is empty, or has a control character. It is not quoted.
    pub fn check(self) -> Result<Self, FieldError> {
        for (field, value) in [("secret", &self.secret), ("token", &self.token)] {
            let Some(value) = value else { continue };
            if value.expose().is_empty() {
                return Err(FieldError::new(field, "is empty, as of a variable that is not set"));
            }
            if field == "token" && !value.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(FieldError::new(field, "has a character that no token has"));
            }
            if value.expose().len() > 4096 || value.expose().contains(char::is_control) {
                let message = "is larger than 4 KiB or has a control character in it";
                return Err(FieldError::new(field, message));
            }
        }
        Ok(self)
    }

    /// The values as bytes to be sealed. Never to be stored or logged as they are.
    #[must_use]
    pub fn expose_bytes(&self) -> Vec<u8> {
        let plain = Plain {
            secret: self.secret.as_ref().map(Secret::expose),
            token: self.token.as_ref().map(Secret::expose),
        };
        // Two texts cannot fail to serialise.
        serde_json::to_vec(&plain).unwrap_or_default()
    }

    /// Reads back what [`TriggerSecrets::expose_bytes`] wrote, after unsealing.
    ///
    /// # Errors
    /// When the bytes are of another form; the error does not quote them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, &'static str> {
        let read: Unsealed = serde_json::from_slice(bytes)
            .map_err(|_| "unsealed secrets of a trigger are of another form")?;
        Ok(Self { secret: read.secret, token: read.token })
    }

    /// Whether there is nothing to keep.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.secret.is_none() && self.token.is_none()
    }
}

/// The plaintext form, which only exists between here and the seal.
#[derive(Serialize)]
struct Plain<'a> {
    secret: Option<&'a str>,
    token: Option<&'a str>,
}

#[derive(Deserialize)]
struct Unsealed {
    secret: Option<Secret>,
    token: Option<Secret>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_sealed_form_and_back_and_never_seen() {
        let secrets = TriggerSecrets {
            secret: Some("hunter2".to_owned().into()),
            token: Some("t0ken".to_owned().into()),
        };
        let shown = format!("{secrets:?}");
        assert!(!shown.contains("hunter2") && !shown.contains("t0ken"), "{shown}");
        let back = TriggerSecrets::from_bytes(&secrets.expose_bytes()).unwrap();
        assert_eq!(back.secret.unwrap().expose(), "hunter2");
        assert_eq!(back.token.unwrap().expose(), "t0ken");
        TriggerSecrets::from_bytes(b"[]").unwrap_err();
        for bad in ["", "a\nb"] {
            let secrets = TriggerSecrets { secret: None, token: Some(bad.to_owned().into()) };
            assert_eq!(secrets.check().unwrap_err().field, "token");
        }
    }
}
