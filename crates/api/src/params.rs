//! Query parameters. One that is misspelt must not be a filter that silently is not there.

use actix_web::{HttpRequest, web};
use slipway_domain::FieldError;

use crate::error::Error;

/// The parameters of a request, each to be taken once.
#[derive(Debug)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    /// Reads the parameters, which must be among `known`, each at most once.
    pub(crate) fn read(req: &HttpRequest, known: &'static [&'static str]) -> Result<Self, Error> {
        let pairs = web::Query::<Vec<(String, String)>>::from_query(req.query_string())
            .map_err(|_| FieldError::new("query", "is not name=value&name=value"))?
            .into_inner();
        for (index, (name, _)) in pairs.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                return Err(Error::UnknownParameter { name: name.clone(), known });
            }
            if pairs.iter().take(index).any(|(before, _)| before == name) {
                return Err(FieldError::new(name, "is there twice").into());
            }
        }
        Ok(Self(pairs))
    }

    /// The value of a parameter. One that is empty counts as absent, as a form sends it.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(known, _)| known == name)?;
        (!value.is_empty()).then_some(value.as_str())
    }

    /// Whether a parameter is there and has no value.
    pub(crate) fn is_empty(&self, name: &str) -> bool {
        self.0.iter().any(|(known, value)| known == name && value.is_empty())
    }

    /// A parameter that says yes or no.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, Error> {
        match self.get(name) {
            None | Some("false" | "0") => Ok(false),
            Some("true" | "1") => Ok(true),
            Some(_) => Err(FieldError::new(name, "must be true or false").into()),
        }
    }

    /// The number of an event.
    pub(crate) fn seq(&self, name: &str) -> Result<Option<i64>, Error> {
        self.get(name).map(|text| seq(name, text)).transpose()
    }
}

/// The number of an event, as a client gives it back.
pub(crate) fn seq(name: &str, text: &str) -> Result<i64, Error> {
    text.trim().parse().ok().filter(|seq| *seq >= 0).ok_or_else(|| {
        FieldError::new(name, "is not the number of an event")
            .hint("give the number of the last event you have; 0 is before the first")
            .into()
    })
}
