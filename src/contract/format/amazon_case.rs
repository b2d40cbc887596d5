//! Case events of Amazon Connect, in their EventBridge envelope.
//!
//! `CASE.*` becomes `case.changed.v1`. A related item (a comment, a contact, a
//! task) has no place in the contract and is left out: it says no status.

use super::Converted;
use super::amazon::tail;
use super::amazon_event::word;
use super::clock;
use super::draft::{Head, object, push};
use super::node::Node;
use crate::contract::{EventType, RejectCode, Rejection};

pub(super) fn convert(root: &Node<'_>, out: &mut Converted) -> Result<(), Rejection> {
    let detail = root.get("detail");
    detail.need_object()?;
    for field in ["version", "id", "detail-type", "source"] {
        root.get(field).implied();
    }
    detail.get("version").implied();
    let kind = detail.get("eventType").need_word()?;
    if kind.starts_with("RELATED_ITEM") {
        let item = detail.get("relatedItem");
        let what = item.get("relatedItemType").word()?.unwrap_or_default();
        out.leave_out(format!("related item {}", word(&what)));
        return Ok(());
    }
    if !kind.starts_with("CASE.") {
        out.leave_out(format!("case event {}", word(&kind)));
        return Ok(());
    }
    let case = detail.get("case");
    case.need_object()?;
    let case_id = case.get("caseId").need_word()?;
    let changed = detail.get("approximateChangeTime").time()?;
    let time = match changed.or(root.get("time").time()?) {
        Some(time) => time,
        None => detail.get("approximateChangeTime").need_time()?,
    };
    let field = |name: &str| {
        let value = case.at(&["fields", name, "value"]);
        value.any(&["stringValue", "emptyValue"]).word()
    };
    let status_node = case.at(&["fields", "status", "value", "stringValue"]);
    let status = match (status_node.word()?.as_deref(), kind.as_str()) {
        (Some("closed"), _) => "closed",
        (Some(_), _) | (None, "CASE.CREATED") => "open",
        (None, _) => {
            let reason = "field `status` is missing: let the event stream include it";
            return Err(status_node.refuse(RejectCode::MissingField, reason));
        }
    };
    let customer = field("customer_id")?;
    let data = object([
        ("case_id", case_id.clone().into()),
        (
            "customer_id",
            customer.map(|arn| tail(&arn).to_owned()).into(),
        ),
        ("status", status.into()),
        ("category", field("case_reason")?.into()),
    ]);
    let head = Head {
        id: format!("case-{case_id}-{}", clock::as_millis(time)),
        source: &source(root)?,
        subject: None,
        time,
        revision: 0,
    };
    push(out, EventType::CaseChanged, head, data);
    Ok(())
}

/// The case domain: case ids are its own.
fn source(root: &Node<'_>) -> Result<String, Rejection> {
    let mut domain = None;
    for resource in root.get("resources").items()? {
        let arn = resource.text()?.unwrap_or_default();
        let (_, rest) = arn.split_once("domain/").unwrap_or_default();
        domain = rest
            .split('/')
            .next()
            .filter(|id| !id.is_empty())
            .or(domain);
    }
    Ok(match domain {
        Some(domain) => format!("/amazon-cases/{domain}"),
        None => "/amazon-cases".to_owned(),
    })
}
