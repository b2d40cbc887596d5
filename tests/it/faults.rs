//! What may break in a cluster, while events flow: nothing is lost and nothing is there twice.
//!
//! Each fault: two `ingest` processes of one group on one lake, a producer that does not pause, the fault at a
//! moment drawn from a seed, and at the end every event counted by its id. `TINGCHAO_TEST_FAULTS` says how often
//! each is run, `TINGCHAO_TEST_SEED` sets the first seed, `TINGCHAO_TEST_RATE` the events a second. Not here: kills at chosen points of the
//! write path (`crash`).

mod network;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::broker::{Cluster, cluster};
use crate::events::time;
use crate::support::{Place, number, pause, rows_of, setting, text, wait_for};
use network::Cut;

const SOON: Duration = Duration::from_secs(240);
const PARTITIONS: i32 = 12;
const RATE_PER_S: u64 = 20_000;

/// A process that ingests.
struct Ingest {
    child: Child,
    log: PathBuf,
}

impl Ingest {
    fn start(scene: &Scene<'_>, name: &str, settings: &[(&str, String)]) -> Self {
        let log = scene.place.path(&format!("{name}.log"));
        let file = File::create(&log).expect("a log");
        let mut command = scene.place.command(None);
        command
            .arg("ingest")
            .stdout(Stdio::null())
            .stderr(file)
            .envs(settings.iter().map(|(key, value)| (key, value)));
        let child = command.spawn().expect("the program starts");
        Self { child, log }
    }

    fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status();
        assert!(sent.expect("kill runs").success(), "{}", self.said());
    }

    fn said(&self) -> String {
        fs::read(&self.log)
            .map(|log| text(&log))
            .unwrap_or_default()
    }

    /// Asks it to stop; it has to commit, leave the group and end well.
    fn stop(mut self) {
        self.signal("-TERM");
        let status = wait_for("the end of an ingest", SOON, || {
            self.child.try_wait().expect("a status")
        });
        assert!(status.success(), "{status}: {}", self.said());
    }
}

impl Drop for Ingest {
    fn drop(&mut self) {
        // Nothing is left to be done about a child that has gone already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// One fault's lake, topic and events.
struct Scene<'c> {
    cluster: &'c Cluster,
    topic: String,
    place: Place,
    sent: AtomicU64,
    acknowledged: AtomicU64,
    is_over: AtomicBool,
}

impl<'c> Scene<'c> {
    fn new(cluster: &'c Cluster, topic: &str, brokers: &str) -> Self {
        cluster.topics(&[topic], PARTITIONS);
        let config =
            format!("[[sources]]\nname = \"f\"\nkind = \"kafka\"\ntopics = [\"{topic}\"]\n");
        let place = Place::new()
            .with("TINGCHAO__KAFKA__BROKERS", brokers)
            .with("TINGCHAO__KAFKA__GROUP", topic)
            .with("TINGCHAO__KAFKA__DEAD_LETTERS_TOPIC", "")
            .with_config(&config);
        Self {
            cluster,
            topic: topic.to_owned(),
            place,
            sent: AtomicU64::new(0),
            acknowledged: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
        }
    }

    /// Sends until the scene is over, so many events a second.
    fn produce(&self) {
        let sender = self.cluster.producer();
        let (begun, mut number) = (Instant::now(), 0_u64);
        let rate = setting("TINGCHAO_TEST_RATE").unwrap_or(RATE_PER_S);
        let at = time(0);
        while !self.is_over.load(Ordering::SeqCst) {
            let due = u64::try_from(begun.elapsed().as_millis()).unwrap_or(0) * rate / 1000;
            while number < due {
                let key = format!("a-{}", number % 997);
                let event = format!(
                    r#"{{"specversion":"1.0","id":"f-{number}","source":"/acd","type":"agent.state_changed.v1","time":"{at}","data":{{"agent_id":"{key}","state":"available"}}}}"#
                );
                sender.send(&self.topic, &key, Some(event.as_bytes()));
                number += 1;
            }
            self.acknowledged.store(sender.taken(), Ordering::SeqCst);
            pause(Duration::from_millis(5));
        }
        sender.flush();
        self.acknowledged.store(sender.taken(), Ordering::SeqCst);
        self.sent.store(number, Ordering::SeqCst);
    }

    fn query(&self, sql: &str) -> Vec<Vec<serde_json::Value>> {
        // Not counted among the running children: the processes of a fault are more than the places.
        let output = self
            .place
            .command(None)
            .args(["query", "--format", "json", "--sql", sql])
            .output()
            .expect("the program starts");
        assert!(output.status.success(), "{}", text(&output.stderr));
        rows_of(&serde_json::from_slice(&output.stdout).expect("an answer in JSON"))
    }

    fn stored(&self) -> u64 {
        u64::try_from(number(&self.query("select count(*) from raw.agent_states"))).unwrap_or(0)
    }

    fn await_stored(&self, at_least: u64) {
        wait_for("rows", SOON, || (self.stored() >= at_least).then_some(()));
    }

    /// Events with the brokers that are not in a table yet.
    fn in_flight(&self) -> u64 {
        let stored = self.stored();
        self.acknowledged
            .load(Ordering::SeqCst)
            .saturating_sub(stored)
    }

    /// Counts every event by its id.
    fn compare(&self) -> (usize, usize) {
        let sent = self.sent.load(Ordering::SeqCst);
        let mut last = Instant::now();
        let mut stored = 0;
        // A slow machine takes its time; one that takes nothing more in is stuck.
        while stored < sent {
            assert!(last.elapsed() < SOON, "only {stored} of {sent} came");
            let now = self.stored();
            if now > stored {
                last = Instant::now();
            }
            stored = now;
        }
        let mut counts = vec![0_u8; usize::try_from(sent).unwrap_or(0)];
        let mut from = 0;
        // In pieces below the row limit of a query.
        while from < sent {
            let to = from + 500_000;
            let sql = format!(
                "select cast(substr(event_id, 3) as bigint) as n from raw.agent_states where cast(substr(event_id, 3) as bigint) >= {from} and cast(substr(event_id, 3) as bigint) < {to}"
            );
            for row in self.query(&sql) {
                let index = row[0]
                    .as_u64()
                    .and_then(|index| usize::try_from(index).ok());
                let count = index.and_then(|index| counts.get_mut(index));
                *count.expect("an event that was sent") += 1;
            }
            from = to;
        }
        let lost = counts.iter().filter(|count| **count == 0).count();
        let twice = counts.iter().filter(|count| **count > 1).count();
        (lost, twice)
    }
}

/// What breaks, and is mended again. Gives the processes that have to end well.
type Break = fn(&Scene<'_>, Vec<Ingest>, &mut Xoshiro256PlusPlus) -> Vec<Ingest>;

struct Fault {
    name: &'static str,
    settings: fn(&Scene<'_>) -> Vec<(&'static str, String)>,
    is_cut: bool,
    happens: Break,
}

const FAULTS: &[Fault] = &[
    Fault {
        name: "sigkill",
        settings: |_| Vec::new(),
        is_cut: false,
        happens: |scene, mut ingests, _| {
            drop(ingests.remove(0));
            ingests.push(Ingest::start(scene, "third", &[]));
            pause(Duration::from_secs(3));
            ingests
        },
    },
    Fault {
        name: "sigstop",
        settings: |_| Vec::new(),
        is_cut: false,
        happens: |scene, ingests, _| {
            ingests[0].signal("-STOP");
            let before = scene.stored();
            // Beyond the session time-out the other one reads on.
            pause(Duration::from_secs(12));
            scene.await_stored(before + 1);
            ingests[0].signal("-CONT");
            pause(Duration::from_secs(2));
            ingests
        },
    },
    Fault {
        name: "rebalance",
        settings: |_| Vec::new(),
        is_cut: false,
        happens: |scene, mut ingests, _| {
            ingests.push(Ingest::start(scene, "third", &[]));
            pause(Duration::from_secs(3));
            ingests.remove(0).stop();
            ingests.push(Ingest::start(scene, "fourth", &[]));
            pause(Duration::from_secs(2));
            ingests.remove(0).stop();
            ingests
        },
    },
    Fault {
        name: "leader",
        settings: |_| Vec::new(),
        is_cut: false,
        happens: |scene, ingests, random| {
            let partition = random.random_range(0..PARTITIONS);
            let node = scene.cluster.leader(&scene.topic, partition);
            let id = scene.cluster.pid(node);
            let sent = Command::new("kill").args(["-KILL", &id]).status();
            assert!(sent.expect("kill runs").success());
            pause(Duration::from_secs(5));
            scene.cluster.start_node(node);
            ingests
        },
    },
    Fault {
        name: "network",
        settings: |_| Vec::new(),
        is_cut: true,
        happens: |scene, ingests, _| {
            let before = scene.stored();
            scene.await_stored(before + 1);
            ingests
        },
    },
    Fault {
        name: "store",
        settings: |_| vec![("TINGCHAO_FAULTS", "store_errors=7".to_owned())],
        is_cut: false,
        happens: |_, ingests, _| {
            pause(Duration::from_secs(6));
            ingests
        },
    },
    Fault {
        name: "clock",
        settings: |scene| {
            let library = clock_library(&scene.place);
            fs::write(scene.place.path("clock"), "0").expect("a file");
            vec![
                ("LD_PRELOAD", library.display().to_string()),
                (
                    "CLOCK_FILE",
                    scene.place.path("clock").display().to_string(),
                ),
            ]
        },
        is_cut: false,
        happens: |scene, ingests, _| {
            for jump_s in ["3600", "-1800", "0"] {
                fs::write(scene.place.path("clock"), jump_s).expect("a file");
                pause(Duration::from_secs(3));
            }
            ingests
        },
    },
];

/// A library that shifts the wall clock by the seconds in a file; monotonic time goes on.
fn clock_library(place: &Place) -> PathBuf {
    let library = place.path("clock.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/clock.c");
    let made = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(&library)
        .arg(source)
        .arg("-ldl")
        .status();
    assert!(made.expect("cc runs").success(), "no library");
    library
}

fn run(cluster: &Cluster, fault: &Fault, seed: u64) {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let cut = fault.is_cut.then(|| Cut::before(cluster));
    let brokers = cut
        .as_ref()
        .map_or(&cluster.addresses, |cut| &cut.addresses);
    let topic = format!("f-{}-{seed}-{}", fault.name, std::process::id());
    let scene = Scene::new(cluster, &topic, brokers);
    let settings = (fault.settings)(&scene);
    // The tables are made before anything breaks.
    assert_eq!(scene.stored(), 0);
    let begun = Instant::now();
    let mut in_flight = 0;
    std::thread::scope(|scope| {
        let producing = scope.spawn(|| scene.produce());
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let ingests = ["first", "second"].map(|name| Ingest::start(&scene, name, &settings));
            scene.await_stored(1);
            pause(Duration::from_millis(random.random_range(500..2500)));
            in_flight = scene.in_flight();
            if let Some(cut) = &cut {
                cut.during(Duration::from_secs(13));
            }
            let ingests = (fault.happens)(&scene, Vec::from(ingests), &mut random);
            scene.is_over.store(true, Ordering::SeqCst);
            ingests
        }));
        scene.is_over.store(true, Ordering::SeqCst);
        producing.join().expect("the producer ends well");
        let ingests = ended.unwrap_or_else(|failure| std::panic::resume_unwind(failure));
        let (lost, twice) = scene.compare();
        let sent = scene.sent.load(Ordering::SeqCst);
        report(
            fault,
            seed,
            &format!(
                "{sent} events, {in_flight} in flight, {lost} lost, {twice} twice, {:.0} s",
                begun.elapsed().as_secs_f64()
            ),
        );
        let said: Vec<_> = ingests.iter().map(Ingest::said).collect();
        assert_eq!((lost, twice), (0, 0), "{}: {said:#?}", fault.name);
        ingests.into_iter().for_each(Ingest::stop);
    });
}

fn report(fault: &Fault, seed: u64, what: &str) {
    println!("fault {} seed {seed}: {what}", fault.name);
}

#[test]
fn every_fault_loses_nothing_and_doubles_nothing() {
    let Some(cluster) = cluster() else { return };
    let rounds = setting("TINGCHAO_TEST_FAULTS").unwrap_or(1);
    let now = u64::try_from(chrono::Utc::now().timestamp()).unwrap_or_default();
    let first = setting("TINGCHAO_TEST_SEED").unwrap_or(now / 60);
    let only = setting("TINGCHAO_TEST_FAULT");
    for seed in first..first + rounds {
        for (number, fault) in (0..).zip(FAULTS) {
            if only.is_none_or(|only| only == number) {
                run(cluster, fault, seed);
            }
        }
    }
}
