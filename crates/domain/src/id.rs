//! Identities. Each is a type of its own, so that a build is never looked up by an upload.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id. Version 7: ids sort by the time they were made, which keeps
            /// the primary key's pages warm and makes paging by id follow time.
            #[must_use]
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }

            /// The id behind a UUID read from a row or a path.
            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The plain UUID, for rows and paths.
            #[must_use]
            pub const fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    };
}

uuid_id!(
    /// One build, from submit to its end, across all its attempts.
    BuildId
);
uuid_id!(
    /// One uploaded build context.
    UploadId
);
uuid_id!(
    /// One trigger that is kept in the database.
    TriggerId
);
uuid_id!(
    /// One delivery of a forge, as it was taken in.
    WebhookId
);
uuid_id!(
    /// One worker process. A restarted worker is another one.
    WorkerId
);
uuid_id!(
    /// One who is told of one build without asking.
    FollowerId
);
uuid_id!(
    /// One try to tell a follower of something.
    DeliveryId
);

/// Which try at a build this is, from 1. It fences every write of a worker: a higher
/// number in the row means that somebody else holds the build now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Attempt(pub i32);

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
