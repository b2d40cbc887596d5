//! `/v1/reports`: a month of the operation, from the metric registry.
//!
//! Invariants: a report is made of what the registry answers now, so it says the same as `POST /v1/metrics/query`.
//! Not here: its figures and pages (`jobs::report`).

use actix_web::{HttpResponse, get, web};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use super::describe::Problems;
use super::filters::Filters;
use super::problem::ApiError;
use super::state::State;
use crate::error::ErrorCode;
use crate::jobs::report::{Language, Report, csv, html, make, month_of, months};

/// Which form, language and zone.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ReportFilters {
    /// `json`, `html` or `csv`.
    #[param(default = "json", example = "html")]
    pub format: Option<String>,
    /// `zh-CN` or `en`; of the page.
    #[param(default = "zh-CN", example = "en")]
    pub language: Option<String>,
    /// The IANA name of the zone whose month it is.
    #[param(default = "UTC", example = "Asia/Shanghai")]
    pub timezone: Option<String>,
}

/// The months that there are.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReportList {
    /// The months, the latest first.
    pub items: Vec<ReportMonth>,
    /// Always null: there is one page.
    pub next_cursor: Option<String>,
}

/// A month with interactions.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReportMonth {
    /// `YYYY-MM`
    #[schema(example = "2026-11")]
    pub month: String,
}

/// A month of the operation.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReportView {
    /// `YYYY-MM`
    #[schema(example = "2026-11")]
    pub month: String,
    /// The zone whose month it is.
    #[schema(example = "Asia/Shanghai")]
    pub timezone: String,
    /// The figures: `metric`, `definition`, `unit`, `queue` (null for all), `value`, `low` and `high` of rates,
    /// `n`, `coverage`, `before` (the month before), `target`.
    #[schema(value_type = Vec<Object>)]
    pub figures: Value,
    /// Why customers gave up: the query `abandon_summary`.
    #[schema(value_type = Vec<Object>)]
    pub abandons: Vec<Map<String, Value>>,
    /// What customers came for: the query `hot_topics`.
    #[schema(value_type = Vec<Object>)]
    pub topics: Vec<Map<String, Value>>,
    /// What could be better: the query `improvement_opportunities`.
    #[schema(value_type = Vec<Object>)]
    pub opportunities: Vec<Map<String, Value>>,
    /// Events before this time are expected to have come; null before the first event.
    #[schema(format = DateTime)]
    pub watermark: Option<String>,
}

/// List the months with a report
#[utoipa::path(
    operation_id = "reports_list",
    tag = "metrics",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("reports"))),
    responses(
        (status = 200, description = "The months.", body = ReportList, example = json!({
            "items": [{"month": "2026-11"}], "next_cursor": null
        })),
        Problems,
    ),
)]
#[get("/v1/reports")]
pub(super) async fn reports_list(
    state: web::Data<State>,
) -> Result<web::Json<ReportList>, ApiError> {
    let found = months(&state.engine, Tz::UTC).await?;
    let items = found.into_iter().map(|month| ReportMonth { month });
    Ok(web::Json(ReportList {
        items: items.collect(),
        next_cursor: None,
    }))
}

/// Show the report of a month
///
/// The figures of the metric registry beside those of the month before, why customers gave up, what they came for
/// and what could be better.
#[utoipa::path(
    operation_id = "report_get",
    tag = "metrics",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("reports"))),
    params(("month" = String, Path, description = "`YYYY-MM`", example = "2026-11"), ReportFilters),
    responses(
        (status = 200, description = "The report, in the form that was asked for.", content(
            (ReportView = "application/json", example = json!({
                "month": "2026-11", "timezone": "UTC", "figures": [{"metric": "abandonment_rate_a",
                    "definition": "abandonment_rate_a@1", "unit": "percent", "queue": null, "value": 16.8,
                    "low": 16.2, "high": 17.4, "n": 17313, "coverage": 1.0, "before": 18.1, "target": null}],
                "abandons": [], "topics": [], "opportunities": [], "watermark": "2026-11-22T10:55:07Z"
            })),
            (String = "text/html", example = json!("<!doctype html>")),
            (String = "text/csv", example = json!("month,metric,definition,unit,queue,value,low,high,n,coverage,value_month_before,target\r\n")),
        )),
        Problems,
    ),
)]
#[get("/v1/reports/{month}")]
pub(super) async fn report_get(
    state: web::Data<State>,
    month: web::Path<String>,
    query: web::Query<ReportFilters>,
) -> Result<HttpResponse, ApiError> {
    let asked = query.into_inner();
    let mut filters = Filters::default();
    let format = filters.checked(
        "format",
        asked.format.as_deref(),
        "expected json, html or csv",
        |word| {
            ["json", "html", "csv"]
                .contains(&word)
                .then(|| word.to_owned())
        },
    );
    let expected = "expected zh-CN or en";
    let language = filters.checked(
        "language",
        asked.language.as_deref(),
        expected,
        Language::of,
    );
    let expected = "expected an IANA time zone such as Asia/Shanghai";
    let zone = filters.checked("timezone", asked.timezone.as_deref(), expected, |name| {
        name.parse().ok()
    });
    filters.finish()?;
    let wrong = |detail: String| ApiError::new(ErrorCode::NotFound, detail);
    let days = month_of(&month).map_err(wrong)?;
    let report = make(&state.engine, days, zone.unwrap_or(Tz::UTC)).await?;
    if report.figures.is_empty() {
        return Err(wrong(format!("nothing happened in {month}")));
    }
    let language = language.unwrap_or(Language::Chinese);
    Ok(match format.as_deref() {
        Some("html") => HttpResponse::Ok()
            .content_type("text/html; charset=utf-8")
            .body(html(&report, language)),
        Some("csv") => HttpResponse::Ok()
            .content_type("text/csv; charset=utf-8; header=present")
            .body(csv(&report)),
        _ => HttpResponse::Ok().json(view(&state, report)?),
    })
}

fn view(state: &State, report: Report) -> Result<ReportView, ApiError> {
    let figures = serde_json::to_value(&report.figures)
        .map_err(|_| ApiError::internal("figures of a report cannot be written as JSON"))?;
    Ok(ReportView {
        month: report.month,
        timezone: report.timezone,
        figures,
        abandons: report.abandons,
        topics: report.topics,
        opportunities: report.opportunities,
        watermark: state.watermark().map(|at| at.to_string()),
    })
}
