//! The AsyncAPI 3.0 document: default topics and what travels on them.

use serde_json::{Map, Value, json};

use super::super::event::EventType;
use super::{examples, outgoing, path};

/// Topic, what it is for, and which types it carries.
struct Topic {
    address: &'static str,
    about: &'static str,
    carries: fn(EventType) -> bool,
}

const TOPICS: [Topic; 8] = [
    Topic {
        address: "tingchao.interactions.call",
        about: "Phone calls.",
        carries: EventType::is_interaction,
    },
    Topic {
        address: "tingchao.interactions.chat",
        about: "Chats on the web and in apps.",
        carries: EventType::is_interaction,
    },
    Topic {
        address: "tingchao.interactions.wechat",
        about: "WeChat.",
        carries: EventType::is_interaction,
    },
    Topic {
        address: "tingchao.interactions.other",
        about: "All other channels.",
        carries: EventType::is_interaction,
    },
    Topic {
        address: "tingchao.surveys",
        about: "Surveys sent and answered; the key is the survey id.",
        carries: |event_type| event_type.as_str().starts_with("survey."),
    },
    Topic {
        address: "tingchao.agents",
        about: "States and schedules of agents; the key is the agent id.",
        carries: |event_type| event_type.as_str().starts_with("agent."),
    },
    Topic {
        address: "tingchao.customers",
        about: "Customers and their cases; the key is the customer or case id.",
        carries: |event_type| {
            matches!(
                event_type,
                EventType::CustomerUpdated | EventType::CaseChanged
            )
        },
    },
    Topic {
        address: "tingchao.knowledge",
        about: "Use of the knowledge base.",
        carries: |event_type| event_type == EventType::KnowledgeUsed,
    },
];

/// The whole document.
pub(super) fn document() -> Value {
    let mut channels = Map::new();
    let mut operations = Map::new();
    for topic in &TOPICS {
        let name = short(topic.address);
        let carried = EventType::ALL
            .iter()
            .filter(|event_type| (topic.carries)(**event_type));
        let messages: Map<String, Value> = carried
            .map(|event_type| {
                let reference = format!("#/components/messages/{}", event_type.as_str());
                (event_type.as_str().to_owned(), json!({"$ref": reference}))
            })
            .collect();
        let channel = json!({
            "address": topic.address, "description": topic.about, "messages": messages
        });
        let channel_ref = format!("#/channels/{name}");
        operations.insert(
            format!("receive_{name}"),
            json!({"action": "receive", "channel": {"$ref": channel_ref}}),
        );
        channels.insert(name, channel);
    }
    let mut messages: Map<String, Value> = EventType::ALL
        .iter()
        .map(|event_type| (event_type.as_str().to_owned(), message(*event_type)))
        .collect();
    for topic in outgoing::topics() {
        let name = short(topic.address);
        let message_ref = format!("#/components/messages/{}", topic.message);
        let channel = json!({
            "address": topic.address,
            "description": topic.about,
            "messages": {topic.message: {"$ref": message_ref}}
        });
        channels.insert(name.clone(), channel);
        let channel_ref = format!("#/channels/{name}");
        operations.insert(
            format!("send_{name}"),
            json!({"action": "send", "channel": {"$ref": channel_ref}}),
        );
        messages.insert(topic.message.to_owned(), topic.document);
    }
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Tingchao events",
            "version": "1.0.0",
            "description": "Canonical events, contract v1: CloudEvents 1.0 in structured mode, one JSON document per record. Unknown fields are ignored; what is refused goes to dead letters. What goes out is delivered at least once; its `id` is stable, so that repeats can be dropped. Within v1 optional fields may be added, nothing is renamed or retyped.",
            "license": {"name": "Apache-2.0"}
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages}
    })
}

fn message(event_type: EventType) -> Value {
    let file = path(event_type).replace("schemas/", "./");
    json!({
        "name": event_type.as_str(),
        "title": event_type.as_str(),
        "summary": examples::about(event_type),
        "contentType": "application/cloudevents+json",
        "payload": {"$ref": file}
    })
}

fn short(address: &str) -> String {
    address
        .trim_start_matches("tingchao.")
        .replace(['.', '-'], "_")
}
