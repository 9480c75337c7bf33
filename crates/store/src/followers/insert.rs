//! Followers are written with their build, in its transaction.

use chrono::{DateTime, Utc};
use slipway_domain::{BuildId, Follower, FollowerAddress, FollowerId};
use sqlx::QueryBuilder;
use url::Url;

use super::Transport;
use super::sealed::seal;
use crate::db::{Tx, write};
use crate::seal::Sealed;
use crate::{Store, StoreError};

/// Writes all followers of a build. Without any, nothing is asked of the database.
pub(crate) async fn insert(
    store: &Store,
    tx: &mut Tx,
    build: BuildId,
    followers: &[Follower],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    const SQL: &str = "INSERT INTO followers (id, build, place, kind, transport, form, address, \
         host, key_id, nonce, ciphertext, due_at, created_at) ";
    if followers.is_empty() {
        return Ok(());
    }
    let rows = (0_i32..).zip(followers).map(|(place, follower)| {
        let id = FollowerId::generate();
        Ok((id, place, follower, seal(store, id, follower)?))
    });
    let rows: Vec<(FollowerId, i32, &Follower, Sealed)> =
        rows.collect::<Result<_, StoreError>>()?;
    write!(*tx, connection => {
        let mut query = QueryBuilder::new(SQL);
        query.push_values(&rows, |mut row, (id, place, follower, sealed)| {
            row.push_bind(id.as_uuid())
                .push_bind(build.as_uuid())
                .push_bind(*place)
                .push_bind(follower.kind.as_str())
                .push_bind(transport(&follower.address).as_str())
                // Words and values that were read as JSON: this cannot fail to serialise.
                .push_bind(serde_json::to_string(&follower.form).unwrap_or_default())
                .push_bind(follower.address.shown())
                .push_bind(host(&follower.address))
                .push_bind(sealed.key_id.as_str())
                .push_bind(sealed.nonce.as_slice())
                .push_bind(sealed.ciphertext.as_slice())
                .push_bind(now)
                .push_bind(now);
        });
        query.build().execute(connection).await.map(drop)
    })?;
    Ok(())
}

const fn transport(address: &FollowerAddress) -> Transport {
    match address {
        FollowerAddress::Http { .. } => Transport::Http,
        FollowerAddress::Kafka(_) => Transport::Kafka,
    }
}

/// Whom deliveries are counted by: host and port, or the brokers.
fn host(address: &FollowerAddress) -> String {
    match address {
        FollowerAddress::Http { shown, .. } => Url::parse(shown)
            .ok()
            .and_then(|url| Some(format!("{}:{}", url.host_str()?, url.port_or_known_default()?)))
            .unwrap_or_default(),
        FollowerAddress::Kafka(target) => target.brokers.join(","),
    }
}
