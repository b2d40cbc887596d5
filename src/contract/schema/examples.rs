//! One complete document of each type. Everything in them is made up.

use super::super::event::EventType;

/// What the type says, in a sentence or two.
pub(super) const fn about(event_type: EventType) -> &'static str {
    match event_type {
        EventType::Started => "An interaction began.",
        EventType::IvrStep => "One node of a voice menu was visited.",
        EventType::Queued => "The interaction entered a queue.",
        EventType::Dequeued => "The interaction left a queue, for the reason in `outcome`.",
        EventType::Answered => "An agent answered.",
        EventType::Held => "The agent put the customer on hold.",
        EventType::Resumed => "The hold ended.",
        EventType::Transferred => {
            "The interaction was handed on to an agent, a queue or out of the house."
        }
        EventType::Turn => "Someone said or wrote something.",
        EventType::TurnRecalled => {
            "A message was taken back by its writer; its text is not served any more."
        }
        EventType::Ended => "The interaction ended.",
        EventType::WrappedUp => "An agent finished the work after his stay.",
        EventType::Transcript => {
            "A whole finished interaction; `time` is its start. A higher `revision` replaces it whole. Legs may overlap, and their own times win over times derived from events."
        }
        EventType::SurveySent => "A survey was sent; without it there is no response rate.",
        EventType::SurveyAnswered => "A survey was answered.",
        EventType::CaseChanged => "A case was opened, closed or reopened.",
        EventType::AgentStateChanged => {
            "An agent's state changed; what is left out of the profile stays as it was."
        }
        EventType::AgentScheduled => "An agent was scheduled for an activity.",
        EventType::CustomerUpdated => "The CRM knows something new about a customer.",
        EventType::KnowledgeUsed => {
            "The knowledge base was searched, or an article was shown or judged."
        }
    }
}

/// The document, with every field that the contract has.
pub(super) const fn of(event_type: EventType) -> &'static str {
    match event_type {
        EventType::Started => STARTED,
        EventType::IvrStep => IVR_STEP,
        EventType::Queued => QUEUED,
        EventType::Dequeued => DEQUEUED,
        EventType::Answered => ANSWERED,
        EventType::Held => HELD,
        EventType::Resumed => RESUMED,
        EventType::Transferred => TRANSFERRED,
        EventType::Turn => TURN,
        EventType::TurnRecalled => TURN_RECALLED,
        EventType::Ended => ENDED,
        EventType::WrappedUp => WRAPPED_UP,
        EventType::Transcript => TRANSCRIPT,
        EventType::SurveySent => SURVEY_SENT,
        EventType::SurveyAnswered => SURVEY_ANSWERED,
        EventType::CaseChanged => CASE_CHANGED,
        EventType::AgentStateChanged => AGENT_STATE_CHANGED,
        EventType::AgentScheduled => AGENT_SCHEDULED,
        EventType::CustomerUpdated => CUSTOMER_UPDATED,
        EventType::KnowledgeUsed => KNOWLEDGE_USED,
    }
}

const STARTED: &str = r#"{
  "specversion": "1.0",
  "id": "ev-0001",
  "source": "/pbx/shanghai-1",
  "type": "interaction.started.v1",
  "subject": "call-20261120-000123",
  "time": "2026-11-20T03:15:00.000Z",
  "data": {
    "channel": "call",
    "direction": "inbound",
    "customer": {
      "id": "cust-0000042",
      "identities": [
        {
          "kind": "phone",
          "value": "13900000042"
        },
        {
          "kind": "wechat_openid",
          "value": "oQx0exampleexampleexample042"
        }
      ]
    },
    "entry": "ivr",
    "language": "zh-CN",
    "related": {
      "initial_id": "call-20261118-000007",
      "previous_id": "wechat-20261119-000311",
      "reason": "unsolved"
    },
    "attributes": {
      "brand": "听潮通信",
      "lines": 2
    }
  }
}"#;

const IVR_STEP: &str = r#"{
  "specversion": "1.0",
  "id": "ev-0002",
  "source": "/pbx/shanghai-1",
  "type": "interaction.ivr_step.v1",
  "subject": "call-20261120-000123",
  "time": "2026-11-20T03:15:04.300Z",
  "data": {
    "node": "root",
    "action": "input",
    "input": "2",
    "label": "宽带报修"
  }
}"#;

const QUEUED: &str = r#"{
  "specversion": "1.0",
  "id": "ev-0003",
  "source": "/pbx/shanghai-1",
  "type": "interaction.queued.v1",
  "subject": "call-20261120-000123",
  "time": "2026-11-20T03:15:07.120Z",
  "data": {
    "queue": "broadband",
    "skills": [
      "broadband_down"
    ],
    "priority": 3,
    "announced_wait_ms": 60000
  }
}"#;

const DEQUEUED: &str = r#"{
  "specversion": "1.0",
  "id": "ev-0004",
  "source": "/pbx/shanghai-1",
  "type": "interaction.dequeued.v1",
  "subject": "call-20261120-000123",
  "time": "2026-11-20T03:15:48.900Z",
  "data": {
    "queue": "broadband",
    "outcome": "answered"
  }
}"#;

const ANSWERED: &str = r#"{
  "specversion": "1.0",
  "id": "ev-0005",
  "source": "/pbx/shanghai-1",
  "type": "interaction.answered.v1",
  "subject": "call-20261120-000123",
  "time": "2026-11-20T03:15:52.400Z",
  "data": {
    "agent_id": "a-1012",
    "queue": "broadband",
    "ring_ms": 3500
  }
}"#;

const HELD: &str = r#"{
  "specversion": "1.0",
  "id": "ev-0006",
  "source": "/pbx/shanghai-1",
  "type": "interaction.held.v1",
  "subject": "call-20261120-000123",
  "time": "2026-11-20T03:17:10.000Z",
  "data": {
    "agent_id": "a-1012"
  }
}"#;

const RESUMED: &str = r#"{
  "specversion": "1.0",
  "id": "ev-0007",
  "source": "/pbx/shanghai-1",
  "type": "interaction.resumed.v1",
  "subject": "call-20261120-000123",
  "time": "2026-11-20T03:17:55.250Z",
  "data": {
    "agent_id": "a-1012"
  }
}"#;

const TRANSFERRED: &str = r#"{
  "specversion": "1.0",
  "id": "ev-0008",
  "source": "/pbx/shanghai-1",
  "type": "interaction.transferred.v1",
  "subject": "call-20261120-000123",
  "time": "2026-11-20T03:19:00.000Z",
  "data": {
    "from_agent_id": "a-1012",
    "to_agent_id": "a-1030",
    "to_queue": "billing",
    "kind": "consult"
  }
}"#;

const TURN: &str = r#"{
  "specversion": "1.0",
  "id": "ev-0009",
  "source": "/pbx/shanghai-1",
  "type": "interaction.turn.v1",
  "subject": "call-20261120-000123",
  "time": "2026-11-20T03:15:56.000Z",
  "data": {
    "turn_id": "t2",
    "speaker": {
      "role": "customer",
      "id": "cust-0000042"
    },
    "text": "家里宽带断了，光猫红灯一直闪",
    "started_at": "2026-11-20T03:15:56Z",
    "ended_at": "2026-11-20T03:15:59.200Z",
    "content_type": "speech",
    "asr": {
      "confidence": 0.93,
      "engine": "asr-8k"
    },
    "signals": {
      "arousal": 0.62,
      "loudness_db": -18.5,
      "emotion": "annoyed",
      "confidence": 0.7,
      "engine": "voice-1"
    },
    "language": "zh-CN"
  }
}"#;

const TURN_RECALLED: &str = r#"{
  "specversion": "1.0",
  "id": "ev-0010",
  "source": "/wechat/service-account",
  "type": "interaction.turn_recalled.v1",
  "subject": "wechat-20261120-000311",
  "time": "2026-11-20T03:16:20.000Z",
  "data": {
    "turn_id": "t2"
  }
}"#;

const ENDED: &str = r#"{
  "specversion": "1.0",
  "id": "ev-0011",
  "source": "/pbx/shanghai-1",
  "type": "interaction.ended.v1",
  "subject": "call-20261120-000123",
  "time": "2026-11-20T03:20:31.000Z",
  "data": {
    "reason": "completed",
    "ended_by": "customer",
    "disposition": "上门维修",
    "resolved": true,
    "wrap_up_ms": 28000
  }
}"#;

const WRAPPED_UP: &str = r#"{
  "specversion": "1.0",
  "id": "ev-0012",
  "source": "/pbx/shanghai-1",
  "type": "interaction.wrapped_up.v1",
  "subject": "call-20261120-000123",
  "time": "2026-11-20T03:20:59.000Z",
  "data": {
    "agent_id": "a-1012",
    "wrap_up_ms": 28000,
    "disposition": "上门维修"
  }
}"#;

const TRANSCRIPT: &str = r#"{
  "specversion": "1.0",
  "id": "ev-0013",
  "source": "/chat/web-1",
  "type": "interaction.transcript.v1",
  "subject": "chat-20261120-000077",
  "time": "2026-11-20T06:00:00.000Z",
  "revision": 1,
  "data": {
    "channel": "chat",
    "direction": "inbound",
    "customer": {
      "id": "cust-0000042",
      "identities": [
        {
          "kind": "phone",
          "value": "13900000042"
        },
        {
          "kind": "wechat_openid",
          "value": "oQx0exampleexampleexample042"
        }
      ]
    },
    "entry": "queue",
    "language": "zh-CN",
    "related": {
      "initial_id": "chat-20261119-000001",
      "previous_id": "chat-20261119-000001",
      "reason": "unsolved"
    },
    "attributes": {
      "brand": "听潮商城"
    },
    "time_source": "source",
    "legs": [
      {
        "handler": "queue",
        "queue": "chat_shop",
        "started_at": "2026-11-20T06:00:00Z",
        "ended_at": "2026-11-20T06:00:21Z",
        "outcome": "answered"
      },
      {
        "handler": "agent",
        "queue": "chat_shop",
        "agent_id": "a-1044",
        "started_at": "2026-11-20T06:00:23Z",
        "ended_at": "2026-11-20T06:04:10Z",
        "outcome": "answered",
        "ring_ms": 2000,
        "hold_ms": 0,
        "wrap_up_ms": 15000
      }
    ],
    "turns": [
      {
        "at": "2026-11-20T06:00:31Z",
        "turn_id": "t1",
        "speaker": {
          "role": "customer",
          "id": "cust-0000042"
        },
        "text": "退款200元怎么还没到",
        "started_at": "2026-11-20T06:00:31Z",
        "ended_at": "2026-11-20T06:00:34Z",
        "content_type": "text",
        "asr": {
          "confidence": 1.0,
          "engine": "none"
        },
        "signals": {
          "arousal": 0.5,
          "loudness_db": -20.0,
          "emotion": "calm",
          "confidence": 0.5,
          "engine": "voice-1"
        },
        "language": "zh-CN"
      }
    ],
    "ended": {
      "time": "2026-11-20T06:04:10Z",
      "reason": "completed",
      "ended_by": "agent",
      "disposition": "退款进度",
      "resolved": true,
      "wrap_up_ms": 15000
    }
  }
}"#;

const SURVEY_SENT: &str = r#"{
  "specversion": "1.0",
  "id": "ev-0014",
  "source": "/survey/main",
  "type": "survey.sent.v1",
  "subject": "survey-77",
  "time": "2026-11-20T03:21:30.000Z",
  "data": {
    "survey_id": "survey-77",
    "interaction_id": "call-20261120-000123",
    "channel": "wechat",
    "about": "interaction"
  }
}"#;

const SURVEY_ANSWERED: &str = r#"{
  "specversion": "1.0",
  "id": "ev-0015",
  "source": "/survey/main",
  "type": "survey.answered.v1",
  "subject": "survey-77",
  "time": "2026-11-20T04:02:00.000Z",
  "data": {
    "survey_id": "survey-77",
    "interaction_id": "call-20261120-000123",
    "channel": "wechat",
    "about": "interaction",
    "csat": 4,
    "nps": 8,
    "resolved": true,
    "comment": "师傅来得很快"
  }
}"#;

const CASE_CHANGED: &str = r#"{
  "specversion": "1.0",
  "id": "ev-0016",
  "source": "/cases/main",
  "type": "case.changed.v1",
  "subject": "case-9001",
  "time": "2026-11-20T03:21:00.000Z",
  "data": {
    "case_id": "case-9001",
    "customer_id": "cust-0000042",
    "status": "open",
    "interaction_ids": [
      "call-20261120-000123"
    ],
    "category": "broadband_down"
  }
}"#;

const AGENT_STATE_CHANGED: &str = r#"{
  "specversion": "1.0",
  "id": "ev-0017",
  "source": "/workforce/main",
  "type": "agent.state_changed.v1",
  "subject": "a-1012",
  "time": "2026-11-20T00:00:00.000Z",
  "data": {
    "agent_id": "a-1012",
    "state": "available",
    "queues": [
      "broadband"
    ],
    "skills": [
      {
        "name": "broadband",
        "level": 0.8
      }
    ],
    "languages": [
      "zh-CN",
      "en"
    ],
    "capacity": 1,
    "since": "2019-05-06T00:00:00Z"
  }
}"#;

const AGENT_SCHEDULED: &str = r#"{
  "specversion": "1.0",
  "id": "ev-0018",
  "source": "/workforce/main",
  "type": "agent.scheduled.v1",
  "subject": "a-1012",
  "time": "2026-11-20T00:00:00.000Z",
  "data": {
    "agent_id": "a-1012",
    "from": "2026-11-20T00:00:00Z",
    "to": "2026-11-20T08:00:00Z",
    "activity": "work"
  }
}"#;

const CUSTOMER_UPDATED: &str = r#"{
  "specversion": "1.0",
  "id": "ev-0019",
  "source": "/crm/main",
  "type": "customer.updated.v1",
  "subject": "cust-0000042",
  "time": "2026-11-20T05:00:00.000Z",
  "data": {
    "customer_id": "cust-0000042",
    "identities": [
      {
        "kind": "email",
        "value": "user1318@example.com"
      }
    ],
    "tier": "gold",
    "value_score": 0.7,
    "status": "leaving",
    "status_at": "2026-11-20T04:59:00Z",
    "attributes": {
      "city": "上海"
    }
  }
}"#;

const KNOWLEDGE_USED: &str = r#"{
  "specversion": "1.0",
  "id": "ev-0020",
  "source": "/knowledge/main",
  "type": "knowledge.used.v1",
  "subject": "kb-bb-007",
  "time": "2026-11-20T03:16:30.000Z",
  "data": {
    "article_id": "kb-bb-007",
    "query": "宽带断网",
    "action": "accepted",
    "actor": "agent",
    "interaction_id": "call-20261120-000123"
  }
}"#;
