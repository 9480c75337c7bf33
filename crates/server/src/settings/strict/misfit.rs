//! A setting that does not fit, in the words of whoever wrote it: the setting or the variable by
//! its whole name, what is wanted there, and what was found. Text is not quoted, and neither is a
//! number where a text is wanted: that may be a password.

use std::fmt;

use serde::de::{Error, Expected, Unexpected};

use super::place::{self, Step};

/// What is wrong with one setting.
#[derive(Debug)]
pub(crate) struct Misfit(Box<Inner>);

#[derive(Debug)]
struct Inner {
    /// The way to the value, from the value.
    way: Vec<Step>,
    problem: Problem,
    /// The names from where the error is to the value that a variable gave.
    variable: Option<Vec<String>>,
}

#[derive(Debug)]
enum Problem {
    Unfit {
        wanted: Wanted,
        found: Found,
    },
    /// A name that there is not, and those that there are.
    Unknown {
        name: String,
        known: &'static [&'static str],
    },
    Missing,
    /// In words that go on after the name.
    Other(String),
}

/// What a setting takes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wanted {
    Flag,
    Whole,
    /// One that is not `number`.
    Within {
        number: i128,
        least: i128,
        most: i128,
    },
    Text,
    OneOf(&'static [&'static str]),
    List,
    Table,
    Section,
}

/// What there is.
#[derive(Debug, Clone)]
pub(super) enum Found {
    Nothing,
    Flag(bool),
    Number(String),
    Text,
    List,
    Table,
}

impl Misfit {
    fn new(problem: Problem) -> Self {
        Self(Box::new(Inner { way: Vec::new(), problem, variable: None }))
    }

    pub(super) fn unfit(wanted: Wanted, found: Found, is_of_variable: bool) -> Self {
        let mut misfit = Self::new(Problem::Unfit { wanted, found });
        misfit.0.variable = is_of_variable.then(Vec::new);
        misfit
    }

    /// The same, where a variable gave what has the name.
    pub(super) fn by_variable(mut self, names: Vec<String>) -> Self {
        self.0.variable = Some(names);
        self
    }

    pub(super) fn in_list(mut self, number: usize) -> Self {
        self.0.way.push(Step::Number(number));
        self
    }

    pub(super) fn in_table(mut self, name: String) -> Self {
        self.0.way.push(Step::Name(name));
        self
    }
}

impl Error for Misfit {
    fn custom<T: fmt::Display>(words: T) -> Self {
        Self::new(Problem::Other(words.to_string()))
    }

    // The words for what was expected are those of Rust. All kinds are looked at before.
    fn invalid_type(_: Unexpected<'_>, _: &dyn Expected) -> Self {
        Self::custom("does not fit")
    }

    fn invalid_value(_: Unexpected<'_>, _: &dyn Expected) -> Self {
        Self::custom("does not fit")
    }

    fn unknown_field(name: &str, known: &'static [&'static str]) -> Self {
        Self::new(Problem::Unknown { name: name.to_owned(), known })
    }

    fn missing_field(name: &'static str) -> Self {
        Self::new(Problem::Missing).in_table(name.to_owned())
    }
}

impl std::error::Error for Misfit {}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { way, problem, variable } = &*self.0;
        let steps: Vec<Step> = way.iter().rev().cloned().collect();
        let setting = match variable {
            Some(names) => {
                let below = names.iter().cloned().map(Step::Name);
                place::variable(&steps.iter().cloned().chain(below).collect::<Vec<_>>())
            }
            None => place::setting(&steps),
        };
        match problem {
            Problem::Unfit { wanted, found } if variable.is_some() => {
                write!(f, "{setting}: {}", wanted.of_variable(&setting, found))
            }
            Problem::Unfit { wanted, found } => {
                write!(f, "{setting}: must be {}{}", wanted.in_file(&steps), found.beside(*wanted))
            }
            Problem::Unknown { name, known } => {
                if variable.is_some() {
                    write!(f, "{setting}: ")?;
                }
                let known = known.join(", ");
                match steps.is_empty() {
                    true => write!(f, "there is no section {name}; the sections are {known}"),
                    false => {
                        let section = place::section(&steps);
                        write!(f, "there is no {name} in {section}; there are {known}")
                    }
                }
            }
            Problem::Missing => write!(f, "{setting}: is missing"),
            Problem::Other(words) if setting.is_empty() => f.write_str(words),
            Problem::Other(words) => write!(f, "{setting}: {words}"),
        }
    }
}

impl Wanted {
    fn in_file(self, steps: &[Step]) -> String {
        match self {
            Self::Flag => "true or false".to_owned(),
            Self::Whole => "a whole number".to_owned(),
            Self::Within { number, least: 0, .. } if number < 0 => {
                "a whole number that is not negative".to_owned()
            }
            Self::Within { number, least, .. } if number < least => {
                format!("a whole number of at least {least}")
            }
            Self::Within { most, .. } => format!("a whole number of at most {most}"),
            Self::Text => "a text in quotes".to_owned(),
            Self::OneOf(words) => one_of(words),
            Self::List => match place::heading(steps) {
                Some(heading) => format!("a list of tables, each headed {heading}"),
                None => "a list in [ ]".to_owned(),
            },
            Self::Table => "a table { NAME = \"value\" }".to_owned(),
            Self::Section => format!("a section headed {}", place::head(steps)),
        }
    }

    fn of_variable(self, variable: &str, found: &Found) -> String {
        match self {
            Self::List => "is a list, which the settings file can hold and no variable".to_owned(),
            Self::Table | Self::Section => {
                format!("holds more than one setting; the variable of one is {variable}__NAME")
            }
            Self::Flag | Self::Whole | Self::Within { .. } | Self::Text | Self::OneOf(_) => {
                format!("must be {}{}", self.in_file(&[]), found.beside(self))
            }
        }
    }
}

impl Found {
    /// What comes after what is wanted.
    fn beside(&self, wanted: Wanted) -> String {
        let shows_numbers = match wanted {
            // Told by the bound alone, and so is a word that is none of those.
            Wanted::Within { .. } => return String::new(),
            Wanted::OneOf(_) if matches!(self, Self::Text) => return String::new(),
            Wanted::Flag | Wanted::Whole => true,
            Wanted::Text | Wanted::OneOf(_) | Wanted::List | Wanted::Table | Wanted::Section => {
                false
            }
        };
        match self {
            Self::Nothing => ", and is empty".to_owned(),
            Self::Flag(flag) => format!(", not {flag}"),
            Self::Number(number) if shows_numbers => format!(", not {number}"),
            Self::Number(_) => ", not a number".to_owned(),
            Self::Text => ", not this text".to_owned(),
            Self::List => ", not a list".to_owned(),
            Self::Table => ", not a table".to_owned(),
        }
    }
}

/// `auto, buildkit or classic`.
fn one_of(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [word] => (*word).to_owned(),
        [words @ .., last] => format!("{} or {last}", words.join(", ")),
    }
}
