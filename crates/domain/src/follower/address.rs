//! Where followers are: `https://…`, `kafka://…`, `failover(…)`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use url::Host;

use crate::address::{self, NO_PORT, check_spelling, take_login};
use crate::{Credentials, FieldError, Secret};

const MAX_BROKERS: usize = 16;
/// The longest name of a topic that Kafka takes.
const MAX_TOPIC: usize = 249;
/// The advice to who wrote no address.
const HTTP: &str = "write it as https://host/path";
const HTTP_OR_KAFKA: &str = "write it as https://host/path or kafka://host:port/topic";

/// Where a follower is.
#[derive(Debug, Clone)]
pub enum FollowerAddress {
    /// An HTTP server.
    Http {
        /// The whole address, without userinfo. A path or query may be a password.
        url: Secret,
        /// As it may be shown: without query and fragment.
        shown: String,
    },
    /// A topic at a Kafka cluster.
    Kafka(KafkaTarget),
}

/// A topic at a Kafka cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KafkaTarget {
    /// Brokers to begin with, each `host:port`.
    pub brokers: Vec<String>,
    /// The topic.
    pub topic: String,
}

impl FollowerAddress {
    /// Reads an address. Userinfo leaves it and becomes the value of an `Authorization`
    /// header: `token@` is that value itself, `user:pass@` is Basic.
    ///
    /// # Errors
    /// When it is none of `http://`, `https://`, `kafka://host:port/topic` and
    /// `failover(kafka://…, kafka://…)`. It is not quoted: it may hold a password.
    pub fn parse(field: &str, text: &str) -> Result<(Self, Option<Secret>), FieldError> {
        let text = text.trim();
        address::check_length(field, text)?;
        if let Some(list) = text.strip_prefix("failover") {
            return Ok((Self::Kafka(failover(field, list)?), None));
        }
        if text.starts_with("kafka:") {
            return Ok((Self::Kafka(KafkaTarget::parse(field, text)?), None));
        }
        let is_http =
            |scheme: &str| ["http", "https"].iter().any(|http| scheme.eq_ignore_ascii_case(http));
        if text.split_once("://").is_some_and(|(scheme, _)| !is_http(scheme)) {
            let message = "is neither of http, https nor of kafka";
            return Err(FieldError::new(field, message).hint(HTTP_OR_KAFKA));
        }
        http(field, text, HTTP_OR_KAFKA)
    }

    /// The same for what is only told over HTTP.
    ///
    /// # Errors
    /// When it is neither `http://` nor `https://`.
    pub fn parse_http(field: &str, text: &str) -> Result<(Self, Option<Secret>), FieldError> {
        let text = text.trim();
        if text.starts_with("failover") || text.starts_with("kafka:") {
            return Err(FieldError::new(field, "is of kafka, where only http and https are taken")
                .hint(HTTP));
        }
        http(field, text, HTTP)
    }

    /// The address as it may be shown.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::Http { shown, .. } => shown.clone(),
            Self::Kafka(target) => format!("kafka://{}/{}", target.brokers.join(","), target.topic),
        }
    }
}

impl KafkaTarget {
    /// A topic at brokers that are known already, such as a list `h1:9092,h2:9092`.
    ///
    /// # Errors
    /// When there is no broker, one has no port, or the topic is none.
    pub fn new(
        field: &str,
        brokers: impl IntoIterator<Item = String>,
        topic: &str,
    ) -> Result<Self, FieldError> {
        let brokers: Vec<String> = brokers.into_iter().collect();
        if brokers.is_empty() || brokers.len() > MAX_BROKERS {
            let message = format!("names no broker, or more than {MAX_BROKERS}");
            return Err(FieldError::new(field, message).hint("write brokers as host:port"));
        }
        for broker in &brokers {
            check_broker(field, broker)?;
        }
        check_topic(field, topic)?;
        Ok(Self { brokers, topic: topic.to_owned() })
    }

    fn parse(field: &str, text: &str) -> Result<Self, FieldError> {
        const HINT: &str = "write it as kafka://host:port/topic";
        let refuse = |message: &str| FieldError::new(field, message).hint(HINT);
        let rest = text.strip_prefix("kafka:").ok_or_else(|| refuse("is not of kafka"))?;
        let rest = rest.strip_prefix("//").filter(|rest| !rest.starts_with('/'));
        let rest = rest.ok_or_else(|| refuse("has not two slashes after its scheme"))?;
        let (brokers, topic) = rest.split_once('/').ok_or_else(|| refuse("names no topic"))?;
        if brokers.contains('@') {
            return Err(FieldError::new(field, "has a login in it")
                .hint("logins for Kafka are in the server's settings"));
        }
        let brokers = brokers.split(',').map(|broker| broker.trim().to_owned());
        Self::new(field, brokers, topic.trim_end_matches('/'))
    }
}

/// Brokers of one cluster, one topic: `(kafka://a:9092/t, kafka://b:9092/t)`, with a colon in
/// front or not.
fn failover(field: &str, list: &str) -> Result<KafkaTarget, FieldError> {
    const HINT: &str = "write it as failover(kafka://a:9092/topic, kafka://b:9092/topic)";
    let refuse = |message: &str| FieldError::new(field, message).hint(HINT);
    let list = list.strip_prefix(':').unwrap_or(list).trim();
    let inside = list.strip_prefix('(').ok_or_else(|| refuse("has no ( after failover"))?;
    let inside = inside.strip_suffix(')').ok_or_else(|| refuse("has a failover( without its )"))?;
    let mut brokers = Vec::new();
    let mut topic: Option<String> = None;
    for part in inside.split(',').map(str::trim) {
        if part.is_empty() {
            return Err(refuse("has a broker left out of its failover()"));
        }
        let target = KafkaTarget::parse(field, part).map_err(|error| error.hint(HINT))?;
        if topic.as_ref().is_some_and(|topic| *topic != target.topic) {
            return Err(refuse("names more than one topic"));
        }
        brokers.extend(target.brokers);
        topic = Some(target.topic);
    }
    let topic = topic.ok_or_else(|| refuse("names no broker"))?;
    KafkaTarget::new(field, brokers, &topic)
}

fn check_broker(field: &str, broker: &str) -> Result<(), FieldError> {
    const HINT: &str = "write brokers as host:port";
    let refuse = |message: &str| Err(FieldError::new(field, message).hint(HINT));
    check_spelling(field, broker)?;
    let Some((host, port)) = broker.rsplit_once(':').filter(|(host, _)| !host.is_empty()) else {
        return refuse("has a broker without a host or port");
    };
    if Host::parse(host).is_err() {
        return refuse("has a broker whose host is no name and no IP address");
    }
    let is_number = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    match port.parse::<u16>() {
        Ok(1..) if is_number => Ok(()),
        Ok(_) | Err(_) => refuse(NO_PORT),
    }
}

fn check_topic(field: &str, topic: &str) -> Result<(), FieldError> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let named = !topic.is_empty() && topic.len() <= MAX_TOPIC && topic.chars().all(good);
    if !named || matches!(topic, "." | "..") {
        let message = "names no topic that Kafka takes: letters, digits, dots, _ and -";
        return Err(FieldError::new(field, message));
    }
    Ok(())
}

fn http(
    field: &str,
    text: &str,
    write_as: &str,
) -> Result<(FollowerAddress, Option<Secret>), FieldError> {
    let mut url = address::http(field, text, write_as)?;
    if url.fragment().is_some() {
        return Err(FieldError::new(field, "has a fragment, which no server is sent")
            .hint("leave out the # and what follows it, or write a # of the path as %23"));
    }
    // A name with a colon behind it is a login; without one, it is the header itself.
    let is_header = url.password().is_none();
    let authorization = take_login(&mut url).map(|Credentials { username, password }| {
        if is_header {
            return Secret::from(username);
        }
        let basic = STANDARD.encode(format!("{username}:{}", password.expose()));
        Secret::from(format!("Basic {basic}"))
    });
    let whole = Secret::from(url.to_string());
    url.set_query(None);
    Ok((FollowerAddress::Http { url: whole, shown: url.into() }, authorization))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> (FollowerAddress, Option<Secret>) {
        FollowerAddress::parse("url", text).unwrap()
    }

    #[test]
    fn userinfo_becomes_a_header() {
        let (address, header) = parse("https://t%2Fk@h.example/a?b=c");
        assert_eq!(header.unwrap().expose(), "t/k");
        assert_eq!(address.shown(), "https://h.example/a");
        let FollowerAddress::Http { url, .. } = address else { panic!() };
        assert_eq!(url.expose(), "https://h.example/a?b=c");

        let (_, header) = parse("http://user:pa%20ss@h.example:81");
        assert_eq!(header.unwrap().expose(), "Basic dXNlcjpwYSBzcw==");
        assert!(parse("https://h.example").1.is_none());
    }

    #[test]
    fn brokers_of_one_cluster() {
        for text in [
            "failover(kafka://a:9092/t, kafka://b:9093/t)",
            "failover:(kafka://a:9092/t,kafka://b:9093/t)",
            " failover( kafka://a:9092/t , kafka://b:9093/t ) ",
            "kafka://a:9092,b:9093/t",
        ] {
            let (address, _) = parse(text);
            assert_eq!(address.shown(), "kafka://a:9092,b:9093/t", "{text}");
        }
    }

    #[test]
    fn others_are_refused_unseen() {
        for bad in [
            "",
            "h.example",
            "ftp://u:pw@h/x",
            "kafka://h/t",
            "kafka://h:9092",
            "kafka://h:9092/a b",
            "kafka://u:pw@h:9092/t",
            "kafka://h:99999/t",
            "failover",
            "failover(kafka://a:9092/t",
            "failover(kafka://a:9092/t, kafka://b:9092/u)",
            "failover()",
        ] {
            let error = FollowerAddress::parse("url", bad).unwrap_err();
            assert_eq!(error.field, "url");
            assert!(error.hint.is_some() || bad.contains("a b"), "{bad}: {error:?}");
            assert!(!format!("{error:?}").contains("pw"), "{error:?}");
        }
    }
    #[test]
    fn where_kafka_is_not_taken_nobody_is_advised_to_it() {
        let (address, _) = FollowerAddress::parse_http("url", " https://h.example/x\n").unwrap();
        assert_eq!(address.shown(), "https://h.example/x");
        for bad in ["foo", "ftp://h/x", "kafka://h:9092/t", "failover(kafka://h:9092/t)", ""] {
            let error = FollowerAddress::parse_http("url", bad).unwrap_err();
            assert_eq!(error.hint.as_deref(), Some("write it as https://host/path"), "{bad}");
        }
    }

    #[test]
    fn what_a_parser_would_change_is_refused_with_the_reason() {
        for (bad, message) in [
            ("http:/127.0.0.1/x", "two slashes"),
            ("https:h.example/x", "two slashes"),
            ("https:///h.example/x", "two slashes"),
            ("https://a@b@h.example/x", "more than one @"),
            ("https://@h.example/x", "without a login"),
            ("https://h.example\\@evil.example/x", "backslash"),
            ("https://h.example/a b", "blank"),
            ("https://h.example/a\tb", "tab"),
            ("https://h.example:0/x", "1 to 65535"),
            ("https://h.example:00/x", "1 to 65535"),
            ("https://h.example:99999/x", "1 to 65535"),
            ("https://1.2.3.4.5/x", "no IP address"),
            ("https://h.example/x#pw", "fragment"),
            ("https://h.example/#", "fragment"),
            ("kafka:/h:9092/t", "two slashes"),
            ("kafka:///t", "two slashes"),
            ("kafka://h:0/t", "1 to 65535"),
            ("kafka://h:+9/t", "1 to 65535"),
            ("kafka://h:/t", "1 to 65535"),
            ("kafka://a\\b:9092/t", "backslash"),
            ("kafka://a b:9092/t", "blank"),
            ("kafka://a@b@h:9092/t", "login"),
            ("kafka://h#x:9092/t", "no IP address"),
            ("kafka://h?x:9092/t", "no IP address"),
            ("kafka://h:9092/t#x", "no topic that Kafka takes"),
            ("failover(kafka://a:9092/t, kafka:/b:9092/t)", "two slashes"),
            ("failover(kafka://a:9092/t, kafka://b:0/t)", "1 to 65535"),
            ("failover(http://a/t)", "is not of kafka"),
            ("failover(kafka://a:9092/t, http://b/t)", "is not of kafka"),
            ("failover()", "left out"),
            ("failover(kafka://a:9092/t,)", "left out"),
        ] {
            let error = FollowerAddress::parse("url", bad).unwrap_err();
            assert_eq!(error.field, "url");
            assert!(error.message.contains(message), "{bad:?}: {error:?}");
        }
        // A line break at the end is of the shell that made the request.
        parse("https://h.example/a@b/c?x=@:/\n");
        parse("kafka://[::1]:9092,10.1.2.3:9092/t");
    }
}
