//! `GET /v1/operations/profile`: how much came, how long it waited, how long it was handled.
//!
//! Invariants: every figure is computed by one SQL statement (`queries/profiles/operations.sql`); here it gets
//! its shape. The only text put into that statement is the name of a time zone out of a closed list, because a
//! zone is part of a type and types cannot be bound.

use actix_web::{get, web};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use super::describe::Problems;
use super::filters::Filters;
use super::operations_parts::{OperationsParts, parts};
use super::problem::ApiError;
use super::rows::{fetch, statement, time};
use super::state::State;
use crate::domain::Micros;
use crate::error::ErrorCode;

const STATEMENT: &str = statement!("profiles/operations");

/// What the figures are: a changed meaning is a new version.
const DEFINITION: &str = "operations_profile@1";

const GRANULARITIES: [&str; 7] = ["all", "month", "week", "day", "hour", "30m", "15m"];
const MAX_ROWS: u64 = 10_000;

/// Which part of the operation, and how it is cut.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ProfileFilters {
    /// From this time on, RFC 3339. Required.
    #[param(required = true, format = DateTime, example = "2026-11-01T00:00:00Z")]
    pub from: Option<String>,
    /// Before this time, RFC 3339. Required.
    #[param(required = true, format = DateTime, example = "2026-12-01T00:00:00Z")]
    pub to: Option<String>,
    /// `all`, `month`, `week`, `day`, `hour`, `30m` or `15m`.
    #[param(default = "all", example = "day")]
    pub granularity: Option<String>,
    /// The IANA name of the zone whose days and hours count.
    #[param(default = "UTC", example = "Asia/Shanghai")]
    pub timezone: Option<String>,
    /// `channel`, `queue`, or both with a comma.
    #[param(example = "channel,queue")]
    pub group_by: Option<String>,
    /// `all` or `none`: whether the answer has `parts`. Without it, `all` unless rows are cut or grouped.
    #[param(example = "all")]
    pub parts: Option<String>,
}

/// The figures of the operation.
#[derive(Debug, Serialize, ToSchema)]
pub struct OperationsProfile {
    /// The definition of the figures with its version.
    #[schema(example = "operations_profile@1")]
    pub definition: String,
    /// One row for each interval and group that has anything.
    pub rows: Vec<ProfileRow>,
    /// Queue legs in all rows.
    pub n: i64,
    /// Queue legs with a known wait among them, 0 to 1; null without queue legs.
    pub coverage: Option<f64>,
    /// Events before this time are expected to have come; null before the first event.
    #[schema(format = DateTime)]
    pub watermark: Option<String>,
    /// True when there are more rows than an answer holds.
    pub truncated: bool,
    /// How channels do, what they cost, where self-service ends, why customers give up, what is hot, what could be
    /// better; only in an answer without `granularity` and `group_by`, or with `parts=all`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parts: Option<OperationsParts>,
}

/// The figures of one interval and group.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProfileRow {
    /// Start of the interval in the zone that was asked for; null for the whole time.
    #[schema(format = DateTime)]
    pub interval_start: Option<String>,
    /// The channel, when grouped by it.
    pub channel: Option<String>,
    /// The queue, when grouped by it.
    pub queue: Option<String>,
    /// Interactions that started.
    pub interactions: i64,
    /// Queue legs that were entered.
    pub offered: i64,
    /// Queue legs that an agent answered.
    pub answered: i64,
    /// Queue legs that the customer left.
    pub abandoned: i64,
    /// Abandoned of offered, percent.
    pub abandonment_rate: Rate,
    /// Answered within 20 s of offered, percent.
    pub service_level_20_s: Rate,
    /// Mean wait of answered queue legs, ms.
    pub average_speed_of_answer_ms: Option<f64>,
    /// Mean wait of abandoned queue legs, ms.
    pub average_abandon_wait_ms: Option<f64>,
    /// Median wait of queue legs, ms, nearest rank.
    pub wait_p50_ms: Option<i64>,
    /// 90th percentile of the wait of queue legs, ms, nearest rank.
    pub wait_p90_ms: Option<i64>,
    /// Queue legs with a known wait: the base of all waits.
    pub n_wait: i64,
    /// Mean of talk, hold and wrap-up of agent legs, ms.
    pub average_handle_time_ms: Option<f64>,
    /// Agent legs with a known talk time: the base of the handle time.
    pub handled: i64,
}

/// A share with what it was made of.
#[derive(Debug, Serialize, ToSchema)]
pub struct Rate {
    /// Percent; null when the denominator is 0.
    #[schema(example = 16.8)]
    pub value: Option<f64>,
    /// Lower end of Wilson's interval at 95 %, percent.
    #[schema(example = 16.25)]
    pub low: Option<f64>,
    /// Upper end of Wilson's interval at 95 %, percent.
    #[schema(example = 17.36)]
    pub high: Option<f64>,
    /// What is counted.
    #[schema(example = 2908)]
    pub numerator: i64,
    /// Out of how many.
    #[schema(example = 17313)]
    pub denominator: i64,
}

/// A row of the statement.
#[derive(Debug, Deserialize)]
struct Row {
    interval_start: Option<String>,
    channel: Option<String>,
    queue: Option<String>,
    interactions: i64,
    offered: i64,
    answered: i64,
    abandoned: i64,
    answered_in_20_s: i64,
    n_wait: i64,
    asa_ms: Option<f64>,
    abandon_wait_ms: Option<f64>,
    wait_p50_ms: Option<i64>,
    wait_p90_ms: Option<i64>,
    handled: i64,
    aht_ms: Option<f64>,
    abandonment_rate: Option<f64>,
    service_level: Option<f64>,
    abandonment_rate_low: Option<f64>,
    abandonment_rate_high: Option<f64>,
    service_level_low: Option<f64>,
    service_level_high: Option<f64>,
}

impl From<Row> for ProfileRow {
    fn from(row: Row) -> Self {
        Self {
            abandonment_rate: Rate {
                value: row.abandonment_rate,
                low: row.abandonment_rate_low,
                high: row.abandonment_rate_high,
                numerator: row.abandoned,
                denominator: row.offered,
            },
            service_level_20_s: Rate {
                value: row.service_level,
                low: row.service_level_low,
                high: row.service_level_high,
                numerator: row.answered_in_20_s,
                denominator: row.offered,
            },
            interval_start: row.interval_start,
            channel: row.channel,
            queue: row.queue,
            interactions: row.interactions,
            offered: row.offered,
            answered: row.answered,
            abandoned: row.abandoned,
            average_speed_of_answer_ms: row.asa_ms,
            average_abandon_wait_ms: row.abandon_wait_ms,
            wait_p50_ms: row.wait_p50_ms,
            wait_p90_ms: row.wait_p90_ms,
            n_wait: row.n_wait,
            average_handle_time_ms: row.aht_ms,
            handled: row.handled,
        }
    }
}

/// Show the operation
///
/// Volume, answered, abandoned, waits and handle time by interval, channel and queue. Queue figures count queue
/// legs at the time they were entered, handle figures agent legs at their start.
#[utoipa::path(
    operation_id = "operations_profile",
    tag = "profiles",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("operations_profile"))),
    params(ProfileFilters),
    responses(
        (status = 200, description = "The figures.", body = OperationsProfile, example = json!({
            "definition": "operations_profile@1",
            "rows": [{"interval_start": null, "channel": "call", "queue": null, "interactions": 17313,
                "offered": 17313, "answered": 14405, "abandoned": 2908,
                "abandonment_rate": {"value": 16.8, "low": 16.25, "high": 17.36, "numerator": 2908,
                    "denominator": 17313},
                "service_level_20_s": {"value": 52.93, "low": 52.19, "high": 53.67, "numerator": 9164,
                    "denominator": 17313},
                "average_speed_of_answer_ms": 34410.0, "average_abandon_wait_ms": 37180.0,
                "wait_p50_ms": 15000, "wait_p90_ms": 90000, "n_wait": 17313,
                "average_handle_time_ms": 169930.0, "handled": 14405}],
            "n": 17313, "coverage": 1.0, "watermark": "1999-02-14T22:00:00Z", "truncated": false
        })),
        Problems,
    ),
)]
#[get("/v1/operations/profile")]
pub(super) async fn operations_profile(
    state: web::Data<State>,
    query: web::Query<ProfileFilters>,
) -> Result<web::Json<OperationsProfile>, ApiError> {
    let asked = read(query.into_inner())?;
    let sql = STATEMENT.replace(":timezone", asked.timezone.name());
    let parameters = vec![
        time(Some(asked.from)),
        time(Some(asked.to)),
        json!(asked.granularity),
        json!(asked.by_channel),
        json!(asked.by_queue),
    ];
    let mut rows: Vec<Row> = fetch(&state, &sql, parameters, MAX_ROWS + 1).await?;
    let length = usize::try_from(MAX_ROWS).unwrap_or(usize::MAX);
    let truncated = rows.len() > length;
    rows.truncate(length);
    let parts = match asked.with_parts {
        true => Some(parts(&state, asked.from, asked.to).await?),
        false => None,
    };
    Ok(web::Json(profile(&state, rows, truncated, parts)))
}

fn profile(
    state: &State,
    rows: Vec<Row>,
    truncated: bool,
    parts: Option<OperationsParts>,
) -> OperationsProfile {
    let n: i64 = rows.iter().map(|row| row.offered).sum();
    let n_wait: i64 = rows.iter().map(|row| row.n_wait).sum();
    #[expect(clippy::cast_precision_loss, reason = "a share of counts")]
    let coverage = (n > 0).then(|| n_wait as f64 / n as f64);
    OperationsProfile {
        definition: DEFINITION.to_owned(),
        rows: rows.into_iter().map(ProfileRow::from).collect(),
        n,
        coverage,
        watermark: state.watermark().map(|at| at.to_string()),
        truncated,
        parts,
    }
}

/// What was asked, checked.
struct Asked {
    from: Micros,
    to: Micros,
    granularity: String,
    timezone: Tz,
    by_channel: bool,
    by_queue: bool,
    with_parts: bool,
}

fn read(asked: ProfileFilters) -> Result<Asked, ApiError> {
    let mut filters = Filters::default();
    for (name, value) in [("from", &asked.from), ("to", &asked.to)] {
        if value.is_none() {
            filters.wrong(name, "it is required: an RFC 3339 time");
        }
    }
    let (from, to) = (
        filters.time("from", asked.from.as_deref()),
        filters.time("to", asked.to.as_deref()),
    );
    filters.order(from, to);
    let expected = format!("expected one of {}", GRANULARITIES.join(", "));
    let granularity = filters.checked(
        "granularity",
        asked.granularity.as_deref(),
        expected,
        |word| GRANULARITIES.contains(&word).then(|| word.to_owned()),
    );
    let expected = "expected an IANA time zone such as Asia/Shanghai";
    let timezone = filters.checked("timezone", asked.timezone.as_deref(), expected, |name| {
        name.parse().ok()
    });
    let expected = "expected channel, queue or both with a comma";
    let groups = filters.checked("group_by", asked.group_by.as_deref(), expected, groups);
    let with_parts = filters.checked(
        "parts",
        asked.parts.as_deref(),
        "expected all or none",
        |word| match word {
            "all" => Some(true),
            "none" => Some(false),
            _ => None,
        },
    );
    filters.finish()?;
    let with_parts = with_parts.unwrap_or(groups.is_none() && granularity.is_none());
    let (Some(from), Some(to)) = (from, to) else {
        return Err(ApiError::new(
            ErrorCode::Internal,
            "times are there when no mistake is",
        ));
    };
    let (by_channel, by_queue) = groups.unwrap_or_default();
    let granularity = granularity.unwrap_or_else(|| "all".to_owned());
    let timezone = timezone.unwrap_or(Tz::UTC);
    Ok(Asked {
        from,
        to,
        granularity,
        timezone,
        by_channel,
        by_queue,
        with_parts,
    })
}

/// Whether to group by channel and by queue.
fn groups(text: &str) -> Option<(bool, bool)> {
    let mut groups = (false, false);
    for word in text
        .split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
    {
        match word {
            "channel" => groups.0 = true,
            "queue" => groups.1 = true,
            _ => return None,
        }
    }
    Some(groups)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_a_closed_list() {
        assert_eq!(groups("channel"), Some((true, false)));
        assert_eq!(groups(" queue , channel "), Some((true, true)));
        assert_eq!(groups(""), Some((false, false)));
        assert_eq!(groups("agent_id; drop table"), None);
    }

    #[test]
    fn every_zone_is_a_plain_name() {
        for zone in chrono_tz::TZ_VARIANTS {
            let plain = |c: char| c.is_ascii_alphanumeric() || "/_-+".contains(c);
            assert!(zone.name().chars().all(plain), "{zone}");
        }
    }
}
