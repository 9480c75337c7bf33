//! What is sealed of a follower: where it is, and with what it is talked to.

use serde::{Deserialize, Serialize};
use slipway_domain::{
    Follower, FollowerAddress, FollowerForm, FollowerId, FollowerKind, KafkaTarget, Secret,
};

use crate::seal::Sealed;
use crate::{Store, StoreError};

/// The plain text under the seal. It is made, sealed and dropped.
#[derive(Serialize, Deserialize)]
struct Plain<'a> {
    #[serde(borrow, flatten)]
    address: Address<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signing_key: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "to", rename_all = "snake_case")]
enum Address<'a> {
    Http { url: std::borrow::Cow<'a, str> },
    Kafka { brokers: Vec<String>, topic: std::borrow::Cow<'a, str> },
}

/// Seals what must not be shown of a follower, by its id.
pub(super) fn seal(
    store: &Store,
    id: FollowerId,
    follower: &Follower,
) -> Result<Sealed, StoreError> {
    let address = match &follower.address {
        FollowerAddress::Http { url, .. } => Address::Http { url: url.expose().into() },
        FollowerAddress::Kafka(KafkaTarget { brokers, topic }) => {
            Address::Kafka { brokers: brokers.clone(), topic: topic.as_str().into() }
        }
    };
    let exposed = |secret: &Option<Secret>| secret.as_ref().map(|s| s.expose().to_owned());
    let plain = Plain {
        address,
        authorization: exposed(&follower.authorization),
        signing_key: exposed(&follower.signing_key),
    };
    // Texts only: this cannot fail to serialise.
    store.keys.seal_follower(id, &serde_json::to_vec(&plain).unwrap_or_default())
}

/// The follower behind a row.
pub(super) fn open(
    store: &Store,
    id: FollowerId,
    kind: FollowerKind,
    form: FollowerForm,
    shown: &str,
    sealed: &Sealed,
) -> Result<Follower, StoreError> {
    let bytes = store.keys.open_follower(id, sealed)?;
    let plain: Plain<'_> = serde_json::from_slice(&bytes).map_err(|_| {
        StoreError::SealedFollower { follower: id, problem: "it is none of this release" }
    })?;
    let address = match plain.address {
        Address::Http { url } => {
            FollowerAddress::Http { url: Secret::from(url.into_owned()), shown: shown.to_owned() }
        }
        Address::Kafka { brokers, topic } => {
            FollowerAddress::Kafka(KafkaTarget { brokers, topic: topic.into_owned() })
        }
    };
    Ok(Follower {
        kind,
        form,
        address,
        authorization: plain.authorization.map(Secret::from),
        signing_key: plain.signing_key.map(Secret::from),
    })
}
