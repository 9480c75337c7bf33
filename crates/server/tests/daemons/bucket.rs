//! Uploads in a bucket that API servers and workers share.

use serde_json::json;
use slipway_test_support::archives;
use slipway_test_support::bucket::{ACCESS_KEY_ID, Bucket, SECRET_ACCESS_KEY};
use slipway_test_support::daemon::Role;
use slipway_test_support::wire::{End, Wire};

use crate::cluster::{Cluster, build, check, get, submitted, until};

#[tokio::test(flavor = "multi_thread")]
async fn what_one_took_another_builds() {
    let bucket = Bucket::new().await.unwrap();
    let wire = Wire::to(End::Tcp(bucket.address())).await.unwrap();
    let mut cluster = Cluster::new().await;
    cluster.blobs = format!(
        "url = \"s3://uploads/slipway\"\nendpoint = \"http://{}\"\nallow_http = true",
        wire.address()
    );
    let mut daemons = [cluster.daemon(Role::Api, "api"), cluster.daemon(Role::Worker, "worker")];
    for daemon in &mut daemons {
        // As S3's own tools have them.
        daemon.env.push(("AWS_ACCESS_KEY_ID".into(), ACCESS_KEY_ID.into()));
        daemon.env.push(("AWS_SECRET_ACCESS_KEY".into(), SECRET_ACCESS_KEY.into()));
        daemon.start_again().await.unwrap();
    }
    let api = &daemons[0];
    let upload = api.upload(archives::honest()).await.unwrap();
    let again = api.upload(archives::honest()).await.unwrap();
    for upload in [&upload, &again] {
        let mut build = build("");
        build["source"] = json!({"type": "upload", "id": upload});
        let done = api.end(&submitted(api, &build).await).await.unwrap();
        assert_eq!(done["status"], "succeeded", "{done:#}");
    }
    let kept = format!("slipway/{}", upload.as_str().unwrap());
    let kept = [&*kept, "slipway/mark"];
    assert_eq!(bucket.keys_once(&kept).await, kept);

    // Away for a while, under both.
    wire.cut();
    for daemon in &daemons {
        let ready = until(daemon, "/health/ready", |status, _| status == 503).await;
        assert_eq!(check(&ready, "blobs"), ("unavailable", "does not answer"));
        assert_eq!(get(daemon, "/health/live").await.0, 200);
    }
    let id = submitted(api, &build("true")).await;
    assert_eq!(api.end(&id).await.unwrap()["status"], "succeeded");
    wire.mend();
    for daemon in &daemons {
        until(daemon, "/health/ready", |status, _| status == 200).await;
        assert!(!daemon.log().contains(SECRET_ACCESS_KEY));
    }
    drop(daemons);
    cluster.remove().await;
}
