//! The REST door: one list of routes, one file per resource, problem documents, keys and roles.
//!
//! A request goes through [`request`] (id, gate, problem documents, headers, metrics) to its handler; a handler
//! reads its input, asks one part of the product and shapes the answer. Invariants: every operation is in the
//! description, with the permission that it takes; every failure is a problem document; nothing raw is queued,
//! nothing unredacted is answered; no query string and no body reaches a log. Not here: SQL (`query` and
//! `queries/`), what happens to events after the inbox (`pipeline`).

mod agents;
mod analyze;
mod auth;
mod body;
mod customers;
mod describe;
mod events;
mod filters;
mod health;
mod interactions;
mod interventions;
mod keys;
mod knowledge;
mod labels;
mod metrics;
mod operations;
mod operations_parts;
mod page;
mod pages;
mod problem;
mod quality;
mod queries;
mod reports;
mod request;
mod risks;
mod routing;
mod rows;
mod server;
mod sources;
mod sql;
mod state;
#[cfg(test)]
mod tests;
mod tls;
mod topics;
mod turn_search;

pub use describe::{DescribeError, openapi, openapi_yaml};
pub use events::{RecentIdentities, fill_recent};
pub use page::api_markdown;
pub use routing::RoutingFacts;
pub use server::{Doors, ServeError, serve, serve_admin};
pub use state::{IngestLimits, SharedState, State};
pub use tls::{Tls, TlsError};

use utoipa_actix_web::service_config::ServiceConfig;

/// Every operation of the interface.
fn routes(config: &mut ServiceConfig<'_>) {
    quality_routes(config);
    config
        .service(events::events_post)
        .service(analyze::analyze)
        .service(labels::labels_post)
        .service(labels::labels_list)
        .service(interactions::interactions_list)
        .service(interactions::interaction_get)
        .service(turn_search::turns_search)
        .service(operations::operations_profile)
        .service(agents::agents_list)
        .service(agents::agent_profile)
        .service(risks::customers_list)
        .service(customers::customer_lookup)
        .service(customers::customer_profile)
        .service(routing::menu::customer_ivr_menu)
        .service(routing::priority::routing_priority)
        .service(routing::matching::routing_match)
        .service(self::metrics::metrics_list)
        .service(self::metrics::metric_query)
        .service(self::metrics::metrics_compare)
        .service(self::metrics::metric_get)
        .service(reports::reports_list)
        .service(reports::report_get)
        .service(sql::sql_run)
        .service(queries::queries_list)
        .service(queries::query_run)
        .service(topics::topic_run_start)
        .service(topics::topic_run_get)
        .service(topics::topic_drivers)
        .service(topics::topics_list)
        .service(topics::topic_merge_undo)
        .service(topics::topic_get)
        .service(topics::topic_change)
        .service(topics::topic_merge)
        .service(knowledge::articles::articles_list)
        .service(knowledge::articles::article_create)
        .service(knowledge::import::articles_import)
        .service(knowledge::articles::article_versions)
        .service(interventions::article_effect)
        .service(knowledge::articles::article_get)
        .service(knowledge::articles::article_put)
        .service(knowledge::articles::article_delete)
        .service(knowledge::bases::base_get)
        .service(knowledge::bases::base_export)
        .service(knowledge::search::knowledge_search)
        .service(knowledge::usage::knowledge_top)
        .service(knowledge::usage::knowledge_use)
        .service(knowledge::gaps::gaps_list)
        .service(knowledge::gaps::gap_get)
        .service(knowledge::gaps::gap_patch)
        .service(knowledge::gaps::gap_undo)
        .service(knowledge::gaps::gap_publish)
        .service(knowledge::assist::assist_ask)
        .service(interventions::interventions_list)
        .service(interventions::intervention_create)
        .service(interventions::intervention_effect)
        .service(interventions::intervention_get)
        .service(interventions::intervention_topics)
        .service(keys::keys_list)
        .service(keys::key_create)
        .service(keys::key_revoke)
        .service(sources::sources_list)
        .service(health::health_live)
        .service(health::health_ready);
}

/// The operations of the quality rules.
fn quality_routes(config: &mut ServiceConfig<'_>) {
    config
        .service(quality::rules::rules_list)
        .service(quality::rules::rule_create)
        .service(quality::trial::rules_test)
        .service(quality::trial::rules_check)
        .service(quality::rules::rule_versions)
        .service(quality::rules::rule_get)
        .service(quality::rules::rule_put)
        .service(quality::rules::rule_delete)
        .service(quality::findings::findings_list)
        .service(quality::stream::alerts_stream)
        .service(quality::alerts::alerts_list)
        .service(quality::webhooks::webhooks_list)
        .service(quality::webhooks::webhook_create)
        .service(quality::webhooks::webhook_test)
        .service(quality::webhooks::webhook_delete)
        .service(quality::scorecards::scorecards_list)
        .service(quality::scorecards::review_create)
        .service(quality::scorecards::reviews_list)
        .service(quality::scorecards::scorecard_summary)
        .service(quality::scorecards::scorecard_get)
        .service(quality::scorecards::scorecard_put)
        .service(quality::scorecards::scorecard_delete);
}
