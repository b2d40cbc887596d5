//! Every SQL file of `queries/`, embedded, and the library made of them.
//!
//! Invariants: the lists here equal the folders (a test compares them); a file holds one reading statement and
//! its header's name is the file's name; relations refer to each other without cycles. Not here: planning.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hasher;

use datafusion::sql::parser::Statement;
use datafusion::sql::resolve::resolve_table_references;

use super::error::QueryError;
use super::guard;
use super::header::{Column, Header, Param};
use crate::domain::Permission;
use crate::tables::MartId;

/// A file's name without its ending, and its text.
pub(super) type File = (&'static str, &'static str);

macro_rules! files {
    ($folder:literal: $($name:literal),* $(,)?) => {
        &[$((
            $name,
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/queries/", $folder, "/", $name, ".sql")),
        )),*]
    };
}

/// Stored logs without repeats, superseded revisions and recalled texts.
pub(super) const VIEWS: &[File] = files!("views":
    "turns",
    "interaction_events",
    "surveys",
    "cases",
    "agent_states",
    "agent_schedules",
    "customer_updates",
    "knowledge_events",
    "dead_letters",
    "requests",
    "request_matches",
    "gaps",
    "effects",
    "topics",
    "topic_lineage",
);

/// Relations derived from the views.
pub(super) const MARTS: &[File] = files!("marts":
    "legs",
    "interaction_surveys",
    "interactions",
    "operations_intervals",
    "agent_state_spans",
    "timed_turns",
    "topic_daily",
);

/// Queries with parameters.
pub(super) const NAMED: &[File] = files!("named":
    "interactions_by_day",
    "abandoned_by_queue",
    "longest_waits",
    "patience_curve",
    "abandon_causes",
    "sentiment_drift",
    "agents_handle_time",
    "operations_intervals",
    "turns_of_interaction",
    "dead_letters_by_code",
    "dead_letters_to_replay",
);

/// Definitions of metrics.
pub(super) const METRICS: &[File] = files!("metrics":
    "offered",
    "answered",
    "abandoned",
    "short_abandons",
    "flow_outs",
    "abandonment_rate_a",
    "abandonment_rate_b",
    "abandonment_rate_c",
    "service_level_amazon",
    "service_level_genesys",
    "service_level_dynamics",
    "service_level_seed",
    "average_speed_of_answer",
    "average_abandon_time",
    "average_wait",
    "speed_of_answer_p50",
    "speed_of_answer_p90",
    "speed_of_answer_p95",
    "speed_of_answer_longest",
    "wait_p50",
    "wait_p90",
    "wait_p95",
    "wait_longest",
    "contacts_handled",
    "average_handle_time",
    "average_handle_time_voice",
    "average_handle_time_interaction",
    "average_talk_time",
    "average_hold_time",
    "average_hold_time_held",
    "average_wrap_up_time",
    "average_handle_time_async",
    "transfer_rate_session",
    "transfer_rate_call",
    "transfer_rate_blind",
    "transfer_rate_consult",
    "transfer_rate_queue",
    "transfer_rate_external",
    "bot_to_human_rate",
    "fcr_nca",
    "fcr_case",
    "fcr_said",
    "fcr_ours",
    "containment_rate",
    "resolved_containment_rate",
    "self_service_rate",
    "ivr_direct_exit_rate",
    "ivr_direct_to_human_rate",
    "ivr_consulted_to_human_rate",
    "ivr_robot_only_rate",
    "knowledge_hit_rate",
    "occupancy",
    "occupancy_concurrent",
    "adherence",
    "conformance",
    "csat_mean",
    "csat_share",
    "csat_middling_share",
    "csat_dissatisfied_share",
    "csat_self_service_mean",
    "csat_self_service_share",
    "nps",
    "nps_promoters",
    "nps_detractors",
    "survey_response_rate",
    "csat_response_rate",
    "nps_response_rate",
    "self_service_response_rate",
    "sentiment_score",
    "sentiment_shift",
    "sentiment_negative_share",
    "sentiment_positive_share",
    "complaint_rate",
    "channel_switch_rate",
    "asr_confidence",
    "asr_low_confidence_share",
    "talk_speed_characters",
    "talk_speed_words",
    "non_talk_time",
    "silence_share",
    "interruptions",
    "over_talk",
    "first_reply_time",
    "reply_rate",
    "agent_greeting_time",
    "ghost_rate",
    "interactions",
    "cost_per_interaction",
);

/// A relation of schema `tingchao`.
#[derive(Debug)]
pub(super) struct Relation {
    pub(super) header: Header,
    pub(super) text: &'static str,
    pub(super) statement: Statement,
    pub(super) needs: Permission,
}

/// A query that is called by its name.
#[derive(Debug, Clone)]
pub struct NamedQuery {
    /// Name, one line, parameters and columns.
    pub header: Header,
    /// The permission that calling it takes.
    pub needs: Permission,
    pub(super) statement: Statement,
}

impl NamedQuery {
    /// The name under which it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.header.name
    }

    /// What it answers, in one line.
    #[must_use]
    pub fn about(&self) -> &str {
        &self.header.about
    }

    /// Its parameters, in order.
    #[must_use]
    pub fn params(&self) -> &[Param] {
        &self.header.params
    }

    /// The columns of its answer.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.header.columns
    }
}

/// All relations and named queries.
#[derive(Debug)]
pub(super) struct Library {
    pub(super) relations: BTreeMap<&'static str, Relation>,
    pub(super) named: Vec<NamedQuery>,
    /// What stored marts say, with all that they read: stored days made by another version are made again.
    pub(super) version: String,
}

impl Library {
    /// The embedded files.
    pub(super) fn embedded() -> Result<Self, QueryError> {
        Self::load(&[VIEWS, MARTS], NAMED)
    }

    pub(super) fn load(relations: &[&[File]], named: &[File]) -> Result<Self, QueryError> {
        let mut library = Self {
            relations: BTreeMap::new(),
            named: Vec::new(),
            version: String::new(),
        };
        for (name, text) in relations.iter().copied().flatten() {
            let (header, statement) = read(name, text)?;
            let needs = header.needs.unwrap_or(Permission::Sql);
            let relation = Relation {
                header,
                text,
                statement,
                needs,
            };
            if library.relations.insert(name, relation).is_some() {
                return Err(broken(name, "there is another relation of this name"));
            }
        }
        for (name, text) in named {
            let (header, statement) = read(name, text)?;
            let needs = header.needs.unwrap_or(Permission::Queries);
            library.named.push(NamedQuery {
                header,
                needs,
                statement,
            });
        }
        library.check_cycles()?;
        library.version = library.version_of_marts()?;
        Ok(library)
    }

    fn version_of_marts(&self) -> Result<String, QueryError> {
        let mut read = BTreeSet::new();
        for mart in MartId::ALL {
            self.visit(mart.name(), &mut Vec::new(), &mut read)?;
        }
        let mut hasher = twox_hash::XxHash3_64::new();
        for relation in read.iter().filter_map(|name| self.relations.get(name)) {
            hasher.write(relation.text.as_bytes());
        }
        Ok(format!("{:016x}", hasher.finish()))
    }

    fn check_cycles(&self) -> Result<(), QueryError> {
        let mut done = BTreeSet::new();
        for name in self.relations.keys() {
            self.visit(name, &mut Vec::new(), &mut done)?;
        }
        Ok(())
    }

    fn visit<'s>(
        &'s self,
        name: &'s str,
        path: &mut Vec<&'s str>,
        done: &mut BTreeSet<&'s str>,
    ) -> Result<(), QueryError> {
        if path.contains(&name) {
            return Err(broken(name, "it refers to itself"));
        }
        let Some((known, relation)) = self.relations.get_key_value(name) else {
            return Ok(());
        };
        if done.contains(known) {
            return Ok(());
        }
        path.push(known);
        let (references, _) = resolve_table_references(&relation.statement, true)
            .map_err(|error| QueryError::internal("reading an embedded relation", error))?;
        for reference in &references {
            if matches!(reference.schema(), None | Some(super::catalog::SCHEMA)) {
                let next = self
                    .relations
                    .get_key_value(reference.table())
                    .map(|(key, _)| *key);
                next.map_or(Ok(()), |next| self.visit(next, path, done))?;
            }
        }
        path.pop();
        done.insert(known);
        Ok(())
    }
}

fn broken(name: &str, why: &str) -> QueryError {
    QueryError::Invalid(format!("queries file `{name}`: {why}"))
}

fn read(name: &str, text: &str) -> Result<(Header, Statement), QueryError> {
    let header = Header::parse(text).map_err(|why| broken(name, &why))?;
    if header.name != name {
        return Err(broken(name, "the header has another name"));
    }
    let checked = guard::check(text).map_err(|why| broken(name, &why.to_string()))?;
    Ok((header, checked.statement))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> Vec<String> {
        let path = format!("{}/queries/{name}", env!("CARGO_MANIFEST_DIR"));
        let mut names: Vec<String> = std::fs::read_dir(path)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .map(|file| file.trim_end_matches(".sql").to_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn the_lists_are_the_folders() {
        for (name, list) in [
            ("views", VIEWS),
            ("marts", MARTS),
            ("named", NAMED),
            ("metrics", METRICS),
        ] {
            let mut listed: Vec<String> = list.iter().map(|(file, _)| (*file).to_owned()).collect();
            listed.sort();
            assert_eq!(listed, folder(name), "queries/{name}");
        }
    }

    #[test]
    fn a_cycle_or_a_wrong_name_is_refused() {
        let a: File = ("a", "-- name: a\n-- about: a\nselect * from b");
        let b: File = ("b", "-- name: b\n-- about: b\nselect * from tingchao.a");
        assert!(Library::load(&[&[a, b]], &[]).is_err());
        // The stored log of the same name is another table.
        let raw: File = (
            "turns",
            "-- name: turns\n-- about: t\nselect * from raw.turns",
        );
        assert!(Library::load(&[&[raw]], &[]).is_ok());
        let other: File = ("c", "-- name: d\n-- about: d\nselect 1");
        assert!(Library::load(&[&[other]], &[]).is_err());
        let writes: File = ("e", "-- name: e\n-- about: e\ndelete from d");
        assert!(Library::load(&[], &[writes]).is_err());
    }
}
