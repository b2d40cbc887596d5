//! What the two shapes of WeChat messages have in common: how a conversation is
//! cut into interactions, and its start.
//!
//! WeChat has no session id. An interaction is one customer at one account on
//! one UTC day (it changes at 08:00 in China, before most desks open), so that
//! every message finds its interaction alone, in any order and any partition.
//! The name is a hash: customer ids are personal and interaction ids are not
//! tokenised.
//!
//! Invariants: an interaction has one start event, whichever message tells it:
//! the earlier the message, the greater the revision (seconds left of the day).

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Converted;
use super::draft::{Head, customer, object, push};
use crate::contract::EventType;
use crate::domain::Micros;

const DAY_MICROS: i64 = 86_400_000_000;
/// How late after the change of day a recall may mean a message before it.
const RECALL_MICROS: i64 = 600_000_000;

/// One customer at one account on one day.
pub(super) struct Session {
    /// The interaction id.
    pub(super) id: String,
    /// CloudEvents `source`.
    pub(super) source: String,
    prefix: &'static str,
    account: String,
    customer: String,
    kind: &'static str,
}

impl Session {
    /// The session that `time` belongs to. `prefix` tells the kinds of account
    /// apart, `kind` is that of the customer's id.
    pub(super) fn new(
        prefix: &'static str,
        source: String,
        account: &str,
        (kind, customer): (&'static str, &str),
        time: Micros,
    ) -> Self {
        Self {
            id: name(prefix, account, customer, time),
            source,
            prefix,
            account: account.to_owned(),
            customer: customer.to_owned(),
            kind,
        }
    }

    /// The session of the day before, for what may belong to it.
    pub(super) fn before(&self, time: Micros) -> Option<String> {
        let into_day = time.0.rem_euclid(DAY_MICROS);
        (into_day < RECALL_MICROS).then(|| {
            let before = Micros(time.0 - DAY_MICROS);
            name(self.prefix, &self.account, &self.customer, before)
        })
    }

    /// The head of an event of this session.
    pub(super) fn head(&self, id: String, time: Micros) -> Head<'_> {
        Head {
            id,
            source: &self.source,
            subject: Some(&self.id),
            time,
            revision: 0,
        }
    }

    /// Adds the start, as `time` tells it.
    pub(super) fn start(&self, time: Micros, attributes: Value, out: &mut Converted) {
        let left = DAY_MICROS - time.0.rem_euclid(DAY_MICROS);
        let mut head = self.head(format!("{}-started", self.id), time);
        head.revision = i32::try_from(left / 1_000_000).unwrap_or(0);
        let data = object([
            ("channel", "wechat".into()),
            ("direction", "inbound".into()),
            (
                "customer",
                customer(None, &[(self.kind, Some(self.customer.clone()))]),
            ),
            ("entry", "bot".into()),
            ("attributes", attributes),
        ]);
        push(out, EventType::Started, head, data);
    }
}

fn name(prefix: &str, account: &str, customer: &str, time: Micros) -> String {
    let text = format!("{account}\n{customer}\n{}", time.day());
    let digest = data_encoding::HEXLOWER.encode(&Sha256::digest(text.as_bytes()));
    format!("{prefix}-{}", digest.get(..24).unwrap_or(&digest))
}
