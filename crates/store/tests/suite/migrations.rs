//! The schema: applied once however often and by however many it is asked for, the same
//! on both databases, and a fence for what must never be.

use std::collections::BTreeMap;

use futures::future::join_all;
use slipway_domain::BuildState;
use slipway_store::{Migrated, MigrationState, Store, StoreError};

use crate::cast::{at, find, keys, literal, spec, submit};
use crate::ground::{self, Ground};

stories!(
    pending_then_current,
    twice_is_once,
    several_processes_at_once,
    a_newer_schema_is_left_as_it_is,
    a_schema_of_another_line_is_refused,
    closed_and_opened_again,
    a_build_is_over_when_it_says_so,
    what_failed_says_why,
    what_must_never_be_is_refused,
    only_what_may_be_missing_may_be_null,
);

/// How many migrations there are, the same in both databases' words.
fn known() -> usize {
    let of = |database: &str| {
        let folder = format!("{}/../../migrations/{database}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_dir(folder).unwrap().count()
    };
    assert_eq!(of("postgres"), of("sqlite"));
    of("sqlite")
}

async fn pending_then_current(ground: &Ground) {
    let store = ground.open().await;
    assert_eq!(store.migration_state().await.unwrap(), MigrationState::Pending { count: known() });
    assert_eq!(ground.tables().await, [""; 0], "to ask changes nothing");
    store.migrate().await.unwrap();
    assert_eq!(store.migration_state().await.unwrap(), MigrationState::Current);
    store.ping().await.unwrap();
}

async fn twice_is_once(ground: &Ground) {
    let store = ground.store().await;
    let build = submit(&store, &spec("r.example/app:1"), at(0)).await;
    let before = ground.everything().await;
    store.migrate().await.unwrap();
    ground.open().await.migrate().await.unwrap();
    assert_eq!(ground.everything().await, before);
    assert_eq!(find(&store, build.id).await, build);
    assert_eq!(ground.count("_sqlx_migrations").await, i64::try_from(known()).unwrap());
}

async fn several_processes_at_once(ground: &Ground) {
    let one = async || {
        let store = ground.open().await;
        store.migration_state().await.unwrap();
        let migrated = store.migrate().await.unwrap();
        assert_eq!(store.migration_state().await.unwrap(), MigrationState::Current);
        migrated
    };
    let did = join_all((0..6).map(|_| one())).await;
    assert_eq!(did.iter().filter(|did| matches!(did, Migrated::Applied { .. })).count(), 1);
    assert_eq!(did.iter().filter(|did| **did == Migrated::Nothing).count(), 5);
    assert_eq!(ground.count("_sqlx_migrations").await, i64::try_from(known()).unwrap());
}

async fn closed_and_opened_again(ground: &Ground) {
    let store = ground.store().await;
    let build = submit(&store, &spec("r.example/app:1"), at(0)).await;
    let other_handle = store.clone();
    store.close().await;
    let error = other_handle.ping().await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    if ground.url.starts_with("sqlite:") {
        assert_eq!(ground.files().len(), 1, "the write-ahead log is folded into the file");
    }
    assert_eq!(find(&ground.open().await, build.id).await, build);
}

async fn a_newer_schema_is_left_as_it_is(ground: &Ground) {
    let store = ground.store().await;
    ground.sql(LATER).await.unwrap();
    let before = ground.everything().await;
    assert_eq!(store.migration_state().await.unwrap(), MigrationState::Newer);
    assert_eq!(store.migrate().await.unwrap(), Migrated::Newer);
    assert_eq!(ground.everything().await, before);
    submit(&store, &spec("r.example/app:1"), at(0)).await;
}

/// Ours is missing although a later one is there.
async fn a_schema_of_another_line_is_refused(ground: &Ground) {
    let store = ground.store().await;
    ground.sql(LATER).await.unwrap();
    ground.sql("DELETE FROM _sqlx_migrations WHERE version = 1").await.unwrap();
    assert!(matches!(store.migration_state().await.unwrap(), MigrationState::Pending { .. }));
    let refused = store.migrate().await.unwrap_err();
    assert!(matches!(refused, StoreError::Migrate(_)), "{refused:?}");
}

/// What a later release has noted.
const LATER: &str = "INSERT INTO _sqlx_migrations (version, description, success, checksum, \
     execution_time) SELECT 9999, 'of a later release', success, checksum, 0 \
     FROM _sqlx_migrations WHERE version = 1";

async fn a_build_is_over_when_it_says_so(ground: &Ground) {
    let store = ground.store().await;
    submit(&store, &spec("r.example/app:1"), at(0)).await;
    for state in BuildState::ALL {
        for (finished_at, is_finished) in [("NULL".to_owned(), false), (literal(at(9)), true)] {
            let row = format!("status = '{state}', finished_at = {finished_at}, failure = '{{}}'");
            let taken = ground.sql(&format!("UPDATE builds SET {row}")).await.is_ok();
            assert_eq!(taken, state.is_finished() == is_finished, "{row}");
        }
    }
}

async fn what_failed_says_why(ground: &Ground) {
    let store = ground.store().await;
    submit(&store, &spec("r.example/app:1"), at(0)).await;
    let ended = literal(at(9));
    for (status, may_be_silent) in
        [("failed", false), ("timed_out", false), ("cancelled", true), ("succeeded", true)]
    {
        let row = format!("status = '{status}', finished_at = {ended}, failure = NULL");
        let taken = ground.sql(&format!("UPDATE builds SET {row}")).await.is_ok();
        assert_eq!(taken, may_be_silent, "{row}");
    }
}

async fn what_must_never_be_is_refused(ground: &Ground) {
    let store = ground.store().await;
    let build = submit(&store, &spec("r.example/app:1"), at(0)).await;
    let (id, now) = (ground.id(build.id.as_uuid()), literal(at(1)));
    let nobody = ground.id(uuid::Uuid::nil());
    let sha256 = "0".repeat(64);
    let upload = |values: &str| {
        let columns = "id, size_bytes, sha256, created_at, last_used_at, blob";
        format!("INSERT INTO uploads ({columns}) VALUES ({values})")
    };
    let event = |build: &str, body: &str| {
        let columns = "build, seq, at, attempt, body, project, place";
        format!("INSERT INTO events ({columns}) VALUES ({build}, 1, {now}, 0, '{body}', NULL, 1)")
    };
    // What is refused below is refused for what is wrong with it.
    let fine = ground.id(uuid::Uuid::now_v7());
    ground.sql(&upload(&format!("{fine}, 1, '{sha256}', {now}, {now}, NULL"))).await.unwrap();
    ground.sql(&upload(&format!("{id}, 1, '{sha256}', {now}, {now}, {fine}"))).await.unwrap();
    ground.sql(&format!("DELETE FROM uploads WHERE id = {id}")).await.unwrap();
    for sql in [
        "UPDATE builds SET status = 'done'".to_owned(),
        event(&id, "a second event 1"),
        event(&nobody, "of no build"),
        format!("INSERT INTO leases VALUES ({nobody}, 1, {nobody}, 'of no build', {now})"),
        upload(&format!("{nobody}, -1, '{sha256}', {now}, {now}, NULL")),
        upload(&format!("{nobody}, 1, 'short', {now}, {now}, NULL")),
        upload(&format!("{nobody}, 1, '{sha256}', {now}, {now}, {id}")),
        format!("INSERT INTO hosts (name, slots, probed_at) VALUES ('no slots', 0, {now})"),
        format!("UPDATE builds SET upload = {nobody}"),
    ] {
        assert!(ground.sql(&sql).await.is_err(), "{sql}");
    }
}

async fn only_what_may_be_missing_may_be_null(ground: &Ground) {
    let store = ground.store().await;
    submit(&store, &spec("r.example/app:1"), at(0)).await;
    let mut nullable = Vec::new();
    for column in columns(ground).await["builds"].keys() {
        // Setting it to itself tells a column that takes no NULL from one that does not exist.
        ground.sql(&format!("UPDATE builds SET {column} = {column}")).await.unwrap();
        if ground.sql(&format!("UPDATE builds SET {column} = NULL")).await.is_ok() {
            nullable.push(column.clone());
        }
    }
    let expected = "appended_at building_at cancel_requested_at digest failure finished_at give_up_at host \
         log_moved_at obstacle platform preparing_at purging_at pushing_at queue_seconds retry_of \
         source_commit supersede_key superseded_by traceparent upload";
    assert_eq!(nullable.join(" "), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn both_texts_say_the_same() {
    ground::on_postgres(async |postgres| {
        ground::on_sqlite(async |sqlite| {
            postgres.store().await;
            sqlite.store().await;
            assert_eq!(columns(postgres).await, columns(sqlite).await);
            assert_eq!(postgres.texts(INDEXES_POSTGRES).await, sqlite.texts(INDEXES_SQLITE).await);
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn other_databases_are_refused() {
    for url in ["mysql://localhost/slipway", "slipway.db", "", "sqlite://a?mode=none"] {
        let refused = Store::open(url, keys()).await.unwrap_err();
        assert!(matches!(refused, StoreError::Settings(_)), "{url}: {refused:?}");
    }
}

const INDEXES_POSTGRES: &str = "SELECT indexname::text FROM pg_indexes \
     WHERE schemaname = 'public' AND indexname NOT LIKE '%_pkey' ORDER BY indexname COLLATE \"C\"";
const INDEXES_SQLITE: &str = "SELECT name FROM sqlite_schema \
     WHERE type = 'index' AND name NOT LIKE 'sqlite_autoindex%' ORDER BY name";

/// For each table and column: the kind of value, whether it may be NULL, whether it has a
/// default, and its place in the primary key.
async fn columns(ground: &Ground) -> BTreeMap<String, BTreeMap<String, String>> {
    const POSTGRES: &str = "SELECT concat_ws(' ', column_name, \
         CASE data_type WHEN 'uuid' THEN 'BLOB' WHEN 'bytea' THEN 'BLOB' \
         WHEN 'bigint' THEN 'INTEGER' WHEN 'integer' THEN 'INTEGER' WHEN 'boolean' THEN 'INTEGER' \
         WHEN 'text' THEN 'TEXT' WHEN 'timestamp with time zone' THEN 'TEXT' ELSE data_type END, \
         CASE is_nullable WHEN 'YES' THEN 'or NULL' END, \
         CASE WHEN column_default IS NOT NULL THEN 'by default' END, \
         (SELECT 'key ' || k.ordinal_position FROM information_schema.key_column_usage k \
          WHERE k.table_name = c.table_name AND k.column_name = c.column_name \
          AND k.constraint_name LIKE '%_pkey')) \
         FROM information_schema.columns c WHERE table_name = ";
    const SQLITE: &str = "SELECT name || ' ' || type \
         || CASE WHEN \"notnull\" OR pk > 0 THEN '' ELSE ' or NULL' END \
         || CASE WHEN dflt_value IS NULL THEN '' ELSE ' by default' END \
         || CASE WHEN pk = 0 THEN '' ELSE ' key ' || pk END FROM pragma_table_info(";
    let mut tables = BTreeMap::new();
    for table in ground.tables().await {
        let sql = match ground.url.starts_with("sqlite:") {
            true => format!("{SQLITE}'{table}')"),
            false => format!("{POSTGRES}'{table}'"),
        };
        let texts = ground.texts(&sql).await;
        let split = |text: String| {
            let (name, rest) = text.split_once(' ').unwrap();
            (name.to_owned(), rest.to_owned())
        };
        tables.insert(table, texts.into_iter().map(split).collect());
    }
    tables
}
