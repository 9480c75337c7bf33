//! Files with the certificates of those who are trusted.

use std::path::Path;

use slipway_outbound::{AddressPolicy, Fetcher, Guard, RootsError};

use super::{SettingsError, invalid, sources};

/// The certificates in a file, in PEM.
///
/// # Errors
/// When it cannot be read, is empty, or holds something else than certificates. Whoever dials
/// would refuse them, and not know where they are from.
pub(super) fn read(key: &str, file: &Path) -> Result<Vec<u8>, SettingsError> {
    let shown = file.display();
    let pem = sources::read(key, file)?;
    if pem.is_empty() {
        return Err(invalid(key, format!("{shown}: is empty; certificates in PEM belong there")));
    }
    Fetcher::new(Guard::new(AddressPolicy::public_only()), &pem).map_err(|error| match error {
        RootsError::Extra => invalid(key, format!("{shown}: holds not only certificates in PEM")),
        RootsError::Setup => invalid(key, error.to_string()),
    })?;
    Ok(pem)
}
