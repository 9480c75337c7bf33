//! The later form, which builds from a repository.

use serde_json::json;
use slipway_domain::Source;

use super::{PATH, with_registry};
use crate::server::Server;
use crate::worker::Worker;

#[tokio::test]
async fn from_a_repository() {
    let server = Server::with_templates(&with_registry("r.example")).await;
    let worker = Worker::start(&server).await;
    let accepted = server
        .post(
            PATH,
            json!({
                "image_name": "my-app", "tag": "2", "description": "it's mine",
                "repourl": "https://git.example/team/app.git",
                "repousername": "me", "repopassword": "hunter2",
            })
            .to_string(),
        )
        .await;
    assert_eq!(accepted.json()["message"], "Build started", "{accepted:?}");
    assert_eq!(accepted.json()["image_name"], "r.example/my-app:2");
    let claimed = worker.claim().await;
    let login = claimed.secrets.source.login.as_ref().unwrap();
    assert_eq!((login.username.as_str(), login.password.expose()), ("me", "hunter2"));
    assert_eq!(claimed.spec.labels["description"], "it's mine");
    let Source::Git { url, .. } = &claimed.spec.source else { panic!() };
    assert_eq!(url.as_str(), "https://git.example/team/app.git");

    let token = json!({
        "image_name": "my-app", "repourl": "https://git.example/a.git", "repopassword": "t0ken",
    });
    assert_eq!(server.post(PATH, token.to_string()).await.status, 200);
    let claimed = worker.claim().await;
    assert_eq!(claimed.spec.image.to_string(), "r.example/my-app:latest");
    assert_eq!(claimed.secrets.source.token.unwrap().expose(), "t0ken");

    let mut table = Vec::new();
    for body in [
        json!({"repourl": "https://git.example/a.git"}),
        json!({"image_name": "a", "repourl": ""}),
        json!({"image_name": "A", "repourl": "https://git.example/a.git"}),
        json!({"image_name": "a", "tag": "b c", "repourl": "https://git.example/a.git"}),
        json!({"image_name": "a", "repourl": "file:///etc"}),
        json!({"image_name": "a", "repourl": "ext::sh -c id"}),
        json!({"image_name": "a", "repourl": "https://git.example/a.git", "repousername": "me"}),
        json!({"image_name": "a", "repourl": "https://u:p@git.example/a.git",
            "repousername": "me", "repopassword": "hunter2"}),
        json!({"image_name": "a", "repourl": "git@git.example:a.git", "repopassword": "hunter2"}),
    ] {
        let refused = server.post(PATH, body.to_string()).await;
        assert!(!refused.text.contains("hunter2"), "{refused:?}");
        table.push(refused.line());
    }
    insta::assert_snapshot!(table.join("\n"), @r#"
    400 {"error":"image_name and repourl are required","code":400}
    400 {"error":"image_name and repourl are required","code":400}
    400 {"error":"image_name: has capitals in \"A\"; repositories are lower-case","code":400}
    400 {"error":"tag: has the tag \"b c\"; a tag is 1 to 128 of a-z, A-Z, 0-9, underscore, dot and hyphen, and begins with none of the last two","code":400}
    400 {"error":"repourl: is of another kind than https, http or ssh","code":400,"details":"write it as https://host/path.git, ssh://git@host/path.git or git@host:path"}
    400 {"error":"repourl: is of another kind than https, http or ssh","code":400,"details":"write it as https://host/path.git, ssh://git@host/path.git or git@host:path"}
    400 {"error":"repopassword: is missing beside the username","code":400}
    400 {"error":"repourl: has a login, and there is another beside it","code":400}
    400 {"error":"repourl: is by ssh, which takes a key, not a password","code":400,"details":"write the address as https://…"}
    "#);
}
