//! Every function of the store, as stories, each told on both databases.
//!
//! `cargo test -p slipway-store sqlite::` needs nothing beside it; `postgres::` wants
//! `DATABASE_URL`, where each story makes a database of its own and drops it afterwards.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a story that cannot go on, whatever the reason, says so by a panic"
)]

/// Tells each story once on SQLite and once on PostgreSQL.
macro_rules! stories {
    ($($story:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $story() {
                crate::ground::on_sqlite(super::$story).await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $story() {
                crate::ground::on_postgres(super::$story).await;
            })+
        }
    };
}

mod cast;
mod ground;
mod tmpfs;
mod wire;

mod archive;
mod blobs;
mod bucket;
mod cancel;
mod claim;
mod clock;
mod corrupt;
mod disk_full;
mod events;
mod expiry;
mod fencing;
mod finish;
mod followers;
mod forget;
mod gauges;
mod hand_back;
mod hosts;
mod idempotency;
mod images;
mod key_file;
mod line;
mod list;
mod migrations;
mod names;
mod outbox;
mod rotate;
mod stream;
mod submit;
mod supersede;
mod triggers;
mod turns;
mod unavailable;
mod uploads;
mod waiting;
mod webhooks;
