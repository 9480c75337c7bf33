use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use proptest::prelude::*;
use slipway_domain::{Credentials, RegistryHost, SecretId, SourceSecrets};

use super::*;

fn mask(values: &[&str]) -> Mask {
    let build = values.iter().enumerate().map(|(number, value)| {
        (SecretId::parse(&format!("s{number}")).unwrap(), (*value).to_owned().into())
    });
    Mask::new(&Secrets { build: build.collect(), ..Secrets::default() }, [])
}

fn masked(values: &[&str], text: &str) -> String {
    mask(values).apply(text.to_owned())
}

#[test]
fn a_login_as_it_travels() {
    let login = Credentials { username: "user".into(), password: "hunter2/&x".to_owned().into() };
    let registry_auth = [(RegistryHost::normalised("r.example"), login)].into();
    let mask = Mask::new(&Secrets { registry_auth, ..Secrets::default() }, []);
    for form in ["hunter2/&x".to_owned(), STANDARD.encode("user:hunter2/&x")] {
        assert_eq!(mask.apply(format!("a {form} b\n")), "a *** b\n", "{form}");
    }
    assert_eq!(mask.apply("hunter3".into()), "hunter3");
    assert!(!format!("{mask:?}").contains("hunter2"));
}

#[test]
fn every_form_goes() {
    let value = "p w/\"ä&<~+?\\";
    for form in [
        value.to_owned(),
        STANDARD.encode(value),
        STANDARD_NO_PAD.encode(value),
        URL_SAFE.encode(value),
        URL_SAFE_NO_PAD.encode(value),
        "p%20w%2F%22%C3%A4%26%3C~%2B%3F%5C".to_owned(),
        "p+w%2F%22%C3%A4%26%3C%7E%2B%3F%5C".to_owned(),
        "p%20w%2f%22%c3%a4%26%3c~%2b%3f%5c".to_owned(),
        url::form_urlencoded::byte_serialize(value.as_bytes()).collect(),
        serde_json::to_string(value).unwrap().trim_matches('"').to_owned(),
        // encoding/json in Go
        "p w/\\\"ä\\u0026\\u003c~+?\\\\".to_owned(),
        "p w\\/\\\"ä&<~+?\\\\".to_owned(),
    ] {
        assert_eq!(masked(&[value], &format!("a {form} b\n")), "a *** b\n", "{form}");
    }
}

#[test]
fn as_libraries_and_shells_write_what_is_not_plain() {
    let value = "it's/s\u{e9}\u{1f511}cret?a=b c";
    for form in [
        // urllib.parse.quote, encodeURI
        "it%27s/s%C3%A9%F0%9F%94%91cret%3Fa%3Db%20c",
        "it's/s%C3%A9%F0%9F%94%91cret?a=b%20c",
        // Go's url.PathEscape
        "it%27s%2Fs%C3%A9%F0%9F%94%91cret%3Fa=b%20c",
        // json.dumps; .NET's; PHP's
        "it's/s\\u00e9\\ud83d\\udd11cret?a=b c",
        "it's/s\\u00E9\\uD83D\\uDD11cret?a=b c",
        "it's\\/s\\u00e9\\ud83d\\udd11cret?a=b c",
        // set -x of bash, and of dash and busybox
        "it'\\''s/s\u{e9}\u{1f511}cret?a=b c",
        "it'\"'\"'s/s\u{e9}\u{1f511}cret?a=b c",
    ] {
        assert_eq!(masked(&[value], &format!("a {form} b\n")), "a *** b\n", "{form}");
    }
    let lines = "first line\nit's the second";
    assert_eq!(masked(&[lines], "+ X='it'\\''s the second'"), "+ X='***'");
}

#[test]
fn within_something_longer_that_is_encoded() {
    let value = "correct-horse-battery";
    for before in ["", "x", "xy", "xyz", "user:"] {
        for after in ["", "1", "12", "\n"] {
            for text in [
                STANDARD.encode(format!("{before}{value}{after}")),
                URL_SAFE_NO_PAD.encode(format!("{before}{value}{after}")),
            ] {
                let shown = masked(&[value], &text);
                // At most one character at either end, which holds bits of a neighbour, and
                // the neighbours themselves.
                let most = STANDARD.encode(before).len() + STANDARD.encode(after).len() + 3 + 4;
                assert!(shown.contains(STARS) && shown.len() <= most, "{text}: {shown}");
            }
        }
    }
}

#[test]
fn as_base64_breaks_its_lines() {
    let key: String =
        (0..40).map(|n| format!("line {n} of a long key, all of it secret\n")).collect();
    for width in [64, 70, 76] {
        let encoded = STANDARD.encode(&key);
        let lines: Vec<&str> =
            encoded.as_bytes().chunks(width).map(|l| std::str::from_utf8(l).unwrap()).collect();
        let shown = masked(&[&key], &lines.join("\n"));
        assert!(shown.lines().all(|line| line == STARS), "{width}: {shown}");
    }
}

#[test]
fn within_something_longer_that_base64_breaks_into_lines() {
    let letters = (0..82).map(|n: u8| char::from(b'A' + n.wrapping_mul(37) % 58));
    let token: String = letters.filter(char::is_ascii_alphanumeric).collect();
    let key = (0..9).map(|n| format!("{n}-{token}\n")).collect::<String>();
    for value in [&token, &key, &token[..20]] {
        let mask = mask(&[value]);
        for before in 0..80 {
            let text = format!("{}{value}\"}} and more", "x".repeat(before));
            let encoded = STANDARD.encode(&text);
            let inner = &encoded[(before * 8).div_ceil(6)..(before + value.trim().len()) * 8 / 6];
            for (width, indent, end) in
                [(64, "", "\r\n"), (76, "#9 0.1 ", "\n"), (70, "    ", "\n"), (76, "", "\\n")]
            {
                let lines = encoded.as_bytes().chunks(width);
                let lines: Vec<String> = lines
                    .map(|line| format!("{indent}{}", std::str::from_utf8(line).unwrap()))
                    .collect();
                let shown = mask.apply(lines.join(end));
                for piece in inner.as_bytes().windows(8) {
                    let piece = std::str::from_utf8(piece).unwrap();
                    assert!(!shown.contains(piece), "{before} {width} {piece}: {shown}");
                }
            }
        }
    }
}

#[test]
fn what_somebody_cut_short() {
    let token = "glpat-Abc9Def8Ghi7Jkl6Mno5";
    for (text, shown) in [
        ("RUN : glpat-Abc9Def8Ghi7… did not complete", "RUN : ***… did not complete"),
        ("RUN : glpat…", "RUN : ***…"),
        ("RUN : glp…", "RUN : glp…"),
        ("the rest… is not", "the rest… is not"),
    ] {
        assert_eq!(masked(&[token], text), shown);
    }
}

#[test]
fn short_values_stay_and_long_ones_go_line_by_line() {
    assert_eq!(masked(&["abc"], "abc"), "abc");
    assert_eq!(masked(&["true"], "is true, and untrue"), "is ***, and un***");
    let two = "first line\n  second line\nno\n";
    assert_eq!(masked(&[two], "x first line\n  second line y\nno\n"), "x ***\n  *** y\nno\n");
    assert_eq!(masked(&[two], r#"{"k":"first line\n  second line\nno\n"}"#), r#"{"k":"***"}"#);
    // What terminals would act on is not in the log, and so is not looked for.
    assert_eq!(masked(&["be\u{7}lls and"], "bells and whistles"), "*** whistles");
}

#[test]
fn values_within_and_across_each_other() {
    assert_eq!(masked(&["abcdef", "defghi"], "x abcdefghi y"), "x *** y");
    assert_eq!(masked(&["abcd", "abcdefgh"], "abcdefgh abcdef"), "*** ***ef");
    assert_eq!(masked(&["hunter2"], "hunter2hunter2"), "***");
    assert_eq!(masked(&["aaaa"], "aaaaaa"), "***");
    assert_eq!(masked(&["ääää"], "ä ääääxä"), "ä ***xä");
}

#[test]
fn a_value_that_is_cut_off_goes_as_far_as_it_is_there() {
    let long = "0123456789".repeat(20);
    assert_eq!(masked(&[&long], &format!("x {}", &long[..150])), "x ***");
    assert_eq!(masked(&[&long], &format!("x {}!", &long[..150])), "x ***!");
    // Of what is larger than any log line, too.
    let large = "abcdefghij".repeat(5000);
    assert_eq!(masked(&[&large], &large[..40_000]), "***");
    assert_eq!(masked(&[], "nothing secret"), "nothing secret");
}

#[test]
fn a_value_that_begins_where_a_line_is_cut() {
    let mask = mask(&["hunter2-and-more", &"0123456789".repeat(20)]);
    for (text, shown) in [
        ("a line that hunter2-and", "a line that ***"),
        ("a line that hunt", "a line that ***"),
        ("a line that hun", "a line that hun"),
        ("a line that hunter2-and-more", "a line that ***"),
        ("a line that 01234", "a line that ***"),
        ("0123456789012345678901234567890123456789", "***"),
        ("é", "é"),
        ("", ""),
    ] {
        assert_eq!(mask.apply_cut(text), shown, "{text}");
    }
}

#[test]
fn the_largest_secrets_are_no_trouble() {
    let lines: String = (0..30_000).map(|n| format!("{n:x} is a line\n")).collect();
    let one: String = (0..500 * 1024).map(|n: u32| char::from(b'a' + (n % 23) as u8)).collect();
    let began = std::time::Instant::now();
    let mask = mask(&[&lines, &one, &one.replace('a', "z"), &"x".repeat(16_000)]);
    assert_eq!(mask.apply("7530 1f4 is a line".into()), "7530 ***");
    // Of a log's longest line, where each character begins the value once more.
    assert_eq!(mask.apply(one[..64 * 1024].to_owned()), STARS);
    assert_eq!(mask.apply("x".repeat(64 * 1024)), STARS);
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}

proptest! {
    /// Wherever a value is, nothing of it is left, however it is cut and what is around it.
    #[test]
    fn nothing_of_a_value_is_left(
        value in "[a-zA-Z0-9/+=&%_ -]{4,60}",
        other in "[a-z]{4,10}",
        before in "[ -~]{0,20}",
        after in "[ -~]{0,20}",
    ) {
        let mask = mask(&[&value, &other]);
        for form in [
            value.clone(),
            STANDARD.encode(&value),
            URL_SAFE_NO_PAD.encode(&value),
            url::form_urlencoded::byte_serialize(value.as_bytes()).collect(),
        ] {
            let needle = form.trim();
            prop_assume!(needle.len() >= 4);
            let shown = mask.apply(format!("{before}{form}{after}"));
            prop_assert!(!shown.contains(needle), "{needle:?} is in {shown:?}");
        }
    }
}

#[test]
fn arguments_that_are_secrets() {
    let mask = Mask::new(&Secrets::default(), ["two words\nand another line", "abc"]);
    assert_eq!(mask.apply("ARG X=two words".to_owned()), "ARG X=***");
    assert_eq!(mask.apply("(and another line) abc".to_owned()), "(***) abc");
}

#[test]
fn a_signed_address_shows_its_place_alone() {
    let signed = "https://bucket.s3.eu-west-1.example/team/ctx.tar.gz?X-Amz-Algorithm=AWS4-HMAC-SHA256\
        &X-Amz-Credential=AKIAEXAMPLE%2F20260301&X-Amz-SignedHeaders=host&X-Amz-Signature=0f1e2d%2Bc";
    let place = "https://bucket.s3.eu-west-1.example/team/ctx.tar.gz";
    let login = Credentials { username: "t0ken-as-name".into(), password: String::new().into() };
    let source = SourceSecrets {
        url: Some(signed.to_owned().into()),
        login: Some(login),
        ..SourceSecrets::default()
    };
    let mask = Mask::new(&Secrets { source, ..Secrets::default() }, []);
    let show = |text: &str| mask.apply(text.to_owned());
    for text in [place.to_owned(), format!("no host at {place} was reached, over https")] {
        assert_eq!(show(&text), text);
    }
    assert_eq!(show(&format!("Get \"{signed}\": 403")), format!("Get \"{place}?***\": 403"));
    // In another order, cut off, and with a login.
    assert_eq!(show(&format!("{place}?X-Amz-Signature=0f1&a=b")), format!("{place}?***"));
    assert_eq!(mask.apply_cut(&format!("{place}?X-Amz-Sig")), format!("{place}?***"));
    let with_login = signed.replace("://", "://t0ken-as-name@");
    assert_eq!(show(&with_login), format!("{}?***", place.replace("://", "://***@")));
    // What the query holds, wherever it is.
    for (text, shown) in [
        ("signature 0f1e2d%2Bc", "signature ***"),
        ("signature 0f1e2d+c", "signature ***"),
        ("by AKIAEXAMPLE/20260301", "by ***"),
        ("as t0ken-as-name", "as ***"),
        (STANDARD.encode("0f1e2d+c").as_str(), STARS),
    ] {
        assert_eq!(show(text), shown);
    }
    let query = signed.split_once('?').unwrap().1;
    assert_eq!(show(&format!("query: {query}")), "query: ***");
}
