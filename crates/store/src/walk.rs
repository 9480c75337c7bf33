//! Several statements in one walk to the database.
//!
//! A walk over the network and back, and the waking up at both of its ends, costs more than
//! what most statements here do. PostgreSQL takes several as one statement (`WITH`), SQLite
//! takes them one after the other; the text of each is written once, by [`walk!`].
//!
//! They do not see each other: on PostgreSQL all of them see the rows as they were.

use crate::db::Tx;

/// Statements that go together, as each database wants them.
pub(crate) struct Walk {
    pub(crate) postgres: &'static str,
    pub(crate) sqlite: &'static str,
}

/// Puts statements together that share their parameters, the first of which writes a row of `builds`
/// and says so (`RETURNING`). The others read what it said from `moved`, and do nothing where it
/// did nothing. `$1` is the build's id. Of those before the semicolon only the last one may touch
/// no row: on SQLite each finds in `moved` whether the one before it did. Those after it may, but
/// are done on SQLite in any case: whoever finds that nothing moved gives up the transaction.
macro_rules! walk {
    (
        $moved:expr, $($name:literal: $statement:expr),+
        $(; $($then:literal: $freely:expr),+)? $(,)?
    ) => {
        $crate::walk::Walk {
            postgres: concat!(
                "WITH moved AS (", $moved, ")",
                $(", ", $name, " AS (", $statement, ")",)+
                $($(", ", $then, " AS (", $freely, ")",)+)?
                " SELECT * FROM moved"
            ),
            sqlite: concat!(
                $moved,
                $(
                    "; WITH moved AS (SELECT * FROM builds WHERE id = $1 AND changes() > 0) ",
                    $statement,
                )+
                $($("; WITH moved AS (SELECT * FROM builds WHERE id = $1) ", $freely,)+)?
            ),
        }
    };
}

/// The place of what is written to a build now, for the UPDATE of its row: the transaction's own,
/// and never before the build's last one.
macro_rules! next_place {
    () => {
        "CASE WHEN place < (SELECT next FROM next_place) \
         THEN (SELECT next FROM next_place) ELSE place END"
    };
}

pub(crate) use {next_place, walk};

impl Walk {
    /// The text for the database that `tx` is of.
    pub(crate) const fn text(&self, tx: &Tx) -> &'static str {
        match tx {
            Tx::Postgres(_) | Tx::Single(_) => self.postgres,
            Tx::Sqlite(_) => self.sqlite,
        }
    }
}
