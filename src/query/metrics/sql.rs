//! The one generator: a definition and a checked request become a statement.
//!
//! The statement cuts the definition's rows into intervals and groups and makes the value of the sums. Invariants:
//! numbers of our own (instants, offsets) are written into the text, everything that a caller said is a
//! placeholder whose literal stands beside it; the columns are the same for every metric: `interval_start`, the
//! dimensions, `value`, `numerator`, `denominator`, `n`, `low`, `high`, `coverage`, `eligible`, `analysed`, the
//! extras, `definition`, `watermark`. Not here: parsing of the text, running it.

use std::collections::BTreeMap;

use super::ask::{Asked, Condition, Dimension, Granularity, Literal, Place};
use super::cells::{self, CellDays};
use super::definition::{Definition, Kind};
use super::hours;
use super::registry::Registry;
use super::zone::{self, DAY};
use crate::domain::Micros;

/// A statement with the literals of its placeholders.
#[derive(Debug, Clone, Default)]
pub(super) struct Generated {
    pub(super) text: String,
    pub(super) literals: BTreeMap<String, Literal>,
}

/// The normal quantile of 95 %, squared.
const Z2: &str = "3.8414588206941254";

/// The statement that answers `asked`, from cells when `days` are given.
pub(super) fn metric(
    registry: &Registry,
    asked: &Asked<'_>,
    watermark: Option<Micros>,
    days: Option<&CellDays>,
) -> Generated {
    let mut made = Generated::default();
    let units = match days {
        None => units(registry, asked, "", &mut made.literals),
        Some(days) => from_cells(registry, asked, days, &mut made.literals),
    };
    let is_cut = asked.granularity != Granularity::All;
    let mut keys: Vec<String> = Vec::new();
    if is_cut {
        keys.push("m_interval".to_owned());
    }
    keys.extend((0..asked.group_by.len()).map(|index| format!("d_{index}")));
    let group = if keys.is_empty() {
        String::new()
    } else {
        format!("\ngroup by {}", keys.join(", "))
    };
    let start = if is_cut {
        "m_interval".to_owned()
    } else {
        asked.from.to_string()
    };
    let mut columns = vec![format!(
        "arrow_cast({start}, 'Timestamp(Microsecond, Some(\"{}\"))') as interval_start",
        asked.zone.name()
    )];
    for (index, dimension) in asked.group_by.iter().enumerate() {
        columns.push(format!("d_{index} as {}", quoted(&dimension.name)));
    }
    columns.extend(figures(asked.definition.kind));
    columns.push("cast(analysed as double) / nullif(eligible, 0) as coverage".to_owned());
    columns.push("eligible, analysed".to_owned());
    columns.extend(asked.definition.extras.iter().cloned());
    columns.push("$definition as definition".to_owned());
    let label = Literal::Text(asked.definition.label());
    made.literals.insert("$definition".to_owned(), label);
    let watermark = watermark.map_or_else(|| "null".to_owned(), |at| at.0.to_string());
    columns.push(format!(
        "arrow_cast({watermark}, 'Timestamp(Microsecond, Some(\"UTC\"))') as watermark"
    ));
    let mut key_list = keys.clone();
    key_list.extend(match days {
        None => sums(asked.definition),
        Some(_) => cells::SUMS
            .iter()
            .map(|sum| format!("coalesce(sum({sum}), 0) as {sum}"))
            .collect(),
    });
    let order: Vec<String> = keys.iter().map(|key| format!("{key} nulls last")).collect();
    let order = if order.is_empty() {
        String::new()
    } else {
        format!("\norder by {}", order.join(", "))
    };
    made.text = format!(
        "with {units},\ncounted as (\nselect {}\nfrom placed{group}\n),\n{}\nselect {}\nfrom figured{order}",
        key_list.join(", "),
        shares(asked.definition.kind),
        columns.join(", "),
    );
    made
}

/// An identifier; the only words of a caller that enter the text.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The sums of an interval and group.
fn sums(definition: &Definition) -> Vec<String> {
    let is_waiting = definition.extras.iter().any(|name| name == PENDING);
    let eligible = if is_waiting {
        "count(*) filter (where coalesce(pending_n, 0) = 0) as eligible"
    } else {
        "count(*) as eligible"
    };
    let mut sums = vec![
        eligible.to_owned(),
        "count(m_den) as analysed".to_owned(),
        "count(*) filter (where m_den <> 0) as n".to_owned(),
        "coalesce(sum(m_num) filter (where m_den is not null), 0) as numerator".to_owned(),
        "coalesce(sum(m_den), 0) as denominator".to_owned(),
    ];
    match definition.kind {
        Kind::Percentile => {
            sums.push(
                "array_agg(m_num order by m_num) filter (where m_num is not null and m_den <> 0) as sorted"
                    .to_owned(),
            );
            sums.push("max($percentile) as percentile".to_owned());
        }
        Kind::NetScore => {
            sums.push("count(*) filter (where m_num = 1 and m_den <> 0) as promoters".to_owned());
            sums.push("count(*) filter (where m_num = -1 and m_den <> 0) as detractors".to_owned());
        }
        _ => {}
    }
    let extras = definition.extras.iter();
    sums.extend(extras.map(|name| format!("coalesce(sum({name}), 0) as {name}")));
    sums
}

/// The extra that counts units which are too young to be judged.
const PENDING: &str = "pending_n";

/// The relation `figured`: sums with the shares that intervals are made of.
fn shares(kind: Kind) -> String {
    let count = "cast(nullif(denominator, 0) as double) as m_n";
    match kind {
        Kind::Rate => format!(
            "figured as (\nselect *, cast(numerator as double) / nullif(denominator, 0) as m_p, {count}\nfrom counted\n)"
        ),
        Kind::NetScore => {
            let (low_1, high_1) = (wilson("m_p", "-"), wilson("m_p", "+"));
            let (low_2, high_2) = (wilson("m_q", "-"), wilson("m_q", "+"));
            format!(
                "shared as (\nselect *, cast(promoters as double) / nullif(denominator, 0) as m_p, \
                 cast(detractors as double) / nullif(denominator, 0) as m_q, {count}\nfrom counted\n),\n\
                 figured as (\nselect *, m_p - ({low_1}) as m_pl, ({high_1}) - m_p as m_pu, \
                 m_q - ({low_2}) as m_ql, ({high_2}) - m_q as m_qu,\n\
                 case when m_p in (0, 1) or m_q in (0, 1) then 0 \
                 else -sqrt(m_p * m_q / ((1 - m_p) * (1 - m_q))) end as m_r\nfrom shared\n)"
            )
        }
        _ => "figured as (select * from counted)".to_owned(),
    }
}

/// An end of Wilson's interval of the share `p` of `m_n`.
fn wilson(p: &str, sign: &str) -> String {
    format!(
        "({p} + {Z2} / (2 * m_n) {sign} sqrt({Z2} * ({p} * (1 - {p}) + {Z2} / (4 * m_n)) / m_n)) / (1 + {Z2} / m_n)"
    )
}

/// The value with what it is made of.
fn figures(kind: Kind) -> Vec<String> {
    let none = "cast(null as double)".to_owned();
    let ratio =
        |factor: &str| format!("{factor}cast(numerator as double) / nullif(denominator, 0)");
    let (value, low, high) = match kind {
        Kind::Count => ("cast(numerator as double)".to_owned(), none.clone(), none),
        Kind::Rate => (
            "100 * m_p".to_owned(),
            // An interval of no width beyond 0 or 100 is a rounding of the last bit.
            format!("100 * greatest({}, 0.0)", wilson("m_p", "-")),
            format!("100 * least({}, 1.0)", wilson("m_p", "+")),
        ),
        Kind::Share => (ratio("100 * "), none.clone(), none),
        Kind::Mean => (ratio(""), none.clone(), none),
        Kind::Percentile => (
            "cast(sorted[greatest(cast(ceil(percentile * n / 100.0) as bigint), 1)] as double)"
                .to_owned(),
            none.clone(),
            none,
        ),
        // Newcombe's difference of two shares with the correlation of cells of one sample.
        Kind::NetScore => (
            "100 * (m_p - m_q)".to_owned(),
            "100 * (m_p - m_q - sqrt(m_pl * m_pl - 2 * m_r * m_pl * m_qu + m_qu * m_qu))"
                .to_owned(),
            "100 * (m_p - m_q + sqrt(m_pu * m_pu - 2 * m_r * m_pu * m_ql + m_ql * m_ql))"
                .to_owned(),
        ),
    };
    vec![
        format!("{value} as value"),
        "numerator, denominator, n".to_owned(),
        format!("{low} as low, {high} as high"),
    ]
}

/// The relations up to `placed{suffix}`: the definition's rows within the interval and the filters, with
/// `m_interval` and the dimensions `d_0`, `d_1`, ….
pub(super) fn units(
    registry: &Registry,
    asked: &Asked<'_>,
    suffix: &str,
    literals: &mut BTreeMap<String, Literal>,
) -> String {
    let mut relations = Vec::new();
    let body = body(asked, suffix, literals);
    if body.contains(COSTS) {
        relations.push(costs(registry, suffix, literals));
    }
    relations.push(format!(
        "units{suffix} as (\n{}\n)",
        body.replace(COSTS, &format!("costs{suffix}"))
    ));
    let mut kept = vec!["u.m_num, u.m_den".to_owned()];
    if !suffix.is_empty() {
        kept.push("u.interaction_id".to_owned());
    }
    let extras = asked.definition.extras.iter();
    kept.extend(extras.map(|name| format!("u.{name}")));
    relations.push(placed(registry, asked, suffix, &kept, literals));
    relations.join(",\n")
}

/// As [`units`], by the stored cells of closed days.
fn from_cells(
    registry: &Registry,
    asked: &Asked<'_>,
    days: &CellDays,
    literals: &mut BTreeMap<String, Literal>,
) -> String {
    let body = body(asked, "", literals);
    let units = cells::units(asked, days, &body);
    let kept = cells::SUMS.map(|sum| format!("u.{sum}"));
    let placed = placed(registry, asked, "", &kept, literals);
    format!("units as (\n{units}\n),\n{placed}")
}

/// The relations `located` and `placed`: rows of `units` in their intervals and groups, with the columns `kept`.
fn placed(
    registry: &Registry,
    asked: &Asked<'_>,
    suffix: &str,
    kept: &[String],
    literals: &mut BTreeMap<String, Literal>,
) -> String {
    let mut relations = Vec::new();
    let pieces = zone::pieces(asked.zone, asked.from, asked.to);
    let (from, to) = (instant(asked.from), instant(asked.to));
    let us = "cast(u.m_at as bigint)";
    relations.push(format!(
        "located{suffix} as (\nselect u.*, {us} as m_us, {us} + ({}) as m_local\nfrom units{suffix} as u\n\
         where u.m_at >= {from} and u.m_at < {to}\n)",
        zone::offset_sql(&pieces, us)
    ));
    let mut columns = vec![format!(
        "{} as m_interval",
        interval(asked.granularity, &pieces)
    )];
    let mut joins = false;
    for (index, dimension) in asked.group_by.iter().enumerate() {
        let column = column(
            dimension,
            asked,
            &format!("{suffix}g{index}"),
            literals,
            &mut joins,
        );
        columns.push(format!("{column} as d_{index}"));
    }
    let conditions = conditions(registry, asked, suffix, literals, &mut joins);
    columns.extend(kept.iter().cloned());
    let join = if joins {
        "\nleft join interactions as i on u.interaction_id = i.interaction_id"
    } else {
        ""
    };
    let filter = if conditions.is_empty() {
        String::new()
    } else {
        format!("\nwhere {}", conditions.join(" and "))
    };
    relations.push(format!(
        "placed{suffix} as (\nselect {}\nfrom located{suffix} as u{join}{filter}\n)",
        columns.join(", ")
    ));
    relations.join(",\n")
}

/// What a row must meet: the filters and, where asked, the business hours of its queue.
fn conditions(
    registry: &Registry,
    asked: &Asked<'_>,
    suffix: &str,
    literals: &mut BTreeMap<String, Literal>,
    joins: &mut bool,
) -> Vec<String> {
    let mut conditions = Vec::new();
    for (index, (dimension, condition)) in asked.filters.iter().enumerate() {
        let name = format!("{suffix}f{index}");
        let column = column(dimension, asked, &name, literals, joins);
        conditions.push(matches(&column, condition, &name, literals));
    }
    if asked.business_hours {
        let queue = Dimension {
            name: "queue".to_owned(),
            kind: "text".to_owned(),
            place: own_or_joined(registry, asked.definition, "queue"),
        };
        let queue = column(&queue, asked, "q", literals, joins);
        let hours = &registry.settings.business_hours;
        let span = (asked.from, asked.to);
        conditions.extend(hours::open_sql(hours, &queue, "u.m_us", span, literals));
    }
    conditions
}

/// How a statement calls the costs.
const COSTS: &str = "$costs";

fn own_or_joined(registry: &Registry, definition: &Definition, name: &str) -> Place {
    let found = registry.dimensions(definition);
    match found.iter().find(|(known, ..)| *known == name) {
        Some((.., true)) | None => Place::Interaction(name.to_owned()),
        Some(_) => Place::Own(name.to_owned()),
    }
}

/// An instant of ours.
fn instant(us: i64) -> String {
    format!("arrow_cast({us}, 'Timestamp(Microsecond, Some(\"UTC\"))')")
}

/// The definition's statement with its parameters as placeholders of this request.
fn body(asked: &Asked<'_>, suffix: &str, literals: &mut BTreeMap<String, Literal>) -> String {
    let mut text = asked.definition.text.trim().to_owned();
    let mut names: Vec<&String> = asked.parameters.keys().collect();
    // A name can begin with another one.
    names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    for name in names {
        let placeholder = format!("$p{suffix}_{name}");
        text = text.replace(&format!("${name}"), &placeholder);
        if let Some(value) = asked.parameters.get(name) {
            literals.insert(placeholder, value.clone());
            literals.insert(format!("${name}"), value.clone());
        }
    }
    text.replace("$from", &instant(asked.from))
        .replace("$to", &instant(asked.to))
}

fn costs(registry: &Registry, suffix: &str, literals: &mut BTreeMap<String, Literal>) -> String {
    let rows = registry.settings.costs.iter().enumerate().map(|(index, cost)| {
        let channel = format!("$cost{suffix}_{index}");
        literals.insert(channel.clone(), Literal::Text(cost.channel.clone()));
        format!(
            "select {channel} as channel, cast('{}' as date) as valid_from, cast({} as double) as per_agent_minute, \
             cast({} as double) as per_session",
            cost.valid_from, cost.per_agent_minute, cost.per_session
        )
    });
    let rows: Vec<String> = rows.collect();
    if rows.is_empty() {
        return format!(
            "costs{suffix} as (select cast(null as varchar) as channel, cast(null as date) as valid_from, \
             cast(null as double) as per_agent_minute, cast(null as double) as per_session)"
        );
    }
    format!("costs{suffix} as (\n{}\n)", rows.join("\nunion all\n"))
}

/// The first instant of the interval that a row lies in, microseconds.
fn interval(granularity: Granularity, pieces: &[zone::Piece]) -> String {
    let local = match granularity {
        Granularity::All => return "0".to_owned(),
        Granularity::Within(width) => {
            let start = format!("u.m_us - u.m_local % {width}");
            if pieces.len() == 1 {
                return start;
            }
            return format!(
                "greatest({start}, {})",
                zone::piece_start_sql(pieces, "u.m_us")
            );
        }
        Granularity::Days(1) => format!("(u.m_local - u.m_local % {DAY})"),
        // 1970-01-01 was a Thursday; weeks begin on Monday.
        Granularity::Days(days) => {
            let width = days * DAY;
            format!("(u.m_local - (u.m_local + {}) % {width})", 3 * DAY)
        }
        Granularity::Month => {
            let local = "arrow_cast(u.m_local, 'Timestamp(Microsecond, None)')";
            format!("cast(date_trunc('month', {local}) as bigint)")
        }
    };
    zone::instant_sql(pieces, &local)
}

fn column(
    dimension: &Dimension,
    asked: &Asked<'_>,
    name: &str,
    literals: &mut BTreeMap<String, Literal>,
    joins: &mut bool,
) -> String {
    match &dimension.place {
        Place::Own(column) => format!("u.{}", quoted(column)),
        Place::Interaction(column) => {
            *joins = true;
            format!("i.{}", quoted(column))
        }
        Place::Attribute(key) => {
            let placeholder = format!("$key_{name}");
            literals.insert(placeholder.clone(), Literal::Text(key.clone()));
            let table = if asked.definition.grain == "interactions" {
                "u"
            } else {
                *joins = true;
                "i"
            };
            format!("attribute_of({table}.attributes, {placeholder})")
        }
    }
}

fn matches(
    column: &str,
    condition: &Condition,
    name: &str,
    literals: &mut BTreeMap<String, Literal>,
) -> String {
    let mut put = |part: String, value: &Literal| {
        let placeholder = format!("$value_{name}_{part}");
        literals.insert(placeholder.clone(), value.clone());
        placeholder
    };
    match condition {
        Condition::In { values, or_null } => {
            let values: Vec<String> = values
                .iter()
                .enumerate()
                .map(|(index, value)| put(index.to_string(), value))
                .collect();
            let mut parts = Vec::new();
            if !values.is_empty() {
                parts.push(format!("{column} in ({})", values.join(", ")));
            }
            if *or_null {
                parts.push(format!("{column} is null"));
            }
            if parts.is_empty() {
                "false".to_owned()
            } else {
                format!("({})", parts.join(" or "))
            }
        }
        Condition::Between(from, to) => {
            let from = from.iter().map(|value| (">=", "from", value));
            let to = to.iter().map(|value| ("<", "to", value));
            let parts: Vec<String> = from
                .chain(to)
                .map(|(sign, part, value)| {
                    format!("{column} {sign} {}", put(part.to_owned(), value))
                })
                .collect();
            format!("({})", parts.join(" and "))
        }
    }
}
