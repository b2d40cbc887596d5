//! Several definitions over the same interactions, and which interactions they judge differently.
//!
//! Each definition adds up numerator and denominator of every interaction; an interaction explains a difference
//! when two definitions have other sums for it. Invariants: all sides see the same interval, zone and filters;
//! interactions are grouped by what each side makes of them. Not here: the values (`sql::metric`).

use std::collections::BTreeMap;

use serde_json::Value;

use super::ask::{Asked, MetricRequest, check};
use super::definition::{Definition, Kind};
use super::registry::{Registry, has_interaction};
use super::sql::{Generated, units};
use crate::error::FieldError;

/// One of the definitions that are compared.
#[derive(Debug, Clone, Default)]
pub struct Side {
    /// The metric's id.
    pub metric: String,
    /// Its parameters.
    pub parameters: BTreeMap<String, Value>,
}

/// What is compared.
#[derive(Debug, Clone, Default)]
pub struct CompareRequest {
    /// Two to eight.
    pub sides: Vec<Side>,
    /// As in [`MetricRequest`].
    pub from: String,
    /// As in [`MetricRequest`].
    pub to: String,
    /// As in [`MetricRequest`].
    pub timezone: Option<String>,
    /// As in [`MetricRequest`].
    pub filters: BTreeMap<String, Value>,
    /// As in [`MetricRequest`].
    pub business_hours: bool,
    /// Most interactions that a group lists.
    pub limit: u64,
}

/// The requests and the statement of a comparison.
#[derive(Debug, Clone)]
pub struct Compared {
    /// One question a side, over the whole interval.
    pub requests: Vec<MetricRequest>,
    /// The definitions, by side.
    pub definitions: Vec<Definition>,
}

const SIDES: std::ops::RangeInclusive<usize> = 2..=8;

/// Groups of an answer.
pub(crate) const MAX_GROUPS: usize = 1_000;

impl CompareRequest {
    fn requests(&self) -> Vec<MetricRequest> {
        let request = |side: &Side| MetricRequest {
            metric: side.metric.clone(),
            from: self.from.clone(),
            to: self.to.clone(),
            granularity: None,
            timezone: self.timezone.clone(),
            group_by: Vec::new(),
            filters: self.filters.clone(),
            parameters: side.parameters.clone(),
            business_hours: self.business_hours,
        };
        self.sides.iter().map(request).collect()
    }
}

/// Checks a comparison and makes its statement.
///
/// # Errors
/// Every mistake; those of a side under `/definitions/{n}`.
pub(super) fn plan(
    registry: &Registry,
    request: &CompareRequest,
) -> Result<(Compared, Generated), Vec<FieldError>> {
    let mut mistakes = Vec::new();
    let wrong = |pointer: String, detail: String| FieldError { pointer, detail };
    if !SIDES.contains(&request.sides.len()) {
        let detail = format!("expected {} to {} definitions", SIDES.start(), SIDES.end());
        mistakes.push(wrong("/definitions".to_owned(), detail));
    }
    let requests = request.requests();
    let mut sides: Vec<Asked<'_>> = Vec::new();
    for (index, asked) in requests.iter().enumerate() {
        match check(registry, asked) {
            Ok(asked) if can_compare(asked.definition) => sides.push(asked),
            Ok(asked) => mistakes.push(wrong(
                format!("/definitions/{index}/metric"),
                format!(
                    "`{}` does not add up over interactions",
                    asked.definition.id
                ),
            )),
            Err(found) => mistakes.extend(found.into_iter().filter_map(|mut mistake| {
                let is_own = ["/metric", "/parameters"]
                    .iter()
                    .any(|part| mistake.pointer.starts_with(part));
                if is_own {
                    mistake.pointer = format!("/definitions/{index}{}", mistake.pointer);
                }
                // What all sides share is told once.
                (is_own || index == 0).then_some(mistake)
            })),
        }
    }
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let definitions = sides.iter().map(|side| side.definition.clone()).collect();
    let generated = statement(registry, &sides, request.limit);
    Ok((
        Compared {
            requests,
            definitions,
        },
        generated,
    ))
}

fn can_compare(definition: &Definition) -> bool {
    has_interaction(definition) && definition.kind != Kind::Percentile
}

fn statement(registry: &Registry, sides: &[Asked<'_>], limit: u64) -> Generated {
    let mut made = Generated::default();
    let mut relations = Vec::new();
    let mut tagged = Vec::new();
    let mut sums = Vec::new();
    let mut names = Vec::new();
    let mut differs = Vec::new();
    for (index, side) in sides.iter().enumerate() {
        let suffix = format!("_{index}");
        relations.push(units(registry, side, &suffix, &mut made.literals));
        tagged.push(format!(
            "select {index} as side, interaction_id, cast(m_num as double) as m_num, \
             cast(m_den as double) as m_den from placed{suffix} where m_den is not null"
        ));
        for part in ["num", "den"] {
            sums.push(format!(
                "coalesce(sum(m_{part}) filter (where side = {index}), 0.0) as {part}_{index}"
            ));
            names.push(format!("{part}_{index}"));
            if index > 0 {
                differs.push(format!("{part}_0 <> {part}_{index}"));
            }
        }
    }
    let names = names.join(", ");
    made.text = format!(
        "with {},\ntagged as (\n{}\n),\nsummed as (\nselect interaction_id, {}\nfrom tagged\ngroup by interaction_id\n)\n\
         select {names}, count(*) as interactions, \
         array_slice(array_agg(interaction_id order by interaction_id), 1, {limit}) as interaction_ids\n\
         from summed\nwhere {}\ngroup by {names}\norder by interactions desc, {names}\nlimit {MAX_GROUPS}",
        relations.join(",\n"),
        tagged.join("\nunion all\n"),
        sums.join(", "),
        differs.join(" or "),
    );
    made
}
