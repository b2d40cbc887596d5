//! One canonical document into one event, in one pass where the fields come
//! in the usual order.
//!
//! Invariants: strings are borrowed from the document unless they hold
//! escapes; the slow path that finds the pointer of a mistake runs only for
//! documents that are refused.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::check;
use super::event::{Data, Event, EventType};
use super::reject::{RejectCode, Rejection};
use crate::domain::{Micros, Raw};

const UNKNOWN_TYPE: &str = "unknown event type";
const BAD_SPECVERSION: &str = "expected specversion \"1.0\"";
const BAD_REVISION: &str = "expected a revision from 0 to 2147483647";

/// Decodes one canonical v1 document.
///
/// # Errors
/// The refusal of the first mistake found, with code, pointer and reason.
pub fn decode(document: &[u8]) -> Result<Event<Raw<'_>>, Rejection> {
    let text = std::str::from_utf8(document).map_err(|error| {
        let reason = format!("byte {} is not UTF-8", error.valid_up_to());
        Rejection::new(RejectCode::InvalidUtf8, "", reason)
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut json = serde_json::Deserializer::from_str(text);
    let decoded = json
        .deserialize_map(EventVisitor)
        .and_then(|event| json.end().map(|()| event));
    match decoded {
        Ok(event) => check::event(&event).map(|()| event),
        Err(_) => Err(explain(text)),
    }
}

struct EventVisitor;

#[derive(Default)]
struct Envelope<'de> {
    id: Option<Raw<'de>>,
    source: Option<Raw<'de>>,
    subject: Option<Raw<'de>>,
    time: Option<Micros>,
    revision: Option<i32>,
    event_type: Option<EventType>,
    specversion: bool,
    data: Option<Data<Raw<'de>>>,
    data_before_type: Option<&'de RawValue>,
}

impl<'de> Visitor<'de> for EventVisitor {
    type Value = Event<Raw<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut envelope = Envelope::default();
        while let Some(key) = map.next_key::<Raw<'de>>()? {
            envelope.read(key.reveal(), &mut map)?;
        }
        envelope.finish()
    }
}

struct DataSeed(EventType);

impl<'de> DeserializeSeed<'de> for DataSeed {
    type Value = Data<Raw<'de>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        Data::deserialize_as(self.0, deserializer)
    }
}

impl<'de> Envelope<'de> {
    fn read<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "id" => self.id = Some(map.next_value()?),
            "source" => self.source = Some(map.next_value()?),
            "subject" => self.subject = map.next_value()?,
            "time" => self.time = Some(map.next_value()?),
            "revision" => self.revision = map.next_value()?,
            "type" => self.event_type = Some(parse_type(map.next_value::<Raw<'de>>()?)?),
            "specversion" => {
                if map.next_value::<Raw<'de>>()?.reveal() != "1.0" {
                    return Err(A::Error::custom(BAD_SPECVERSION));
                }
                self.specversion = true;
            }
            "data" => match self.event_type {
                Some(event_type) => self.data = Some(map.next_value_seed(DataSeed(event_type))?),
                None => self.data_before_type = Some(map.next_value()?),
            },
            _ => {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn finish<E: serde::de::Error>(self) -> Result<Event<Raw<'de>>, E> {
        if !self.specversion {
            return Err(E::missing_field("specversion"));
        }
        let event_type = self.event_type.ok_or_else(|| E::missing_field("type"))?;
        let data = match (self.data, self.data_before_type) {
            (Some(data), _) => data,
            (None, Some(raw)) => {
                let mut json = serde_json::Deserializer::from_str(raw.get());
                Data::deserialize_as(event_type, &mut json).map_err(E::custom)?
            }
            (None, None) => return Err(E::missing_field("data")),
        };
        let revision = self.revision.unwrap_or(0);
        if revision < 0 {
            return Err(E::custom(BAD_REVISION));
        }
        Ok(Event {
            id: self.id.ok_or_else(|| E::missing_field("id"))?,
            source: self.source.ok_or_else(|| E::missing_field("source"))?,
            subject: self.subject,
            time: self.time.ok_or_else(|| E::missing_field("time"))?,
            revision,
            data,
        })
    }
}

fn parse_type<E: serde::de::Error>(name: Raw<'_>) -> Result<EventType, E> {
    EventType::parse(name.reveal()).ok_or_else(|| E::custom(UNKNOWN_TYPE))
}

/// Finds code, pointer and reason of a document that did not decode.
fn explain(text: &str) -> Rejection {
    let document: serde_json::Value = match serde_json::from_str(text) {
        Ok(document) => document,
        Err(error) => return explain_syntax(&error),
    };
    let Some(envelope) = document.as_object() else {
        return Rejection::new(RejectCode::InvalidType, "", "expected a JSON object");
    };
    explain_envelope(envelope).unwrap_or_else(|| explain_data(text, envelope))
}

fn explain_syntax(error: &serde_json::Error) -> Rejection {
    let (line, column) = (error.line(), error.column());
    if error.is_eof() {
        let reason = format!("the document stops in the middle, at line {line} column {column}");
        return Rejection::new(RejectCode::TruncatedJson, "", reason);
    }
    let reason = format!("not JSON at line {line} column {column}");
    Rejection::new(RejectCode::MalformedJson, "", reason)
}

fn explain_envelope(envelope: &serde_json::Map<String, serde_json::Value>) -> Option<Rejection> {
    for field in ["specversion", "id", "source", "type", "time"] {
        let pointer = format!("/{field}");
        match envelope.get(field) {
            None | Some(serde_json::Value::Null) => {
                let reason = format!("field `{field}` is missing");
                return Some(Rejection::new(RejectCode::MissingField, pointer, reason));
            }
            Some(serde_json::Value::String(_)) => {}
            Some(_) => {
                return Some(Rejection::new(
                    RejectCode::InvalidType,
                    pointer,
                    "expected a string",
                ));
            }
        }
    }
    let text = |field: &str| envelope.get(field).and_then(|value| value.as_str());
    if text("specversion") != Some("1.0") {
        return Some(Rejection::new(
            RejectCode::InvalidValue,
            "/specversion",
            BAD_SPECVERSION,
        ));
    }
    if text("type").and_then(EventType::parse).is_none() {
        let reason = "no event type of contract v1";
        return Some(Rejection::new(RejectCode::UnknownType, "/type", reason));
    }
    if text("time").is_some_and(|time| Micros::parse(time).is_err()) {
        let reason = crate::domain::TimeError.to_string();
        return Some(Rejection::new(RejectCode::InvalidTime, "/time", reason));
    }
    match envelope.get("subject") {
        None | Some(serde_json::Value::Null | serde_json::Value::String(_)) => {}
        Some(_) => {
            return Some(Rejection::new(
                RejectCode::InvalidType,
                "/subject",
                "expected a string",
            ));
        }
    }
    match envelope.get("revision") {
        None | Some(serde_json::Value::Null) => {}
        Some(serde_json::Value::Number(_)) if revision_fits(envelope) => {}
        Some(serde_json::Value::Number(_)) => {
            return Some(Rejection::new(
                RejectCode::InvalidValue,
                "/revision",
                BAD_REVISION,
            ));
        }
        Some(_) => {
            return Some(Rejection::new(
                RejectCode::InvalidType,
                "/revision",
                BAD_REVISION,
            ));
        }
    }
    match envelope.get("data") {
        None | Some(serde_json::Value::Null) => {
            let reason = "field `data` is missing";
            Some(Rejection::new(RejectCode::MissingField, "/data", reason))
        }
        Some(_) => None,
    }
}

fn revision_fits(envelope: &serde_json::Map<String, serde_json::Value>) -> bool {
    let revision = envelope.get("revision").and_then(serde_json::Value::as_i64);
    revision.is_some_and(|value| (0..=i64::from(i32::MAX)).contains(&value))
}

/// The envelope is sound: reads `data` again, this time keeping track of the path.
fn explain_data(text: &str, envelope: &serde_json::Map<String, serde_json::Value>) -> Rejection {
    #[derive(serde::Deserialize)]
    struct OnlyData<'a> {
        #[serde(borrow)]
        data: &'a RawValue,
    }
    let event_type = envelope
        .get("type")
        .and_then(serde_json::Value::as_str)
        .and_then(EventType::parse);
    let (Some(event_type), Ok(only)) = (event_type, serde_json::from_str::<OnlyData<'_>>(text))
    else {
        // A field that is there twice is the one thing that gets here.
        return Rejection::new(
            RejectCode::MalformedJson,
            "",
            "a field is there more than once",
        );
    };
    let mut json = serde_json::Deserializer::from_str(only.data.get());
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(&mut json, &mut track);
    match Data::<Raw<'_>>::deserialize_as(event_type, tracked) {
        Ok(_) => Rejection::new(
            RejectCode::MalformedJson,
            "",
            "a field is there more than once",
        ),
        Err(error) => explain_field(&pointer(&track.path()), &error.to_string()),
    }
}

/// serde's message without the value that it quotes: what the document said
/// may be personal, what was expected is ours.
fn explain_field(pointer: &str, message: &str) -> Rejection {
    if let Some(rest) = message.strip_prefix("missing field `") {
        let field = rest.split('`').next().unwrap_or_default();
        let reason = format!("field `{field}` is missing");
        return Rejection::new(
            RejectCode::MissingField,
            format!("{pointer}/{field}"),
            reason,
        );
    }
    let expected = message
        .find("expected ")
        .and_then(|start| message.get(start..));
    let expected = expected.and_then(|text| text.split(" at line ").next());
    let reason = expected.unwrap_or("expected another value").to_owned();
    let code = if reason.contains("RFC 3339") && !message.starts_with("invalid type") {
        RejectCode::InvalidTime
    } else if message.starts_with("invalid type") {
        RejectCode::InvalidType
    } else if message.starts_with("duplicate field") {
        RejectCode::MalformedJson
    } else {
        RejectCode::InvalidValue
    };
    Rejection::new(code, pointer, reason)
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = String::from("/data");
    for segment in path {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } => {
                pointer.push('/');
                pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
            }
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}

#[cfg(test)]
mod tests {
    use super::*;

    const TURN: &str = r#"{"specversion":"1.0","id":"e1","source":"/pbx/1","type":"interaction.turn.v1","subject":"c-1","time":"2026-11-20T03:15:07.120Z","data":{"turn_id":"t1","speaker":{"role":"customer"},"text":"我的套餐\n多少钱","content_type":"text","unknown":[1,{}]},"more":1}"#;

    fn refused(document: &str) -> (RejectCode, String) {
        match decode(document.as_bytes()) {
            Ok(_) => panic!("accepted: {document}"),
            Err(rejection) => (rejection.code, rejection.pointer),
        }
    }

    #[test]
    fn a_turn_decodes_whatever_the_order_of_its_fields() {
        let event = decode(TURN.as_bytes()).unwrap_or_else(|r| panic!("{r:?}"));
        let Data::Turn(turn) = &event.data else {
            panic!("not a turn")
        };
        assert_eq!(turn.text.reveal(), "我的套餐\n多少钱");
        assert_eq!(event.time.to_string(), "2026-11-20T03:15:07.120Z");
        let reordered = r#"{"data":{"turn_id":"t1"},"type":"interaction.turn_recalled.v1","time":"2026-11-20T03:15:07Z","source":"s","id":"1","subject":"c","specversion":"1.0"}"#;
        assert!(matches!(
            decode(reordered.as_bytes()),
            Ok(Event {
                data: Data::TurnRecalled(_),
                ..
            })
        ));
    }

    #[test]
    fn every_kind_of_mistake_has_its_code_and_pointer() {
        use RejectCode::*;
        let cases = [
            ("{", TruncatedJson, ""),
            ("{]", MalformedJson, ""),
            ("[1]", InvalidType, ""),
            (
                &TURN.replace("interaction.turn.v1", "interaction.turn.v9"),
                UnknownType,
                "/type",
            ),
            (&TURN.replace("\"id\":\"e1\",", ""), MissingField, "/id"),
            (&TURN.replace("\"e1\"", "1"), InvalidType, "/id"),
            (
                &TURN.replace("\"e1\"", "\"x'; drop table turns; --\""),
                InvalidId,
                "/id",
            ),
            (
                &TURN.replace("2026-11-20T", "40000-11-20T"),
                InvalidTime,
                "/time",
            ),
            (
                &TURN.replace("\"customer\"", "\"client\""),
                InvalidValue,
                "/data/speaker/role",
            ),
            (
                &TURN.replace("\"turn_id\":\"t1\",", ""),
                MissingField,
                "/data/turn_id",
            ),
            (&TURN.replace("\"t1\"", "[]"), InvalidType, "/data/turn_id"),
            (
                &TURN.replace("\"subject\":\"c-1\",", ""),
                MissingField,
                "/subject",
            ),
            (
                &TURN.replace("\"more\":1", "\"revision\":-1"),
                InvalidValue,
                "/revision",
            ),
            (
                &TURN.replace("\"more\":1", "\"revision\":\"1\""),
                InvalidType,
                "/revision",
            ),
            (
                &TURN.replace("\"1.0\"", "\"0.3\""),
                InvalidValue,
                "/specversion",
            ),
            (
                &TURN.replace("\"unknown\":[1,{}]", "\"started_at\":\"yesterday\""),
                InvalidTime,
                "/data/started_at",
            ),
        ];
        for (document, code, pointer) in cases {
            assert_eq!(refused(document), (code, pointer.to_owned()), "{document}");
        }
    }

    #[test]
    fn a_refusal_never_repeats_the_document() {
        let secret = "13800138000";
        for document in [
            TURN.replace("\"customer\"", &format!("\"{secret}\"")),
            TURN.replace(
                "\"text\":",
                &format!("\"started_at\":\"{secret}\",\"text\":"),
            ),
            TURN.replace("\"t1\"", &format!("{{\"{secret}\":1}}")),
        ] {
            let Err(rejection) = decode(document.as_bytes()) else {
                panic!("accepted")
            };
            assert!(!format!("{rejection:?}").contains(secret), "{rejection:?}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_refused() {
        let Err(rejection) = decode(b"{\"id\":\"\xff\"}") else {
            panic!("accepted")
        };
        assert_eq!(rejection.code, RejectCode::InvalidUtf8);
        assert!(decode(format!("\u{feff}{TURN}").as_bytes()).is_ok());
    }
}
