//! The figures of a run, as Markdown: what it looks like from outside.
//!
//! Read from the documents that are written, not from what is known inside, so
//! that a reader of the events can count the same. Times are China's.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write;

use serde_json::Value;

use super::scenario::Library;
use super::truth::Row;
use super::{Options, Run};
use crate::domain::Micros;

/// At how many characters the distinct character pairs are counted.
const CURVE: [usize; 4] = [1_000, 10_000, 100_000, 1_000_000];

#[derive(Default)]
struct Channel {
    contacts: u64,
    queued: u64,
    abandoned: u64,
    waits_s: Vec<f64>,
    handled_s: Vec<f64>,
    talked_s: Vec<f64>,
}

/// Figures while they are collected.
#[derive(Default)]
struct Portrait {
    channels: BTreeMap<String, Channel>,
    hours: [u64; 24],
    days: BTreeMap<String, u64>,
    csat: [u64; 5],
    surveys: u64,
    lengths: BTreeMap<String, Vec<f64>>,
    turns: BTreeMap<String, Vec<f64>>,
    texts: HashSet<String>,
    customer_turns: u64,
    characters: usize,
    pairs: HashSet<(char, char)>,
    curve: Vec<(usize, usize)>,
    firsts: u64,
    firsts_solved: u64,
    patience_s: Vec<f64>,
    open: HashMap<String, Open>,
}

/// An interaction while it runs.
#[derive(Default)]
struct Open {
    channel: String,
    queued_at: i64,
    answered_at: i64,
    talk_s: f64,
    turns: u64,
}

/// Runs the desk and gives its figures as a Markdown page.
pub fn describe(options: &Options, library: &Library) -> String {
    let mut portrait = Portrait::default();
    // Late events would be seen before what they follow.
    let options = &Options {
        late: false,
        ..options.clone()
    };
    for day in Run::new(options, library) {
        portrait.days.insert(day.day.to_string(), day.interactions);
        for (at, line) in &day.lines {
            if let Ok(event) = serde_json::from_slice::<Value>(line) {
                portrait.event(*at, &event);
            }
        }
        for row in day.rows {
            let Row::InteractionTruth(row) = row else {
                continue;
            };
            if row.initial_id.is_none() {
                portrait.firsts += 1;
                portrait.firsts_solved += u64::from(row.solved);
            }
            if let Some(patience_ms) = row
                .patience_ms
                .filter(|_| row.interaction_id.starts_with("call-"))
            {
                portrait.patience_s.push(patience_ms as f64 / 1e3);
            }
        }
    }
    portrait.page(options, library)
}

impl Portrait {
    fn event(&mut self, at: Micros, event: &Value) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let subject = text(&event["subject"]);
        let time = event["time"]
            .as_str()
            .and_then(|time| Micros::parse(time).ok());
        let at = time.unwrap_or(at).0;
        let data = &event["data"];
        match event["type"].as_str().unwrap_or_default() {
            "interaction.started.v1" => {
                let channel = text(&data["channel"]);
                self.channels.entry(channel.clone()).or_default().contacts += 1;
                let hour = (at + 8 * 3_600_000_000).rem_euclid(86_400_000_000) / 3_600_000_000;
                self.hours[hour as usize] += 1;
                self.open.insert(
                    subject,
                    Open {
                        channel,
                        ..Open::default()
                    },
                );
            }
            "interaction.queued.v1" => {
                if let Some(open) = self.open.get_mut(&subject) {
                    open.queued_at = at;
                }
            }
            "interaction.dequeued.v1" => self.dequeued(&subject, at, &text(&data["outcome"])),
            "interaction.answered.v1" => {
                if let Some(open) = self.open.get_mut(&subject) {
                    open.answered_at = at;
                }
            }
            "interaction.wrapped_up.v1" => self.wrapped(&subject, at, data),
            "interaction.ended.v1" => {
                if let Some(open) = self.open.get_mut(&subject) {
                    let turns = std::mem::take(&mut open.turns) as f64;
                    let channel = open.channel.clone();
                    self.turns.entry(channel).or_default().push(turns);
                }
            }
            "interaction.turn.v1" => self.turn(&subject, data),
            "survey.sent.v1" => self.surveys += 1,
            "survey.answered.v1" => {
                let csat = data["csat"].as_u64().unwrap_or(0) as usize;
                if let Some(count) = self.csat.get_mut(csat.wrapping_sub(1)) {
                    *count += 1;
                }
            }
            _ => {}
        }
    }

    fn dequeued(&mut self, subject: &str, at: i64, outcome: &str) {
        let Some(open) = self.open.get(subject) else {
            return;
        };
        let channel = self.channels.entry(open.channel.clone()).or_default();
        channel.queued += 1;
        channel.abandoned += u64::from(outcome == "abandoned");
        channel.waits_s.push((at - open.queued_at) as f64 / 1e6);
    }

    fn wrapped(&mut self, subject: &str, at: i64, data: &Value) {
        let Some(open) = self.open.get_mut(subject) else {
            return;
        };
        open.talk_s = (at - open.answered_at) as f64 / 1e6;
        let channel = self.channels.entry(open.channel.clone()).or_default();
        channel.handled_s.push(open.talk_s);
        let wrap_s = data["wrap_up_ms"].as_f64().unwrap_or(0.0) / 1e3;
        channel.talked_s.push((open.talk_s - wrap_s).max(0.0));
    }

    fn turn(&mut self, subject: &str, data: &Value) {
        let role = data["speaker"]["role"].as_str().unwrap_or_default();
        let text = data["text"].as_str().unwrap_or_default();
        let length = text.chars().count();
        self.lengths
            .entry(role.to_owned())
            .or_default()
            .push(length as f64);
        if let Some(open) = self.open.get_mut(subject) {
            open.turns += 1;
        }
        if role != "customer" {
            return;
        }
        self.customer_turns += 1;
        self.texts.insert(text.to_owned());
        let mut before = ' ';
        for c in text.chars() {
            self.pairs.insert((before, c));
            before = c;
        }
        let next = CURVE.get(self.curve.len()).copied().unwrap_or(usize::MAX);
        self.characters += length;
        if self.characters >= next {
            self.curve.push((next, self.pairs.len()));
        }
    }

    fn page(mut self, options: &Options, library: &Library) -> String {
        let mut page = String::new();
        // Writing into a `String` can't fail.
        let _ = write!(
            page,
            "Seed {}, {} days from {}, {} interactions on an ordinary day, {} topics in the library.\n\n\
             | channel | contacts | queued | abandoned | mean wait s | 90 % wait s | mean handle s |\n\
             |---|---|---|---|---|---|---|\n",
            options.seed,
            options.days,
            options.start.day(),
            options.interactions_per_day,
            library.len()
        );
        for (name, channel) in &mut self.channels {
            let share = 100.0 * channel.abandoned as f64 / channel.queued.max(1) as f64;
            let _ = writeln!(
                page,
                "| {name} | {} | {} | {share:.1} % | {:.1} | {:.1} | {:.0} |",
                channel.contacts,
                channel.queued,
                mean(&channel.waits_s),
                quantile(&mut channel.waits_s, 0.9),
                mean(&channel.handled_s)
            );
        }
        self.tables(&mut page);
        page
    }

    fn tables(&mut self, page: &mut String) {
        let all: u64 = self.hours.iter().sum();
        let share = |count: u64, of: u64| 100.0 * count as f64 / of.max(1) as f64;
        let _ = writeln!(page, "\n| hour in China | share of contacts |\n|---|---|");
        for (hour, count) in self.hours.iter().enumerate() {
            let _ = writeln!(page, "| {hour} | {:.1} % |", share(*count, all));
        }
        let answered: u64 = self.csat.iter().sum();
        let _ = writeln!(page, "\n| CSAT | share of {answered} answers |\n|---|---|");
        for (index, count) in self.csat.iter().enumerate() {
            let _ = writeln!(page, "| {} | {:.1} % |", index + 1, share(*count, answered));
        }
        let _ = writeln!(page, "\n| figure | value |\n|---|---|");
        let _ = writeln!(
            page,
            "| surveys answered | {:.1} % |",
            share(answered, self.surveys)
        );
        let solved = share(self.firsts_solved, self.firsts);
        let _ = writeln!(
            page,
            "| first contacts that solved the matter | {solved:.1} % |"
        );
        self.calls(page);
        for (speaker, lengths) in &mut self.lengths {
            let _ = writeln!(
                page,
                "| characters of a {speaker} turn: mean, median, 90 % | {:.1}, {:.0}, {:.0} |",
                mean(lengths),
                quantile(lengths, 0.5),
                quantile(lengths, 0.9)
            );
        }
        let mut all: Vec<f64> = self.turns.values().flatten().copied().collect();
        all.retain(|turns| *turns > 0.0);
        let _ = writeln!(
            page,
            "| turns of an interaction: mean, median | {:.1}, {:.0} |",
            mean(&all),
            quantile(&mut all, 0.5)
        );
        for (channel, turns) in &mut self.turns {
            let told = format!("{:.1}, {:.0}", mean(turns), quantile(turns, 0.5));
            let _ = writeln!(
                page,
                "| turns of an interaction, {channel}: mean, median | {told} |"
            );
        }
        let distinct = share(self.texts.len() as u64, self.customer_turns);
        let _ = writeln!(page, "| distinct customer turns | {distinct:.1} % |");
        for (characters, pairs) in &self.curve {
            let _ = writeln!(
                page,
                "| distinct character pairs in {characters} characters | {pairs} |"
            );
        }
    }
}

impl Portrait {
    /// The figures that call centres publish.
    fn calls(&mut self, page: &mut String) {
        let Some(calls) = self.channels.get_mut("call") else {
            return;
        };
        let share = 100.0 * calls.abandoned as f64 / calls.queued.max(1) as f64;
        let _ = writeln!(page, "| queued calls abandoned | {share:.1} % |");
        for (name, values, high) in [
            (
                "wait of calls, s: mean, median, 90 %",
                &mut calls.waits_s,
                true,
            ),
            ("talk of calls, s: mean, median", &mut calls.talked_s, false),
            (
                "patience of calls, s: mean, median",
                &mut self.patience_s,
                false,
            ),
        ] {
            let (mean, median) = (mean(values), quantile(values, 0.5));
            let high = high.then(|| format!(", {:.0}", quantile(values, 0.9)));
            let _ = writeln!(
                page,
                "| {name} | {mean:.0}, {median:.0}{} |",
                high.unwrap_or_default()
            );
        }
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn quantile(values: &mut [f64], at: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let index = ((values.len() as f64 * at) as usize).min(values.len().saturating_sub(1));
    values.get(index).copied().unwrap_or(0.0)
}
