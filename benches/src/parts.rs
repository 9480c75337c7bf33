//! Where the time of builds goes, part by part.

use std::time::Duration;

use crate::statistics::{median, ms, p95};
use crate::table::{Row, Table};
use crate::{bare, slipway};

/// Of builds that ran in one way, through Slipway and without it.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    way: String,
    bare: Vec<bare::Took>,
    slipway: Vec<slipway::Took>,
    /// What the client waited beyond the build's own account.
    outside: Vec<f64>,
}

impl Parts {
    /// Of builds that run in this way: the beginning of each row's name.
    pub(crate) fn of(way: String) -> Self {
        Self { way, ..Self::default() }
    }

    pub(crate) fn add_bare(&mut self, took: bare::Took) {
        self.bare.push(took);
    }

    /// A build by its own account, and how long its client waited for the end.
    pub(crate) fn add_slipway(&mut self, took: slipway::Took, waited: Duration) {
        self.outside.push(ms(waited.saturating_sub(took.whole)));
        self.slipway.push(took);
    }

    /// From the POST to the claim, of each, in milliseconds.
    pub(crate) fn in_line(&self) -> Vec<f64> {
        self.slipway.iter().map(|took| ms(took.in_line)).collect()
    }

    /// Prints the medians.
    pub(crate) fn print(&self) {
        let bare = |part: fn(&bare::Took) -> Duration| -> f64 {
            median(&self.bare.iter().map(|took| ms(part(took))).collect::<Vec<_>>())
        };
        let slipway = |part: fn(&slipway::Took) -> Duration| -> f64 {
            median(&self.slipway.iter().map(|took| ms(part(took))).collect::<Vec<_>>())
        };
        let shown = |value: f64| format!("{value:.1} ms");
        let row = |what: &str| Row::new(format!("{}: {what}", self.way));
        let mut table = Table::default();
        table.add(row("in line, median").slipway(shown(median(&self.in_line()))));
        table.add(row("in line, p95").slipway(shown(p95(&self.in_line()))));
        table.add(row("before the build").slipway(shown(slipway(|took| took.preparing))));
        for (part, bare, slipway) in [
            ("build", bare(|took| took.build), slipway(|took| took.build)),
            ("push", bare(|took| took.push), slipway(|took| took.push)),
            ("remove", bare(|took| took.remove), slipway(|took| took.remove)),
        ] {
            table.add(row(part).bare(shown(bare)).slipway(shown(slipway)));
        }
        table.add(row("POST, last event").slipway(shown(median(&self.outside))));
        table.print();
    }
}
