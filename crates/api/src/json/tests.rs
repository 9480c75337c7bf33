use slipway_api_types::SubmitBuild;

use super::*;

fn refused(body: &str) -> String {
    let Err(error) = parse::<SubmitBuild>(body.as_bytes()) else { panic!("{body} was taken") };
    let body = error.answer().body;
    let field = body.field.unwrap_or_default();
    let hint = body.hint.map(|hint| format!(" [{hint}]")).unwrap_or_default();
    format!("{} {field}: {}{hint}", body.code, body.message)
}

#[test]
fn types_are_not_called_by_their_rust_names() {
    use std::collections::BTreeMap;

    #[derive(Debug, serde::Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Word {
        One,
        Two,
    }

    #[derive(Debug, serde::Deserialize)]
    #[expect(dead_code, reason = "only ever refused")]
    struct Body {
        byte: Option<u8>,
        count: Option<u32>,
        size: Option<u64>,
        place: Option<i64>,
        list: Option<Vec<String>>,
        map: Option<BTreeMap<String, String>>,
        pair: Option<(u8, u8)>,
        word: Option<Word>,
    }

    for (body, words) in [
        (r#"{"byte": 256}"#, "must be a whole number from 0 to 255"),
        (r#"{"byte": "1"}"#, "must be a whole number from 0 to 255, not a string"),
        (r#"{"count": -1}"#, "must be a whole number from 0 to 4294967295"),
        (r#"{"count": 4294967296}"#, "must be a whole number from 0 to 4294967295"),
        (r#"{"count": 1.5}"#, "must be a whole number from 0 to 4294967295, not a fraction"),
        (r#"{"size": -1}"#, "must be a whole number that is not negative"),
        (
            r#"{"size": 99999999999999999999}"#,
            "must be a whole number that is not negative, not a fraction",
        ),
        (r#"{"place": true}"#, "must be a whole number, not a boolean"),
        (r#"{"list": {}}"#, "must be a list, not an object"),
        (r#"{"map": []}"#, "must be an object, not a list"),
        (r#"{"pair": {}}"#, "must be a list, not an object"),
        (r#"{"word": "three"}"#, "\"three\" is not supported"),
    ] {
        let Err(error) = parse::<Body>(body.as_bytes()) else { panic!("{body} was taken") };
        assert_eq!(error.answer().body.message, words, "{body}");
    }
}

#[test]
fn another_encoding_is_told_from_an_escape() {
    let body = b"{\"image\": \"caf\xe9\"}";
    let Err(error) = parse::<SubmitBuild>(body) else { panic!("it was taken") };
    let message = error.answer().body.message;
    assert!(message.ends_with("not in UTF-8: byte 15 belongs to another encoding"), "{message}");
}

#[test]
fn each_error_names_its_field_and_never_the_value() {
    let with = |more: &str| {
        let source = r#""source":{"type":"dockerfile","content":"FROM scratch"}"#;
        refused(&format!(r#"{{"image":"a",{source},{more}}}"#))
    };
    insta::assert_snapshot!(
        [
            refused(""),
            refused(" \n"),
            refused("{"),
            refused("{\n  \"image\": x}"),
            refused("[]"),
            refused("\"text\""),
            refused("null"),
            refused("true"),
            refused("5"),
            refused("{} {}"),
            refused("{}"),
            refused(r#"{"image": 5}"#),
            refused(r#"{"image": null}"#),
            refused(r#"{"image": "a", "image": "b"}"#),
            refused(r#"{"image": "a", "source": {}}"#),
            refused(r#"{"image": "a", "source": []}"#),
            refused(r#"{"image": "a", "source": "x"}"#),
            refused(r#"{"image": "a", "source": {"type": "svn"}}"#),
            refused(r#"{"image": "a", "source": {"type": "dockerfile"}}"#),
            refused(r#"{"image": "a", "source": {"type": "dockerfile", "content": 1}}"#),
            refused(r#"{"image": "a", "source": {"type": "dockerfile", "contnet": ""}}"#),
            refused(r#"{"image": "a", "source": {"type": "upload", "id": "hunter2"}}"#),
            refused(r#"{"image": "a", "source": {"type": "git", "url": "a", "url": "b"}}"#),
            with(r#""imgae": "x""#),
            with(r#""args": {"A": 1}"#),
            with(r#""args": ["hunter2"]"#),
            with(r#""no_cache": "yes"#),
            with(r#""no_cache": "yes""#),
            with(r#""followers": [{"kind": "state", "url": "https://h"}]"#),
            with(r#""timeout_seconds": -1"#),
            with(r#""timeout_seconds": 99999999999"#),
            with(r#""timeout_seconds": 1.5"#),
            with(r#""timeout_seconds": "10""#),
            with(r#""timeout_seconds": 86401"#),
            with(r#""timeout_seconds": 86400, "no_cache": 1"#),
            with(r#""timeout_seconds": null, "no_cache": 1"#),
            with(r#""registry_auth": {"r.example": "hunter2"}"#),
            with(r#""registry_auth": {"r.example": {"username": "u", "password": 5}}"#),
            with(r#""registry_auth": {"r.example": {"username": "u"}}"#),
            with(r#""registry_auth": {"r.example": {"user": "u"}}"#),
            with(r#""args": {"A": "1", "B": "2", "A": "3"}"#),
            with(r#""labels": {"a.b": "1", "a.b": "1"}"#),
            with(r#""secrets": {"npm": "hunter2", "npm": "hunter3"}"#),
            with(r#""secrets": {"hunter 2": "x", "hunter 2": "y"}"#),
            with(r#""ssh": {"default": "x", "default": "y"}"#),
            with(r#""registry_auth": {"r.example": {"username": "u", "password": "p"}, "r.example": {"username": "u", "password": "p"}}"#),
            with(r#""registry_auth": {"https://u:hunter2@r.example": {"username": "u", "password": "p"}, "https://u:hunter2@r.example": {"username": "u", "password": "p"}}"#),
            refused(r#"{"image": "a", "source": {"type": "dockerfile", "content": "", "files": {"a/b": "1", "a/b": "2"}}}"#),
            refused(r#"{"image": "a", "source": {"type": "template", "name": "x", "environment": {"A": "1", "A": "2"}}}"#),
            refused(r#"{"image": "a", "source": {"type": "archive", "url": "x", "auth": {"headers": {"X-A": "1", "X-A": "2"}}}}"#),
            with("\"target\": \"\u{fffd}\0\""),
            refused("{\n  \"image\": \"a\"\n  \"source\": {}}"),
            refused("{\n  \"image\" \"a\"}"),
            refused("{\n  'image': \"a\"}"),
            refused("{\"image\": \"a\",}"),
            refused(r#"{"image": "\x"}"#),
            refused(r#"{"image": "\ud800"}"#),
            refused(r#"{"image": tru}"#),
            refused(r#"{"image": 1.}"#),
            refused(&"[".repeat(3)),
            with(r#""ssh": [1"#),
            with(r#""followers": {}"#),
            with(r#""followers": ["x"]"#),
            with(r#""secrets": 5"#),
            with(r#""priority": "high""#),
            with(r#""priority": 1000"#),
        ]
        .join("\n"),
        @r#"
    empty_body : the request has no body [send what this path asks for as the body of the request]
    empty_body : the request has no body [send what this path asks for as the body of the request]
    malformed_body : the body is no JSON object: line 1, column 1: it ends before its end
    malformed_body : the body is no JSON object: line 2, column 12: here should be a value: an object, a list, a text in double quotes, a number, true, false or null
    malformed_body : the body is no JSON object: it is a list, where an object {…} is wanted
    malformed_body : the body is no JSON object: it is a text, where an object {…} is wanted
    malformed_body : the body is no JSON object: it is null, where an object {…} is wanted
    malformed_body : the body is no JSON object: it is true or false, where an object {…} is wanted
    malformed_body : the body is no JSON object: it is a number, where an object {…} is wanted
    invalid_field image: is missing
    invalid_field image: is missing
    invalid_field image: must be a string, not an integer
    invalid_field image: must be a string, not null
    invalid_field image: is there twice
    invalid_field source.type: is missing
    invalid_field source: must be an object, not a list
    invalid_field source: must be an object, not a string
    invalid_field source.type: "svn" is not supported [it can be dockerfile, upload, archive, git, github, image, template]
    invalid_field source.content: is missing
    invalid_field source.content: must be a string, not an integer
    unknown_field source.contnet: there is no such field [the fields are type, content, files]
    invalid_field source.id: must be a UUID
    invalid_field source.url: is there twice
    unknown_field imgae: there is no such field [the fields are image, source, dockerfile, args, labels, target, platform, no_cache, pull, push, registry_auth, secrets, ssh, project, metadata, timeout_seconds, priority, queue_timeout_seconds, supersede_key, followers]
    invalid_field args.A: must be a string, not an integer
    invalid_field args: must be an object, not a list
    malformed_body : the body is no JSON object: line 1, column 86: it ends before its end
    invalid_field no_cache: must be a boolean, not a string
    invalid_field followers[0].kind: "state" is not supported [it can be status, logs]
    invalid_field timeout_seconds: must be a whole number of seconds from 1 to 86400
    invalid_field timeout_seconds: must be a whole number of seconds from 1 to 86400
    invalid_field timeout_seconds: must be a whole number of seconds from 1 to 86400, not a fraction
    invalid_field timeout_seconds: must be a whole number of seconds from 1 to 86400, not a string
    invalid_field timeout_seconds: must be a whole number of seconds from 1 to 86400
    invalid_field no_cache: must be a boolean, not an integer
    invalid_field no_cache: must be a boolean, not an integer
    invalid_field registry_auth.r.example: must be an object, not a string
    invalid_field registry_auth.r.example.password: must be a string, not an integer
    invalid_field registry_auth.r.example.password: is missing
    invalid_field registry_auth: has a login with another field than those of logins [write each as {"username": …, "password": …}; what docker's config.json has as auth is both in base64, with a colon between]
    invalid_field args.A: is there twice
    invalid_field labels.a.b: is there twice
    invalid_field secrets.npm: is there twice
    invalid_field secrets: is there twice
    invalid_field ssh.default: is there twice
    invalid_field registry_auth.r.example: is there twice
    invalid_field registry_auth: is there twice
    invalid_field source.files.a/b: is there twice
    invalid_field source.environment.A: is there twice
    invalid_field source.auth.headers.X-A: is there twice
    malformed_body : the body is no JSON object: line 1, column 84: a control character stands in a text as it is: write \n for a line break
    malformed_body : the body is no JSON object: line 3, column 3: here should be a comma, or the end of the object: }
    malformed_body : the body is no JSON object: line 2, column 11: here should be a colon, after the name of a field
    malformed_body : the body is no JSON object: line 2, column 3: here should be the name of a field, in double quotes
    malformed_body : the body is no JSON object: line 1, column 15: there is a comma before this, and nothing after it
    malformed_body : the body is no JSON object: line 1, column 13: a backslash stands before what it cannot stand before
    malformed_body : the body is no JSON object: line 1, column 18: an escape such as \u00e9 is no character
    malformed_body : the body is no JSON object: line 1, column 14: here should be a value: an object, a list, a text in double quotes, a number, true, false or null
    malformed_body : the body is no JSON object: line 1, column 13: this is no number
    malformed_body : the body is no JSON object: it is a list, where an object {…} is wanted
    invalid_field ssh: must be an object, not a list
    invalid_field followers: must be a list, not an object
    invalid_field followers[0]: must be an object, not a string
    invalid_field secrets: must be an object, not an integer
    invalid_field priority: must be a whole number from 0 to 9, not a string
    invalid_field priority: must be a whole number from 0 to 9
    "#
    );
}
