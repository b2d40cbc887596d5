//! The product dies again and again while events come in; nothing is lost, nothing is there twice.
//!
//! The real binary is killed: by itself at a failure point (`abort`), or by SIGKILL. The sender keeps what was not
//! answered and sends it again. At the end every table is compared with what was sent, value by value.
//!
//! Not here: writes that the kernel has taken and a power cut drops (`power`).

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rand::{Rng, RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde_json::Value;

use crate::events::{Sent, TABLES, events, refused_line, time};
use crate::support::{
    Place, SIGABRT, Server, admin_key, pause, setting, text, wait_for, was_killed,
};

const KILLS: u64 = 25;
const POSTS_A_ROUND: usize = 60;

/// Points that a flush passes after its first upload and before its acknowledgement. The log tells whether a death
/// at one of them was there: a commit of mere progress passes some of them without an upload.
const IN_A_FLUSH: [&str; 4] = [
    "after_upload",
    "before_log_entry",
    "after_log_entry",
    "before_acknowledge",
];
const ELSEWHERE: [&str; 5] = [
    "before_data_file",
    "after_data_file",
    "before_inbox_sync",
    "after_inbox_sync",
    "after_acknowledge",
];

/// What one request holds, and how often it was sent.
struct Post {
    body: String,
    events: Vec<Sent>,
    refused: Vec<(String, &'static str)>,
    sends: usize,
    answered: bool,
}

/// A sender that forgets nothing, and the place where the server dies.
pub struct Torture {
    pub place: Place,
    key: String,
    posts: Vec<Post>,
    next: usize,
    prefix: &'static str,
}

/// A death at a failure point.
struct Death {
    point: String,
    /// Whether the process had uploaded data files of a flush and not yet acknowledged it.
    in_a_flush: bool,
}

/// How a round ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// At the failure point of the plan.
    Aborted,
    /// By SIGKILL: the plan names no point, or it was not reached.
    Killed,
}

impl Torture {
    fn new(prefix: &'static str) -> Self {
        // Maintenance writes data files too, which the log could not tell from those of a flush.
        let place = Place::new().quick();
        Self::within(place.with("TINGCHAO__MAINTENANCE__ENABLED", false), prefix)
    }

    pub fn within(place: Place, prefix: &'static str) -> Self {
        let key = admin_key(&place);
        Self {
            place,
            key,
            posts: Vec::new(),
            next: 0,
            prefix,
        }
    }

    fn new_post<R: Rng>(&mut self, random: &mut R) -> usize {
        let count = random.random_range(1..30);
        let at = time(random.random_range(0..3));
        let events = events(self.prefix, self.next, count, &at);
        let refused: Vec<_> = (0..random.random_range(0..3))
            .map(|item| refused_line(self.prefix, self.next * 10 + item, &at))
            .collect();
        self.next += count;
        let mut lines: Vec<&str> = events.iter().map(|event| event.line.as_str()).collect();
        for (line, _) in &refused {
            lines.insert(random.random_range(0..=lines.len()), line);
        }
        let body = lines.join("\n") + "\n";
        self.posts.push(Post {
            body,
            events,
            refused,
            sends: 0,
            answered: false,
        });
        self.posts.len() - 1
    }

    /// Sends one post; whether it was answered.
    fn send(&mut self, server: &Server, index: usize) -> bool {
        let post = &mut self.posts[index];
        post.sends += 1;
        let Ok(answer) = server.post_ndjson(post.body.as_bytes()) else {
            return false;
        };
        if answer.status != 200 {
            return false;
        }
        let receipt = answer.json();
        let taken =
            receipt["accepted"].as_u64().unwrap_or(0) + receipt["repeated"].as_u64().unwrap_or(0);
        assert_eq!(taken, post.events.len() as u64, "{receipt}");
        assert_eq!(receipt["refused"], post.refused.len(), "{receipt}");
        post.answered = true;
        true
    }

    /// Sends again what has no answer; false when the server fails.
    fn send_unanswered(&mut self, server: &Server) -> bool {
        let unanswered: Vec<usize> = (0..self.posts.len())
            .filter(|post| !self.posts[*post].answered)
            .collect();
        unanswered.into_iter().all(|post| self.send(server, post))
    }

    /// Starts a server, sends until it dies or has taken `posts` requests, then kills it.
    pub fn round<R: Rng>(&mut self, plan: &str, posts: usize, random: &mut R) -> End {
        let plan = format!("{plan},log={}", self.place.path("points.log").display());
        let launched = Server::launch(&self.place, Some(&plan), Some(self.key.clone()));
        let mut server = match launched {
            Ok(server) => server,
            Err((signal, log)) => {
                assert_eq!(signal, Some(SIGABRT), "{plan}: {log}");
                return End::Aborted;
            }
        };
        let mut sound = self.send_unanswered(&server);
        for _ in 0..posts {
            if !sound || !server.is_alive() {
                break;
            }
            let post = self.new_post(random);
            sound = self.send(&server, post);
            pause(Duration::from_millis(random.random_range(0..60)));
        }
        if !sound {
            wait_for(
                "the end of a server that does not answer",
                Duration::from_secs(20),
                || (!server.is_alive()).then_some(()),
            );
        }
        let log = server.log();
        let signal = server.kill();
        if signal == Some(SIGABRT) {
            return End::Aborted;
        }
        assert!(was_killed(signal), "{plan}: ended by itself: {log}");
        End::Killed
    }

    /// A compaction beside a running server, which dies in the middle; then another that ends well.
    fn broken_compaction(&mut self) {
        let server = Server::start(&self.place, None, false);
        assert!(self.send_unanswered(&server), "{}", server.log());
        let died = self.maintain(Some("during_compaction=1"));
        assert!(died.is_none(), "no compaction was begun");
        // The lease of the dead holder has to run out first.
        wait_for("a compaction", Duration::from_secs(60), || {
            self.maintain(None)
        });
        server.stop();
    }

    /// One round of maintenance; its summary, `None` when it died at its failure point or another holds the lease.
    fn maintain(&self, plan: Option<&str>) -> Option<String> {
        use std::os::unix::process::ExitStatusExt;
        let mut command = self.place.command(plan);
        command.env("TINGCHAO__LAKE__COMPACT_MIN_FILES", "2");
        let output = command
            .args(["job", "maintain"])
            .output()
            .expect("the program starts");
        if plan.is_some() && output.status.signal() == Some(SIGABRT) {
            return None;
        }
        let said = text(&output.stderr);
        if plan.is_none() && said.contains("maintenance belongs to") {
            return None;
        }
        assert!(output.status.success(), "{said}");
        Some(text(&output.stdout))
    }

    /// Starts clean, sends the rest, waits until nothing waits, and compares.
    pub fn verify(&mut self) {
        let server = Server::start(&self.place, None, false);
        assert!(self.send_unanswered(&server), "{}", server.log());
        // One event for every table and one refusal, behind all others: when they are there, all are.
        let at = time(0);
        let last = events("last", 0, TABLES.len(), &at);
        let (refused, _) = refused_line("last", 0, &at);
        let lines: Vec<&str> = last
            .iter()
            .map(|event| event.line.as_str())
            .chain([refused.as_str()])
            .collect();
        server.take(lines.join("\n").as_bytes());
        for table in TABLES
            .iter()
            .map(|table| table.name)
            .chain(["dead_letters"])
        {
            let (column, like) = if table == "dead_letters" {
                ("payload", "%last-bad%")
            } else {
                ("event_id", "last-%")
            };
            let sql = format!("select count(*) from raw.{table} where {column} like '{like}'");
            wait_for(table, Duration::from_secs(60), || {
                (server.number(&sql) == 1).then_some(())
            });
        }
        let mut wrong = Vec::new();
        self.compare_events(&server, &mut wrong);
        self.compare_dead_letters(&server, &mut wrong);
        let log = fs::read_to_string(self.place.path("points.log")).unwrap_or_default();
        let shown: Vec<&String> = wrong.iter().take(20).collect();
        assert!(
            wrong.is_empty(),
            "{} rows are wrong, such as {shown:#?}\nfailure points:\n{log}",
            wrong.len()
        );
        server.stop();
    }

    fn compare_events(&self, server: &Server, wrong: &mut Vec<String>) {
        for table in &TABLES {
            let sent = self
                .posts
                .iter()
                .flat_map(|post| post.events.iter().map(|event| (event, post.sends)));
            let sent: BTreeMap<&str, (&Sent, usize)> = sent
                .filter(|(event, _)| event.table == table.name)
                .map(|(event, sends)| (event.id.as_str(), (event, sends)))
                .collect();
            for schema in ["", "raw."] {
                let name = format!("{schema}{}", table.name);
                let columns = table.columns.join(", ");
                let like = format!("event_id like '{}-%'", self.prefix);
                let rows = server.sql(&format!(
                    "select event_id, {columns} from {name} where {like}"
                ));
                let mut found: BTreeMap<String, usize> = BTreeMap::new();
                for row in rows {
                    let mut values = row.iter().map(as_text);
                    let id = values.next().unwrap_or_default();
                    let content: Vec<String> = values.collect();
                    match sent.get(id.as_str()) {
                        None => wrong.push(format!("{name} {id}: never sent")),
                        Some((event, _)) if event.content != content => {
                            wrong.push(format!(
                                "{name} {id}: {content:?} instead of {:?}",
                                event.content
                            ));
                        }
                        Some(_) => {}
                    }
                    *found.entry(id).or_default() += 1;
                }
                for (id, (_, sends)) in &sent {
                    let most = if schema.is_empty() { 1 } else { *sends };
                    let rows = found.get(*id).copied().unwrap_or_default();
                    if rows == 0 || rows > most {
                        wrong.push(format!("{name} {id}: {rows} rows, sent {sends} times"));
                    }
                }
            }
        }
    }

    fn compare_dead_letters(&self, server: &Server, wrong: &mut Vec<String>) {
        let like = format!("payload like '%{}-bad%'", self.prefix);
        let rows = server.sql(&format!(
            r#"select payload, code, concat(source, ' ', "partition", ' ', "offset", ' ', item) from dead_letters where {like}"#
        ));
        let mut found: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
        for row in rows {
            let [payload, code, position] = [0, 1, 2].map(|column| as_text(&row[column]));
            found.entry((payload, code)).or_default().push(position);
        }
        for post in &self.posts {
            for (line, code) in &post.refused {
                let mut positions = found
                    .remove(&(line.clone(), (*code).to_owned()))
                    .unwrap_or_default();
                let rows = positions.len();
                positions.sort();
                positions.dedup();
                if rows == 0 || rows > post.sends || positions.len() < rows {
                    wrong.push(format!(
                        "dead letter {line}: {rows} rows, sent {} times",
                        post.sends
                    ));
                }
            }
        }
        wrong.extend(
            found
                .keys()
                .map(|letter| format!("dead letter {letter:?}: never sent so")),
        );
    }

    /// The deaths at failure points, as the processes have logged them.
    fn deaths(&self) -> Vec<Death> {
        let log = fs::read_to_string(self.place.path("points.log")).unwrap_or_default();
        let (mut uploaded, mut deaths) = (false, Vec::new());
        for line in log.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let [serial, point, rest @ ..] = words.as_slice() else {
                continue;
            };
            // Each process counts from 0. Flushes follow each other, and the next begins after the acknowledgement.
            uploaded = match *point {
                "after_upload" => true,
                "after_acknowledge" => false,
                _ => uploaded && *serial != "0",
            };
            if rest.contains(&"died") {
                deaths.push(Death {
                    point: (*point).to_owned(),
                    in_a_flush: uploaded,
                });
            }
        }
        deaths
    }

    fn deaths_in_a_flush(&self) -> u64 {
        self.deaths()
            .iter()
            .filter(|death| death.in_a_flush)
            .count() as u64
    }

    /// How often each failure point was reached, and died at.
    fn points(&self) -> String {
        let log = fs::read_to_string(self.place.path("points.log")).unwrap_or_default();
        let mut counts: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for line in log.lines() {
            let mut words = line.split(' ').skip(1);
            let count = counts.entry(words.next().unwrap_or_default()).or_default();
            count.0 += 1;
            count.1 += u64::from(words.next() == Some("died"));
        }
        let lines = counts
            .iter()
            .map(|(point, (reached, died))| format!("{point}: {reached} times, died {died}"));
        lines.collect::<Vec<_>>().join("\n")
    }
}

fn as_text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), ToOwned::to_owned)
}

/// A random plan and how many posts to send: within a flush, or anything.
fn plan<R: Rng>(random: &mut R, in_a_flush: bool) -> (String, usize) {
    let pick =
        |random: &mut R, points: &[&str]| points[random.random_range(0..points.len())].to_owned();
    let (point, greatest) = match random.random_range(0..5) {
        _ if in_a_flush => {
            let point = pick(random, &IN_A_FLUSH);
            let greatest = if point == "before_acknowledge" { 4 } else { 30 };
            (point, greatest)
        }
        0..3 => (pick(random, &ELSEWHERE), 6),
        _ => return (String::new(), random.random_range(1..12)),
    };
    (
        format!("{point}={}", random.random_range(1..=greatest)),
        POSTS_A_ROUND,
    )
}

#[test]
fn kills_lose_nothing_and_double_nothing() {
    let kills = setting("TINGCHAO_TEST_KILLS")
        .or_else(|| setting("TINGCHAO_KILLS"))
        .unwrap_or(KILLS);
    let today = u64::try_from(chrono::Utc::now().timestamp()).unwrap_or_default() / 86_400;
    let seed = setting("TINGCHAO_TEST_SEED").unwrap_or(today);
    println!("{kills} kills, TINGCHAO_TEST_SEED={seed}");
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut torture = Torture::new("kill");
    let begun = Instant::now();
    for round in 0..kills {
        let (plan, posts) = plan(&mut random, torture.deaths_in_a_flush() * 2 < round + 6);
        let end = torture.round(&plan, posts, &mut random);
        println!(
            "{round:3} {plan:<24} {end:?}, {} posts so far",
            torture.posts.len()
        );
        if round == kills / 2 || round == kills - 1 {
            torture.broken_compaction();
        }
    }
    let deaths = torture.deaths();
    for (number, death) in deaths.iter().enumerate() {
        let place = if death.in_a_flush {
            "after the first upload of a flush, before its acknowledgement"
        } else {
            "elsewhere"
        };
        println!("death {number:3} {:<20} {place}", death.point);
    }
    let in_a_flush = torture.deaths_in_a_flush();
    torture.verify();
    println!(
        "{} events in {} posts, {} of them sent more than once, {:?}\n{}",
        torture.next,
        torture.posts.len(),
        torture.posts.iter().filter(|post| post.sends > 1).count(),
        begun.elapsed(),
        torture.points()
    );
    assert!(
        in_a_flush * 2 >= kills,
        "only {in_a_flush} of {kills} died between first upload and acknowledgement"
    );
    println!(
        "{in_a_flush} of {kills} died between the first upload of a flush and its acknowledgement"
    );
}

#[test]
fn every_failure_point_once() {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(7);
    let mut torture = Torture::new("point");
    // The first server makes the tables; after it, points are those of flushes.
    torture.round("", 3, &mut random);
    for (index, point) in IN_A_FLUSH.iter().chain(&ELSEWHERE).enumerate() {
        let plan = format!("{point}={}", index % 3 + 1);
        assert_eq!(
            torture.round(&plan, POSTS_A_ROUND, &mut random),
            End::Aborted,
            "{plan} was not reached"
        );
    }
    torture.broken_compaction();
    torture.verify();
    println!("{}", torture.points());
}

#[test]
fn a_full_disk_loses_nothing_that_was_answered() {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(8);
    let mut torture = Torture::new("full");
    torture.round("", 3, &mut random);
    for bytes in [20_000, 60_000, 130_000] {
        let plan = format!("disk_full_after_bytes={bytes}");
        let Ok(mut server) = Server::launch(&torture.place, Some(&plan), Some(torture.key.clone()))
        else {
            panic!("it does not start");
        };
        let mut said_so = false;
        for _ in 0..200 {
            let post = torture.new_post(&mut random);
            let answered = torture.send(&server, post);
            let ready = server.request("GET", "/v1/health/ready", "", &[]);
            said_so = !answered || ready.is_ok_and(|answer| answer.status == 503);
            if said_so || !server.is_alive() {
                break;
            }
            pause(Duration::from_millis(30));
        }
        assert!(said_so, "{plan}: nobody was told: {}", server.log());
        server.kill();
    }
    torture.verify();
}

/// Files of events that no other call has.
fn made_files(place: &Place, prefix: &str, files: usize, count: usize) -> Vec<String> {
    (0..files)
        .map(|file| {
            let events = events(&format!("{prefix}{file}"), 0, count, &time(0));
            let lines: Vec<String> = events.into_iter().map(|event| event.line).collect();
            let path = place.file(&format!("{prefix}{file}.ndjson"), lines.join("\n") + "\n");
            path.display().to_string()
        })
        .collect()
}

/// Rows and distinct events in all stored tables together.
fn stored(place: &Place) -> (i64, i64) {
    let union: Vec<String> = TABLES
        .iter()
        .map(|table| format!("select event_id from raw.{}", table.name))
        .collect();
    let union = union.join(" union all ");
    let rows = place.query(&format!(
        "select count(*), count(distinct event_id) from ({union}) as e"
    ));
    let [rows, distinct] = [0, 1].map(|column| rows[0][column].as_i64().unwrap_or(-1));
    (rows, distinct)
}

#[test]
fn two_processes_write_into_one_lake() {
    let shared = Place::new();
    let (lake, key) = (shared.path("lake"), shared.path("key"));
    let writer = || {
        Place::new()
            .with("TINGCHAO__LAKE__URL", lake.display())
            .with("TINGCHAO__PRIVACY__TOKEN_KEY_FILE", key.display())
    };
    let writers = [("left", writer()), ("right", writer())];
    std::thread::scope(|scope| {
        for (prefix, place) in &writers {
            scope.spawn(move || {
                for file in made_files(place, prefix, 4, 300) {
                    assert_eq!(place.import(&[&file])["accepted"], 300);
                }
            });
        }
    });
    assert_eq!(stored(&writers[0].1), (2400, 2400));
}

#[test]
fn two_compactions_at_once_keep_every_row() {
    let place = Place::new().with("TINGCHAO__LAKE__COMPACT_MIN_FILES", 2);
    for file in made_files(&place, "small", 4, 60) {
        place.import(&[&file]);
    }
    let before = place.query("select * from raw.turns order by event_id");
    let commands: Vec<_> = (0..2)
        .map(|_| {
            let mut command: Command = place.command(None);
            command
                .args(["job", "maintain"])
                .stdout(Stdio::piped())
                .stderr(Stdio::piped());
            command.spawn().expect("the program starts")
        })
        .collect();
    let ends: Vec<_> = commands
        .into_iter()
        .map(|child| child.wait_with_output().expect("an end"))
        .collect();
    let done = ends.iter().filter(|end| end.status.success()).count();
    assert!(done >= 1, "{}", text(&ends[0].stderr));
    for end in ends.iter().filter(|end| !end.status.success()) {
        assert!(
            text(&end.stderr).contains("maintenance belongs to"),
            "{}",
            text(&end.stderr)
        );
    }
    let compacted = ends
        .iter()
        .any(|end| !text(&end.stdout).starts_with("0 files") && !end.stdout.is_empty());
    assert!(compacted, "nothing was compacted");
    assert_eq!(
        place.query("select * from raw.turns order by event_id"),
        before
    );
    assert_eq!(stored(&place), (240, 240));
}

#[test]
fn an_import_that_dies_in_the_middle_is_taken_up_again() {
    let place = Place::new();
    place.import(&[&made_files(&place, "first", 1, 10)[0]]);
    let plans = [
        "after_log_entry=2",
        "after_data_file=3",
        "before_acknowledge=1",
    ];
    let mut rows = 10;
    for (plan, file) in plans
        .iter()
        .zip(made_files(&place, "broken", plans.len(), 1000))
    {
        let output = place.run(&["import", &file], Some(plan));
        assert!(!output.status.success(), "{plan} was not reached");
        let summary = place.import(&[&file]);
        assert_eq!(summary["read"], 1000, "{summary}");
        rows += 1000;
        assert_eq!(stored(&place), (rows, rows), "{plan}");
        assert_eq!(place.import(&[&file])["accepted"], 0);
        assert_eq!(stored(&place), (rows, rows), "{plan}");
    }
}
