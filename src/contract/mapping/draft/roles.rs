//! Guesses what the columns of a sample are for.
//!
//! Invariant: a guess needs the column's name and the form of its samples to
//! agree; without a guess a column is an attribute. Nothing is promised: the
//! draft says that it guessed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use crate::contract::mapping::clock::{read_clock, read_date, read_date_time};
use crate::contract::mapping::record::Row;

/// The form of a column's samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::contract::mapping) enum Form {
    DateTime,
    EpochSeconds,
    EpochMillis,
    Date,
    Clock,
    Number,
    Text,
    Empty,
}

/// What a column is probably for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::contract::mapping) enum Role {
    Id,
    Time,
    Date,
    Clock,
    Duration,
    Queue,
    Agent,
    Customer,
    Outcome,
    Speaker,
    Text,
    Other,
}

/// One column of the sample.
#[derive(Debug)]
pub(in crate::contract::mapping) struct Column {
    pub name: String,
    pub form: Form,
    pub role: Role,
    /// The distinct samples of a column with few of them.
    pub words: Vec<String>,
    /// No sample repeats.
    pub unique: bool,
}

/// A list in JSON records whose items hold text.
#[derive(Debug)]
pub(in crate::contract::mapping) struct SampledList {
    pub path: String,
    /// Field of an item with the text, or with a list of texts.
    pub text: String,
    pub text_is_list: bool,
    pub speaker: Option<(String, Vec<String>)>,
    pub time: Option<String>,
}

const MAX_WORDS: usize = 12;

const ID: &[&str] = &["id", "uuid", "guid", "编号", "流水号", "会话号", "通话标识"];
const QUEUE: &[&str] = &["queue", "skill", "group", "队列", "技能组", "业务组"];
const AGENT: &[&str] = &[
    "agent", "server", "operator", "rep", "坐席", "座席", "工号", "客服",
];
const CUSTOMER: &[&str] = &[
    "customer", "caller", "client", "visitor", "ani", "客户", "主叫", "访客",
];
const OUTCOME: &[&str] = &["outcome", "result", "status", "disposition", "结果", "状态"];
const SPEAKER: &[&str] = &["sender", "role", "speaker", "from", "角色", "发送"];
const TEXT: &[&str] = &[
    "text",
    "content",
    "message",
    "utterance",
    "body",
    "内容",
    "消息",
    "对话",
];
const DURATION: &[&str] = &[
    "duration", "sec", "seconds", "time_s", "length", "wait", "talk", "时长",
];

impl Column {
    pub fn new(name: String, samples: &[String]) -> Column {
        let form = form(samples);
        let distinct: BTreeSet<&String> = samples.iter().collect();
        let unique = distinct.len() == samples.len();
        let short = distinct.len() <= MAX_WORDS && distinct.iter().all(|word| word.len() <= 40);
        let words: Vec<String> = if short {
            distinct.into_iter().cloned().collect()
        } else {
            Vec::new()
        };
        let role = role(&name, form, &words);
        Column {
            name,
            form,
            role,
            words,
            unique,
        }
    }
}

fn role(name: &str, form: Form, words: &[String]) -> Role {
    match form {
        Form::DateTime | Form::EpochSeconds | Form::EpochMillis => return Role::Time,
        Form::Date => return Role::Date,
        Form::Clock if named(name, DURATION) => return Role::Duration,
        Form::Clock => return Role::Clock,
        _ => {}
    }
    if form == Form::Number && named(name, DURATION) {
        return Role::Duration;
    }
    let by_name = [
        (CUSTOMER, Role::Customer),
        (AGENT, Role::Agent),
        (QUEUE, Role::Queue),
        (ID, Role::Id),
    ];
    if named(name, OUTCOME) && !words.is_empty() {
        return Role::Outcome;
    }
    if named(name, SPEAKER) && !words.is_empty() {
        return Role::Speaker;
    }
    if named(name, TEXT) && !named(name, ID) && form == Form::Text {
        return Role::Text;
    }
    by_name
        .into_iter()
        .find(|(list, _)| named(name, list))
        .map_or(Role::Other, |(_, role)| role)
}

/// English words must stand alone between separators or capitals.
pub(in crate::contract::mapping) fn named(name: &str, list: &[&str]) -> bool {
    let mut spread = String::new();
    let mut before_lower = false;
    for letter in name.chars() {
        if before_lower && letter.is_uppercase() {
            spread.push('_');
        }
        before_lower = letter.is_lowercase();
        spread.extend(letter.to_lowercase());
    }
    let parts: Vec<&str> = spread
        .split(|letter: char| !letter.is_alphanumeric())
        .collect();
    list.iter().any(|word| {
        if word.is_ascii() {
            parts.contains(word) || (word.contains('_') && spread.ends_with(word))
        } else {
            spread.contains(word)
        }
    })
}

fn form(samples: &[String]) -> Form {
    if samples.is_empty() {
        return Form::Empty;
    }
    let all = |test: &dyn Fn(&str) -> bool| samples.iter().all(|sample| test(sample));
    if all(&|text| epoch_digits(text, 10)) {
        return Form::EpochSeconds;
    }
    if all(&|text| epoch_digits(text, 13)) {
        return Form::EpochMillis;
    }
    if all(&|text| text.len() > 8 && read_date_time(text).is_some()) {
        let only_dates = all(&|text| !text.contains(':'));
        return if only_dates {
            Form::Date
        } else {
            Form::DateTime
        };
    }
    if all(&is_clock) {
        return Form::Clock;
    }
    if all(&|text| text.contains(['-', '/', '年']) && read_date(text).is_some()) {
        return Form::Date;
    }
    if all(&|text| text.parse::<f64>().is_ok()) {
        return Form::Number;
    }
    Form::Text
}

fn epoch_digits(text: &str, count: usize) -> bool {
    text.len() == count && text.starts_with('1') && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_clock(text: &str) -> bool {
    text.contains(':') && read_clock(text).is_some()
}

/// Headers hold words; data rows hold at least one of these.
pub(in crate::contract::mapping) fn is_number_or_time(cell: &str) -> bool {
    cell.parse::<f64>().is_ok() || read_date_time(cell).is_some() || is_clock(cell)
}

/// Dotted paths of all plain fields in the first records.
pub(in crate::contract::mapping) fn paths(rows: &[Row]) -> Vec<String> {
    let mut paths = Vec::new();
    for row in rows.iter().take(20) {
        if let Row::Json(Json::Object(object)) = row {
            for (key, value) in object {
                collect(key, value, 2, &mut paths);
            }
        }
    }
    paths
}

fn collect(path: &str, value: &Json, depth: u8, paths: &mut Vec<String>) {
    match value {
        Json::Object(object) if depth > 0 => {
            for (key, value) in object {
                collect(&format!("{path}.{key}"), value, depth - 1, paths);
            }
        }
        Json::Array(_) | Json::Object(_) => {}
        _ if paths.iter().any(|known| known == path) => {}
        _ => paths.push(path.to_owned()),
    }
}

/// The first list of objects with a text field.
pub(in crate::contract::mapping) fn text_list(rows: &[Row]) -> Option<SampledList> {
    let objects = rows.iter().filter_map(|row| match row {
        Row::Json(Json::Object(object)) => Some(object),
        _ => None,
    });
    let mut items: BTreeMap<&String, Vec<&Json>> = BTreeMap::new();
    for object in objects {
        for (key, value) in object {
            if let Json::Array(found) = value {
                items.entry(key).or_default().extend(found);
            }
        }
    }
    items
        .into_iter()
        .find_map(|(path, items)| list_of(path, &items))
}

fn list_of(path: &str, items: &[&Json]) -> Option<SampledList> {
    let mut fields: BTreeMap<&String, Vec<&Json>> = BTreeMap::new();
    for (key, value) in items.iter().filter_map(|item| item.as_object()).flatten() {
        fields.entry(key).or_default().push(value);
    }
    let samples = |values: &[&Json]| -> Vec<String> {
        let texts = values.iter().filter_map(|value| value.as_str());
        texts.map(str::to_owned).collect()
    };
    let is_text_list = |values: &[&Json]| values.iter().all(|value| value.is_array());
    let text_names: Vec<String> = TEXT.iter().map(|word| format!("{word}s")).collect();
    let (text, values) = fields.iter().find(|(name, values)| {
        let plural = is_text_list(values) && text_names.iter().any(|word| word == **name);
        plural || (named(name, TEXT) && !samples(values).is_empty())
    })?;
    let columns = fields
        .iter()
        .map(|(name, values)| Column::new((*name).clone(), &samples(values)));
    let columns: Vec<Column> = columns.collect();
    let of_role = |role: Role| columns.iter().find(|column| column.role == role);
    Some(SampledList {
        path: path.to_owned(),
        text: (*text).clone(),
        text_is_list: is_text_list(values),
        speaker: of_role(Role::Speaker).map(|column| (column.name.clone(), column.words.clone())),
        time: of_role(Role::Time).map(|column| column.name.clone()),
    })
}
