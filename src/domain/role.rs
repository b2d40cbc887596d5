//! Roles of API keys and what each may do.
//!
//! A key has one [`Role`]; an operation needs one [`Permission`]; [`Role::allows`] is the whole rule.
//! Invariants: `admin` may do everything; `planner` and `executive` hold no permission that can show a turn;
//! only `admin` reads the stored logs, manages keys, erases people and sees the system.
//!
//! Rows and columns inside a permission (for instance which schemas a role sees over SQL) are the query
//! module's business.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What the holder of a key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sends events.
    Ingest,
    /// A CRM, IVR, ACD or bot that asks for profiles, routing and answers.
    Integrator,
    /// Reads everything that is not restricted, by SQL and REST.
    Analyst,
    /// Analyst who also maintains articles, gaps, topics and interventions.
    KnowledgeManager,
    /// Analyst who also maintains rules and sees findings, alerts and agents.
    QualityLead,
    /// Sees metrics and plans staff.
    Planner,
    /// Sees metrics, the operations profile and reports.
    Executive,
    /// May do everything.
    Admin,
}

impl Role {
    /// Every role, in the order of the documentation.
    pub const ALL: [Self; 8] = [
        Self::Ingest,
        Self::Integrator,
        Self::Analyst,
        Self::KnowledgeManager,
        Self::QualityLead,
        Self::Planner,
        Self::Executive,
        Self::Admin,
    ];

    /// The word in JSON, on the command line and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Integrator => "integrator",
            Self::Analyst => "analyst",
            Self::KnowledgeManager => "knowledge_manager",
            Self::QualityLead => "quality_lead",
            Self::Planner => "planner",
            Self::Executive => "executive",
            Self::Admin => "admin",
        }
    }

    /// True when a key of this role may do what needs `permission`.
    #[must_use]
    pub const fn allows(self, permission: Permission) -> bool {
        use Permission as P;
        match self {
            Self::Ingest => matches!(permission, P::Events),
            // The resource "profiles" is customers, agents and the operation.
            Self::Integrator => matches!(
                permission,
                P::Profiles
                    | P::Agents
                    | P::OperationsProfile
                    | P::Routing
                    | P::Assist
                    | P::Search
                    | P::Analyze
            ),
            Self::Analyst => is_analysis(permission),
            Self::KnowledgeManager => {
                is_analysis(permission)
                    || matches!(
                        permission,
                        P::Knowledge
                            | P::KnowledgeWrite
                            | P::Search
                            | P::TopicsWrite
                            | P::LabelsWrite
                            | P::Interventions
                    )
            }
            Self::QualityLead => {
                is_analysis(permission)
                    || matches!(
                        permission,
                        P::Rules | P::Alerts | P::Findings | P::Agents | P::LabelsWrite
                    )
            }
            Self::Planner => matches!(permission, P::Metrics | P::Planning),
            Self::Executive => {
                matches!(permission, P::Metrics | P::OperationsProfile | P::Reports)
            }
            Self::Admin => true,
        }
    }

    /// True when this role may see turns at all.
    #[must_use]
    pub fn sees_turns(self) -> bool {
        Permission::ALL
            .into_iter()
            .any(|permission| permission.shows_turns() && self.allows(permission))
    }
}

/// What every analyst may do; two other roles build on it.
const fn is_analysis(permission: Permission) -> bool {
    use Permission as P;
    matches!(
        permission,
        P::Sql | P::Queries | P::Metrics | P::Topics | P::Interactions | P::Exports | P::Labels
    )
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown role; use one of ingest, integrator, analyst, knowledge_manager, quality_lead, planner, executive, admin"
)]
pub struct UnknownRole;

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or(UnknownRole)
    }
}

/// One row per permission: the only place where a permission is defined.
macro_rules! permissions {
    ($($(#[doc = $doc:literal])+ $variant:ident $name:literal turns: $turns:literal,)+) => {
        /// What an operation needs. One per resource area, and one more where writing is a right of its own.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Permission {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Permission {
            /// Every permission.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$variant),+];

            /// The word in documents and error texts.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// True when an answer under this permission can hold text of a turn.
            #[must_use]
            pub const fn shows_turns(self) -> bool {
                match self { $(Self::$variant => $turns),+ }
            }
        }
    };
}

permissions! {
    /// Send events.
    Events "events" turns: false,
    /// Read customer profiles and look customers up.
    Profiles "profiles" turns: false,
    /// Ask for priority, the next best agent, an IVR menu.
    Routing "routing" turns: false,
    /// Ask for answers for an agent or a bot.
    Assist "assist" turns: false,
    /// Search the knowledge base.
    Search "search" turns: false,
    /// Analyse texts that the caller sends.
    Analyze "analyze" turns: false,
    /// Send SQL, over REST or the Postgres wire.
    Sql "sql" turns: true,
    /// Run named queries.
    Queries "queries" turns: true,
    /// Read metrics and their definitions.
    Metrics "metrics" turns: false,
    /// Read topics with their exemplars.
    Topics "topics" turns: true,
    /// Read interactions and search turns.
    Interactions "interactions" turns: true,
    /// Export rows as files.
    Exports "exports" turns: true,
    /// Read articles, gaps and their evidence.
    Knowledge "knowledge" turns: true,
    /// Change articles and gaps.
    KnowledgeWrite "knowledge_write" turns: true,
    /// Rename, pin and merge topics.
    TopicsWrite "topics_write" turns: true,
    /// Read what people said of turns.
    Labels "labels" turns: false,
    /// Say what is right of a turn.
    LabelsWrite "labels_write" turns: false,
    /// Read and record interventions and their effects.
    Interventions "interventions" turns: false,
    /// Read, change and test quality rules, and the webhooks that they feed.
    Rules "rules" turns: true,
    /// Read and follow alerts.
    Alerts "alerts" turns: true,
    /// Read findings.
    Findings "findings" turns: true,
    /// Read agents and their profiles.
    Agents "agents" turns: false,
    /// Read forecasts, compute staffing and shifts.
    Planning "planning" turns: false,
    /// Read the operations profile.
    OperationsProfile "operations_profile" turns: false,
    /// Read monthly reports.
    Reports "reports" turns: false,
    /// Create, list and revoke keys; read the audit log.
    Keys "keys" turns: false,
    /// Erase people.
    Privacy "privacy" turns: false,
    /// Read sources, jobs and other inner states.
    System "system" turns: false,
    /// Read the stored logs (schema `raw`).
    RawTables "raw_tables" turns: true,
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of the interface document, written out once more by hand.
    fn expected(role: Role) -> &'static [&'static str] {
        match role {
            Role::Ingest => &["events"],
            Role::Integrator => &[
                "profiles",
                "routing",
                "assist",
                "search",
                "analyze",
                "agents",
                "operations_profile",
            ],
            Role::Analyst => &[
                "sql",
                "queries",
                "metrics",
                "topics",
                "interactions",
                "exports",
                "labels",
            ],
            Role::KnowledgeManager => &[
                "search",
                "sql",
                "queries",
                "metrics",
                "topics",
                "interactions",
                "exports",
                "knowledge",
                "knowledge_write",
                "topics_write",
                "labels",
                "labels_write",
                "interventions",
            ],
            Role::QualityLead => &[
                "sql",
                "queries",
                "metrics",
                "topics",
                "interactions",
                "exports",
                "labels",
                "labels_write",
                "rules",
                "alerts",
                "findings",
                "agents",
            ],
            Role::Planner => &["metrics", "planning"],
            Role::Executive => &["metrics", "operations_profile", "reports"],
            Role::Admin => &[],
        }
    }

    #[test]
    fn each_role_may_do_what_the_interface_says_and_nothing_else() {
        for role in Role::ALL {
            for permission in Permission::ALL {
                let listed = expected(role).contains(&permission.as_str());
                let wanted = listed || role == Role::Admin;
                assert_eq!(role.allows(permission), wanted, "{role} {permission}");
            }
        }
    }

    #[test]
    fn planner_executive_and_ingest_never_see_turns() {
        for role in Role::ALL {
            let blind = matches!(
                role,
                Role::Planner | Role::Executive | Role::Ingest | Role::Integrator
            );
            assert_eq!(role.sees_turns(), !blind, "{role}");
        }
    }

    #[test]
    fn words_round_trip() {
        for role in Role::ALL {
            assert_eq!(role.to_string().parse(), Ok(role));
            let json = serde_json::to_value(role).unwrap();
            assert_eq!(json, serde_json::json!(role.as_str()));
            assert_eq!(serde_json::from_value::<Role>(json).unwrap(), role);
        }
        assert_eq!("Admin".parse::<Role>(), Err(UnknownRole));
    }
}
