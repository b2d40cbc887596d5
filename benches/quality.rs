//! What quality rules cost: 1,000 different rules, 400 of them with sequence or silence conditions, about 1 % of the
//! turns hit; against the enrichment of the same turns (redaction and mood). One thread.
//!
//! `cargo bench --bench quality`. Fails when the rules cost more than the enrichment, which would halve its throughput.

#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::panic,
    reason = "a bench prints, and breaks off when it can't measure"
)]

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tingchao::domain::{Channel, Micros, Speaker};
use tingchao::enrich::quality::{Heard, Rule, RuleSet, Scratch, Talk, Versioned};
use tingchao::enrich::redact::{AllowList, Redactor, TokenKey};
use tingchao::enrich::rehearsal::label;

const RULES: usize = 1_000;
const DIALOGUES: usize = 10_000;
const TURNS: usize = 12;
const ROUNDS: usize = 5;

const SAID: [&str; 16] = [
    "您好，很高兴为您服务，请问有什么可以帮您",
    "我的快递三天了还没有到，能帮我查一下吗",
    "请您提供一下订单号，我马上为您查询",
    "订单号是尾号六六八八的那一个",
    "好的，请稍等，我这边正在为您核实物流信息",
    "怎么这么慢，我已经等了很久了",
    "非常抱歉给您带来不便，包裹已经到达本地网点",
    "那今天能送到吗，我下午不在家",
    "可以为您备注送到代收点，您看可以吗",
    "可以的，谢谢你",
    "不客气，请问还有其他可以帮您的吗",
    "没有了，再见",
    "I was charged twice for the same order last week",
    "let me check the account for you, one moment please",
    "could you confirm the last four digits of the order",
    "sure, thanks for your help with this",
];

/// Words that stand in no turn unless they are put there.
fn planted(number: usize) -> String {
    let letter = |n: usize| char::from_u32(0x9000 + u32::try_from(n).unwrap_or(0)).unwrap_or('龟');
    format!("{}{}号", letter(number % 997), letter(number * 7 % 991))
}

fn rule(number: usize) -> Value {
    let word = planted(number);
    let conditions = match number % 10 {
        0 => {
            json!([{"id": "a", "operator": "keywords", "role": "customer", "any": [word, planted(number + 5_000)]},
            {"id": "b", "operator": "missing_phrase", "role": "agent", "phrase": "apology",
                "anchor": {"after": "a", "within_turns": 2}}])
        }
        1 => json!([{"operator": "script_order", "role": "agent", "steps": [
            {"any": [word]}, {"any": [planted(number + 6_000)]}, {"any": [planted(number + 7_000)]}]}]),
        2 => {
            json!([{"operator": "silence", "role": "agent", "after": "customer", "at_least_ms": 60_000 + number}])
        }
        3 => json!([{"id": "a", "operator": "keywords", "role": "agent", "any": [word]},
            {"id": "b", "operator": "keywords", "role": "customer", "any": [planted(number + 8_000)],
                "anchor": {"after": "a", "within_ms": 60_000}}]),
        4 => json!([{"operator": "regex", "pattern": format!("{word}.{{0,10}}[0-9]{{2,4}}")}]),
        5 => json!([{"operator": "keywords", "all": [word, planted(number + 9_000)]}]),
        6 => {
            json!([{"operator": "similarity", "to": [format!("{word}请问怎么办理")], "at_least": 0.8}])
        }
        7 => {
            json!([{"operator": "keywords", "near": {"words": [word, planted(number + 10_000)], "within_chars": 12}}])
        }
        8 => {
            json!([{"operator": "sensitive_words", "role": "agent", "words": [word], "except": [format!("不{word}")]}])
        }
        _ => json!([{"operator": "keywords", "role": "customer", "any": [word], "none": ["谢谢"]}]),
    };
    json!({"name": format!("rule {number}"), "conditions": conditions})
}

fn rules() -> RuleSet {
    let rules = (0..RULES).map(|number| Versioned {
        id: format!("r{number}"),
        version: 1,
        rule: Rule::read(&rule(number)).unwrap_or_else(|wrong| panic!("{number}: {wrong:?}")),
    });
    RuleSet::compile(rules.collect()).expect("rules compile")
}

/// Turns, of which one in a hundred holds a word of a rule.
fn texts() -> Vec<String> {
    let turn = |number: usize| {
        let said = SAID.get(number % SAID.len()).copied().unwrap_or_default();
        if number % 100 == 17 {
            format!("{said}，{}", planted(number / 100 % RULES))
        } else {
            format!("{said}{}", number % 89)
        }
    };
    (0..DIALOGUES * TURNS).map(turn).collect()
}

fn judge(set: &RuleSet, texts: &[String]) -> (Duration, usize) {
    let (mut scratch, mut hits) = (Scratch::default(), 0);
    let begun = Instant::now();
    for dialogue in texts.chunks(TURNS) {
        let mut talk = Talk::default();
        talk.set_channel(Channel::Chat);
        for (number, text) in dialogue.iter().enumerate() {
            let at = i64::try_from(number).unwrap_or(0) * 8_000_000;
            let heard = Heard {
                turn: (number as u64 + 1) << 32,
                at: Micros(at),
                started_at: None,
                ended_at: None,
                speaker: if number % 2 == 0 {
                    Speaker::Agent
                } else {
                    Speaker::Customer
                },
                speaker_id: None,
                text,
                mood: Some(0),
            };
            hits += set.hear(&mut talk, &heard, &mut scratch).len();
        }
        hits += set.end(&mut talk).len();
    }
    (begun.elapsed(), hits)
}

fn enrich(redactor: &Redactor, texts: &[String]) -> Duration {
    let begun = Instant::now();
    let mut labels = 0_i64;
    for text in texts {
        let redacted = redactor.text(text);
        labels += i64::from(label(&redacted, None).unwrap_or(0));
    }
    std::hint::black_box(labels);
    begun.elapsed()
}

fn main() {
    let begun = Instant::now();
    let set = rules();
    println!("{RULES} rules compiled in {:?}", begun.elapsed());
    let texts = texts();
    let redactor = Redactor::new(TokenKey::from_bytes([7; 32]), AllowList::default());
    let turns = f64::from(u32::try_from(texts.len()).unwrap_or(u32::MAX));
    let (mut best_rules, mut best_enrich, mut hits) = (Duration::MAX, Duration::MAX, 0);
    for _ in 0..ROUNDS {
        best_enrich = best_enrich.min(enrich(&redactor, &texts));
        let (took, found) = judge(&set, &texts);
        best_rules = best_rules.min(took);
        hits = found;
    }
    let per_turn = |took: Duration| took.as_secs_f64() * 1e6 / turns;
    println!(
        "{turns} turns, {hits} hits ({:.2} %)",
        100.0 * hits as f64 / turns
    );
    println!(
        "enrichment {:.2} us a turn, rules {:.2} us a turn",
        per_turn(best_enrich),
        per_turn(best_rules)
    );
    let mut times: Vec<Duration> = texts
        .iter()
        .take(20_000)
        .map(|text| check(&set, &redactor, text))
        .collect();
    times.sort_unstable();
    let p99 = times
        .get(times.len() * 99 / 100)
        .copied()
        .unwrap_or_default();
    println!("check of one message: p99 {p99:?}");
    assert!(
        best_rules < best_enrich,
        "the rules cost more than the enrichment"
    );
    assert!(
        p99 < Duration::from_millis(5),
        "a check takes longer than 5 ms"
    );
}

/// One message through redaction, mood and rules, as `POST /v1/rules/check` does it.
fn check(set: &RuleSet, redactor: &Redactor, text: &str) -> Duration {
    let raw = tingchao::domain::Raw::new(text);
    let line = tingchao::enrich::rehearsal::Line {
        speaker: Speaker::Agent,
        text: &raw,
        at_ms: None,
        started_ms: None,
        ended_ms: None,
        mood: None,
        language: None,
    };
    let begun = Instant::now();
    let said =
        tingchao::enrich::rehearsal::rehearse(redactor, set, Some(Channel::Chat), &[line], false);
    std::hint::black_box(said.hits.len());
    begun.elapsed()
}
