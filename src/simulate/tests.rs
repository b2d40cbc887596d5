//! The promises of the simulator, held over some thousand events.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::truth::{Cell, Row};
use super::*;
use crate::contract::{Data, Event, EventType, decode};
use crate::domain::{LegOutcome, Raw};

fn options() -> Options {
    Options {
        seed: 7,
        interactions_per_day: 350.0,
        interactions: None,
        start: Micros::parse("2026-11-18T03:00:00Z").unwrap(),
        days: 2,
        turns: true,
        judge: false,
        asr_noise: ASR_NOISE,
        late: false,
        shuffle_within_day: false,
        threads: 1,
    }
}

fn library() -> Library {
    Library::built_in().unwrap_or_else(|mistakes| {
        let told: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        panic!("{}", told.join("\n"))
    })
}

struct Written {
    lines: Vec<Vec<u8>>,
    rows: Vec<Row>,
}

fn written(options: &Options) -> Written {
    let library = library();
    let mut all = Written {
        lines: Vec::new(),
        rows: Vec::new(),
    };
    for day in Run::new(options, &library) {
        assert!(day.lines.iter().all(|(at, _)| at.day() == day.day));
        all.lines
            .extend(day.lines.into_iter().map(|(_, line)| line));
        all.rows.extend(day.rows);
    }
    all
}

fn read(line: &[u8]) -> Event<Raw<'_>> {
    decode(line).unwrap_or_else(|refusal| panic!("{refusal:?}: {}", String::from_utf8_lossy(line)))
}

fn interactions(rows: &[Row]) -> impl Iterator<Item = &truth::InteractionTruth> {
    rows.iter().filter_map(|row| match row {
        Row::InteractionTruth(row) => Some(&**row),
        _ => None,
    })
}

#[test]
fn every_line_decodes_every_type_is_there_and_ids_are_unique() {
    let all = written(&options());
    let mut ids = HashSet::new();
    let mut types = HashMap::new();
    for line in &all.lines {
        let event = read(line);
        let id = (
            event.source.reveal().to_owned(),
            event.id.reveal().to_owned(),
        );
        assert!(ids.insert(id), "{} twice", event.id.reveal());
        *types.entry(event.data.event_type()).or_insert(0) += 1;
    }
    assert!(ids.len() > 12_000, "{}", ids.len());
    for event_type in EventType::ALL {
        assert!(types.contains_key(event_type), "no {}", event_type.as_str());
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_on_any_number_of_threads() {
    let all = written(&options());
    for threads in [2, 5] {
        let again = written(&Options {
            threads,
            ..options()
        });
        assert!(all.lines == again.lines, "{threads} threads");
        let cells = |rows: Vec<Row>| rows.into_iter().map(Row::cells).collect::<Vec<_>>();
        assert!(
            cells(written(&options()).rows) == cells(again.rows),
            "{threads} threads"
        );
    }
    for other in [
        Options {
            seed: 8,
            ..options()
        },
        Options {
            judge: true,
            ..options()
        },
    ] {
        assert!(all.lines != written(&other).lines);
    }
}

#[test]
fn a_number_of_interactions_is_kept_to_the_last_one() {
    for (total, days) in [(1, 1), (37, 1), (300, 1), (401, 3)] {
        let asked = Options {
            interactions: Some(total),
            interactions_per_day: total as f64 / f64::from(days),
            days,
            ..options()
        };
        let all = written(&asked);
        let counted = all.lines.iter().filter(|line| {
            let kind = read(line).data.event_type();
            matches!(kind, EventType::Started | EventType::Transcript)
        });
        assert_eq!(counted.count() as u64, total, "{days} days");
        assert_eq!(interactions(&all.rows).count() as u64, total);
        let repeats = interactions(&all.rows).filter(|row| row.repeats > 0);
        assert!(total < 300 || repeats.count() > 20);
    }
}

#[test]
fn time_never_goes_back_unless_the_day_is_mixed() {
    let times = |lines: &[Vec<u8>]| lines.iter().map(|line| read(line).time).collect::<Vec<_>>();
    let all = written(&options()).lines;
    assert!(times(&all).is_sorted());
    let mixed = written(&Options {
        shuffle_within_day: true,
        ..options()
    })
    .lines;
    let told = times(&mixed);
    assert!(!told.is_sorted());
    assert!(told.iter().map(|time| time.day()).is_sorted());
    let set = |lines: Vec<Vec<u8>>| lines.into_iter().collect::<HashSet<_>>();
    assert!(set(all) == set(mixed));
}

#[test]
fn late_delivery_repeats_events_and_puts_some_behind() {
    let all = written(&options()).lines;
    let late = written(&Options {
        late: true,
        ..options()
    })
    .lines;
    assert!(late.len() > all.len());
    let set: HashSet<&Vec<u8>> = late.iter().collect();
    assert_eq!(set.len(), all.len(), "repeats are the same bytes");
    let times: Vec<_> = late.iter().map(|line| read(line).time).collect();
    assert!(!times.is_sorted());
}

#[test]
fn without_turns_everything_else_stays() {
    let about = |line: &Vec<u8>| {
        let event = read(line);
        match event.data {
            Data::Turn(_) | Data::TurnRecalled(_) => None,
            // Its turns are a part of it.
            Data::Transcript(_) => Some(event.id.reveal().as_bytes().to_vec()),
            _ => Some(line.clone()),
        }
    };
    let spoken = written(&options()).lines;
    let silent = written(&Options {
        turns: false,
        ..options()
    })
    .lines;
    let set = |lines: &[Vec<u8>]| lines.iter().filter_map(about).collect::<BTreeSet<_>>();
    assert!(set(&spoken) == set(&silent));
}

#[test]
fn an_agent_answers_after_the_queue_and_turns_lie_between_start_and_end() {
    let mut stays: BTreeMap<String, (bool, bool, bool)> = BTreeMap::new();
    let (mut answered, mut abandoned) = (0, 0);
    for line in &written(&options()).lines {
        let event = read(line);
        let subject = event.subject.map(|subject| subject.reveal().to_owned());
        let stay = stays.entry(subject.unwrap_or_default()).or_default();
        let (started, queued, ended) = (&mut stay.0, &mut stay.1, &mut stay.2);
        match event.data {
            Data::Started(_) => *started = true,
            Data::Queued(_) => *queued = true,
            Data::Dequeued(left) => {
                // A stay that begins and ends at the same instant comes in the order of types.
                *queued = false;
                abandoned += usize::from(left.outcome == LegOutcome::Abandoned);
            }
            Data::Answered(_) => {
                assert!(!*queued, "answered while queued");
                answered += 1;
            }
            Data::Turn(_) => assert!(*started && !*ended, "{}", event.id.reveal()),
            Data::Ended(_) => assert!(!std::mem::replace(ended, true)),
            _ => {}
        }
    }
    let rate = f64::from(abandoned as u32) / f64::from((answered + abandoned) as u32);
    assert!((0.01..0.25).contains(&rate), "abandoned {rate}");
}

#[test]
fn truth_joins_to_its_events_and_names_a_cause_for_every_abandon() {
    let all = written(&options());
    let mut subjects = HashSet::new();
    let mut turns = HashMap::new();
    let mut abandoned = BTreeSet::new();
    for line in &all.lines {
        let event = read(line);
        let subject = event.subject.map(|subject| subject.reveal().to_owned());
        let subject = subject.unwrap_or_default();
        match event.data {
            Data::Started(_) => {
                subjects.insert(subject);
            }
            Data::Turn(turn) => {
                let key = (subject, turn.turn_id.reveal().to_owned());
                turns.insert(key, turn.text.reveal().to_owned());
            }
            Data::Transcript(whole) => {
                for turn in whole.turns.unwrap_or_default() {
                    let key = (subject.clone(), turn.turn_id.reveal().to_owned());
                    turns.insert(key, turn.text.reveal().to_owned());
                }
                subjects.insert(subject);
            }
            Data::Dequeued(left) if left.outcome == LegOutcome::Abandoned => {
                abandoned.insert(subject);
            }
            _ => {}
        }
    }
    let mut counted = 0;
    for row in interactions(&all.rows) {
        assert!(
            subjects.contains(&row.interaction_id),
            "{}",
            row.interaction_id
        );
        if abandoned.contains(&row.interaction_id) {
            assert_eq!(row.abandon_cause, Some("wait_beyond_patience"));
            assert!(
                row.patience_ms
                    .is_some_and(|patience| row.waited_ms >= patience)
            );
        }
        counted += 1;
    }
    assert_eq!(counted, subjects.len());
    let mut planted = 0;
    for row in &all.rows {
        match row {
            Row::TurnTruth(row) => {
                let key = (row.interaction_id.clone(), row.turn_id.clone());
                assert!(turns.contains_key(&key), "{key:?}");
            }
            Row::PiiTruth(row) => {
                let key = (row.interaction_id.clone(), row.turn_id.clone());
                let text = &turns[&key];
                let (start, end) = (row.start as usize, row.end as usize);
                let there: String = text.chars().skip(start).take(end - start).collect();
                assert_eq!(there, row.value);
                planted += 1;
            }
            _ => {}
        }
    }
    assert!(planted > 200, "{planted}");
}

#[test]
fn a_run_has_its_topics_gaps_ways_and_changes() {
    let library = library();
    assert!(library.len() >= 300, "{}", library.len());
    for judge in [false, true] {
        let rows = counts(
            &Options {
                judge,
                days: 60,
                ..options()
            },
            &library,
        );
        let (mut gaps, mut ways, mut changes) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        for row in &rows {
            match row {
                Row::TopicTruth(topic) => {
                    assert!(judge || !topic.judge);
                    *gaps.entry(topic.gap_type).or_insert(0) += 1;
                    *ways.entry(topic.way).or_insert(0) += 1;
                }
                Row::InterventionTruth(change) => changes.push(change),
                _ => {}
            }
        }
        let topics: i32 = gaps.values().sum();
        assert!(topics >= 200, "{topics}");
        let planted = [
            "no_content",
            "not_found",
            "conflict",
            "outdated",
            "rejected",
        ];
        assert_eq!(
            planted.iter().map(|gap| gaps[gap]).sum::<i32>(),
            40,
            "{gaps:?}"
        );
        assert_eq!(ways.len(), 9, "{ways:?}");
        assert!(
            changes
                .iter()
                .any(|change| change.at_peak && change.effect == 0.0)
        );
        assert!(changes.iter().any(|change| change.effect < 0.0));
        assert!(
            changes
                .iter()
                .any(|change| change.effect == 0.0 && !change.at_peak)
        );
    }
}

#[test]
fn judged_wordings_are_no_others() {
    let library = library();
    for intent in &library.intents {
        let sentences = |judge: bool| {
            let asks = intent.wordings(judge);
            asks.flat_map(|ask| ask.sentences(5_000))
                .collect::<BTreeSet<_>>()
        };
        let (own, judged) = (sentences(false), sentences(true));
        assert!(!own.is_empty() && !judged.is_empty(), "{}", intent.code);
        assert!(own.is_disjoint(&judged), "{}", intent.code);
    }
}

#[test]
fn words_vary() {
    let mut texts = Vec::new();
    for line in &written(&options()).lines {
        if let Data::Turn(turn) = read(line).data {
            texts.push(turn.text.reveal().to_owned());
        }
    }
    let distinct = texts.iter().collect::<HashSet<_>>().len() as f64 / texts.len() as f64;
    assert!(distinct >= 0.85, "distinct {distinct}");
}

#[test]
fn articles_lack_hide_and_contradict_as_planned() {
    let (library, options) = (library(), options());
    let documents = documents(&options, &library);
    let ids: HashSet<String> = documents["knowledge/articles.jsonl"]
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice::<serde_json::Value>(line).unwrap())
        .map(|article| article["id"].as_str().unwrap().to_owned())
        .collect();
    let rows = counts(&options, &library);
    for row in &rows {
        let Row::TopicTruth(topic) = row else {
            continue;
        };
        let has = topic.article_id.as_ref().is_some_and(|id| ids.contains(id));
        assert_eq!(
            has,
            !matches!(topic.gap_type, "no_content" | "out_of_scope"),
            "{}",
            topic.topic
        );
        if topic.gap_type == "conflict" {
            assert!(ids.contains(topic.contrary_article_id.as_ref().unwrap()));
        }
    }
    assert!(
        rows.iter()
            .any(|row| matches!(row.clone().cells().first(), Some(Cell::Time(_))))
    );
}

/// What `samples/demo/desk.ndjson` holds.
fn demo() -> Options {
    Options {
        seed: 20,
        interactions_per_day: 40.0,
        start: Micros::parse("2026-11-20T03:00:00Z").unwrap(),
        days: 3,
        ..options()
    }
}

#[test]
fn the_demo_sample_is_what_the_desk_writes() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/demo/desk.ndjson");
    let mut bytes = written(&demo()).lines.join(&b'\n');
    bytes.push(b'\n');
    #[expect(
        clippy::disallowed_methods,
        reason = "a test is asked to rewrite what it checks"
    )]
    let update = std::env::var_os("UPDATE_GENERATED").is_some();
    if update {
        std::fs::write(&path, &bytes).unwrap();
    }
    let committed = std::fs::read(&path).unwrap_or_default();
    assert!(committed == bytes, "run with UPDATE_GENERATED=1");
}
