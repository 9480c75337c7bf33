//! Where followers are: `https://…`, `kafka://…`, `failover(…)`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use url::Url;

use crate::{FieldError, Secret};

const MAX_CHARS: usize = 8 * 1024;
const MAX_BROKERS: usize = 16;
/// The longest name of a topic that Kafka takes.
const MAX_TOPIC: usize = 249;

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
        if text.len() > MAX_CHARS {
            return Err(FieldError::new(field, "is longer than 8192 characters"));
        }
        if let Some(list) = text.strip_prefix("failover") {
            return Ok((Self::Kafka(failover(field, list)?), None));
        }
        if text.starts_with("kafka:") {
            return Ok((Self::Kafka(KafkaTarget::parse(field, text)?), None));
        }
        http(field, text)
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
        let Some((brokers, topic)) =
            text.strip_prefix("kafka://").and_then(|rest| rest.split_once('/'))
        else {
            return Err(FieldError::new(field, "names no topic").hint(HINT));
        };
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
    let port = broker.rsplit_once(':').filter(|(host, _)| {
        !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || c.is_control())
    });
    if port.and_then(|(_, port)| port.parse::<u16>().ok()).is_none_or(|port| port == 0) {
        return Err(FieldError::new(field, "has a broker without a host or port")
            .hint("write brokers as host:port"));
    }
    Ok(())
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

fn http(field: &str, text: &str) -> Result<(FollowerAddress, Option<Secret>), FieldError> {
    const HINT: &str = "write it as https://host/path or kafka://host:port/topic";
    let refuse = |message: &str| FieldError::new(field, message).hint(HINT);
    let mut url = Url::parse(text).map_err(|_| refuse("is no address"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(refuse("is neither of http, https nor of kafka"));
    }
    let authorization = take_authorization(&mut url);
    url.set_fragment(None);
    let whole = Secret::from(url.to_string());
    url.set_query(None);
    Ok((FollowerAddress::Http { url: whole, shown: url.into() }, authorization))
}

fn take_authorization(url: &mut Url) -> Option<Secret> {
    let decoded =
        |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    let username = decoded(url.username());
    let password = url.password().map(decoded);
    // Neither fails for http and https, which have hosts.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    match password {
        Some(password) => {
            let basic = STANDARD.encode(format!("{username}:{password}"));
            Some(Secret::from(format!("Basic {basic}")))
        }
        None if username.is_empty() => None,
        None => Some(Secret::from(username)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> (FollowerAddress, Option<Secret>) {
        FollowerAddress::parse("url", text).unwrap()
    }

    #[test]
    fn userinfo_becomes_a_header() {
        let (address, header) = parse("https://t%2Fk@h.example/a?b=c#d");
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
}
