//! A decoded event with every string redacted by its privacy class.
//!
//! Invariants: every string field goes through exactly one of `key` (ids),
//! `text` or `identity`; which one is the class in the field's schema, held
//! together by a test over all event types. Redacting a redacted event changes
//! nothing, so a replayed dead letter and the inbox join as before.
//! Not here: what the words of a text mean (`redact`), tables.

use std::borrow::Cow;
use std::sync::Arc;

use super::redact::{PiiKind, Redactor};
use crate::contract::event::{
    AgentScheduled, AgentStateChanged, Answered, Asr, CaseChanged, Customer, CustomerUpdated,
    Dequeued, Ended, Held, Identity, IvrStep, KnowledgeUsed, Queued, Related, Resumed, Signals,
    Skill, SpeakerRef, Started, SurveyAnswered, SurveySent, Transcript, TranscriptEnded,
    TranscriptLeg, TranscriptTurn, Transferred, Turn, TurnRecalled, WrappedUp,
};
use crate::contract::{Data, Event};
use crate::domain::{IdentityKind, Json, Raw, Redacted};

/// Attributes of a customer that hold a name.
const NAME_KEYS: [&str; 14] = [
    "name",
    "full_name",
    "fullname",
    "first_name",
    "last_name",
    "given_name",
    "family_name",
    "surname",
    "customer_name",
    "contact_name",
    "real_name",
    "姓名",
    "客户姓名",
    "联系人",
];

/// What an identity is to the redactor.
fn pii_kind(kind: IdentityKind) -> PiiKind {
    match kind {
        IdentityKind::Phone => PiiKind::Phone,
        IdentityKind::Email => PiiKind::Email,
        IdentityKind::WechatExternalUserid | IdentityKind::WechatOpenid => PiiKind::Wechat,
        IdentityKind::Account => PiiKind::Account,
        IdentityKind::Device => PiiKind::Device,
    }
}

/// Redacts events; cheap to clone.
#[derive(Clone)]
pub struct EventRedactor {
    redactor: Arc<Redactor>,
    tokenise_customer_ids: bool,
}

impl EventRedactor {
    /// `tokenise_customer_ids`: whether opaque customer ids are tokenised too.
    pub fn new(redactor: Arc<Redactor>, tokenise_customer_ids: bool) -> Self {
        Self {
            redactor,
            tokenise_customer_ids,
        }
    }

    /// The text-level redactor behind.
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// The text-level redactor, to be kept.
    pub fn shared(&self) -> Arc<Redactor> {
        Arc::clone(&self.redactor)
    }

    /// The event as it may be kept.
    pub fn event<'a>(&self, event: Event<Raw<'a>>) -> Event<Redacted<'a>> {
        Event {
            id: self.key(event.id),
            source: self.key(event.source),
            subject: event.subject.map(|subject| self.key(subject)),
            time: event.time,
            revision: event.revision,
            data: self.data(event.data),
        }
    }

    fn data<'a>(&self, data: Data<Raw<'a>>) -> Data<Redacted<'a>> {
        match data {
            Data::Started(data) => Data::Started(self.started(data)),
            Data::IvrStep(data) => Data::IvrStep(self.ivr_step(data)),
            Data::Queued(data) => Data::Queued(self.queued(data)),
            Data::Dequeued(data) => Data::Dequeued(self.dequeued(data)),
            Data::Answered(data) => Data::Answered(self.answered(data)),
            Data::Held(data) => Data::Held(self.held(data)),
            Data::Resumed(data) => Data::Resumed(self.resumed(data)),
            Data::Transferred(data) => Data::Transferred(self.transferred(data)),
            Data::Turn(data) => Data::Turn(self.turn(data)),
            Data::TurnRecalled(data) => Data::TurnRecalled(self.turn_recalled(data)),
            Data::Ended(data) => Data::Ended(self.ended(data)),
            Data::WrappedUp(data) => Data::WrappedUp(self.wrapped_up(data)),
            Data::Transcript(data) => Data::Transcript(self.transcript(data)),
            Data::SurveySent(data) => Data::SurveySent(self.survey_sent(data)),
            Data::SurveyAnswered(data) => Data::SurveyAnswered(self.survey_answered(data)),
            Data::CaseChanged(data) => Data::CaseChanged(self.case_changed(data)),
            Data::AgentStateChanged(data) => {
                Data::AgentStateChanged(self.agent_state_changed(data))
            }
            Data::AgentScheduled(data) => Data::AgentScheduled(self.agent_scheduled(data)),
            Data::CustomerUpdated(data) => Data::CustomerUpdated(self.customer_updated(data)),
            Data::KnowledgeUsed(data) => Data::KnowledgeUsed(self.knowledge_used(data)),
        }
    }

    fn text<'a>(&self, raw: Raw<'a>) -> Redacted<'a> {
        Redacted::vouch(map_cow(raw.reveal_into(), |text| self.redactor.text(text)))
    }

    fn key<'a>(&self, raw: Raw<'a>) -> Redacted<'a> {
        Redacted::vouch(map_cow(raw.reveal_into(), |text| self.redactor.id(text)))
    }

    fn customer_id<'a>(&self, raw: Raw<'a>) -> Redacted<'a> {
        if !self.tokenise_customer_ids {
            return self.key(raw);
        }
        Redacted::vouch(map_cow(raw.reveal_into(), |text| {
            self.redactor.key(PiiKind::Customer, text)
        }))
    }

    fn keys<'a>(&self, raw: Vec<Raw<'a>>) -> Vec<Redacted<'a>> {
        raw.into_iter().map(|item| self.key(item)).collect()
    }

    /// An identity as it is stored: the token of a value, a token as it is.
    pub fn identity_key(&self, kind: IdentityKind, value: &str) -> String {
        self.redactor.key(pii_kind(kind), value).into_owned()
    }

    fn identity<'a>(&self, identity: Identity<Raw<'a>>) -> Identity<Redacted<'a>> {
        let kind = pii_kind(identity.kind);
        Identity {
            kind: identity.kind,
            value: Redacted::vouch(map_cow(identity.value.reveal_into(), |text| {
                self.redactor.key(kind, text)
            })),
        }
    }

    fn identities<'a>(&self, raw: Vec<Identity<Raw<'a>>>) -> Vec<Identity<Redacted<'a>>> {
        raw.into_iter().map(|item| self.identity(item)).collect()
    }

    /// What was pressed in a menu may stay; a longer input can be a card, a
    /// number or a password, and only its length is kept.
    fn ivr_input<'a>(&self, raw: Raw<'a>) -> Redacted<'a> {
        let text = raw.reveal();
        if text.starts_with(LENGTH_MARK) {
            return self.text(raw);
        }
        let digits = text
            .chars()
            .filter(|c| c.is_numeric() || "〇幺两".contains(*c))
            .count();
        if digits > 2 {
            return Redacted::vouch(format!("{LENGTH_MARK}{}", text.chars().count()));
        }
        self.text(raw)
    }

    fn json<'a>(&self, json: Json<Raw<'a>>) -> Json<Redacted<'a>> {
        match json {
            Json::Null => Json::Null,
            Json::Bool(value) => Json::Bool(value),
            Json::Number(number) => self.number(number),
            Json::Text(text) => Json::Text(self.text(text)),
            Json::List(items) => {
                Json::List(items.into_iter().map(|item| self.json(item)).collect())
            }
            Json::Map(entries) => {
                let entries = entries.into_iter();
                Json::Map(
                    entries
                        .map(|(key, value)| (self.text(key), self.json(value)))
                        .collect(),
                )
            }
        }
    }

    /// What a CRM notes about a customer: a name there stands alone, without the
    /// words that tell a name in speech, so the key tells it.
    fn person<'a>(&self, attributes: Json<Raw<'a>>) -> Json<Redacted<'a>> {
        let Json::Map(entries) = attributes else {
            return self.json(attributes);
        };
        let entry = |(key, value): (Raw<'a>, Json<Raw<'a>>)| {
            let is_name = NAME_KEYS.contains(&key.reveal().to_lowercase().as_str());
            let value = match value {
                Json::Text(name) if is_name => Json::Text(self.name(name)),
                other => self.json(other),
            };
            (self.text(key), value)
        };
        Json::Map(entries.into_iter().map(entry).collect())
    }

    fn name<'a>(&self, raw: Raw<'a>) -> Redacted<'a> {
        Redacted::vouch(map_cow(raw.reveal_into(), |text| {
            self.redactor.key(PiiKind::Name, text)
        }))
    }

    /// A phone number is one too when the source wrote it without quotes.
    fn number<'a>(&self, number: serde_json::Number) -> Json<Redacted<'a>> {
        let digits = number.to_string();
        match self.redactor.text(&digits) {
            Cow::Borrowed(_) => Json::Number(number),
            Cow::Owned(token) => Json::Text(Redacted::vouch(token)),
        }
    }

    fn customer<'a>(&self, raw: Customer<Raw<'a>>) -> Customer<Redacted<'a>> {
        Customer {
            id: raw.id.map(|value| self.customer_id(value)),
            identities: raw.identities.map(|value| self.identities(value)),
        }
    }

    fn related<'a>(&self, raw: Related<Raw<'a>>) -> Related<Redacted<'a>> {
        Related {
            initial_id: raw.initial_id.map(|value| self.key(value)),
            previous_id: raw.previous_id.map(|value| self.key(value)),
            reason: raw.reason.map(|value| self.text(value)),
        }
    }

    fn started<'a>(&self, raw: Started<Raw<'a>>) -> Started<Redacted<'a>> {
        Started {
            channel: raw.channel,
            direction: raw.direction,
            customer: raw.customer.map(|value| self.customer(value)),
            entry: raw.entry,
            language: raw.language.map(|value| self.key(value)),
            related: raw.related.map(|value| self.related(value)),
            attributes: raw.attributes.map(|value| self.json(value)),
        }
    }

    fn ivr_step<'a>(&self, raw: IvrStep<Raw<'a>>) -> IvrStep<Redacted<'a>> {
        IvrStep {
            node: self.key(raw.node),
            action: raw.action,
            input: raw.input.map(|value| self.ivr_input(value)),
            label: raw.label.map(|value| self.text(value)),
        }
    }

    fn queued<'a>(&self, raw: Queued<Raw<'a>>) -> Queued<Redacted<'a>> {
        Queued {
            queue: self.key(raw.queue),
            skills: raw.skills.map(|value| self.keys(value)),
            priority: raw.priority,
            announced_wait_ms: raw.announced_wait_ms,
        }
    }

    fn dequeued<'a>(&self, raw: Dequeued<Raw<'a>>) -> Dequeued<Redacted<'a>> {
        Dequeued {
            queue: self.key(raw.queue),
            outcome: raw.outcome,
        }
    }

    fn answered<'a>(&self, raw: Answered<Raw<'a>>) -> Answered<Redacted<'a>> {
        Answered {
            agent_id: raw.agent_id.map(|value| self.key(value)),
            queue: raw.queue.map(|value| self.key(value)),
            ring_ms: raw.ring_ms,
        }
    }

    fn held<'a>(&self, raw: Held<Raw<'a>>) -> Held<Redacted<'a>> {
        Held {
            agent_id: self.key(raw.agent_id),
        }
    }

    fn resumed<'a>(&self, raw: Resumed<Raw<'a>>) -> Resumed<Redacted<'a>> {
        Resumed {
            agent_id: self.key(raw.agent_id),
        }
    }

    fn transferred<'a>(&self, raw: Transferred<Raw<'a>>) -> Transferred<Redacted<'a>> {
        Transferred {
            from_agent_id: raw.from_agent_id.map(|value| self.key(value)),
            to_agent_id: raw.to_agent_id.map(|value| self.key(value)),
            to_queue: raw.to_queue.map(|value| self.key(value)),
            kind: raw.kind,
        }
    }

    fn speaker_ref<'a>(&self, raw: SpeakerRef<Raw<'a>>) -> SpeakerRef<Redacted<'a>> {
        SpeakerRef {
            role: raw.role,
            id: raw.id.map(|value| self.key(value)),
        }
    }

    fn asr<'a>(&self, raw: Asr<Raw<'a>>) -> Asr<Redacted<'a>> {
        Asr {
            confidence: raw.confidence,
            engine: raw.engine.map(|value| self.key(value)),
        }
    }

    fn signals<'a>(&self, raw: Signals<Raw<'a>>) -> Signals<Redacted<'a>> {
        Signals {
            arousal: raw.arousal,
            loudness_db: raw.loudness_db,
            emotion: raw.emotion.map(|value| self.key(value)),
            confidence: raw.confidence,
            engine: raw.engine.map(|value| self.key(value)),
        }
    }

    fn turn<'a>(&self, raw: Turn<Raw<'a>>) -> Turn<Redacted<'a>> {
        Turn {
            turn_id: self.key(raw.turn_id),
            speaker: self.speaker_ref(raw.speaker),
            text: self.text(raw.text),
            started_at: raw.started_at,
            ended_at: raw.ended_at,
            content_type: raw.content_type,
            asr: raw.asr.map(|value| self.asr(value)),
            signals: raw.signals.map(|value| self.signals(value)),
            language: raw.language.map(|value| self.key(value)),
        }
    }

    fn turn_recalled<'a>(&self, raw: TurnRecalled<Raw<'a>>) -> TurnRecalled<Redacted<'a>> {
        TurnRecalled {
            turn_id: self.key(raw.turn_id),
        }
    }

    fn ended<'a>(&self, raw: Ended<Raw<'a>>) -> Ended<Redacted<'a>> {
        Ended {
            reason: raw.reason,
            ended_by: raw.ended_by,
            disposition: raw.disposition.map(|value| self.text(value)),
            resolved: raw.resolved,
            wrap_up_ms: raw.wrap_up_ms,
        }
    }

    fn wrapped_up<'a>(&self, raw: WrappedUp<Raw<'a>>) -> WrappedUp<Redacted<'a>> {
        WrappedUp {
            agent_id: self.key(raw.agent_id),
            wrap_up_ms: raw.wrap_up_ms,
            disposition: raw.disposition.map(|value| self.text(value)),
        }
    }

    fn transcript_leg<'a>(&self, raw: TranscriptLeg<Raw<'a>>) -> TranscriptLeg<Redacted<'a>> {
        TranscriptLeg {
            handler: raw.handler,
            queue: raw.queue.map(|value| self.key(value)),
            agent_id: raw.agent_id.map(|value| self.key(value)),
            started_at: raw.started_at,
            ended_at: raw.ended_at,
            outcome: raw.outcome,
            ring_ms: raw.ring_ms,
            hold_ms: raw.hold_ms,
            wrap_up_ms: raw.wrap_up_ms,
        }
    }

    fn transcript_turn<'a>(&self, raw: TranscriptTurn<Raw<'a>>) -> TranscriptTurn<Redacted<'a>> {
        TranscriptTurn {
            at: raw.at,
            turn_id: self.key(raw.turn_id),
            speaker: self.speaker_ref(raw.speaker),
            text: self.text(raw.text),
            started_at: raw.started_at,
            ended_at: raw.ended_at,
            content_type: raw.content_type,
            asr: raw.asr.map(|value| self.asr(value)),
            signals: raw.signals.map(|value| self.signals(value)),
            language: raw.language.map(|value| self.key(value)),
        }
    }

    fn transcript_ended<'a>(&self, raw: TranscriptEnded<Raw<'a>>) -> TranscriptEnded<Redacted<'a>> {
        TranscriptEnded {
            time: raw.time,
            reason: raw.reason,
            ended_by: raw.ended_by,
            disposition: raw.disposition.map(|value| self.text(value)),
            resolved: raw.resolved,
            wrap_up_ms: raw.wrap_up_ms,
        }
    }

    fn transcript<'a>(&self, raw: Transcript<Raw<'a>>) -> Transcript<Redacted<'a>> {
        Transcript {
            channel: raw.channel,
            direction: raw.direction,
            customer: raw.customer.map(|value| self.customer(value)),
            entry: raw.entry,
            language: raw.language.map(|value| self.key(value)),
            related: raw.related.map(|value| self.related(value)),
            attributes: raw.attributes.map(|value| self.json(value)),
            time_source: raw.time_source,
            legs: raw.legs.map(|items| {
                items
                    .into_iter()
                    .map(|item| self.transcript_leg(item))
                    .collect()
            }),
            turns: raw.turns.map(|items| {
                items
                    .into_iter()
                    .map(|item| self.transcript_turn(item))
                    .collect()
            }),
            ended: raw.ended.map(|value| self.transcript_ended(value)),
        }
    }

    fn survey_sent<'a>(&self, raw: SurveySent<Raw<'a>>) -> SurveySent<Redacted<'a>> {
        SurveySent {
            survey_id: self.key(raw.survey_id),
            interaction_id: raw.interaction_id.map(|value| self.key(value)),
            channel: raw.channel,
            about: raw.about,
        }
    }

    fn survey_answered<'a>(&self, raw: SurveyAnswered<Raw<'a>>) -> SurveyAnswered<Redacted<'a>> {
        SurveyAnswered {
            survey_id: self.key(raw.survey_id),
            interaction_id: raw.interaction_id.map(|value| self.key(value)),
            channel: raw.channel,
            about: raw.about,
            csat: raw.csat,
            nps: raw.nps,
            resolved: raw.resolved,
            comment: raw.comment.map(|value| self.text(value)),
        }
    }

    fn case_changed<'a>(&self, raw: CaseChanged<Raw<'a>>) -> CaseChanged<Redacted<'a>> {
        CaseChanged {
            case_id: self.key(raw.case_id),
            customer_id: raw.customer_id.map(|value| self.customer_id(value)),
            status: raw.status,
            interaction_ids: raw.interaction_ids.map(|value| self.keys(value)),
            category: raw.category.map(|value| self.text(value)),
        }
    }

    fn skill<'a>(&self, raw: Skill<Raw<'a>>) -> Skill<Redacted<'a>> {
        Skill {
            name: self.key(raw.name),
            level: raw.level,
        }
    }

    fn agent_state_changed<'a>(
        &self,
        raw: AgentStateChanged<Raw<'a>>,
    ) -> AgentStateChanged<Redacted<'a>> {
        AgentStateChanged {
            agent_id: self.key(raw.agent_id),
            state: raw.state,
            queues: raw.queues.map(|value| self.keys(value)),
            skills: raw
                .skills
                .map(|items| items.into_iter().map(|item| self.skill(item)).collect()),
            languages: raw.languages.map(|value| self.keys(value)),
            capacity: raw.capacity,
            since: raw.since,
        }
    }

    fn agent_scheduled<'a>(&self, raw: AgentScheduled<Raw<'a>>) -> AgentScheduled<Redacted<'a>> {
        AgentScheduled {
            agent_id: self.key(raw.agent_id),
            from: raw.from,
            to: raw.to,
            activity: self.key(raw.activity),
        }
    }

    fn customer_updated<'a>(&self, raw: CustomerUpdated<Raw<'a>>) -> CustomerUpdated<Redacted<'a>> {
        CustomerUpdated {
            customer_id: self.customer_id(raw.customer_id),
            identities: raw.identities.map(|value| self.identities(value)),
            tier: raw.tier.map(|value| self.key(value)),
            value_score: raw.value_score,
            status: raw.status,
            status_at: raw.status_at,
            attributes: raw.attributes.map(|value| self.person(value)),
        }
    }

    fn knowledge_used<'a>(&self, raw: KnowledgeUsed<Raw<'a>>) -> KnowledgeUsed<Redacted<'a>> {
        KnowledgeUsed {
            article_id: raw.article_id.map(|value| self.key(value)),
            query: raw.query.map(|value| self.text(value)),
            action: raw.action,
            actor: raw.actor,
            interaction_id: raw.interaction_id.map(|value| self.key(value)),
        }
    }
}

/// Marks the length that stands for a long IVR input.
const LENGTH_MARK: &str = "length:";

/// Applies `redact` and keeps the borrow of a text that it leaves as it is.
fn map_cow<'a>(
    text: Cow<'a, str>,
    redact: impl for<'t> Fn(&'t str) -> Cow<'t, str>,
) -> Cow<'a, str> {
    match text {
        Cow::Borrowed(text) => redact(text),
        Cow::Owned(text) => match redact(&text) {
            Cow::Owned(redacted) => Cow::Owned(redacted),
            Cow::Borrowed(_) => Cow::Owned(text),
        },
    }
}

/// The tokens that stand in a redacted text, as the JSON of `turns.pii`:
/// `[{"kind":"phone","start":3,"end":17}]`, offsets in Unicode scalar values of
/// the stored text. `None` when there are none.
pub fn pii_of_redacted(text: &str) -> Option<String> {
    memchr::memchr(b'<', text.as_bytes())?;
    let found = super::redact::tokens_in(text);
    if found.is_empty() {
        return None;
    }
    let items = found.iter().map(|pii| {
        format!(
            r#"{{"kind":"{}","start":{},"end":{}}}"#,
            pii.kind.as_str(),
            pii.start,
            pii.end
        )
    });
    Some(format!("[{}]", items.collect::<Vec<_>>().join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{decode, schema};
    use crate::enrich::redact::{AllowList, TokenKey};
    use serde_json::Value;

    const PHONE: &str = "13800138000";

    fn redactor() -> EventRedactor {
        let redactor = Redactor::new(TokenKey::from_bytes([7; 32]), AllowList::default());
        EventRedactor::new(Arc::new(redactor), false)
    }

    fn redacted(document: &str) -> Option<String> {
        let event = decode(document.as_bytes()).ok()?;
        serde_json::to_string(&redactor().event(event)).ok()
    }

    fn leaves(value: &Value, pointer: &str, found: &mut Vec<String>) {
        match value {
            Value::Object(map) => map
                .iter()
                .for_each(|(key, value)| leaves(value, &format!("{pointer}/{key}"), found)),
            Value::Array(items) => items
                .iter()
                .enumerate()
                .for_each(|(index, value)| leaves(value, &format!("{pointer}/{index}"), found)),
            Value::String(_) => found.push(pointer.to_owned()),
            _ => {}
        }
    }

    #[test]
    fn a_phone_number_survives_in_no_string_of_any_event() {
        let mut planted = 0;
        for (event_type, example) in schema::examples() {
            let document: Value = serde_json::from_str(&example).unwrap();
            let mut pointers = Vec::new();
            leaves(&document, "", &mut pointers);
            for pointer in pointers {
                let mut document = document.clone();
                *document.pointer_mut(&pointer).unwrap() = PHONE.into();
                // Closed words and times refuse the number; every other string is planted.
                let Some(kept) = redacted(&document.to_string()) else {
                    continue;
                };
                planted += 1;
                assert!(
                    !kept.contains(PHONE),
                    "{} {pointer}: {kept}",
                    event_type.as_str()
                );
            }
        }
        assert!(planted > 100, "only {planted} strings could be planted");
    }

    #[test]
    fn redacting_twice_changes_nothing() {
        for (event_type, example) in schema::examples() {
            let planted = example.replace("\"text\":\"", &format!("\"text\":\"电话{PHONE} "));
            let once = redacted(&planted).unwrap();
            assert_eq!(
                redacted(&once),
                Some(once.clone()),
                "{}",
                event_type.as_str()
            );
        }
    }

    #[test]
    fn numbers_without_quotes_and_keys_of_attributes_are_redacted_too() {
        let event = format!(
            r#"{{"specversion":"1.0","id":"1","source":"s","type":"interaction.started.v1","subject":"c","time":"2026-11-20T00:00:00Z","data":{{"channel":"call","direction":"inbound","entry":"ivr","attributes":{{"callback":{PHONE},"{PHONE}":1,"age":42}}}}}}"#
        );
        let kept = redacted(&event).unwrap();
        assert!(
            !kept.contains(PHONE) && kept.contains("\"age\":42"),
            "{kept}"
        );
    }

    #[test]
    fn a_name_among_the_attributes_of_a_customer_is_told_by_its_key() {
        let event = r#"{"specversion":"1.0","id":"1","source":"s","type":"customer.updated.v1","subject":"c","time":"2026-11-20T00:00:00Z","data":{"customer_id":"c-1","attributes":{"name":"何嘉怡","plan":"何首乌","months":3}}}"#;
        let kept = redacted(event).unwrap();
        assert!(
            !kept.contains("何嘉怡") && kept.contains("何首乌"),
            "{kept}"
        );
        assert_eq!(redacted(&kept).unwrap(), kept);
    }

    #[test]
    fn long_ivr_input_is_kept_as_its_length() {
        let step = |input: &str| {
            let event = format!(
                r#"{{"specversion":"1.0","id":"1","source":"s","type":"interaction.ivr_step.v1","subject":"c","time":"2026-11-20T00:00:00Z","data":{{"node":"n","action":"input","input":"{input}"}}}}"#
            );
            redacted(&event).unwrap()
        };
        assert!(step("12").contains(r#""input":"12""#));
        assert!(step("6222").contains(r#""input":"length:4""#));
        assert!(step("length:4").contains(r#""input":"length:4""#));
    }

    #[test]
    fn the_pii_column_is_rebuilt_from_redacted_text() {
        assert_eq!(pii_of_redacted("没有"), None);
        let text = redactor()
            .redactor()
            .text(&format!("电话{PHONE}"))
            .into_owned();
        let expected = r#"[{"kind":"phone","start":2,"end":16}]"#;
        assert_eq!(pii_of_redacted(&text).as_deref(), Some(expected));
    }
}
