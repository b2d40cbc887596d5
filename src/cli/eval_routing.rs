//! `eval routing`: policies judged on a log of calls, the simulated floor against Erlang A, and the time that a
//! decision takes, as JSON.
//!
//! The log gives arrivals, classes, waits, services and who served when. What it can't give is drawn from a seed: the
//! patience of who was answered (exponential beyond the wait, with the rate of the class) and the service of who gave
//! up (one of the class). Work beside calls is made up for by a factor on services, found so that first come, first
//! served loses as many calls as the log.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, anyhow, ensure};
use clap::Args;
use serde_json::{Value, json};

use super::{print, read};
use crate::contract::delimited::split_delimited;
use crate::domain::Day;
use crate::insight::topics::random::Random;
use crate::routing::floor::draws::{Stream, calls, exponential, seats};
use crate::routing::floor::measure::{ClassFigures, Figures, measure};
use crate::routing::floor::theory::erlang_a;
use crate::routing::floor::{Call, Policy, Seat, simulate};
use crate::routing::matching::{Agent, Contact, FitWeights, best_agent, best_contact, best_pairs};
use crate::routing::priority::{Urgency, Week, Weights, behaviour, priority};

/// Arguments of `eval routing`.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  tingchao eval routing --arrivals calls.csv.gz --first-class 2\n  tingchao eval routing --speed"
)]
pub struct RoutingArgs {
    /// Log of calls, CSV with a header (plain, .gz, .zst).
    #[arg(long, value_name = "FILE")]
    arrivals: Option<PathBuf>,
    /// Column of the day, YYYY-MM-DD.
    #[arg(long, default_value = "date")]
    date_column: String,
    /// Column of the time at which a call joins the queue, H:MM:SS.
    #[arg(long, default_value = "vru_exit")]
    time_column: String,
    /// Column of the class.
    #[arg(long, default_value = "priority")]
    class_column: String,
    /// Classes that come first under static priority, in order; the others follow as they sort.
    #[arg(long, value_name = "CLASS")]
    first_class: Vec<String>,
    /// Column of the wait, s.
    #[arg(long, default_value = "q_time_s")]
    wait_column: String,
    /// Column of the service, s.
    #[arg(long, default_value = "ser_time_s")]
    service_column: String,
    /// Column of the outcome.
    #[arg(long, default_value = "outcome")]
    outcome_column: String,
    /// Outcome of an answered call.
    #[arg(long, default_value = "AGENT")]
    answered: String,
    /// Outcome of a call that gave up; other outcomes are left out.
    #[arg(long, default_value = "HANG")]
    abandoned: String,
    /// Column of the agent.
    #[arg(long, default_value = "server")]
    agent_column: String,
    /// Agent of calls whose agent is not known.
    #[arg(long, default_value = "NO_SERVER")]
    no_agent: String,
    /// Column of the customer: who calls again within a week counts as such.
    #[arg(long, default_value = "customer")]
    customer_column: String,
    /// The wait that is aimed at, s.
    #[arg(long, default_value_t = 20.0)]
    target_s: f64,
    /// Added to a score for each target wait.
    #[arg(long, default_value_t = 0.1)]
    ageing: f64,
    /// Same seed, same report.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Streams of each check against Erlang A.
    #[arg(long, default_value_t = 60)]
    streams: u64,
    /// Measure how long decisions take; meaningful in a release build on an idle machine.
    #[arg(long)]
    speed: bool,
}

pub fn run(args: &RoutingArgs) -> anyhow::Result<ExitCode> {
    ensure!(
        args.target_s > 0.0 && args.ageing >= 0.0 && args.streams >= 2,
        "--target-s is above 0, --ageing not below 0, --streams at least 2"
    );
    let mut report = json!({"kind": "routing", "seed": args.seed, "erlang_a": checks(args)});
    let all = report.as_object_mut().context("a report is an object")?;
    if let Some(path) = &args.arrivals {
        let content = read::text(path)?;
        all.insert(
            "data_sha256".to_owned(),
            json!(read::sha256(content.as_bytes())),
        );
        all.insert("policies".to_owned(), policies(args, &content)?);
    }
    if args.speed {
        all.insert("speed".to_owned(), speed(args.seed));
    }
    print::line(&serde_json::to_string_pretty(&report)?);
    Ok(ExitCode::SUCCESS)
}

/// The floor beside Erlang A at three loads.
fn checks(args: &RoutingArgs) -> Vec<Value> {
    let stream = Stream {
        per_s: 100.0 / 1_800.0,
        service_s: 180.0,
        patience_s: 120.0,
        base: 0.0,
        value: 1.0,
    };
    let check = |agents: usize| {
        let theory = erlang_a(stream.per_s, stream.service_s, stream.patience_s, agents);
        let floor = seats(agents, |_| vec![0]);
        let days = (0..args.streams).map(|number| {
            let calls = calls(args.seed.wrapping_mul(1_000) + number, &[stream], 72_000.0);
            let day = simulate(&calls, &floor, Policy::Fcfs);
            let fates = calls
                .iter()
                .zip(&day.fates)
                .filter(|(call, _)| call.at_s > 3_600.0);
            let (mut n, mut waited, mut wait_s, mut left) = (0.0, 0.0, 0.0, 0.0);
            for (_, fate) in fates {
                n += 1.0;
                waited += f64::from(u8::from(fate.waited_s > 0.0));
                wait_s += fate.waited_s;
                left += f64::from(u8::from(!fate.answered));
            }
            [waited / n, wait_s / n, left / n]
        });
        let days: Vec<[f64; 3]> = days.collect();
        let expected = [theory.waits, theory.wait_s, theory.abandons];
        let names = ["p_wait", "mean_wait_s", "p_abandon"];
        let figures = names.iter().zip(expected).enumerate().map(|(index, (name, expected))| {
            let values = || days.iter().filter_map(|day| day.get(index));
            let n = days.len() as f64;
            let mean = values().sum::<f64>() / n;
            let squares: f64 = values().map(|value| (value - mean).powi(2)).sum();
            let error = (squares / (n - 1.0) / n).sqrt();
            json!({"figure": name, "simulated": mean, "theory": expected, "standard_error": error,
                "within_3": (mean - expected).abs() <= 3.0 * error})
        });
        json!({"agents": agents, "erlangs": stream.per_s * stream.service_s, "figures": figures.collect::<Vec<Value>>()})
    };
    [7, 10, 13].into_iter().map(check).collect()
}

/// A call of the log.
struct Logged {
    at_s: f64,
    class: String,
    waited_s: f64,
    service_s: f64,
    answered: bool,
    agent: Option<String>,
    customer: String,
}

fn logged(args: &RoutingArgs, content: &str) -> anyhow::Result<Vec<Logged>> {
    let records = split_delimited(content, ',')
        .map_err(|line| anyhow!("the quotation that begins on line {line} never ends"))?;
    let mut records = records.into_iter().map(|record| record.fields);
    let header = records.next().unwrap_or_default();
    let place = |name: &str| {
        let found = header.iter().position(|column| column == name);
        found.with_context(|| {
            format!(
                "there is no column `{name}`; there are {}",
                header.join(", ")
            )
        })
    };
    let (date, time, class) = (
        place(&args.date_column)?,
        place(&args.time_column)?,
        place(&args.class_column)?,
    );
    let (wait, service) = (place(&args.wait_column)?, place(&args.service_column)?);
    let (outcome, agent) = (place(&args.outcome_column)?, place(&args.agent_column)?);
    let customer = place(&args.customer_column)?;
    let mut all = Vec::new();
    for (record, line) in records.zip(2..) {
        let field = |place: usize| record.get(place).map_or("", |field| field.trim());
        let answered = field(outcome) == args.answered;
        if !answered && field(outcome) != args.abandoned {
            continue;
        }
        let day =
            Day::parse(field(date)).with_context(|| format!("line {line}: {}", field(date)))?;
        let number = |place: usize| {
            let text = field(place);
            text.parse::<f64>()
                .with_context(|| format!("line {line}: {text} is no number"))
        };
        let of_day = of_day(field(time))
            .with_context(|| format!("line {line}: {} is no time", field(time)))?;
        all.push(Logged {
            at_s: f64::from(day.0) * 86_400.0 + of_day,
            class: field(class).to_owned(),
            waited_s: number(wait)?,
            service_s: number(service)?,
            answered,
            agent: (answered && field(agent) != args.no_agent).then(|| field(agent).to_owned()),
            customer: field(customer).to_owned(),
        });
    }
    ensure!(!all.is_empty(), "the log has no call with a known outcome");
    all.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
    Ok(all)
}

/// Seconds since midnight of H:MM:SS.
fn of_day(text: &str) -> Option<f64> {
    let mut parts = text.split(':').map(|part| part.parse::<f64>().ok());
    let seconds = parts.next()?? * 3_600.0 + parts.next()?? * 60.0 + parts.next()??;
    (parts.next().is_none() && (0.0..90_000.0).contains(&seconds)).then_some(seconds)
}

fn policies(args: &RoutingArgs, content: &str) -> anyhow::Result<Value> {
    let log = logged(args, content)?;
    let classes = classes(args, &log);
    let seats = shifts(&log, classes.len());
    let calls = drawn(args, &log, &classes);
    let lost = log.iter().filter(|call| !call.answered).count();
    let with = |factor: f64| -> Vec<Call> {
        let scaled = calls.iter().map(|call| Call {
            service_s: call.service_s * factor,
            ..call.clone()
        });
        scaled.collect()
    };
    let (mut low, mut high) = (0.5, 4.0);
    for _ in 0..14 {
        let middle = (low + high) / 2.0;
        let day = simulate(&with(middle), &seats, Policy::Fcfs);
        if day.fates.iter().filter(|fate| !fate.answered).count() < lost {
            low = middle;
        } else {
            high = middle;
        }
    }
    let factor = (low + high) / 2.0;
    let calls = with(factor);
    let score = Policy::Score {
        ageing: args.ageing,
        target_s: args.target_s,
    };
    let judged = [Policy::Fcfs, Policy::Static, score, Policy::Fixed].map(|policy| {
        let day = simulate(&calls, &seats, policy);
        shown(
            &measure(policy, &calls, &seats, &day, args.target_s, f64::MIN),
            &classes,
        )
    });
    let waited: f64 = log.iter().map(|call| call.waited_s).sum();
    Ok(json!({
        "calls": log.len(), "classes": classes, "shifts": seats.len(), "service_factor": factor,
        "log": {"abandoned": lost, "mean_wait_s": waited / log.len() as f64},
        "judged": judged,
    }))
}

/// Classes in the order of static priority.
fn classes(args: &RoutingArgs, log: &[Logged]) -> Vec<String> {
    let mut rest: Vec<String> = log.iter().map(|call| call.class.clone()).collect();
    rest.sort_unstable();
    rest.dedup();
    rest.retain(|class| !args.first_class.contains(class));
    args.first_class.iter().cloned().chain(rest).collect()
}

/// A shift for each agent and day, from the first to the last call. Agents are dealt to classes for fixed assignment.
fn shifts(log: &[Logged], classes: usize) -> Vec<Seat> {
    let mut spans: BTreeMap<(i64, &str), (f64, f64)> = BTreeMap::new();
    for call in log {
        let Some(agent) = &call.agent else { continue };
        let begin = call.at_s + call.waited_s;
        let day = (begin / 86_400.0).floor() as i64;
        let span = spans.entry((day, agent)).or_insert((begin, begin));
        span.0 = span.0.min(begin);
        span.1 = span.1.max(begin + call.service_s);
    }
    let shifts = spans.into_values().enumerate();
    let shift = |(number, (from_s, until_s)): (usize, (f64, f64))| Seat {
        from_s,
        until_s,
        classes: (0..classes)
            .map(|class| (class + number) % classes.max(1))
            .collect(),
    };
    shifts.map(shift).collect()
}

/// The calls with what the log can't give drawn.
fn drawn(args: &RoutingArgs, log: &[Logged], classes: &[String]) -> Vec<Call> {
    const WEEK_S: f64 = 7.0 * 86_400.0;
    let mut random = Random::new(args.seed);
    let count = classes.len();
    let class_of = |call: &Logged| {
        classes
            .iter()
            .position(|class| *class == call.class)
            .unwrap_or(0)
    };
    let (mut waits, mut hangs, mut services) =
        (vec![0.0; count], vec![0.0; count], vec![Vec::new(); count]);
    for call in log {
        let class = class_of(call);
        if let (Some(wait), Some(hang)) = (waits.get_mut(class), hangs.get_mut(class)) {
            *wait += call.waited_s;
            *hang += f64::from(u8::from(!call.answered));
        }
        if let Some(pool) = services.get_mut(class).filter(|_| call.answered) {
            pool.push(call.service_s);
        }
    }
    let mut seen: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    let weights = Weights::default();
    let made = log.iter().map(|call| {
        let class = class_of(call);
        let of = |list: &[f64]| list.get(class).copied().unwrap_or(0.0);
        let patience = of(&waits) / of(&hangs).max(1.0);
        let more = exponential(&mut random, patience.max(1.0));
        let pool = services.get(class).map_or(&[][..], Vec::as_slice);
        let other = pool.get(random.below(pool.len())).copied().unwrap_or(60.0);
        let before = seen.entry(&call.customer).or_default();
        let again = before
            .iter()
            .filter(|at| call.at_s - **at <= WEEK_S)
            .count();
        before.push(call.at_s);
        let value = 1.0 - 0.8 * class as f64 / (count.max(2) - 1) as f64;
        let known = !matches!(call.customer.as_str(), "" | "0");
        let urgency = Urgency {
            value,
            behaviour: if known {
                behaviour(&Week {
                    contacts: again as f64,
                    ..Week::default()
                })
            } else {
                0.0
            },
            ..Urgency::default()
        };
        Call {
            at_s: call.at_s,
            class,
            service_s: if call.answered { call.service_s } else { other },
            patience_s: call.waited_s + if call.answered { more } else { 0.0 },
            base: priority(&weights, &urgency).base,
            value,
        }
    });
    made.collect()
}

fn shown(figures: &Figures, classes: &[String]) -> Value {
    let class = |class: &ClassFigures| {
        json!({"offered": class.offered, "abandoned": class.abandoned, "service_level": class.service_level,
            "mean_wait_s": class.mean_wait_s, "p95_wait_s": class.p95_wait_s, "longest_wait_s": class.longest_wait_s})
    };
    let by_class = classes.iter().zip(&figures.classes);
    let by_class: serde_json::Map<String, Value> = by_class
        .map(|(name, figures)| (name.clone(), class(figures)))
        .collect();
    json!({
        "policy": figures.policy, "all": class(&figures.all), "classes": by_class,
        "p95_spread": figures.spread, "jain_of_mean_waits": figures.jain,
        "value_weighted_wait_s": figures.value_wait_s,
        "occupancy": figures.occupancy, "occupancy_deviation": figures.occupancy_spread,
    })
}

/// Microseconds of decisions over made-up contacts and agents: median and 99th percentile.
fn speed(seed: u64) -> Value {
    let mut random = Random::new(seed);
    let agents: Vec<Agent> = (0..1_000).map(|_| an_agent(&mut random)).collect();
    let contacts: Vec<Contact> = (0..10_000).map(|_| a_contact(&mut random)).collect();
    let weights = FitWeights::default();
    let one = time(2_000, |round| {
        contacts
            .get(round)
            .and_then(|contact| best_agent(&weights, contact, &agents))
            .is_some()
    });
    let freed = time(1_000, |round| {
        agents
            .get(round)
            .and_then(|agent| best_contact(&weights, agent, &contacts))
            .is_some()
    });
    let batch = |waiting: usize, free: usize| {
        let contacts = contacts.get(..waiting).unwrap_or_default();
        let agents = agents.get(..free).unwrap_or_default();
        time(20, |_| {
            best_pairs(&weights, contacts, agents)
                .iter()
                .any(Option::is_some)
        })
    };
    json!({
        "best_of_1000_agents_us": one, "best_of_10000_contacts_us": freed,
        "batch_10000_contacts_200_agents_us": batch(10_000, 200),
        "batch_500_contacts_500_agents_us": batch(500, 500),
        "batch_500_contacts_1000_agents_us": batch(500, 1_000),
    })
}

fn an_agent(random: &mut Random) -> Agent {
    Agent {
        levels: (0..150).map(|_| random.unit() as f32).collect(),
        languages: vec![0, 1],
        queues: vec![random.below(8) as u32, random.below(8) as u32],
        seniority: random.unit(),
        load: 0,
        capacity: 1 + random.below(3) as u32,
        idle_ms: random.unit() * 1e5,
    }
}

fn a_contact(random: &mut Random) -> Contact {
    Contact {
        topics: (0..5).map(|_| (random.below(150) as u32, 0.2)).collect(),
        language: Some(random.below(2) as u32),
        queue: Some(random.below(8) as u32),
        complexity: Some(random.unit()),
        urgency: 2.0 * random.unit(),
        emergency: false,
    }
}

fn time(rounds: usize, mut decide: impl FnMut(usize) -> bool) -> Value {
    let mut times: Vec<f64> = (0..rounds)
        .map(|round| {
            let begun = Instant::now();
            std::hint::black_box(decide(round));
            begun.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times.get((share * (rounds - 1) as f64) as usize).copied();
    json!({"p50": at(0.5), "p99": at(0.99)})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_a_log() {
        assert_eq!(of_day("7:02:47"), Some(25_367.0));
        assert_eq!(of_day("7:02"), None);
        assert_eq!(of_day("x:02:47"), None);
    }
}
