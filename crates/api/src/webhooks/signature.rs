//! Whether a delivery is from whom it says.
//!
//! GitHub and Gitea send an HMAC-SHA256 of the body in hexadecimal digits (GitHub in
//! `X-Hub-Signature-256` after `sha256=`, see *Validating webhook deliveries*; Gitea in
//! `X-Gitea-Signature`); GitLab sends the secret itself in `X-Gitlab-Token`. All are compared in
//! constant time, over the bytes as they came, before anything of them is read. What was sent is
//! never logged.

use actix_web::HttpRequest;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use slipway_domain::{Forge, Secret};
use subtle::ConstantTimeEq as _;

use super::headers::Headers;
use crate::error::Error;

/// What a request has to show for itself.
pub(super) enum Proof {
    /// An HMAC-SHA256 of the body.
    Hmac([u8; 32]),
    /// The secret itself.
    Token(Secret),
}

impl Proof {
    /// Takes it from the headers.
    pub(super) fn of(forge: Forge, req: &HttpRequest) -> Result<Self, Error> {
        let names = Headers::of(forge).proof;
        let [header, _] = names;
        let value = names.iter().find_map(|name| req.headers().get(*name));
        let value = value.ok_or(Error::Unsigned { header })?.to_str().unwrap_or_default();
        match forge {
            Forge::Github => {
                let digits = value.strip_prefix("sha256=").and_then(digest);
                digits.map(Self::Hmac).ok_or(Error::WronglySigned)
            }
            Forge::Gitea => digest(value).map(Self::Hmac).ok_or(Error::WronglySigned),
            Forge::Gitlab if value.is_empty() => Err(Error::Unsigned { header }),
            Forge::Gitlab => Ok(Self::Token(value.to_owned().into())),
        }
    }

    /// Whether it was made with this secret.
    fn is_by(&self, secret: &Secret, body: &[u8]) -> bool {
        match self {
            Self::Hmac(sent) => {
                let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()) else {
                    return false;
                };
                mac.update(body);
                mac.verify_slice(sent).is_ok()
            }
            Self::Token(sent) => {
                // Of one length both, so that not even that is told by the time.
                let digest = |secret: &Secret| Sha256::digest(secret.expose().as_bytes());
                digest(secret).as_slice().ct_eq(digest(sent).as_slice()).into()
            }
        }
    }

    /// For which triggers the body was signed; `None` where it was for nobody.
    pub(super) fn signed_for(
        &self,
        signers: Vec<(Secret, Vec<String>)>,
        body: &[u8],
    ) -> Option<Vec<String>> {
        let mut signed = None;
        for (secret, names) in signers {
            if self.is_by(&secret, body) {
                signed.get_or_insert_with(Vec::new).extend(names);
            }
        }
        signed
    }
}

/// 64 hexadecimal digits as bytes.
fn digest(digits: &str) -> Option<[u8; 32]> {
    if digits.len() != 64 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 32];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(digits.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// 64 hexadecimal digits that stand for a body, and for the occasion on which it was sent.
pub(super) fn sha256(occasion: &str, body: &[u8]) -> String {
    Sha256::new()
        .chain_update(occasion)
        .chain_update(body)
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// *Testing the webhook payload validation* of GitHub's documentation.
    const SECRET: &str = "It's a Secret to Everybody";
    const BODY: &[u8] = b"Hello, World!";
    const DIGITS: &str = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    fn secret(text: &str) -> Secret {
        text.to_owned().into()
    }

    #[test]
    fn githubs_own_example() {
        let proof = Proof::Hmac(digest(DIGITS).unwrap());
        let signers = |text: &str| vec![(secret(text), vec!["web".to_owned()])];
        assert_eq!(proof.signed_for(signers(SECRET), BODY).unwrap(), ["web"]);
        assert!(proof.signed_for(signers("another"), BODY).is_none());
        assert!(proof.signed_for(signers(SECRET), b"Hello, World?").is_none());
        // For those alone whose secret it is.
        let mut all = signers("another");
        all.push((secret(SECRET), vec!["api".to_owned()]));
        assert_eq!(proof.signed_for(all, BODY).unwrap(), ["api"]);
    }

    #[test]
    fn digests_as_they_are_written() {
        assert!(digest(&DIGITS.to_uppercase()).is_some());
        for bad in
            ["", "00", &DIGITS[1..], &format!("{DIGITS}0"), &"+f".repeat(32), &"ä".repeat(32)]
        {
            assert!(digest(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn tokens_are_equal_or_not() {
        let proof = Proof::Token(secret("hunter2"));
        assert!(proof.is_by(&secret("hunter2"), b""));
        assert!(!proof.is_by(&secret("hunter22"), b"") && !proof.is_by(&secret("hunter3"), b""));
    }
}
