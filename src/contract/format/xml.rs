//! An XML message as a JSON value: elements are fields, repeated ones a list,
//! text a string; attributes and comments are not kept.
//!
//! Invariants: no entity but the five of XML and character references is
//! resolved, nothing outside the document is opened; nesting is bounded. Not
//! here: what the elements mean.

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;
use serde_json::{Map, Value};

use crate::contract::{RejectCode, Rejection};

const MAX_DEPTH: usize = 32;

/// One open element.
struct Open {
    name: String,
    text: String,
    fields: Map<String, Value>,
}

impl Open {
    fn close(self) -> Value {
        if self.fields.is_empty() {
            return Value::String(self.text.trim().to_owned());
        }
        Value::Object(self.fields)
    }
}

/// Reads `text`: the name of the root element and what is in it.
///
/// # Errors
/// `malformed_xml` with the byte where reading stopped.
pub(super) fn parse(text: &str) -> Result<(String, Value), Rejection> {
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Open> = Vec::new();
    let mut root = None;
    loop {
        let event = reader.read_event();
        let at = reader.buffer_position();
        let wrong = |what: &str| malformed(at, what);
        match event.map_err(|_| wrong("not well-formed"))? {
            Event::Start(tag) => {
                if root.is_some() || open.len() >= MAX_DEPTH {
                    return Err(wrong("more than one root, or nested too deep"));
                }
                open.push(Open {
                    name: String::from_utf8_lossy(tag.local_name().as_ref()).into_owned(),
                    text: String::new(),
                    fields: Map::new(),
                });
            }
            Event::Empty(tag) => {
                let name = String::from_utf8_lossy(tag.local_name().as_ref()).into_owned();
                match open.last_mut() {
                    Some(parent) => insert(&mut parent.fields, name, Value::Null),
                    None => root = Some((name, Value::Null)),
                }
            }
            Event::End(_) => {
                let closed = open.pop().ok_or_else(|| wrong("an end without a start"))?;
                let name = closed.name.clone();
                let value = closed.close();
                match open.last_mut() {
                    Some(parent) => insert(&mut parent.fields, name, value),
                    None => root = Some((name, value)),
                }
            }
            Event::Text(text) => {
                let text = text.decode().map_err(|_| wrong("not UTF-8"))?;
                add_text(&mut open, &text);
            }
            Event::CData(data) => {
                let text = data.decode().map_err(|_| wrong("not UTF-8"))?;
                add_text(&mut open, &text);
            }
            Event::GeneralRef(name) => {
                let character = name
                    .resolve_char_ref()
                    .map_err(|_| wrong("a wrong reference"))?;
                match character {
                    Some(character) => add_text(&mut open, character.encode_utf8(&mut [0; 4])),
                    None => {
                        let name = name.decode().map_err(|_| wrong("not UTF-8"))?;
                        let text = resolve_predefined_entity(&name)
                            .ok_or_else(|| wrong("an unknown entity"))?;
                        add_text(&mut open, text);
                    }
                }
            }
            Event::Eof if open.is_empty() => {
                return root.ok_or_else(|| wrong("no element"));
            }
            Event::Eof => return Err(wrong("it stops in the middle")),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
}

fn malformed(at: u64, what: &str) -> Rejection {
    let reason = format!("not XML at byte {at}: {what}");
    Rejection::new(RejectCode::MalformedXml, "", reason)
}

fn add_text(open: &mut [Open], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

/// A second element of the same name makes a list.
fn insert(fields: &mut Map<String, Value>, name: String, value: Value) {
    match fields.get_mut(&name) {
        None => {
            fields.insert(name, value);
        }
        Some(Value::Array(items)) => items.push(value),
        Some(first) => {
            let items = vec![first.take(), value];
            *first = Value::Array(items);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn elements_become_fields() {
        let text = "<?xml version=\"1.0\"?>\n<xml>\n<A><![CDATA[a < b]]></A><B>1 &lt; &#20320;</B><L><I>1</I><I>2</I></L><E/></xml>";
        let Ok((name, value)) = parse(text) else {
            panic!("refused")
        };
        assert_eq!(name, "xml");
        let expected = json!({"A": "a < b", "B": "1 < 你", "L": {"I": ["1", "2"]}, "E": null});
        assert_eq!(value, expected);
    }

    #[test]
    fn what_is_not_well_formed_is_refused() {
        let bomb = "<!DOCTYPE x [<!ENTITY a \"b\">]><xml>&a;</xml>";
        let deep = "<a>".repeat(40);
        for text in [
            "<xml><a></xml>",
            "<xml>",
            "text",
            "<a/><b>",
            bomb,
            &deep,
            "<xml>&nope;</xml>",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
