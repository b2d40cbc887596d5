//! `[times]`: columns to points in time.
//!
//! Invariants: every time that leaves is UTC. A local time that a zone skips
//! moves on by the skipped hour; of two equal local times the earlier is
//! meant, or the later when the earlier lies before the anchor. A clock time
//! that lies before its anchor by more than the tolerance belongs to the next
//! day.

use chrono::format::{Item, StrftimeItems};
use chrono::{
    DateTime, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone, Utc,
};
use chrono_tz::Tz;
use toml::Table;

use super::clock::{Written, read_clock, read_date, read_date_time, read_span};
use super::condition::Condition;
use super::error::Refusal;
use super::keys::{Keys, Mistakes};
use super::record::Name;
use super::scope::Scope;
use super::value::Val;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Form {
    Auto,
    EpochSeconds,
    EpochMillis,
    Strftime(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Made {
    Row,
    Item,
}

#[derive(Debug)]
enum Origin {
    Column(Name, Vec<Form>),
    DateClock {
        date: Name,
        clock: Name,
        date_forms: Vec<Form>,
        clock_forms: Vec<Form>,
    },
    First(Vec<Name>),
    From(Name),
    Made(Made),
}

#[derive(Debug)]
enum Shift {
    Span(TimeDelta),
    Value(Name),
}

/// One entry of `[times]`.
#[derive(Debug)]
pub(super) struct TimeSpec {
    origin: Origin,
    when: Option<Condition>,
    null: Vec<String>,
    zone: Tz,
    after: Vec<Name>,
    tolerance: TimeDelta,
    plus: Option<Shift>,
    minus: Option<Shift>,
}

/// `[made]`: how times are counted up where a file has none.
#[derive(Debug, Clone, Copy)]
pub(super) struct MadeTimes {
    pub start: Option<DateTime<Utc>>,
    pub step: TimeDelta,
    pub item_step: TimeDelta,
}

const KEYS: &[&str] = &[
    "column",
    "format",
    "date",
    "date_format",
    "clock",
    "clock_format",
    "first",
    "from",
    "made",
    "when",
    "null",
    "zone",
    "after",
    "tolerance",
    "plus",
    "minus",
];

impl TimeSpec {
    pub fn parse(table: &Table, path: &str, zone: Option<Tz>, mistakes: &Mistakes) -> Option<Self> {
        let keys = Keys::new(table, path, mistakes, KEYS);
        let origin = origin(&keys)?;
        let own_zone = parse_zone(&keys);
        if own_zone.or(zone).is_none() && !keys.has("zone") && needs_zone(&origin) {
            keys.mistake(
                "zone",
                "is needed here or at the top of the mapping, for example \"Asia/Shanghai\"",
            );
        }
        if keys.has("after") && !keys.has("clock") {
            keys.mistake("after", "works only with date and clock");
        }
        Some(TimeSpec {
            origin,
            when: Condition::parse_key(&keys, "when"),
            null: keys.texts("null"),
            zone: own_zone.or(zone).unwrap_or(Tz::UTC),
            after: keys
                .names("after")
                .iter()
                .map(|name| Name::new(name))
                .collect(),
            tolerance: span(&keys, "tolerance").unwrap_or(TimeDelta::hours(1)),
            plus: shift(&keys, "plus"),
            minus: shift(&keys, "minus"),
        })
    }

    /// Names that this time reads.
    pub fn names<'s>(&'s self, names: &mut Vec<&'s Name>) {
        match &self.origin {
            Origin::Column(name, _) | Origin::From(name) => names.push(name),
            Origin::DateClock { date, clock, .. } => names.extend([date, clock]),
            Origin::First(list) => names.extend(list),
            Origin::Made(_) => {}
        }
        if let Some(condition) = &self.when {
            condition.names(names);
        }
        names.extend(&self.after);
        for shift in [&self.plus, &self.minus].into_iter().flatten() {
            if let Shift::Value(name) = shift {
                names.push(name);
            }
        }
    }

    pub fn is_made(&self) -> bool {
        matches!(self.origin, Origin::Made(_))
    }

    /// The time, `None` when unknown.
    pub fn eval(&self, scope: &Scope) -> Result<Option<DateTime<Utc>>, Refusal> {
        if let Some(condition) = &self.when
            && !condition.holds(scope)?
        {
            return Ok(None);
        }
        let Some(mut time) = self.origin(scope)? else {
            return Ok(None);
        };
        for (shift, sign) in [(&self.plus, 1), (&self.minus, -1)] {
            let Some(shift) = shift else { continue };
            let Some(by) = shift.eval(scope)? else {
                return Ok(None);
            };
            let moved = time.checked_add_signed(by * sign);
            time = moved.ok_or_else(|| out_of_range(scope, "plus"))?;
        }
        Ok(Some(time))
    }

    fn origin(&self, scope: &Scope) -> Result<Option<DateTime<Utc>>, Refusal> {
        match &self.origin {
            Origin::Column(name, forms) => self.column(scope, name, forms),
            Origin::DateClock {
                date,
                clock,
                date_forms,
                clock_forms,
            } => self.date_clock(scope, (date, date_forms), (clock, clock_forms)),
            Origin::First(names) => {
                for name in names {
                    if let Some(time) = scope_time(scope, name)? {
                        return Ok(Some(time));
                    }
                }
                Ok(None)
            }
            Origin::From(name) => scope_time(scope, name),
            Origin::Made(made) => made_time(scope, *made).map(Some),
        }
    }

    fn text(&self, scope: &Scope, name: &Name) -> Result<Option<String>, Refusal> {
        let text = scope.value(name)?.to_text();
        Ok(text
            .map(|text| text.trim().to_owned())
            .filter(|text| !self.null.contains(text)))
    }

    fn column(
        &self,
        scope: &Scope,
        name: &Name,
        forms: &[Form],
    ) -> Result<Option<DateTime<Utc>>, Refusal> {
        let value = scope.value(name)?;
        if let Val::Time(time) = value {
            return Ok(Some(time));
        }
        let Some(text) = self.text(scope, name)? else {
            return Ok(None);
        };
        let read = forms.iter().find_map(|form| self.read(&text, form));
        read.map(Some).ok_or_else(|| bad_time(scope, name, forms))
    }

    fn read(&self, text: &str, form: &Form) -> Option<DateTime<Utc>> {
        let written = match form {
            Form::EpochSeconds => return epoch(text, 1000.0),
            Form::EpochMillis => return epoch(text, 1.0),
            Form::Auto => read_date_time(text)?,
            Form::Strftime(format) => strftime(text, format)?,
        };
        match written.offset {
            Some(offset) => offset
                .from_local_datetime(&written.local)
                .earliest()
                .map(|time| time.to_utc()),
            None => in_zone(written.local, self.zone, None),
        }
    }

    fn date_clock(
        &self,
        scope: &Scope,
        (date, date_forms): (&Name, &[Form]),
        (clock, clock_forms): (&Name, &[Form]),
    ) -> Result<Option<DateTime<Utc>>, Refusal> {
        let (Some(date_text), Some(clock_text)) =
            (self.text(scope, date)?, self.text(scope, clock)?)
        else {
            return Ok(None);
        };
        let day = date_forms.iter().find_map(|form| date_of(&date_text, form));
        let day = day.ok_or_else(|| bad_time(scope, date, date_forms))?;
        let since_midnight = clock_forms
            .iter()
            .find_map(|form| clock_of(&clock_text, form));
        let since_midnight = since_midnight.ok_or_else(|| bad_time(scope, clock, clock_forms))?;
        let local = NaiveDateTime::from(day).checked_add_signed(since_midnight);
        let mut local = local.ok_or_else(|| out_of_range(scope, &date.text))?;
        let anchor = self.anchor(scope)?;
        if let Some(anchor) = anchor {
            let anchor_local = anchor.with_timezone(&self.zone).naive_local();
            if anchor_local - local > self.tolerance {
                let next = local.checked_add_signed(TimeDelta::days(1));
                local = next.ok_or_else(|| out_of_range(scope, &date.text))?;
            }
        }
        in_zone(local, self.zone, anchor)
            .map(Some)
            .ok_or_else(|| out_of_range(scope, &date.text))
    }

    /// The first known of the times that this one cannot lie before.
    fn anchor(&self, scope: &Scope) -> Result<Option<DateTime<Utc>>, Refusal> {
        for name in &self.after {
            if let Some(time) = scope_time(scope, name)? {
                return Ok(Some(time));
            }
        }
        Ok(None)
    }
}

impl Shift {
    fn eval(&self, scope: &Scope) -> Result<Option<TimeDelta>, Refusal> {
        match self {
            Shift::Span(span) => Ok(Some(*span)),
            Shift::Value(name) => match scope.value(name)? {
                Val::Unknown => Ok(None),
                Val::Int(ms) => TimeDelta::try_milliseconds(ms)
                    .map(Some)
                    .ok_or_else(|| out_of_range(scope, &name.text)),
                _ => Err(Refusal::new(
                    "bad_duration",
                    &name.text,
                    format!(
                        "line {}: {} is no duration; define it under [values] with as = \"duration\"",
                        scope.frame.line, name.text
                    ),
                )),
            },
        }
    }
}

impl MadeTimes {
    pub fn parse(table: Option<&Table>, zone: Option<Tz>, mistakes: &Mistakes) -> MadeTimes {
        let empty = Table::new();
        let known = ["start", "step", "item_step"];
        let keys = Keys::new(table.unwrap_or(&empty), "made", mistakes, &known);
        let start = keys.string("start").and_then(|text| {
            let start = parse_start(&text, zone.unwrap_or(Tz::UTC));
            if start.is_none() {
                keys.mistake("start", "must be a time such as \"2026-01-01T00:00:00Z\"");
            }
            start
        });
        MadeTimes {
            start,
            step: span(&keys, "step").unwrap_or(TimeDelta::minutes(1)),
            item_step: span(&keys, "item_step").unwrap_or(TimeDelta::seconds(1)),
        }
    }
}

/// A start as written in a mapping or on the command line.
pub(super) fn parse_start(text: &str, zone: Tz) -> Option<DateTime<Utc>> {
    let written = read_date_time(text)?;
    match written.offset {
        Some(offset) => offset
            .from_local_datetime(&written.local)
            .earliest()
            .map(|time| time.to_utc()),
        None => in_zone(written.local, zone, None),
    }
}

/// `zone` of a table, an IANA name.
pub(super) fn parse_zone(keys: &Keys) -> Option<Tz> {
    let name = keys.word("zone")?;
    let zone = name.parse().ok();
    if zone.is_none() {
        keys.mistake(
            "zone",
            "must be an IANA zone such as \"Asia/Shanghai\" or \"UTC\"",
        );
    }
    zone
}

fn scope_time(scope: &Scope, name: &Name) -> Result<Option<DateTime<Utc>>, Refusal> {
    match scope.value(name)? {
        Val::Time(time) => Ok(Some(time)),
        Val::Unknown => Ok(None),
        _ => Err(Refusal::new(
            "bad_time",
            &name.text,
            format!(
                "line {}: {} is no time; define it under [times]",
                scope.frame.line, name.text
            ),
        )),
    }
}

fn made_time(scope: &Scope, made: Made) -> Result<DateTime<Utc>, Refusal> {
    scope.frame.made.set(true);
    let times = scope.frame.spec.made;
    let steps = |span: TimeDelta, count: u64| {
        let count = i64::try_from(count).ok()?;
        TimeDelta::try_milliseconds(span.num_milliseconds().checked_mul(count)?)
    };
    let item = match made {
        Made::Row => 0,
        Made::Item => scope.item,
    };
    let time = steps(times.step, scope.frame.row)
        .and_then(|by| scope.frame.start.checked_add_signed(by))
        .and_then(|time| time.checked_add_signed(steps(times.item_step, item)?));
    time.ok_or_else(|| out_of_range(scope, "made"))
}

/// A local time to UTC; `None` only outside the calendar.
fn in_zone(local: NaiveDateTime, zone: Tz, anchor: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
    match zone.from_local_datetime(&local) {
        LocalResult::Single(time) => Some(time.to_utc()),
        LocalResult::Ambiguous(early, late) => {
            let passed = anchor.is_some_and(|anchor| early.to_utc() < anchor);
            Some(if passed {
                late.to_utc()
            } else {
                early.to_utc()
            })
        }
        LocalResult::None => {
            // The offset before the gap: as if the clock had not been moved.
            let before = local.checked_sub_signed(TimeDelta::days(1))?;
            let offset = zone.offset_from_local_datetime(&before).earliest()?.fix();
            offset
                .from_local_datetime(&local)
                .earliest()
                .map(|time| time.to_utc())
        }
    }
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "saturates and then fails as a time"
)]
fn epoch(text: &str, factor: f64) -> Option<DateTime<Utc>> {
    let number: f64 = text.parse().ok()?;
    DateTime::from_timestamp_millis((number * factor).round() as i64)
}

fn strftime(text: &str, format: &str) -> Option<Written> {
    if let Ok(time) = DateTime::parse_from_str(text, format) {
        return Some(Written {
            local: time.naive_local(),
            offset: Some(*time.offset()),
        });
    }
    let local = NaiveDateTime::parse_from_str(text, format)
        .ok()
        .or_else(|| {
            let day = NaiveDate::parse_from_str(text, format).ok()?;
            day.and_hms_opt(0, 0, 0)
        })?;
    Some(Written {
        local,
        offset: None,
    })
}

fn date_of(text: &str, form: &Form) -> Option<NaiveDate> {
    match form {
        Form::Strftime(format) => strftime(text, format).map(|written| written.local.date()),
        _ => read_date(text),
    }
}

fn clock_of(text: &str, form: &Form) -> Option<TimeDelta> {
    match form {
        Form::Strftime(format) => {
            let time = NaiveTime::parse_from_str(text, format).ok()?;
            Some(time.signed_duration_since(NaiveTime::MIN))
        }
        // A workbook shows a clock time as a whole date and time.
        _ => read_clock(text).or_else(|| read_clock(text.rsplit_once(' ')?.1)),
    }
}

fn bad_time(scope: &Scope, name: &Name, forms: &[Form]) -> Refusal {
    let forms: Vec<&str> = forms
        .iter()
        .map(|form| match form {
            Form::Auto => "auto",
            Form::EpochSeconds => "epoch_s",
            Form::EpochMillis => "epoch_ms",
            Form::Strftime(format) => format,
        })
        .collect();
    let line = scope.frame.line;
    Refusal::new(
        "bad_time",
        &name.text,
        format!(
            "line {line}: {} is no time of the form {}",
            name.text,
            forms.join(" or ")
        ),
    )
}

fn out_of_range(scope: &Scope, name: &str) -> Refusal {
    let line = scope.frame.line;
    Refusal::new(
        "bad_time",
        name,
        format!("line {line}: {name} leads out of the calendar"),
    )
}

fn origin(keys: &Keys) -> Option<Origin> {
    let present = keys.present(&["column", "clock", "first", "from", "made"]);
    let [one] = present.as_slice() else {
        keys.own_mistake("needs exactly one of column, date with clock, first, from, made");
        return None;
    };
    match *one {
        "column" => Some(Origin::Column(
            Name::new(&keys.name("column")?),
            forms(keys, "format", true),
        )),
        "clock" => date_clock(keys),
        "first" => Some(Origin::First(
            keys.names("first")
                .iter()
                .map(|name| Name::new(name))
                .collect(),
        )),
        "from" => keys.name("from").map(|name| Origin::From(Name::new(&name))),
        _ => keys
            .one_of("made", &["row", "item"])
            .map(|word| Origin::Made(if word == "row" { Made::Row } else { Made::Item })),
    }
}

fn date_clock(keys: &Keys) -> Option<Origin> {
    if !keys.has("date") {
        keys.mistake("date", "is needed beside clock: the column with the day");
    }
    Some(Origin::DateClock {
        date: Name::new(&keys.name("date")?),
        clock: Name::new(&keys.name("clock")?),
        date_forms: forms(keys, "date_format", false),
        clock_forms: forms(keys, "clock_format", false),
    })
}

fn needs_zone(origin: &Origin) -> bool {
    match origin {
        Origin::Column(_, forms) => forms
            .iter()
            .any(|form| !matches!(form, Form::EpochSeconds | Form::EpochMillis)),
        Origin::DateClock { .. } => true,
        _ => false,
    }
}

fn forms(keys: &Keys, key: &str, whole: bool) -> Vec<Form> {
    let mut forms = Vec::new();
    for text in keys.texts(key) {
        forms.push(match text.as_str() {
            "auto" => Form::Auto,
            "epoch_s" if whole => Form::EpochSeconds,
            "epoch_ms" if whole => Form::EpochMillis,
            _ => {
                let wrong = StrftimeItems::new(&text).any(|item| item == Item::Error);
                if wrong || !text.contains('%') {
                    keys.mistake(
                        key,
                        "must be \"auto\", \"epoch_s\", \"epoch_ms\" or a strftime form such as \"%d.%m.%Y %H:%M\"",
                    );
                }
                Form::Strftime(text)
            }
        });
    }
    if forms.is_empty() {
        forms.push(Form::Auto);
    }
    forms
}

fn span(keys: &Keys, key: &str) -> Option<TimeDelta> {
    let text = keys.string(key)?;
    let span = read_span(&text);
    if span.is_none() {
        keys.mistake(
            key,
            "must be a duration such as \"30s\", \"5m\", \"12h\" or \"500ms\"",
        );
    }
    span
}

/// A duration as written, else the name of a value in milliseconds.
fn shift(keys: &Keys, key: &str) -> Option<Shift> {
    let text = keys.word(key)?;
    match read_span(&text) {
        Some(span) => Some(Shift::Span(span)),
        None => Some(Shift::Value(Name::new(&text))),
    }
}
