//! The promises of the simulator, held over some thousand events.

use std::collections::{HashMap, HashSet};

use super::*;
use crate::contract::{Data, Event, EventType, decode};
use crate::domain::{LegOutcome, Raw};

fn options() -> Options {
    Options {
        seed: 7,
        interactions: 700,
        start: Micros::parse("2026-11-20T03:00:00Z").unwrap(),
        days: 2,
        turns: true,
        rate_per_second: None,
        shuffle_within_day: false,
    }
}

fn ndjson(options: &Options) -> Vec<u8> {
    let mut bytes = Vec::new();
    let counts = write_ndjson(options, &mut bytes).unwrap();
    assert_eq!(counts.bytes, bytes.len() as u64);
    assert_eq!(counts.interactions, options.interactions);
    bytes
}

fn lines(bytes: &[u8]) -> Vec<&[u8]> {
    bytes
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .collect()
}

fn read(line: &[u8]) -> Event<Raw<'_>> {
    decode(line).unwrap_or_else(|refusal| panic!("{refusal:?}: {}", String::from_utf8_lossy(line)))
}

#[test]
fn every_line_decodes_every_type_is_there_and_ids_are_unique() {
    let bytes = ndjson(&options());
    let mut ids = HashSet::new();
    let mut types = HashMap::new();
    for line in lines(&bytes) {
        let event = read(line);
        assert!(
            ids.insert(event.id.reveal().to_owned()),
            "{} twice",
            event.id.reveal()
        );
        *types.entry(event.data.event_type()).or_insert(0) += 1;
    }
    assert!(ids.len() > 10_000, "{}", ids.len());
    for event_type in EventType::ALL {
        assert!(types.contains_key(event_type), "no {}", event_type.as_str());
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_does_not() {
    let bytes = ndjson(&options());
    assert!(bytes == ndjson(&options()));
    assert!(
        bytes
            != ndjson(&Options {
                seed: 8,
                ..options()
            })
    );
}

#[test]
fn time_never_goes_back_unless_the_day_is_mixed() {
    let bytes = ndjson(&options());
    let times: Vec<Micros> = lines(&bytes)
        .into_iter()
        .map(|line| read(line).time)
        .collect();
    assert!(times.is_sorted());
    let mixed = ndjson(&Options {
        shuffle_within_day: true,
        ..options()
    });
    let times: Vec<Micros> = lines(&mixed)
        .into_iter()
        .map(|line| read(line).time)
        .collect();
    assert!(!times.is_sorted());
    assert!(times.iter().map(|time| time.day()).is_sorted());
    let set = |bytes| {
        lines(bytes)
            .into_iter()
            .map(<[u8]>::to_vec)
            .collect::<HashSet<_>>()
    };
    assert!(set(&bytes) == set(&mixed));
}

#[test]
fn without_turns_everything_else_stays() {
    let spoken = ndjson(&options());
    let silent = ndjson(&Options {
        turns: false,
        ..options()
    });
    let about = |line: &&[u8]| {
        let event = read(line);
        match event.data {
            Data::Turn(_) | Data::TurnRecalled(_) => None,
            // Its turns are a part of it.
            Data::Transcript(_) => Some(event.id.reveal().as_bytes().to_vec()),
            _ => Some(line.to_vec()),
        }
    };
    let spoken: Vec<_> = lines(&spoken).iter().filter_map(about).collect();
    let silent: Vec<_> = lines(&silent).iter().filter_map(about).collect();
    assert!(spoken == silent);
}

#[test]
fn an_agent_answers_after_the_queue_and_turns_lie_between_start_and_end() {
    let mut answered = 0;
    let mut abandoned = 0;
    for group in simulate(&options()).filter(|group| group.is_interaction) {
        assert!(group.at.is_sorted());
        let (mut queued_at, mut started, mut ended) = (None, false, None);
        for line in &group.events {
            let event = read(line);
            match event.data {
                Data::Started(_) | Data::Transcript(_) => started = true,
                Data::Queued(_) => queued_at = Some(event.time),
                Data::Dequeued(left) => {
                    assert!(
                        queued_at.take().is_some_and(|at| at <= event.time),
                        "{}",
                        group.id
                    );
                    abandoned += usize::from(left.outcome == LegOutcome::Abandoned);
                }
                Data::Answered(_) => {
                    assert!(queued_at.is_none(), "{} answered while queued", group.id);
                    answered += 1;
                }
                Data::Turn(_) => assert!(started && ended.is_none(), "{}", group.id),
                Data::Ended(_) => assert!(ended.replace(event.time).is_none(), "{}", group.id),
                _ => {}
            }
        }
        assert!(started, "{}", group.id);
    }
    let rate = abandoned as f64 / (answered + abandoned) as f64;
    assert!((0.01..0.25).contains(&rate), "abandoned {rate}");
}

#[test]
fn nobody_serves_two_callers_at_once() {
    let mut stays: HashMap<String, Vec<(Micros, Micros)>> = HashMap::new();
    for group in simulate(&Options {
        turns: false,
        ..options()
    }) {
        let mut open: Option<(String, Micros)> = None;
        for line in &group.events {
            let event = read(line);
            match event.data {
                Data::Answered(answered) if group.id.starts_with("call") => {
                    open = answered
                        .agent_id
                        .map(|id| (id.reveal().to_owned(), event.time));
                }
                Data::Transferred(_) | Data::Ended(_) => {
                    if let Some((agent, from)) = open.take() {
                        stays.entry(agent).or_default().push((from, event.time));
                    }
                }
                _ => {}
            }
        }
    }
    for (agent, mut stays) in stays {
        stays.sort_unstable();
        assert!(
            stays.windows(2).all(|pair| pair[0].1 <= pair[1].0),
            "{agent}"
        );
    }
}

#[test]
fn words_vary() {
    let mut texts = Vec::new();
    let bytes = ndjson(&options());
    for line in lines(&bytes) {
        if let Data::Turn(turn) = read(line).data {
            texts.push(turn.text.reveal().to_owned());
        }
    }
    let distinct = texts.iter().collect::<HashSet<_>>().len() as f64 / texts.len() as f64;
    let length =
        texts.iter().map(|text| text.chars().count()).sum::<usize>() as f64 / texts.len() as f64;
    assert!(distinct >= 0.9, "distinct {distinct}");
    assert!((25.0..40.0).contains(&length), "length {length}");
}

/// What `samples/demo/desk.ndjson` holds.
fn demo() -> Options {
    Options {
        seed: 20,
        interactions: 120,
        days: 3,
        ..options()
    }
}

#[test]
fn the_demo_sample_is_what_the_desk_writes() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/demo/desk.ndjson");
    let bytes = ndjson(&demo());
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
