//! Files that are nobody's.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;
use std::time::{Duration, SystemTime};

use tokio::time::{Instant, sleep};

use crate::audit::SWEPT_WITHIN;
use crate::crowd::SENDERS;
use crate::house::House;
use crate::mischief::{Done, Mischief};

/// Longer ago than `blobs.keep_hours`.
const LONG_AGO: Duration = Duration::from_secs(48 * 3600);

/// Nothing is left but what nobody could take away: an API server that was killed leaves the
/// blobs that it was writing, whole ones without a row or `name#number`. Those go with the
/// uploads that nothing uses any more, once they are as old.
pub(crate) async fn are_few_and_go(house: &House, done: &Done) {
    let strays = strays(house).await;
    let kills = done.of(Mischief::KillApi);
    println!("chaos: {kills} API servers were killed and left {} files: {strays:?}", strays.len());
    assert!(strays.len() <= kills * SENDERS, "more than they were writing: {strays:?}");
    // Each worker has a folder with its lock; those of the killed went when the next began.
    let temporary = files(&house.temporary());
    assert_eq!(temporary.len(), house.workers.len(), "temporary files: {temporary:?}");
    for folder in temporary {
        let inside = files(&house.temporary().join(&folder));
        assert_eq!(inside, BTreeSet::from(["lock".to_owned()]), "in {folder}");
    }
    for daemon in house.workers.iter().chain(&house.apis) {
        let own = files(&daemon.lock().await.data);
        assert!(own.iter().all(|name| name == "slipway.toml" || name == "slipwayd.log"), "{own:?}");
    }

    let before = blobs(house).len();
    grow_old(house).await;
    let mut api = house.apis[0].lock().await;
    api.kill().await.unwrap();
    // It tidies up first of all.
    api.start_again().await.unwrap();
    let began = Instant::now();
    loop {
        let blobs = blobs(house);
        let uploads = house.number("SELECT count(*) FROM uploads").await;
        if blobs.is_empty() && uploads == 0 {
            println!("chaos: {before} blobs are gone {:.1} s after", began.elapsed().as_secs_f64());
            return;
        }
        assert!(began.elapsed() < SWEPT_WITHIN, "{uploads} uploads, {blobs:?}");
        sleep(Duration::from_millis(200)).await;
    }
}

/// What is among the blobs and is no upload's.
async fn strays(house: &House) -> Vec<String> {
    let mut strays = Vec::new();
    for name in blobs(house) {
        let is_upload = uuid::Uuid::parse_str(&name).is_ok() && {
            let sql = format!("SELECT count(*) FROM uploads WHERE id = '{name}'");
            house.number(&sql).await == 1
        };
        if !is_upload {
            strays.push(name);
        }
    }
    strays
}

/// As if two days had passed since.
async fn grow_old(house: &House) {
    let sql = "WITH old AS (UPDATE uploads SET last_used_at = last_used_at - interval '2 days' \
               RETURNING 1) SELECT count(*) FROM old";
    house.number(sql).await;
    let long_ago = SystemTime::from(slipway_domain::now()) - LONG_AGO;
    for name in blobs(house) {
        let file = File::options().write(true).open(house.blobs().join(name)).unwrap();
        file.set_modified(long_ago).unwrap();
    }
}

/// What is in the blob store beside its mark, which stays for good.
fn blobs(house: &House) -> BTreeSet<String> {
    let mut blobs = files(&house.blobs());
    assert!(blobs.remove("mark"), "the blob store has no mark: {blobs:?}");
    blobs
}

fn files(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}
