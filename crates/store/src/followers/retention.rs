//! Tries that nobody needs any more, and addresses with them.

use chrono::{DateTime, Utc};

use crate::{Store, StoreError};

/// Forgets tries from before a time: at most `limit`, to be called again while there are any.
/// Says how many.
///
/// # Errors
/// When the database does not answer.
pub async fn forget_deliveries(
    store: &Store,
    before: DateTime<Utc>,
    limit: u16,
) -> Result<u64, StoreError> {
    const SQL: &str = "DELETE FROM deliveries WHERE id IN \
         (SELECT id FROM deliveries WHERE at < $1 ORDER BY at LIMIT $2)";
    store.tidy(SQL, before, limit).await
}

/// Erases address, header and key of followers that were over before a time, and with them
/// what was still to be told once more: at most `limit`, to be called again while there are
/// any. Says how many.
///
/// # Errors
/// When the database does not answer.
pub async fn erase_ended(
    store: &Store,
    before: DateTime<Utc>,
    limit: u16,
) -> Result<u64, StoreError> {
    const SQL: &str = "UPDATE followers SET key_id = NULL, nonce = NULL, ciphertext = NULL, \
         resend_asked_at = NULL WHERE id IN (SELECT id FROM followers \
         WHERE ended_at IS NOT NULL AND key_id IS NOT NULL AND ended_at < $1 \
         ORDER BY ended_at LIMIT $2)";
    store.tidy(SQL, before, limit).await
}
