//! The order of the line.
//!
//! Priority first, and waiting raises it, so that nothing waits for ever. Within a
//! priority the projects take turns: a build's round is dealt out when it is submitted,
//! one after the last of its project that still waits, and never before a round that was
//! served already. So a project with 10,000 builds in line does not delay another's one.
//! Within a round the oldest goes first.
//!
//! The order is in an index. A claim reads the head of the line of each priority and
//! platform, which costs the same however long the lines are; only builds of projects
//! that have all they may have are walked past.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use slipway_domain::HostName;
use sqlx::{FromRow, QueryBuilder};
use uuid::Uuid;

use super::slots::free;
use crate::StoreError;
use crate::db::{Tx, write};

/// What a build without a platform says in the index: any host will do.
pub(super) const ANY: &str = "";

/// A build at the head of a line.
#[derive(Debug, FromRow)]
pub(super) struct Head {
    pub(super) id: Uuid,
    pub(super) created_at: DateTime<Utc>,
    pub(super) project: String,
    pub(super) repository: String,
    pub(super) platform: Option<String>,
    pub(super) spec: String,
    pub(super) had_secrets: bool,
    pub(super) traceparent: Option<String>,
    pub(super) priority: i32,
    pub(super) round: i64,
    /// The names of all hosts with a free slot, with commas between them, which no name has.
    free: Option<String>,
}

/// Who may go next.
pub(super) struct Wanted<'a> {
    /// The platforms of the hosts that are offered, and [`ANY`].
    pub(super) platforms: BTreeSet<&'a str>,
    /// For how long a build waits until it counts as one priority higher.
    pub(super) raise_after: TimeDelta,
    pub(super) now: DateTime<Utc>,
}

/// The build that goes next, and the hosts with a free slot that it fits on by `fits`, which is given
/// a host's name and the build.
pub(super) async fn next<'a>(
    tx: &mut Tx,
    wanted: &Wanted<'_>,
    fits: impl Fn(&str, &Head) -> Option<&'a HostName>,
) -> Result<Option<(Head, Vec<&'a HostName>)>, StoreError> {
    let heads = heads(tx, wanted).await?;
    let with_hosts = heads.into_iter().map(|head| {
        let free = head.free.as_deref().unwrap_or_default().split(',');
        let hosts = free.filter_map(|name| fits(name, &head)).collect::<Vec<_>>();
        (head, hosts)
    });
    let can_go = with_hosts.filter(|(_, hosts)| !hosts.is_empty());
    Ok(can_go.max_by_key(|(head, _)| claim_to(head, wanted)))
}

/// The first build of each line, in no order, of projects that may have more.
async fn heads(tx: &mut Tx, wanted: &Wanted<'_>) -> Result<Vec<Head>, StoreError> {
    Ok(write!(*tx, connection => {
        let mut query = QueryBuilder::new(concat!(
            "WITH ",
            free!(),
            " SELECT h.id, h.created_at, h.project, h.repository, h.platform, h.spec, \
             h.had_secrets, h.traceparent, h.priority, h.round, \
             (SELECT string_agg(name, ',') FROM free) AS free \
             FROM builds h WHERE h.id IN (SELECT (SELECT b.id FROM builds b \
             WHERE b.status = 'queued' \
             AND COALESCE(b.platform, '') = p.column1 AND b.priority = lines.priority \
             AND b.project NOT IN (SELECT project FROM full_up) AND b.not_before <= ",
        ));
        query.push_bind(wanted.now);
        query.push(" ORDER BY b.round, b.created_at, b.id LIMIT 1) FROM lines, (VALUES ");
        let mut list = query.separated(", ");
        for platform in &wanted.platforms {
            list.push("(").push_bind_unseparated(*platform).push_unseparated(")");
        }
        query.push(") AS p)");
        query.build_query_as().fetch_all(connection).await
    })?)
}

/// The strength of a build's claim to be next: more goes first.
fn claim_to(head: &Head, wanted: &Wanted<'_>) -> impl Ord + use<> {
    use std::cmp::Reverse;
    let waited = (wanted.now - head.created_at).num_milliseconds().max(0);
    let raised = waited / wanted.raise_after.num_milliseconds().max(1);
    let priority = i64::from(head.priority).saturating_add(raised);
    (priority, Reverse((head.round, head.created_at, head.id)))
}
