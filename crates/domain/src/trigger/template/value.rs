//! What can stand in a place.

use crate::trigger::event::TriggerEvent;
use crate::trigger::happening::{Happening, What};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value {
    Owner,
    Repo,
    Branch,
    Tag,
    Sha,
    ShortSha,
    Pr,
}

impl Value {
    const ALL: [(&'static str, Self); 7] = [
        ("owner", Self::Owner),
        ("repo", Self::Repo),
        ("branch", Self::Branch),
        ("tag", Self::Tag),
        ("sha", Self::Sha),
        ("short_sha", Self::ShortSha),
        ("pr", Self::Pr),
    ];

    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find_map(|(known, value)| (known == name).then_some(value))
    }

    /// Whether something of this kind can have it.
    pub(super) const fn is_of(self, event: TriggerEvent) -> bool {
        match self {
            Self::Owner | Self::Repo => true,
            Self::Branch => matches!(event, TriggerEvent::Push),
            Self::Tag => matches!(event, TriggerEvent::Push | TriggerEvent::Release),
            Self::Sha | Self::ShortSha => !matches!(event, TriggerEvent::Release),
            Self::Pr => matches!(event, TriggerEvent::PullRequest),
        }
    }

    fn of(self, happening: &Happening) -> Option<String> {
        let commit = happening.commit.as_ref();
        match self {
            Self::Owner => Some(happening.repository.owner().to_owned()),
            Self::Repo => Some(happening.repository.name().to_owned()),
            Self::Sha => commit.map(|commit| commit.as_str().to_owned()),
            Self::ShortSha => commit.map(|commit| commit.short().to_owned()),
            Self::Branch => match &happening.what {
                What::Branch { branch } => Some(branch.clone()),
                What::Tag { .. } | What::Release { .. } | What::PullRequest { .. } => None,
            },
            Self::Tag => match &happening.what {
                What::Tag { tag } | What::Release { tag } => Some(tag.clone()),
                What::Branch { .. } | What::PullRequest { .. } => None,
            },
            Self::Pr => match &happening.what {
                What::PullRequest { number, .. } => Some(number.to_string()),
                What::Branch { .. } | What::Tag { .. } | What::Release { .. } => None,
            },
        }
    }
}

/// The first of them that what happened has; none is told as it is written.
pub(super) fn first(values: &[Value], happening: &Happening) -> Result<String, String> {
    values.iter().find_map(|value| value.of(happening)).ok_or_else(|| written(values))
}

/// As a template has it.
pub(super) fn written(values: &[Value]) -> String {
    let names = values.iter().filter_map(|value| {
        Value::ALL.iter().find_map(|(name, known)| (known == value).then_some(*name))
    });
    format!("{{{}}}", names.collect::<Vec<_>>().join("|"))
}
