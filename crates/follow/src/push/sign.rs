//! Signatures of webhooks: Standard Webhooks, symmetric (`v1`), see
//! <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use slipway_domain::Secret;
use thiserror::Error;

const PREFIX: &str = "whsec_";

/// A key that webhooks are signed with.
#[derive(Clone)]
pub struct SigningKey(Hmac<Sha256>);

/// Why a text is no key. It is not quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("is no signing key: write whsec_ and 24 to 64 random bytes in base64")]
pub struct SigningKeyError;

impl SigningKey {
    /// Reads a key: `whsec_` and 24 to 64 bytes in base64.
    ///
    /// # Errors
    /// When it is of another form.
    pub fn parse(key: &Secret) -> Result<Self, SigningKeyError> {
        let encoded = key.expose().strip_prefix(PREFIX).ok_or(SigningKeyError)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| SigningKeyError)?;
        if !(24..=64).contains(&bytes.len()) {
            return Err(SigningKeyError);
        }
        // HMAC takes keys of any length.
        Hmac::new_from_slice(&bytes).map(Self).map_err(|_| SigningKeyError)
    }

    /// The value of `webhook-signature` for a message.
    pub(super) fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let mut mac = self.0.clone();
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Result<SigningKey, SigningKeyError> {
        SigningKey::parse(&Secret::from(text.to_owned()))
    }

    /// The example that the libraries of Standard Webhooks are tested with.
    #[test]
    fn signs_as_others_do() {
        let signature = key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap().sign(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn others_are_refused_unseen() {
        for bad in
            ["", "hunter2", "whsec_", "whsec_aHVudGVyMg==", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
        {
            assert!(key(bad).is_err(), "{bad}");
        }
        let long = format!("whsec_{}", STANDARD.encode([7; 65]));
        assert!(key(&long).is_err());
    }
}
