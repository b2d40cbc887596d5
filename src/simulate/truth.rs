//! What is true about a simulated run, as plain rows.
//!
//! One struct a table, one table a file below `truth/`. Invariants: every row
//! joins to its events by the ids that the events carry; a column has the same
//! type in every row. Not here: how rows become files.

use crate::domain::Micros;

/// Type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8.
    Text,
    /// 64-bit whole number.
    Integer,
    /// 64-bit float.
    Number,
    /// true or false.
    Flag,
    /// UTC microseconds.
    Time,
}

/// One value of a row; `Null` where nothing is to be told.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// For [`Kind::Text`].
    Text(String),
    /// For [`Kind::Integer`].
    Integer(i64),
    /// For [`Kind::Number`].
    Number(f64),
    /// For [`Kind::Flag`].
    Flag(bool),
    /// For [`Kind::Time`].
    Time(Micros),
    /// Nothing.
    Null,
}

macro_rules! cells {
    ($($type:ty => $make:expr),+ $(,)?) => {
        $(impl From<$type> for Cell {
            fn from(value: $type) -> Self {
                let make: fn($type) -> Cell = $make;
                make(value)
            }
        }
        impl From<Option<$type>> for Cell {
            fn from(value: Option<$type>) -> Self {
                value.map_or(Cell::Null, Cell::from)
            }
        })+
    };
}

cells! {
    String => Cell::Text,
    &'static str => |text| Cell::Text(text.to_owned()),
    i64 => Cell::Integer,
    u32 => |number| Cell::Integer(i64::from(number)),
    f64 => Cell::Number,
    bool => Cell::Flag,
    Micros => Cell::Time,
}

macro_rules! tables {
    ($($(#[$doc:meta])* $table:ident = $file:literal { $($(#[$field_doc:meta])* $field:ident: $type:ty => $kind:ident),+ $(,)? })+) => {
        $($(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $table { $($(#[$field_doc])* pub $field: $type),+ })+

        /// A row of one of the tables.
        #[derive(Clone, Debug)]
        pub enum Row { $($(#[$doc])* $table(Box<$table>)),+ }

        $(impl From<$table> for Row {
            fn from(row: $table) -> Self {
                Self::$table(Box::new(row))
            }
        })+

        /// The tables: file name without ending, columns.
        pub const TABLES: &[(&str, &[(&str, Kind)])] =
            &[$(($file, &[$((stringify!($field), Kind::$kind)),+])),+];

        impl Row {
            /// The table's file name without ending.
            pub const fn table(&self) -> &'static str {
                match self { $(Self::$table(_) => $file),+ }
            }

            /// The values, in the order of the columns.
            pub fn cells(self) -> Vec<Cell> {
                match self { $(Self::$table(row) => vec![$(Cell::from(row.$field)),+]),+ }
            }
        }
    };
}

tables! {
    /// One interaction.
    InteractionTruth = "interactions" {
        /// Its id in the events.
        interaction_id: String => Text,
        /// What it is about.
        topic: String => Text,
        /// Whether the topic is kept for the judge.
        judge: bool => Flag,
        /// The person behind all his identities.
        true_customer: String => Text,
        /// The CRM's id for the account that was used.
        customer_id: String => Text,
        /// How the knowledge base serves the topic at that time.
        gap_type: &'static str => Text,
        /// Whether search and bot were down.
        system_failure: bool => Flag,
        /// Whether anybody searched the knowledge base.
        knowledge_used: bool => Flag,
        /// The article that answers, if there is one.
        article_id: Option<String> => Text,
        /// First turn in which the customer says what he wants.
        request_turn_id: Option<String> => Text,
        /// -2 furious to 2 delighted.
        mood_start: f64 => Number,
        /// The same at the end.
        mood_end: f64 => Number,
        /// First customer turn in the other mood.
        turning_turn_id: Option<String> => Text,
        /// Time in queues, ms.
        waited_ms: i64 => Integer,
        /// How long the customer would have waited in the last queue, ms.
        patience_ms: Option<i64> => Integer,
        /// Why it was abandoned or not served.
        abandon_cause: Option<&'static str> => Text,
        /// Whether the matter was solved.
        solved: bool => Flag,
        /// Whether bot or menu solved it.
        self_served: bool => Flag,
        /// Agent of the last stay.
        agent_id: Option<String> => Text,
        /// His skill in this topic, 0 to 1.
        agent_skill: Option<f64> => Number,
        /// Whether he knew the answer.
        agent_knew: Option<bool> => Flag,
        /// First interaction about the same matter.
        initial_id: Option<String> => Text,
        /// How many there were before about the same matter.
        repeats: u32 => Integer,
    }
    /// One turn of a customer or an agent.
    TurnTruth = "turns" {
        /// Its interaction.
        interaction_id: String => Text,
        /// Its id in the interaction.
        turn_id: String => Text,
        /// Who said it.
        speaker: &'static str => Text,
        /// What kind of sentence it is.
        act: &'static str => Text,
        /// The customer's mood, -2 to 2.
        mood: i64 => Integer,
        /// Whether words show that mood.
        mood_shows: bool => Flag,
        /// What the recogniser changed.
        asr_changes: u32 => Integer,
    }
    /// One planted personal value.
    PiiTruth = "pii" {
        /// Its interaction.
        interaction_id: String => Text,
        /// Its turn.
        turn_id: String => Text,
        /// `phone`, `name`, `address`, `email`, `id_card` or `bank_card`.
        kind: &'static str => Text,
        /// First Unicode scalar in the raw text.
        start: i64 => Integer,
        /// One past the last.
        end: i64 => Integer,
        /// The value.
        value: String => Text,
    }
    /// One topic of the run.
    TopicTruth = "topics" {
        /// Its code.
        topic: String => Text,
        /// Its name.
        name: String => Text,
        /// Queue of its calls.
        queue: String => Text,
        /// `zh-CN` or `en`.
        language: &'static str => Text,
        /// Whether it is kept for the judge.
        judge: bool => Flag,
        /// Share of the contacts on an ordinary day.
        share: f64 => Number,
        /// `steady`, `rises`, `falls`, `appears`, `dies`, `splits_into`, `split_from`, `merges_with`, `merged_into`.
        way: &'static str => Text,
        /// When it changes.
        way_at: Option<Micros> => Time,
        /// The other topic of a split or merge.
        other_topic: Option<String> => Text,
        /// How the knowledge base fails it.
        gap_type: &'static str => Text,
        /// Since when, for `outdated`.
        gap_since: Option<Micros> => Time,
        /// The article that answers, if there is one.
        article_id: Option<String> => Text,
        /// The article that contradicts it, for `conflict`.
        contrary_article_id: Option<String> => Text,
        /// The true answer at the end of the run.
        answer: String => Text,
    }
    /// One dated change.
    InterventionTruth = "interventions" {
        /// Its id.
        intervention_id: String => Text,
        /// `article`, `ivr_menu`, `app`, `policy`, `script` or `training`.
        kind: &'static str => Text,
        /// The topic that it is for.
        topic: String => Text,
        /// When it was published.
        at: Micros => Time,
        /// Relative change of the contacts that people handle; 0 without effect.
        effect: f64 => Number,
        /// Whether it was published while the topic was at a peak of its own.
        at_peak: bool => Flag,
        /// Whether it closes the topic's gap.
        closes_gap: bool => Flag,
    }
    /// What one agent can in one topic.
    SkillTruth = "agent_skills" {
        /// The agent.
        agent_id: String => Text,
        /// The topic.
        topic: String => Text,
        /// 0 to 1.
        skill: f64 => Number,
    }
    /// One identity of one person.
    IdentityTruth = "identities" {
        /// The person.
        true_customer: String => Text,
        /// The CRM's id of the account.
        customer_id: String => Text,
        /// `phone`, `wechat_openid`, `email` or `account`.
        kind: &'static str => Text,
        /// The value in the events.
        value: String => Text,
    }
    /// One person at the end of the run.
    ChurnTruth = "churn" {
        /// The person.
        true_customer: String => Text,
        /// The CRM's id of his first account.
        customer_id: String => Text,
        /// Whether he left or said so.
        leaves: bool => Flag,
        /// When he said so.
        leaving_at: Option<Micros> => Time,
        /// When he left; may be after the run.
        left_at: Option<Micros> => Time,
        /// Contacts of the run.
        contacts: u32 => Integer,
        /// Fading sum of unsolved contacts.
        unsolved: f64 => Number,
        /// Fading sum of contacts that ended badly.
        upset: f64 => Number,
        /// Fading sum of abandoned queues.
        abandoned: f64 => Number,
        /// 0 standard to 3 diamond.
        tier: u32 => Integer,
        /// Months as a customer.
        months_with_us: u32 => Integer,
        /// Months until the contract ends.
        contract_months: u32 => Integer,
        /// Daily probability of leaving at the end of the run.
        hazard: f64 => Number,
    }
    /// Contacts of one topic on one day.
    CountTruth = "daily_counts" {
        /// The UTC day's first instant.
        day: Micros => Time,
        /// The topic.
        topic: String => Text,
        /// Interactions that began.
        interactions: i64 => Integer,
        /// Of these with a person.
        human_handled: i64 => Integer,
        /// Customers who have not left.
        active_customers: i64 => Integer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_the_columns_of_its_table() {
        let row = Row::from(SkillTruth {
            agent_id: "a-1".to_owned(),
            topic: "t".to_owned(),
            skill: 0.5,
        });
        let (_, columns) = TABLES
            .iter()
            .find(|(name, _)| *name == row.table())
            .unwrap();
        let cells = row.cells();
        assert_eq!(cells.len(), columns.len());
        assert_eq!(cells[2], Cell::Number(0.5));
        assert_eq!(columns[2], ("skill", Kind::Number));
    }
}
