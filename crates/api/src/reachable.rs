//! Followers whose addresses are known to be closed are refused with the request, in every
//! dialect. What a name resolves to is known when it is told, and not before.

use http::HeaderValue;
use slipway_domain::{FieldError, Follower, FollowerAddress};
use slipway_outbound::AddressPolicy;
use url::{Host, Url};

/// Refuses addresses given as numbers that may not be reached, and headers that cannot be sent.
pub(crate) fn check(policy: &AddressPolicy, followers: &[Follower]) -> Result<(), FieldError> {
    for (place, follower) in followers.iter().enumerate() {
        let field = format!("followers[{place}].url");
        for host in hosts(&follower.address) {
            let literal = match &host {
                Host::Ipv4(address) => (*address).into(),
                Host::Ipv6(address) => (*address).into(),
                Host::Domain(_) => continue,
            };
            policy.check(&host.to_string(), literal).map_err(|refused| {
                FieldError::new(&field, refused.to_string()).hint(refused.hint())
            })?;
        }
        let header = follower.authorization.as_ref();
        if header.is_some_and(|value| HeaderValue::from_str(value.expose()).is_err()) {
            let message = "has a login with characters that no header may have";
            return Err(FieldError::new(&field, message));
        }
    }
    Ok(())
}

fn hosts(address: &FollowerAddress) -> Vec<Host<String>> {
    match address {
        FollowerAddress::Http { url, .. } => Url::parse(url.expose())
            .ok()
            .and_then(|url| url.host().map(|host| host.to_owned()))
            .into_iter()
            .collect(),
        FollowerAddress::Kafka(target) => {
            let host = |broker: &String| Host::parse(broker.rsplit_once(':')?.0).ok();
            target.brokers.iter().filter_map(host).collect()
        }
    }
}
