//! `/v1/metrics`: the registry of KPIs, questions to it, and comparisons of definitions.
//!
//! Invariants: every figure comes from the statement that `query` makes of a definition, so SQL gives the same;
//! every answer says which definition in which version it follows, how much is known of what should be, and up
//! to when events have come. Not here: what a metric means (`queries/metrics/`).

use std::collections::BTreeMap;

use actix_web::{get, post, web};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::auth::Caller;
use super::body::Body;
use super::describe::Problems;
use super::problem::ApiError;
use super::rows::collect;
use super::state::State;
use crate::error::ErrorCode;
use crate::query::{CompareRequest, Definition, MAX_GROUPS, MetricRequest, Registry, Side};

/// Rows of an answer.
const MAX_ROWS: usize = 10_000;
/// Interactions that a group of a comparison lists when the caller does not say.
const DEFAULT_LISTED: u64 = 1_000;
const MAX_LISTED: u64 = 100_000;

/// Every metric.
#[derive(Debug, Serialize, ToSchema)]
pub struct MetricList {
    /// The metrics, by id.
    pub items: Vec<MetricView>,
    /// Always null: the list is whole.
    pub next_cursor: Option<String>,
}

/// A metric with what it means.
#[derive(Debug, Serialize, ToSchema)]
pub struct MetricView {
    /// The id under which it is asked, also the name of the table function in schema `metrics`.
    #[schema(example = "abandonment_rate_a")]
    pub id: String,
    /// Grows when the meaning changes.
    #[schema(example = 1)]
    pub version: u32,
    /// `id@version`, as answers carry it.
    #[schema(example = "abandonment_rate_a@1")]
    pub definition: String,
    /// One line.
    pub about: String,
    /// The formula in words.
    #[schema(example = "abandoned / offered x 100")]
    pub formula: String,
    /// What is counted or added up.
    pub numerator: String,
    /// Out of what.
    pub denominator: String,
    /// What does not count.
    pub exclusions: String,
    /// The instant by which something belongs to an interval.
    pub clock: String,
    /// The unit of the value.
    #[schema(example = "percent")]
    pub unit: String,
    /// `count`, `rate`, `share`, `mean`, `percentile` or `net_score`: how the value is made.
    #[schema(example = "rate")]
    pub kind: String,
    /// What one counted row is.
    #[schema(example = "legs")]
    pub grain: String,
    /// Whether numerators and denominators of parts add up to those of the whole.
    pub additive: bool,
    /// Who publishes it so.
    pub source: String,
    /// What is aimed at, in the unit; null without a published target.
    pub target: Option<f64>,
    /// Parameters with their defaults.
    pub parameters: Vec<MetricParameter>,
    /// What it can be grouped by and filtered on.
    pub dimensions: Vec<String>,
    /// Sums that rows carry beside the value.
    pub extras: Vec<String>,
}

/// A parameter of a metric.
#[derive(Debug, Serialize, ToSchema)]
pub struct MetricParameter {
    /// Name.
    #[schema(example = "within_s")]
    pub name: String,
    /// Type in the words of PostgreSQL.
    #[schema(example = "double precision")]
    pub r#type: String,
    /// What holds when it is not given.
    #[schema(example = "20")]
    pub default: String,
    /// The only possible values; empty when there is no list.
    pub allowed: Vec<String>,
    /// The least number.
    pub least: Option<f64>,
    /// The greatest number.
    pub greatest: Option<f64>,
    /// What it means.
    pub about: String,
}

fn view(registry: &Registry, definition: &Definition) -> MetricView {
    let parameters = definition.params.iter().map(|param| MetricParameter {
        name: param.name.clone(),
        r#type: param.kind.as_str().to_owned(),
        default: param.default.clone(),
        allowed: param.allowed.clone(),
        least: param.least,
        greatest: param.greatest,
        about: param.about.clone(),
    });
    MetricView {
        id: definition.id.clone(),
        version: definition.version,
        definition: definition.label(),
        about: definition.about.clone(),
        formula: definition.formula.clone(),
        numerator: definition.numerator.clone(),
        denominator: definition.denominator.clone(),
        exclusions: definition.exclusions.clone(),
        clock: definition.clock.clone(),
        unit: definition.unit.clone(),
        kind: definition.kind.as_str().to_owned(),
        grain: definition.grain.clone(),
        additive: definition.additive,
        source: definition.source.clone(),
        target: definition.target,
        parameters: parameters.collect(),
        dimensions: registry.dimension_names(definition),
        extras: definition.extras.clone(),
    }
}

/// A question to a metric.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "metric": "abandonment_rate_a", "from": "1999-02-01T00:00:00+02:00", "to": "1999-02-15T00:00:00+02:00",
    "granularity": "all", "timezone": "Asia/Jerusalem", "group_by": ["queue"], "filters": {"channel": "call"},
    "parameters": {}
}))]
pub struct MetricQuery {
    /// The metric's id.
    pub metric: String,
    /// The first instant, RFC 3339, or a day, which begins at its local midnight.
    pub from: String,
    /// The first instant after it, likewise.
    pub to: String,
    /// `all`, `month`, `week` (from Monday), `day`, `hour`, `30m` or `15m`.
    #[schema(default = "all")]
    pub granularity: Option<String>,
    /// The IANA name of the zone whose days and hours count.
    #[schema(default = "UTC")]
    pub timezone: Option<String>,
    /// Dimensions: columns, or `attributes.<key>`.
    #[serde(default)]
    pub group_by: Vec<String>,
    /// By dimension a value, a list of values (null for none), or `{"from":…,"to":…}`; all hold together.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub filters: BTreeMap<String, Value>,
    /// By name; what is not given has its default.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub parameters: BTreeMap<String, Value>,
    /// True: only what happened in the opening hours of its queue, as the settings say.
    #[serde(default)]
    pub business_hours: bool,
}

/// A metric's answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct MetricAnswer {
    /// The definition with its version.
    #[schema(example = "abandonment_rate_a@1")]
    pub definition: String,
    /// The unit of the values.
    #[schema(example = "percent")]
    pub unit: String,
    /// One row for each interval and group that has anything: `interval_start` in the zone that was asked for,
    /// the dimensions, `value` (null without a denominator), `numerator`, `denominator`, `n` (units counted),
    /// `interval` (`low`, `high` at 95 % for rates, else null), `coverage`, and the metric's extras.
    #[schema(value_type = Vec<Object>)]
    pub rows: Vec<Map<String, Value>>,
    /// Units counted in all rows.
    #[schema(example = 17313)]
    pub n: i64,
    /// Units of which all is known among those that should count, 0 to 1; null without any.
    #[schema(example = 1.0)]
    pub coverage: Option<f64>,
    /// Events before this time are expected to have come; null before the first event.
    #[schema(format = DateTime)]
    pub watermark: Option<String>,
    /// True when there are more rows than an answer holds.
    pub truncated: bool,
}

/// List the metrics
///
/// Every KPI with its formula, numerator, denominator, exclusions, clock, parameters and version.
#[utoipa::path(
    operation_id = "metrics_list",
    tag = "metrics",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("metrics"))),
    responses(
        (status = 200, description = "The metrics.", body = MetricList, example = json!({
            "items": [{
                "id": "abandonment_rate_a", "version": 1, "definition": "abandonment_rate_a@1",
                "about": "Share of offered that was abandoned.", "formula": "abandoned / offered x 100",
                "numerator": "queue stays with outcome abandoned", "denominator": "queue stays",
                "exclusions": "nothing", "clock": "when the stay entered the queue", "unit": "percent",
                "kind": "rate", "grain": "legs", "additive": true, "source": "Genesys", "target": null,
                "parameters": [], "dimensions": ["channel", "queue"], "extras": []
            }],
            "next_cursor": null
        })),
        Problems,
    ),
)]
#[get("/v1/metrics")]
pub(super) async fn metrics_list(state: web::Data<State>) -> web::Json<MetricList> {
    let registry = state.engine.metrics();
    let items = registry.all().map(|definition| view(registry, definition));
    web::Json(MetricList {
        items: items.collect(),
        next_cursor: None,
    })
}

/// Show a metric
///
/// What it counts, out of what, what it leaves out, by which clock, and its parameters.
#[utoipa::path(
    operation_id = "metric_get",
    tag = "metrics",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("metrics"))),
    params(("id" = String, Path, description = "The metric's id.", example = "abandonment_rate_a")),
    responses(
        (status = 200, description = "The metric.", body = MetricView, example = json!({
            "id": "abandonment_rate_a", "version": 1, "definition": "abandonment_rate_a@1",
            "about": "Share of offered that was abandoned.", "formula": "abandoned / offered x 100",
            "numerator": "queue stays with outcome abandoned", "denominator": "queue stays",
            "exclusions": "nothing", "clock": "when the stay entered the queue", "unit": "percent",
            "kind": "rate", "grain": "legs", "additive": true, "source": "Genesys", "target": null,
            "parameters": [], "dimensions": ["channel", "queue"], "extras": []
        })),
        Problems,
    ),
)]
#[get("/v1/metrics/{id}")]
pub(super) async fn metric_get(
    state: web::Data<State>,
    id: web::Path<String>,
) -> Result<web::Json<MetricView>, ApiError> {
    let registry = state.engine.metrics();
    let found = registry.get(&id);
    let definition = found.map_err(|detail| ApiError::new(ErrorCode::NotFound, detail))?;
    Ok(web::Json(view(registry, definition)))
}

/// Ask a metric
///
/// By interval, zone and group, with filters. `select * from metrics.<id>(…)` over SQL gives the same rows.
#[utoipa::path(
    operation_id = "metric_query",
    tag = "metrics",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("metrics"))),
    request_body(content = MetricQuery, description = "The question.", content_type = "application/json"),
    responses(
        (status = 200, description = "The figures.", body = MetricAnswer, example = json!({
            "definition": "abandonment_rate_a@1", "unit": "percent",
            "rows": [{
                "interval_start": "1999-02-01T00:00:00+02:00", "queue": "PS", "value": 16.8, "numerator": 2908,
                "denominator": 17313, "n": 17313, "interval": {"low": 16.25, "high": 17.36}, "coverage": 1.0
            }],
            "n": 17313, "coverage": 1.0, "watermark": "1999-02-14T22:00:00Z", "truncated": false
        })),
        Problems,
    ),
)]
#[post("/v1/metrics/query")]
pub(super) async fn metric_query(
    state: web::Data<State>,
    caller: Caller,
    body: Body<MetricQuery>,
) -> Result<web::Json<MetricAnswer>, ApiError> {
    let Body(query) = body;
    let request = MetricRequest {
        metric: query.metric,
        from: query.from,
        to: query.to,
        granularity: query.granularity,
        timezone: query.timezone,
        group_by: query.group_by,
        filters: stored(&state, query.filters),
        parameters: query.parameters,
        business_hours: query.business_hours,
    };
    answer(&state, &caller, &request).await.map(web::Json)
}

/// Ids in filters as they are stored: a personal value and its token mean the same.
fn stored(state: &State, filters: BTreeMap<String, Value>) -> BTreeMap<String, Value> {
    let one = |value: Value| match value {
        Value::String(id) => Value::String(state.redactor.redactor().id(&id).into_owned()),
        other => other,
    };
    let of = |(name, value): (String, Value)| {
        let value = match value {
            value if !name.ends_with("_id") => value,
            Value::Array(values) => Value::Array(values.into_iter().map(one).collect()),
            value => one(value),
        };
        (name, value)
    };
    filters.into_iter().map(of).collect()
}

async fn answer(
    state: &State,
    caller: &Caller,
    request: &MetricRequest,
) -> Result<MetricAnswer, ApiError> {
    let limit = MAX_ROWS as u64 + 1;
    let run = state.engine.run_metric(request, limit, caller.role);
    let (definition, answer) = run.await?;
    let mut rows: Vec<Map<String, Value>> = collect(answer).await?;
    let truncated = rows.len() > MAX_ROWS;
    rows.truncate(MAX_ROWS);
    let (mut n, mut eligible, mut analysed) = (0, 0, 0);
    for row in &mut rows {
        n += whole(row.get("n"));
        eligible += whole(row.remove("eligible").as_ref());
        analysed += whole(row.remove("analysed").as_ref());
        row.remove("definition");
        row.remove("watermark");
        let (low, high) = (row.remove("low"), row.remove("high"));
        let interval = match (low, high) {
            (Some(Value::Number(low)), Some(Value::Number(high))) => {
                json!({"low": low, "high": high})
            }
            _ => Value::Null,
        };
        row.insert("interval".to_owned(), interval);
    }
    #[expect(clippy::cast_precision_loss, reason = "a share of counts")]
    let coverage = (eligible > 0).then(|| analysed as f64 / eligible as f64);
    Ok(MetricAnswer {
        definition: definition.label(),
        unit: definition.unit.clone(),
        rows,
        n,
        coverage,
        watermark: state.watermark().map(|at| at.to_string()),
        truncated,
    })
}

fn whole(value: Option<&Value>) -> i64 {
    value.and_then(Value::as_i64).unwrap_or(0)
}

/// A comparison of definitions.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "definitions": [{"metric": "abandonment_rate_a"}, {"metric": "abandonment_rate_b", "parameters": {"short_s": 5}}],
    "from": "1999-02-01T00:00:00+02:00", "to": "1999-02-15T00:00:00+02:00", "timezone": "Asia/Jerusalem"
}))]
pub struct MetricComparison {
    /// Two to eight definitions; the same one may come twice with other parameters.
    pub definitions: Vec<ComparedMetric>,
    /// As in `POST /v1/metrics/query`.
    pub from: String,
    /// As in `POST /v1/metrics/query`.
    pub to: String,
    /// As in `POST /v1/metrics/query`.
    pub timezone: Option<String>,
    /// As in `POST /v1/metrics/query`.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub filters: BTreeMap<String, Value>,
    /// As in `POST /v1/metrics/query`.
    #[serde(default)]
    pub business_hours: bool,
    /// Most interactions that a group lists, 1 to 100000.
    #[schema(default = 1000)]
    pub limit: Option<u64>,
}

/// One definition of a comparison.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ComparedMetric {
    /// The metric's id.
    #[schema(example = "abandonment_rate_b")]
    pub metric: String,
    /// Its parameters.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub parameters: BTreeMap<String, Value>,
}

/// Several definitions over the same interactions.
#[derive(Debug, Serialize, ToSchema)]
pub struct ComparisonAnswer {
    /// What each definition says, in the order of the request.
    pub definitions: Vec<ComparedValue>,
    /// The interactions that definitions judge differently, grouped by what each makes of them; the largest
    /// group first.
    pub differences: Vec<Difference>,
    /// Interactions in all groups.
    #[schema(example = 15)]
    pub interactions: i64,
    /// True when there are more groups than an answer holds.
    pub truncated: bool,
    /// Events before this time are expected to have come; null before the first event.
    #[schema(format = DateTime)]
    pub watermark: Option<String>,
}

/// What one definition says.
#[derive(Debug, Serialize, ToSchema)]
pub struct ComparedValue {
    /// The definition with its version.
    #[schema(example = "abandonment_rate_b@1")]
    pub definition: String,
    /// The unit of the value.
    #[schema(example = "percent")]
    pub unit: String,
    /// The value; null without a denominator.
    pub value: Option<f64>,
    /// What is counted or added up.
    pub numerator: Option<f64>,
    /// Out of what.
    pub denominator: Option<f64>,
    /// Units counted.
    pub n: i64,
    /// `low` and `high` at 95 % for rates, else null.
    #[schema(value_type = Option<Object>)]
    pub interval: Option<Value>,
    /// Units of which all is known among those that should count.
    pub coverage: Option<f64>,
}

/// Interactions of which every definition makes the same, but not the same as the others.
#[derive(Debug, Serialize, ToSchema)]
pub struct Difference {
    /// How many.
    #[schema(example = 10)]
    pub interactions: i64,
    /// Which, by id, up to `limit`.
    pub interaction_ids: Vec<String>,
    /// What one of them adds, by definition in the order of the request.
    pub contributions: Vec<Contribution>,
}

/// What an interaction adds to a definition.
#[derive(Debug, Serialize, ToSchema)]
pub struct Contribution {
    /// The definition with its version.
    #[schema(example = "abandonment_rate_b@1")]
    pub definition: String,
    /// To the numerator.
    pub numerator: f64,
    /// To the denominator.
    pub denominator: f64,
}

/// Compare definitions
///
/// Runs several definitions over the same interval and filters and lists the interactions that explain why they
/// differ.
#[utoipa::path(
    operation_id = "metrics_compare",
    tag = "metrics",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("metrics"))),
    request_body(content = MetricComparison, description = "The definitions.", content_type = "application/json"),
    responses(
        (status = 200, description = "Values and what explains their difference.", body = ComparisonAnswer, example = json!({
            "definitions": [
                {"definition": "abandonment_rate_a@1", "unit": "percent", "value": 15.0, "numerator": 15.0,
                    "denominator": 100.0, "n": 100, "interval": {"low": 9.3, "high": 23.3}, "coverage": 1.0},
                {"definition": "abandonment_rate_b@1", "unit": "percent", "value": 10.5, "numerator": 10.0,
                    "denominator": 95.0, "n": 95, "interval": {"low": 5.8, "high": 18.3}, "coverage": 1.0}
            ],
            "differences": [{
                "interactions": 5, "interaction_ids": ["call-1", "call-2", "call-3", "call-4", "call-5"],
                "contributions": [
                    {"definition": "abandonment_rate_a@1", "numerator": 1.0, "denominator": 1.0},
                    {"definition": "abandonment_rate_b@1", "numerator": 0.0, "denominator": 0.0}
                ]
            }],
            "interactions": 5, "truncated": false, "watermark": "1999-02-14T22:00:00Z"
        })),
        Problems,
    ),
)]
#[post("/v1/metrics/compare")]
pub(super) async fn metrics_compare(
    state: web::Data<State>,
    caller: Caller,
    body: Body<MetricComparison>,
) -> Result<web::Json<ComparisonAnswer>, ApiError> {
    let Body(asked) = body;
    let limit = asked.limit.unwrap_or(DEFAULT_LISTED);
    if !(1..=MAX_LISTED).contains(&limit) {
        let detail = format!("expected a whole number from 1 to {MAX_LISTED}");
        return Err(ApiError::parameter("/limit", detail));
    }
    let sides = asked.definitions.into_iter().map(|side| Side {
        metric: side.metric,
        parameters: side.parameters,
    });
    let request = CompareRequest {
        sides: sides.collect(),
        from: asked.from,
        to: asked.to,
        timezone: asked.timezone,
        filters: stored(&state, asked.filters),
        business_hours: asked.business_hours,
        limit,
    };
    let (compared, rows) = state.engine.run_comparison(&request, caller.role).await?;
    let rows: Vec<Map<String, Value>> = collect(rows).await?;
    let mut definitions = Vec::new();
    for request in &compared.requests {
        let whole = answer(&state, &caller, request).await?;
        definitions.push(value(whole));
    }
    let labels: Vec<String> = compared.definitions.iter().map(Definition::label).collect();
    let differences: Vec<Difference> = rows.iter().map(|row| difference(row, &labels)).collect();
    Ok(web::Json(ComparisonAnswer {
        definitions,
        interactions: differences.iter().map(|group| group.interactions).sum(),
        truncated: differences.len() >= MAX_GROUPS,
        differences,
        watermark: state.watermark().map(|at| at.to_string()),
    }))
}

/// The only row of an answer over the whole interval.
fn value(whole: MetricAnswer) -> ComparedValue {
    let row = whole.rows.into_iter().next().unwrap_or_default();
    let number = |name: &str| row.get(name).and_then(Value::as_f64);
    ComparedValue {
        definition: whole.definition,
        unit: whole.unit,
        value: number("value"),
        numerator: number("numerator"),
        denominator: number("denominator"),
        n: whole.n,
        interval: row
            .get("interval")
            .filter(|interval| !interval.is_null())
            .cloned(),
        coverage: whole.coverage,
    }
}

fn difference(row: &Map<String, Value>, labels: &[String]) -> Difference {
    let number = |name: String| row.get(&name).and_then(Value::as_f64).unwrap_or(0.0);
    let ids = row.get("interaction_ids").and_then(Value::as_array);
    let ids = ids.into_iter().flatten().filter_map(Value::as_str);
    let contributions = labels
        .iter()
        .enumerate()
        .map(|(index, label)| Contribution {
            definition: label.clone(),
            numerator: number(format!("num_{index}")),
            denominator: number(format!("den_{index}")),
        });
    Difference {
        interactions: whole(row.get("interactions")),
        interaction_ids: ids.map(str::to_owned).collect(),
        contributions: contributions.collect(),
    }
}
