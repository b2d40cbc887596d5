//! Cells: what a quarter of an hour adds to a metric, by channel and queue.
//!
//! A definition that judges each row of `legs` or `interactions` by itself adds up: its cells of closed days are
//! stored and answer for whole quarters of an hour. The relation `metric_cells` is made from the definitions
//! themselves, all of one mart in one pass, so a KPI keeps its one statement. Invariants: cells hold for the
//! default parameters; days with news are never answered from cells. Not here: storing (`jobs`), when a question
//! may be answered from cells (`sql`).

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::OnceLock;

use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::ast::{
    Select, SelectItem, SetExpr, Statement as SqlStatement, TableFactor,
};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;

use super::ask::{Asked, Dimension, Place, is_default};
use super::definition::{Definition, Kind};
use super::zone::{self, MINUTE};
use crate::domain::{Day, Micros};
use crate::query::SqlType;
use crate::query::error::QueryError;
use crate::query::files::{File, METRICS};

/// Name of the relation and of the stored table.
pub(in crate::query) const CELLS: &str = "metric_cells";

/// Width of a cell, microseconds.
pub(super) const WIDTH: i64 = 15 * MINUTE;

/// The sums of a cell, in the order of the relation.
pub(super) const SUMS: [&str; 5] = ["eligible", "analysed", "n", "numerator", "denominator"];

/// Days whose cells are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::query) struct CellDays {
    /// The last one.
    pub(in crate::query) through: Day,
    /// Those with news: their rows are read instead.
    pub(in crate::query) dirty: BTreeSet<Day>,
}

/// The relation `metric_cells` as a file.
///
/// # Errors
/// When a definition can't be read.
pub(in crate::query) fn relation() -> Result<File, QueryError> {
    static TEXT: OnceLock<String> = OnceLock::new();
    let text = match TEXT.get() {
        Some(text) => text,
        None => {
            let text = text()?;
            TEXT.get_or_init(|| text)
        }
    };
    Ok((CELLS, text.as_str()))
}

const HEADER: &str = "\
-- name: metric_cells
-- about: What each quarter of an hour adds to metrics whose definition judges every stay or interaction by itself,
--   by channel and queue, with default parameters. Made from the files of `queries/metrics`.
-- columns:
--   metric text, its id
--   interval_start timestamptz, UTC
--   channel text
--   queue text
--   eligible bigint, units that should count
--   analysed bigint, units of which all is known
--   n bigint, units that count
--   numerator bigint
--   denominator bigint
--   dt date, UTC day of the interaction's first event
-- tables: legs, interactions
";

fn text() -> Result<String, QueryError> {
    let mut parts = Vec::new();
    for (name, text) in METRICS {
        let definition = Definition::parse(text);
        let definition = definition
            .map_err(|why| QueryError::Invalid(format!("metric file `{name}`: {why}")))?;
        parts.extend(Part::of(&definition));
    }
    let mut text = HEADER.to_owned();
    let marts = [
        (
            "legs",
            "case when l.handler = 'queue' then l.enqueued_at else l.started_at end",
        ),
        ("interactions", "i.started_at"),
    ];
    for (index, (mart, at)) in marts.into_iter().enumerate() {
        if index > 0 {
            text.push_str("\nunion all\n");
        }
        let of_mart: Vec<&Part> = parts.iter().filter(|part| part.mart == mart).collect();
        text.push_str(&pass(mart, at, &of_mart));
    }
    Ok(text)
}

/// The beginning of the cell of a time. Not by `date_bin`, which answers in nanoseconds.
fn cell_of(at: &str) -> String {
    format!(
        "arrow_cast(cast({at} as bigint) / {WIDTH} * {WIDTH}, 'Timestamp(Microsecond, Some(\"UTC\"))')"
    )
}

/// One pass over a mart: the sums of every metric side by side, then below each other.
fn pass(mart: &str, at: &str, parts: &[&Part]) -> String {
    let alias = alias(mart);
    let mut wide = format!(
        "select {} as interval_start, {alias}.channel as channel, {alias}.queue as queue, {alias}.dt as dt",
        cell_of(at)
    );
    for (place, part) in parts.iter().enumerate() {
        let (num, den, filter) = (&part.num, &part.den, &part.filter);
        // Writing to a string cannot fail.
        let _ = write!(
            wide,
            ",\ncount(*) filter (where {filter}) as eligible_{place}, \
             count({den}) filter (where {filter}) as analysed_{place}, \
             count(*) filter (where ({filter}) and ({den}) <> 0) as n_{place}, \
             cast(coalesce(sum({num}) filter (where ({filter}) and ({den}) is not null), 0) as bigint) as numerator_{place}, \
             cast(coalesce(sum({den}) filter (where {filter}), 0) as bigint) as denominator_{place}"
        );
    }
    let _ = write!(wide, "\nfrom {mart} as {alias}\ngroup by 1, 2, 3, 4");
    let names: Vec<String> = parts.iter().map(|part| format!("'{}'", part.id)).collect();
    let list = |sum: &str| -> String {
        let columns: Vec<String> = (0..parts.len())
            .map(|place| format!("{sum}_{place}"))
            .collect();
        format!("unnest(make_array({})) as {sum}", columns.join(", "))
    };
    let sums: Vec<String> = SUMS.iter().map(|sum| list(sum)).collect();
    format!(
        "select metric, interval_start, channel, queue, {}, dt\nfrom (\nselect unnest(make_array({})) as metric, \
         interval_start, channel, queue, {}, dt\nfrom (\n{wide}\n) as wide\n) as long\nwhere eligible > 0",
        SUMS.join(", "),
        names.join(", "),
        sums.join(", "),
    )
}

fn alias(mart: &str) -> &'static str {
    if mart == "legs" { "l" } else { "i" }
}

/// What a definition says of one row.
struct Part {
    id: String,
    mart: String,
    num: String,
    den: String,
    filter: String,
}

impl Part {
    /// `None`: the definition looks at more than one row at a time, or does not add up.
    fn of(definition: &Definition) -> Option<Self> {
        let adds_up = definition.additive
            && !matches!(definition.kind, Kind::Percentile | Kind::NetScore)
            && definition.extras.is_empty()
            && definition.dimensions.is_empty()
            // Answers of surveys come later and are laid over stored rows.
            && !definition.text.contains("csat")
            && !definition.text.contains("nps");
        let mart = definition.grain.as_str();
        if !adds_up || !["legs", "interactions"].contains(&mart) {
            return None;
        }
        let select = select(&with_defaults(definition))?;
        let filter = select.selection.as_ref().map(ToString::to_string);
        let filter = filter.unwrap_or_else(|| "true".to_owned());
        let at = column(&select, "m_at")?;
        let is_usual = match (mart, at.as_str()) {
            ("legs", "l.enqueued_at") => filter.contains("l.handler = 'queue'"),
            ("legs", "l.started_at") => filter.contains("l.handler = 'agent'"),
            ("interactions", "i.started_at") => true,
            _ => false,
        };
        is_usual.then_some(())?;
        Some(Self {
            id: definition.id.clone(),
            mart: mart.to_owned(),
            num: column(&select, "m_num")?,
            den: column(&select, "m_den")?,
            filter,
        })
    }
}

/// The only select of `text`, when it reads its mart alone.
fn select(text: &str) -> Option<Select> {
    let mut statements = DFParserBuilder::new(text)
        .with_dialect(&PostgreSqlDialect {})
        .build()
        .and_then(|mut parser| parser.parse_statements())
        .ok()?;
    let Statement::Statement(inner) = statements.pop_front()? else {
        return None;
    };
    let SqlStatement::Query(query) = *inner else {
        return None;
    };
    let SetExpr::Select(select) = *query.body else {
        return None;
    };
    let [table] = select.from.as_slice() else {
        return None;
    };
    let is_plain = query.with.is_none()
        && table.joins.is_empty()
        && matches!(table.relation, TableFactor::Table { args: None, .. })
        && !text.contains(" over ");
    is_plain.then_some(*select)
}

fn column(select: &Select, name: &str) -> Option<String> {
    select.projection.iter().find_map(|item| match item {
        SelectItem::ExprWithAlias { expr, alias } if alias.value == name => Some(expr.to_string()),
        _ => None,
    })
}

/// The statement with every parameter at its default.
fn with_defaults(definition: &Definition) -> String {
    let mut params: Vec<_> = definition.params.iter().collect();
    // A name can begin with another one.
    params.sort_by_key(|param| std::cmp::Reverse(param.name.len()));
    let mut text = definition.text.trim().to_owned();
    for param in params {
        let value = match param.kind {
            SqlType::Text => format!("'{}'", param.default.replace('\'', "''")),
            _ => param.default.clone(),
        };
        text = text.replace(&format!("${}", param.name), &value);
    }
    text
}

/// Whether the stored cells have what is asked for.
pub(super) fn can_answer(asked: &Asked<'_>, days: &CellDays) -> bool {
    let is_kept = |dimension: &Dimension| matches!(&dimension.place, Place::Own(name) if ["channel", "queue"].contains(&name.as_str()));
    let is_whole = |us: i64| us.rem_euclid(WIDTH) == 0;
    asked.from <= days.through.start().0
        && is_whole(asked.from)
        && is_whole(asked.to)
        && !asked.business_hours
        && asked.group_by.iter().all(is_kept)
        && asked
            .filters
            .iter()
            .all(|(dimension, _)| is_kept(dimension))
        && is_default(asked.definition, &asked.parameters)
        && zone::pieces(asked.zone, asked.from, asked.to)
            .iter()
            .all(|piece| is_whole(piece.offset))
        && Part::of(asked.definition).is_some()
}

/// The rows of a metric: its cells, and beside them what the rows of open days and of days with news add.
/// `body` is the definition's statement.
pub(super) fn units(asked: &Asked<'_>, days: &CellDays, body: &str) -> String {
    let instant = |us: i64| format!("arrow_cast({us}, 'Timestamp(Microsecond, Some(\"UTC\"))')");
    let (from, to) = (instant(asked.from), instant(asked.to));
    // An interaction begins before its parts do, so later days have nothing to say.
    let last = Micros(asked.to.saturating_sub(1)).day();
    let dirty = days.dirty.iter().filter(|day| **day <= last);
    let dirty: Vec<String> = dirty.map(|day| format!("date '{day}'")).collect();
    let id = &asked.definition.id;
    let sums = SUMS.map(|sum| format!("c.{sum}")).join(", ");
    let mut text = format!(
        "select c.interval_start as m_at, c.channel, c.queue, {sums}\nfrom stored.cells_{id} as c\n\
         where c.interval_start >= {from} and c.interval_start < {to}"
    );
    let is_open = last > days.through;
    if !dirty.is_empty() {
        let _ = write!(text, " and c.dt not in ({})", dirty.join(", "));
    }
    if is_open || !dirty.is_empty() {
        let mut live = Vec::new();
        if is_open {
            live.push(format!("b.dt > date '{}'", days.through));
        }
        if !dirty.is_empty() {
            live.push(format!("b.dt in ({})", dirty.join(", ")));
        }
        let _ = write!(
            text,
            "\nunion all\nselect {}, b.channel, b.queue, count(*), \
             count(b.m_den), count(*) filter (where b.m_den <> 0), \
             coalesce(sum(b.m_num) filter (where b.m_den is not null), 0), coalesce(sum(b.m_den), 0)\n\
             from (\n{body}\n) as b\nwhere ({}) and b.m_at >= {from} and b.m_at < {to}\ngroup by 1, 2, 3",
            cell_of("b.m_at"),
            live.join(" or ")
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_of_single_rows_have_cells_and_no_others() {
        let all = METRICS.iter();
        let all = all.map(|(_, text)| Definition::parse(text).unwrap());
        let (with, without): (Vec<_>, Vec<_>) =
            all.partition(|definition| Part::of(definition).is_some());
        let ids: Vec<&str> = with.iter().map(|found| found.id.as_str()).collect();
        for id in [
            "offered",
            "abandonment_rate_a",
            "abandonment_rate_b",
            "service_level_amazon",
            "service_level_genesys",
            "service_level_dynamics",
            "service_level_seed",
            "average_speed_of_answer",
            "average_handle_time",
            "average_handle_time_interaction",
            "interactions",
            "ghost_rate",
        ] {
            assert!(ids.contains(&id), "{id} of {ids:?}");
        }
        assert!(ids.len() >= 24, "{ids:?}");
        for definition in without {
            assert!(
                definition.kind == Kind::Percentile
                    || !["legs", "interactions"].contains(&definition.grain.as_str())
                    || definition.text.trim_start().starts_with("with")
                    || definition.text.contains("join "),
                "{} reads single rows",
                definition.id
            );
        }
    }
}
