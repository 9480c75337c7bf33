//! Times in rows are by the database's clock.

use chrono::TimeDelta;

use crate::ground::Ground;

stories!(it_goes_with_the_database);

async fn it_goes_with_the_database(ground: &Ground) {
    let store = ground.store().await;
    store.read_clock().await.unwrap();
    let before = store.now();
    assert!(before <= store.now(), "it does not go backwards");
    if ground.url.starts_with("postgres") {
        let micros = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint";
        let (here, there) = (store.now(), ground.number(micros).await);
        let apart = TimeDelta::microseconds(there - here.timestamp_micros());
        assert!(apart.abs() < TimeDelta::seconds(5), "{apart}");
    }
}
