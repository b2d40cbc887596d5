//! The closed words of the contract: each is one of a fixed list.
//!
//! Invariants: the word in JSON, SQL and Rust is the same (`as_str`).

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A text that is none of the words of its list.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("expected one of {0}")]
pub struct UnknownWord(pub &'static str);

macro_rules! closed_words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[schemars(extend("x-privacy" = "closed"))]
        pub enum $name {
            $(#[serde(rename = $word)] #[allow(missing_docs, reason = "the word says it")] $variant),+
        }

        impl $name {
            /// Every word of the list, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word as in JSON and SQL.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(UnknownWord(concat!($($word, " "),+))),
                }
            }
        }
    };
}

closed_words!(
    /// The medium of an interaction.
    Channel { Call = "call", Chat = "chat", Wechat = "wechat", Video = "video", Email = "email", App = "app", Social = "social", Ticket = "ticket" }
);
closed_words!(
    /// Who began an interaction.
    Direction { Inbound = "inbound", Outbound = "outbound" }
);
closed_words!(
    /// Where a customer entered.
    Entry { Ivr = "ivr", Bot = "bot", Queue = "queue", Agent = "agent" }
);
closed_words!(
    /// Who handled a leg.
    Handler { Ivr = "ivr", Bot = "bot", Queue = "queue", Agent = "agent" }
);
closed_words!(
    /// The kinds of customer identity.
    IdentityKind { Phone = "phone", Email = "email", WechatExternalUserid = "wechat_external_userid", WechatOpenid = "wechat_openid", Account = "account", Device = "device" }
);
closed_words!(
    /// What happened at one IVR node.
    IvrAction { Menu = "menu", Input = "input", Info = "info", SelfServiceCompleted = "self_service_completed", ToAgent = "to_agent", HangUp = "hang_up" }
);
closed_words!(
    /// How a queue stay ended.
    LegOutcome { Answered = "answered", Abandoned = "abandoned", FlowOut = "flow_out", Callback = "callback", System = "system" }
);
closed_words!(
    /// The kinds of transfer.
    TransferKind { Blind = "blind", Consult = "consult", BotToHuman = "bot_to_human", Queue = "queue", Callback = "callback", External = "external" }
);
closed_words!(
    /// Who spoke a turn.
    Speaker { Customer = "customer", Agent = "agent", Bot = "bot", System = "system" }
);
closed_words!(
    /// What a turn carries.
    ContentType { Text = "text", Speech = "speech", Image = "image", Voice = "voice", File = "file", Menu = "menu", Other = "other" }
);
closed_words!(
    /// Why an interaction ended.
    EndReason { Completed = "completed", Abandoned = "abandoned", TimedOut = "timed_out", Failed = "failed" }
);
closed_words!(
    /// Who ended an interaction.
    EndedBy { Customer = "customer", Agent = "agent", Bot = "bot", System = "system" }
);
closed_words!(
    /// Whether the times of an interaction were in its source or counted up by a mapping.
    TimeSource { Source = "source", Made = "made" }
);
closed_words!(
    /// What a survey asks about.
    SurveyAbout { Interaction = "interaction", SelfService = "self_service", Bot = "bot", Article = "article" }
);
closed_words!(
    /// The state of a case.
    CaseStatus { Open = "open", Closed = "closed", Reopened = "reopened" }
);
closed_words!(
    /// The state of an agent.
    AgentState { Available = "available", OnInteraction = "on_interaction", WrapUp = "wrap_up", Break = "break", Training = "training", Offline = "offline" }
);
closed_words!(
    /// The state of a customer in the CRM.
    CustomerStatus { Active = "active", Leaving = "leaving", Left = "left" }
);
closed_words!(
    /// What was done with the knowledge base.
    KnowledgeAction { Searched = "searched", Shown = "shown", Clicked = "clicked", Accepted = "accepted", Rejected = "rejected" }
);
closed_words!(
    /// Who used the knowledge base.
    Actor { Customer = "customer", Agent = "agent", Bot = "bot" }
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_reads_back_as_itself() {
        for channel in Channel::ALL {
            assert_eq!(channel.as_str().parse(), Ok(*channel));
            let json = serde_json::to_string(channel).unwrap();
            assert_eq!(json, format!("\"{channel}\""));
        }
        assert!("phone".parse::<Channel>().is_err());
    }
}
