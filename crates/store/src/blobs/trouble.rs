//! What a blob store says when it does not do what it was asked, in the store's words.

use object_store::Error;

use crate::StoreError;

/// Who says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    Folder,
    Bucket,
}

impl Trouble {
    pub(super) fn of(self, error: Error) -> StoreError {
        match self {
            Self::Folder => error.into(),
            Self::Bucket => of_bucket(error),
        }
    }
}

/// The answers of a bucket are told apart by their code, which the library leaves in its
/// text. Nothing else of a refusal is kept: it quotes the request, signature included.
fn of_bucket(error: Error) -> StoreError {
    let text = error.to_string();
    let code = code_in(&text);
    let full = matches!(
        code,
        Some("QuotaExceeded" | "XMinioStorageFull" | "InsufficientStorage" | "NoSpaceLeft")
    );
    if full || text.contains("507 Insufficient Storage") {
        return StoreError::Full(Box::new(error));
    }
    let Some(problem) = in_words(&error, code, &text) else {
        return StoreError::Unavailable(Box::new(error));
    };
    StoreError::Refused { problem, code: code.map(ToOwned::to_owned) }
}

/// Why it does not let us, and will not before somebody has seen to it.
fn in_words(error: &Error, code: Option<&str>, text: &str) -> Option<&'static str> {
    const CREDENTIALS: &str = "it does not take the credentials";
    const NO_BUCKET: &str = "the bucket does not exist";
    const REGION: &str = "the bucket is in another region";
    match code {
        Some("NoSuchBucket") => return Some(NO_BUCKET),
        Some("RequestTimeTooSkewed") => {
            return Some("this machine's clock is too far from its own");
        }
        Some("AuthorizationHeaderMalformed" | "PermanentRedirect" | "IllegalLocation") => {
            return Some(REGION);
        }
        Some(
            "InvalidAccessKeyId"
            | "SignatureDoesNotMatch"
            | "NotSignedUp"
            | "ExpiredToken"
            | "InvalidToken"
            | "AccountProblem"
            | "InvalidSecurity",
        ) => return Some(CREDENTIALS),
        Some(_) | None => {}
    }
    if matches!(error, Error::Unauthenticated { .. }) {
        return Some(CREDENTIALS);
    }
    if matches!(error, Error::PermissionDenied { .. }) {
        return Some("the credentials do not give access to the bucket");
    }
    // Only where something was to be written or listed: a blob that is asked for and is not
    // there has been told apart before.
    if matches!(error, Error::NotFound { .. }) {
        return Some(NO_BUCKET);
    }
    text.contains("redirect without LOCATION").then_some(REGION)
}

/// Whether an answer says that the blob alone is missing, not all of the bucket.
pub(super) fn is_missing(error: &Error) -> bool {
    matches!(error, Error::NotFound { .. })
        && code_in(&error.to_string()).is_none_or(|code| code != "NoSuchBucket")
}

/// `<Code>NoSuchBucket</Code>`, as in every refusal of S3.
fn code_in(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    let plain = code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    plain.then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denied(body: &str) -> Error {
        Error::PermissionDenied { path: "x".into(), source: body.into() }
    }

    fn said(error: Error) -> String {
        of_bucket(error).to_string()
    }

    #[test]
    fn a_refusal_keeps_its_code_and_nothing_else() {
        let body = "status 403: <Error><Code>SignatureDoesNotMatch</Code>\
             <AWSAccessKeyId>AKIA</AWSAccessKeyId><StringToSign>hunter2</StringToSign></Error>";
        let said = said(denied(body));
        assert_eq!(
            said,
            "the blob store refuses: it does not take the credentials (SignatureDoesNotMatch)"
        );
    }

    #[test]
    fn a_wrong_clock_is_told_from_a_wrong_key() {
        let said = said(denied("<Error><Code>RequestTimeTooSkewed</Code></Error>"));
        assert!(said.contains("clock"), "{said}");
    }

    #[test]
    fn what_passes_is_told_from_what_does_not() {
        let generic = |body: &str| Error::Generic { store: "S3", source: body.into() };
        let slow = of_bucket(generic("503: <Code>SlowDown</Code>"));
        assert!(matches!(slow, StoreError::Unavailable(_)), "{slow:?}");
        let full = of_bucket(generic("<Code>XMinioStorageFull</Code>"));
        assert!(matches!(full, StoreError::Full(_)), "{full:?}");
        let gone = Error::NotFound { path: "x".into(), source: "404".into() };
        assert!(said(gone).contains("bucket does not exist"));
    }

    #[test]
    fn what_is_no_code_is_not_repeated() {
        assert_eq!(code_in("<Code>a\nb</Code>"), None);
        assert_eq!(code_in("<Code>a"), None);
        assert_eq!(code_in("nothing"), None);
    }
}
