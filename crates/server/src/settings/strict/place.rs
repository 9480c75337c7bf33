//! Where a value stands, as whoever wrote it calls the place: `worker.concurrency`, `url in the
//! first [[docker.hosts]]`, `SLIPWAY__WORKER__CONCURRENCY`.

use crate::settings::without_password;

/// The lists of tables.
const TABLES: [&str; 3] = ["docker.hosts", "triggers", "kafka.clusters"];

#[derive(Debug, Clone)]
pub(super) enum Step {
    Name(String),
    /// In a list, from 0.
    Number(usize),
}

/// The name of the variable that gives what is there.
pub(super) fn variable(steps: &[Step]) -> String {
    let names = steps.iter().filter_map(|step| match step {
        Step::Name(name) => Some(name.to_uppercase()),
        Step::Number(_) => None,
    });
    std::iter::once("SLIPWAY".to_owned()).chain(names).collect::<Vec<_>>().join("__")
}

/// A setting of the file.
pub(super) fn setting(steps: &[Step]) -> String {
    match table_of_list(steps) {
        Some((table, [])) => table,
        Some((table, rest)) => format!("{} in {table}", within(rest)),
        None => within(steps),
    }
}

/// A table of the file, by its heading.
pub(super) fn section(steps: &[Step]) -> String {
    match table_of_list(steps) {
        Some((table, [])) => table,
        Some((table, rest)) => format!("{} of {table}", within(rest)),
        None => format!("[{}]", within(steps)),
    }
}

/// How a table there is headed.
pub(super) fn head(steps: &[Step]) -> String {
    let list = steps.split_last().and_then(|(_, list)| heading(list));
    list.unwrap_or_else(|| format!("[{}]", within(steps)))
}

/// Whether a list there is one of tables; then, by what each is headed.
pub(super) fn heading(steps: &[Step]) -> Option<String> {
    let list = within(steps);
    TABLES.contains(&list.as_str()).then(|| format!("[[{list}]]"))
}

/// The table of a list of tables that this is in, and the way from there.
fn table_of_list(steps: &[Step]) -> Option<(String, &[Step])> {
    let at = steps.iter().position(|step| matches!(step, Step::Number(_)))?;
    let (list, rest) = steps.split_at_checked(at)?;
    let (Step::Number(number), rest) = rest.split_first()? else { return None };
    Some((format!("the {} {}", ordinal(*number), heading(list)?), rest))
}

fn within(steps: &[Step]) -> String {
    let names = steps.iter().filter_map(|step| match step {
        Step::Name(name) => Some(quoted(name)),
        Step::Number(_) => None,
    });
    let names = names.collect::<Vec<_>>().join(".");
    match steps.last() {
        Some(Step::Number(number)) => format!("the {} of {names}", ordinal(*number)),
        Some(Step::Name(_)) | None => names,
    }
}

/// As TOML has it. A registry may be called by a URL with a password in it.
fn quoted(name: &str) -> String {
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    match !name.is_empty() && name.bytes().all(is_bare) {
        true => name.to_owned(),
        false => format!("{:?}", without_password(name)),
    }
}

fn ordinal(number: usize) -> String {
    match number {
        0 => "first".to_owned(),
        1 => "second".to_owned(),
        2 => "third".to_owned(),
        more => format!("{}th", more + 1),
    }
}
