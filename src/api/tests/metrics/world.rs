//! A made-up service desk as plain events: what the reference reads and what the product stores.
//!
//! Waits, windows and pauses often lie exactly on the limits of the definitions. Invariants: everything follows
//! from the seed; events of an interaction come in the order of their times.

use serde_json::{Value, json};

use crate::domain::Micros;

/// One event; times are milliseconds.
#[derive(Debug, Clone)]
pub(super) struct Happened {
    pub(super) kind: &'static str,
    pub(super) subject: String,
    pub(super) at: i64,
    pub(super) data: Value,
}

pub(super) fn text_of(ms: i64) -> String {
    Micros(ms * 1_000).to_string()
}

impl Happened {
    /// The event as it is sent.
    pub(super) fn json(&self, number: usize) -> Value {
        json!({
            "specversion": "1.0", "id": format!("e{number}"), "source": "/desk", "type": self.kind,
            "subject": self.subject, "time": text_of(self.at), "data": self.data
        })
    }
}

pub(super) struct World {
    pub(super) events: Vec<Happened>,
    state: u64,
}

const SECOND: i64 = 1_000;
const HOUR: i64 = 3_600 * SECOND;
const DAY: i64 = 24 * HOUR;
const WAITS: [i64; 9] = [0, 4, 5, 6, 20, 21, 30, 31, 75];
const TEXTS: [&str; 5] = [
    "我的账单不对",
    "我要投诉你们",
    "where is my parcel please",
    "好的 谢谢",
    "I will complain about this",
];

impl World {
    pub(super) fn new(seed: u64, interactions: usize) -> Self {
        let mut world = Self {
            events: Vec::new(),
            state: seed | 1,
        };
        let base = Micros::parse("2026-11-02T17:30:00Z").unwrap().0 / 1_000;
        let mut at = base;
        for index in 0..interactions {
            world.interaction(index, at);
            // Some begin at the same time, some a window apart, some over midnight.
            at += *world.pick(&[0, 5 * 60 * SECOND, 47 * 60 * SECOND, 3 * HOUR, 5 * HOUR]);
        }
        world.interaction(interactions, at + 6 * DAY);
        world.staff(base, at);
        world
    }

    fn dice(&mut self, sides: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state >> 11) % sides
    }

    fn one_in(&mut self, sides: u64) -> bool {
        self.dice(sides) == 0
    }

    fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        let index = self.dice(items.len() as u64) as usize;
        &items[index]
    }

    fn put(&mut self, kind: &'static str, subject: &str, at: i64, data: Value) {
        let subject = subject.to_owned();
        self.events.push(Happened {
            kind,
            subject,
            at,
            data,
        });
    }

    fn interaction(&mut self, index: usize, start: i64) {
        let id = format!("i{index:03}");
        let channel = *self.pick(&["call", "chat", "wechat"]);
        let entry = *self.pick(&["ivr", "bot", "queue", "queue"]);
        let direction = if self.one_in(12) {
            "outbound"
        } else {
            "inbound"
        };
        let mut data = json!({"channel": channel, "direction": direction, "entry": entry});
        if !self.one_in(10) {
            data["customer"] = json!({"id": format!("c{}", self.dice(6))});
        }
        if index > 0 && self.one_in(4) {
            let previous = self.dice(index as u64);
            data["related"] = json!({"previous_id": format!("i{previous:03}"), "reason": "again"});
        }
        self.put("interaction.started.v1", &id, start, data);
        let mut at = start;
        if entry == "ivr" {
            for _ in 0..=self.dice(5) {
                at += 5 * SECOND;
                let data = json!({"node": "n", "action": "menu"});
                self.put("interaction.ivr_step.v1", &id, at, data);
            }
        }
        if entry == "bot" {
            at = self.talk(&id, channel, at, "bot", "robot");
        }
        at += SECOND;
        if entry != "queue" && self.one_in(3) {
            if entry == "ivr" && self.one_in(2) {
                let data = json!({"node": "n", "action": "self_service_completed"});
                self.put("interaction.ivr_step.v1", &id, at, data);
            }
            let resolved = self.one_in(2);
            return self.end(&id, at, "completed", Some(resolved), channel);
        }
        self.in_queue(&id, channel, at);
    }

    fn in_queue(&mut self, id: &str, channel: &'static str, mut at: i64) {
        let mut queue = *self.pick(&["a", "b"]);
        loop {
            let data = json!({"queue": queue});
            self.put("interaction.queued.v1", id, at, data);
            at += *self.pick(&WAITS) * SECOND;
            let outcome = match self.dice(20) {
                0..12 => "answered",
                12..17 => "abandoned",
                17..18 => "callback",
                _ => "flow_out",
            };
            let data = json!({"queue": queue, "outcome": outcome});
            self.put("interaction.dequeued.v1", id, at, data);
            match outcome {
                "answered" => return self.answered(id, channel, at, queue),
                "abandoned" => return self.end(id, at, "abandoned", None, channel),
                "callback" => return self.end(id, at, "completed", None, channel),
                _ => {
                    queue = if queue == "a" { "b" } else { "a" };
                    at += SECOND;
                }
            }
        }
    }

    fn answered(&mut self, id: &str, channel: &'static str, mut at: i64, queue: &str) {
        let mut agent = format!("g{}", self.dice(3));
        loop {
            let data = json!({"agent_id": agent, "queue": queue});
            self.put("interaction.answered.v1", id, at, data);
            at = self.talk(id, channel, at, "agent", &agent);
            if self.one_in(4) {
                let data = json!({"agent_id": agent});
                self.put("interaction.held.v1", id, at, data.clone());
                at += 12 * SECOND;
                self.put("interaction.resumed.v1", id, at, data);
                at += 2 * SECOND;
            }
            if !self.one_in(5) {
                break;
            }
            let kind = *self.pick(&["blind", "consult", "external"]);
            let data = json!({"from_agent_id": agent, "kind": kind});
            self.put("interaction.transferred.v1", id, at, data);
            at += 3 * SECOND;
            agent = format!("h{}", self.dice(3));
        }
        let resolved = match self.dice(3) {
            0 => None,
            n => Some(n == 1),
        };
        self.end(id, at, "completed", resolved, channel);
        let data = json!({"agent_id": agent, "wrap_up_ms": 1_000 * self.dice(40) as i64});
        self.put("interaction.wrapped_up.v1", id, at + 20 * SECOND, data);
    }

    fn end(&mut self, id: &str, at: i64, reason: &str, resolved: Option<bool>, channel: &str) {
        let mut data = json!({"reason": reason, "ended_by": "customer"});
        if let Some(resolved) = resolved {
            data["resolved"] = json!(resolved);
        }
        if self.one_in(5) {
            data["disposition"] = json!(*self.pick(&["complaint", "billing"]));
        }
        self.put("interaction.ended.v1", id, at, data);
        if self.one_in(2) {
            self.survey(id, at, channel);
        }
        if self.one_in(4) {
            self.case(id, at);
        }
        if self.one_in(3) {
            self.search(id, at);
        }
    }

    fn talk(&mut self, id: &str, channel: &str, mut at: i64, other: &str, who: &str) -> i64 {
        for turn in 0..self.dice(6) {
            let is_customer = self.one_in(2);
            let (role, speaker) = if is_customer {
                ("customer", "me")
            } else {
                (other, who)
            };
            let text = *self.pick(&TEXTS);
            at += *self.pick(&[1, 3, 4, 30, 120, 121]) * SECOND;
            let mut data = json!({
                "turn_id": format!("{at}-{turn}-{role}"), "speaker": {"role": role, "id": speaker}, "text": text,
                "content_type": "text",
                "language": if text.is_ascii() { "en" } else { "zh" }
            });
            if channel == "call" {
                let length = *self.pick(&[1, 2, 5]) * SECOND;
                data["started_at"] = json!(text_of(at));
                data["ended_at"] = json!(text_of(at + length));
                data["content_type"] = json!("speech");
                if !self.one_in(6) {
                    data["asr"] = json!({"confidence": *self.pick(&[0.5, 0.75, 0.8, 0.9])});
                }
            }
            self.put("interaction.turn.v1", id, at, data);
        }
        at + 10 * SECOND
    }

    fn survey(&mut self, id: &str, at: i64, channel: &str) {
        let survey = format!("s{id}");
        let about = *self.pick(&["interaction", "self_service"]);
        let mut data =
            json!({"survey_id": survey, "interaction_id": id, "channel": channel, "about": about});
        self.put("survey.sent.v1", &survey, at + SECOND, data.clone());
        if self.one_in(3) {
            return;
        }
        if !self.one_in(4) {
            data["csat"] = json!(1 + self.dice(5));
        }
        if !self.one_in(4) {
            data["nps"] = json!(self.dice(11));
        }
        if self.one_in(2) {
            data["resolved"] = json!(self.one_in(2));
        }
        self.put("survey.answered.v1", &survey, at + HOUR, data);
    }

    fn case(&mut self, id: &str, at: i64) {
        let case = format!("k{id}");
        let mut ids = vec![id.to_owned()];
        if self.one_in(3) {
            ids.push("i000x".to_owned());
        }
        let change =
            |status: &str| json!({"case_id": case, "status": status, "interaction_ids": ids});
        self.put("case.changed.v1", &case, at, change("open"));
        if !self.one_in(4) {
            self.put("case.changed.v1", &case, at + HOUR, change("closed"));
        }
    }

    fn search(&mut self, id: &str, at: i64) {
        let actor = *self.pick(&["agent", "customer"]);
        let used = |action: &str| json!({"action": action, "actor": actor, "interaction_id": id, "query": "q"});
        self.put("knowledge.used.v1", id, at, used("searched"));
        if !self.one_in(3) {
            let mut shown = used("shown");
            shown["article_id"] = json!("a1");
            self.put("knowledge.used.v1", id, at + SECOND, shown);
            if self.one_in(2) {
                let mut accepted = used("accepted");
                accepted["article_id"] = json!("a1");
                self.put("knowledge.used.v1", id, at + 2 * SECOND, accepted);
            }
        }
    }

    fn staff(&mut self, from: i64, to: i64) {
        for agent in ["g0", "g1", "g2", "h0"] {
            let mut at = from - HOUR;
            while at < to {
                let state =
                    *self.pick(&["available", "on_interaction", "break", "offline", "wrap_up"]);
                let mut data = json!({"agent_id": agent, "state": state});
                if self.one_in(3) {
                    data["capacity"] = json!(1 + self.dice(3));
                }
                self.put("agent.state_changed.v1", agent, at, data);
                let plan = json!({"agent_id": agent, "from": text_of(at), "to": text_of(at + HOUR),
                    "activity": *self.pick(&["work", "break"])});
                if agent != "h0" {
                    self.put("agent.scheduled.v1", agent, from - HOUR, plan);
                }
                at += *self.pick(&[HOUR, 2 * HOUR, 90 * 60 * SECOND]);
            }
        }
    }
}
