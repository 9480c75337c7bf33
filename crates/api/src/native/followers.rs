//! `followers` of a request.

use slipway_api_types::{FollowerKindName, FollowerRequest};
use slipway_domain::{
    FieldError, Follower, FollowerAddress, FollowerForm, FollowerKind, MAX_FOLLOWERS,
};
use slipway_follow::push::SigningKey;

/// Reads followers as they came. Errors name `followers[1].url`.
pub(super) fn read(asked: Vec<FollowerRequest>) -> Result<Vec<Follower>, FieldError> {
    if asked.len() > MAX_FOLLOWERS {
        return Err(FieldError::new("followers", format!("are more than {MAX_FOLLOWERS}")));
    }
    asked.into_iter().enumerate().map(|(place, asked)| one(place, asked)).collect()
}

fn one(place: usize, asked: FollowerRequest) -> Result<Follower, FieldError> {
    let field = format!("followers[{place}].url");
    let (address, authorization) = FollowerAddress::parse(&field, asked.url.expose())?;
    let kind = match asked.kind {
        FollowerKindName::Status => FollowerKind::Status,
        FollowerKindName::Logs => FollowerKind::Logs,
    };
    if let Some(key) = &asked.secret {
        let refuse = |problem: &str| FieldError::new(format!("followers[{place}].secret"), problem);
        if kind != FollowerKind::Status || !matches!(address, FollowerAddress::Http { .. }) {
            return Err(refuse("signs only what is sent to a follower of kind status over http"));
        }
        SigningKey::parse(key).map_err(|error| refuse(&error.to_string()))?;
    }
    Ok(Follower {
        kind,
        form: FollowerForm::Native,
        address,
        authorization,
        signing_key: asked.secret,
    })
}
