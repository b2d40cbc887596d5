//! Closed days of `legs`, `interactions` and the cells of metrics stored.
//!
//! Invariants: days are stored in order, so that every day up to the last
//! stored one is; a day is stored only when it is closed; what happens to a
//! stored day later is answered live until the day is stored again. Not here:
//! the rows (`queries/marts`), how stored and live rows become one (`query`).

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::clean::{CleanError, Cleaner};
use crate::disk::FaultPoint;
use crate::domain::Day;
use crate::lake::{Lease, MartFiles, UpkeepError, catch_up, commit_change, write_coverage};
use crate::query::MartNews;
use crate::tables::MartId;

/// Bytes of log files whose days are stored at a time.
const BUILD_BYTES: u64 = 64 << 20;
/// So many stored interactions with news are worth storing their days again,
const MANY_TOUCHED: usize = 2_000;
/// but not more often than this: those that go on in an open day stay news.
const MANY_EVERY: Duration = Duration::from_secs(1800);
/// After so long any news is.
const AT_LEAST_EVERY: Duration = Duration::from_secs(12 * 3600);

/// Remembers between rounds when days were last stored.
#[derive(Default)]
pub struct Storing {
    last: Option<Instant>,
}

impl Storing {
    /// Stores what is worth it; how many days.
    ///
    /// # Errors
    /// The first failure; days stored before it stay so.
    pub async fn round(&mut self, cleaner: &Cleaner, lease: &Lease) -> Result<usize, CleanError> {
        let mut stored = 0;
        loop {
            cleaner.lake.refresh().await.map_err(UpkeepError::Lake)?;
            catch_up(&cleaner.lake, lease, cleaner.clock).await?;
            let news = cleaner.engine.mart_news().await?;
            let through = closed_through(cleaner, news.through).await?;
            if !self.is_worth_it(&news, through) {
                return Ok(stored);
            }
            let Some(through) = through.or(news.through) else {
                return Ok(stored);
            };
            stored += store(cleaner, through, lease).await?;
            self.last = Some(Instant::now());
        }
    }

    fn is_worth_it(&self, news: &MartNews, through: Option<Day>) -> bool {
        let is_past = |every| self.last.is_none_or(|last| last.elapsed() >= every);
        through.is_some()
            || news.stale_days > 0
            || (news.touched >= MANY_TOUCHED && is_past(MANY_EVERY))
            || (news.touched > 0 && is_past(AT_LEAST_EVERY))
    }
}

/// The last day of the next piece of closed days; `None` when no other day has closed.
async fn closed_through(cleaner: &Cleaner, after: Option<Day>) -> Result<Option<Day>, CleanError> {
    let (mut through, mut bytes) = (None, 0);
    let last = cleaner.last_closable();
    for (day, (last_at, size)) in cleaner.engine.days_between(after, last).await? {
        if bytes > 0 && bytes + size > BUILD_BYTES || !cleaner.is_closed(day, last_at) {
            break;
        }
        bytes += size;
        through = Some(day);
    }
    Ok(through)
}

/// Stores every day up to `through` that has news.
async fn store(cleaner: &Cleaner, through: Day, lease: &Lease) -> Result<usize, CleanError> {
    let (lake, engine) = (&cleaner.lake, &cleaner.engine);
    let mut build = engine.plan_marts(through).await?;
    let mut with_rows = BTreeSet::new();
    for id in MartId::ALL {
        let mut files = MartFiles::new(*id);
        if !build.days.is_empty() {
            let mut rows = engine.mart_rows(&build, *id).await?;
            while let Some(by_day) = rows.next().await? {
                for (day, rows) in by_day {
                    files.write(day, &rows).map_err(UpkeepError::Lake)?;
                }
            }
        }
        with_rows.extend(files.days());
        let now = (cleaner.clock)();
        let change = files.upload(lake, &build.days, now).await;
        let change = change.map_err(UpkeepError::Lake)?;
        build.coverage.changes.insert(id.name().to_owned(), change);
    }
    build.stored(&with_rows);
    let written = write_coverage(lake, build.number, &build.coverage).await;
    written.map_err(UpkeepError::Lake)?;
    for id in MartId::ALL {
        if let Some(change) = build.coverage.changes.get(id.name()) {
            commit_change(lake, *id, change, build.number, lease, cleaner.clock).await?;
        }
        lake.faults().hit(FaultPoint::BetweenMarts);
    }
    Ok(build.days.len())
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::domain::Micros;
    use crate::jobs::Closing;
    use crate::jobs::testing::{import, open_lake, rows};
    use crate::lake::{Change, Coverage, Lake, MAINTENANCE, coverage, stored_mart};
    use crate::pipeline::Monitor;
    use crate::query::{Engine, Limits};

    const MARTS: [&str; 2] = [
        "select * from interactions order by interaction_id",
        "select * from legs order by interaction_id, leg",
    ];

    fn noon_of_the_fifteenth() -> Micros {
        Micros::parse("2026-11-15T12:00:00Z").unwrap()
    }

    fn end_of_the_month() -> Micros {
        Micros::parse("2026-11-30T12:00:00Z").unwrap()
    }

    struct Events(String);

    impl Events {
        fn add(&mut self, id: &str, kind: &str, subject: &str, time: &str, data: &str) {
            let line = format!(
                r#"{{"specversion":"1.0","id":"{id}","source":"/t","type":"{kind}","subject":"{subject}","time":"{time}","data":{data}}}"#
            );
            writeln!(self.0, "{line}").unwrap();
        }

        fn turn(&mut self, id: &str, subject: &str, time: &str, who: &str) {
            let data = format!(
                r#"{{"turn_id":"{id}","speaker":{{"role":"{who}"}},"text":"words of {id}","content_type":"text"}}"#
            );
            self.add(
                &format!("{subject}-{id}"),
                "interaction.turn.v1",
                subject,
                time,
                &data,
            );
        }

        /// A call that begins at 23:58 of `day`, waits, and is answered or given up after midnight.
        fn call(&mut self, subject: &str, day: u32, answered: bool) {
            let at = |clock: &str| format!("2026-11-{day:02}T{clock}Z");
            let after = |clock: &str| format!("2026-11-{:02}T{clock}Z", day + 1);
            let started = r#"{"channel":"call","direction":"inbound","entry":"queue"}"#;
            let id = |step: &str| format!("{subject}-{step}");
            self.add(
                &id("s"),
                "interaction.started.v1",
                subject,
                &at("23:58:00"),
                started,
            );
            self.add(
                &id("q"),
                "interaction.queued.v1",
                subject,
                &at("23:58:10"),
                r#"{"queue":"billing"}"#,
            );
            if answered {
                self.add(
                    &id("a"),
                    "interaction.answered.v1",
                    subject,
                    &after("00:01:00"),
                    r#"{"agent_id":"a1"}"#,
                );
            }
            let reason = if answered { "completed" } else { "abandoned" };
            let ended = format!(r#"{{"reason":"{reason}","ended_by":"customer"}}"#);
            self.add(
                &id("e"),
                "interaction.ended.v1",
                subject,
                &after("00:04:00"),
                &ended,
            );
        }

        /// A call that one agent hands to another.
        fn handed_on(&mut self, subject: &str, day: &str) {
            let steps = [
                (
                    "started",
                    "20:00:00",
                    r#"{"channel":"call","direction":"inbound","entry":"queue"}"#,
                ),
                ("queued", "20:00:05", r#"{"queue":"billing"}"#),
                ("answered", "20:00:25", r#"{"agent_id":"a1"}"#),
                (
                    "transferred",
                    "20:04:00",
                    r#"{"from_agent_id":"a1","to_agent_id":"a2","kind":"consult"}"#,
                ),
                ("answered", "20:04:10", r#"{"agent_id":"a2"}"#),
                (
                    "ended",
                    "20:09:00",
                    r#"{"reason":"completed","ended_by":"customer","resolved":true}"#,
                ),
            ];
            for (index, (kind, clock, data)) in steps.into_iter().enumerate() {
                let kind = format!("interaction.{kind}.v1");
                let id = format!("{subject}-{index}");
                self.add(&id, &kind, subject, &format!("{day}{clock}Z"), data);
            }
        }

        fn chat(&mut self, subject: &str, from: &str, to: &str) {
            let started = r#"{"channel":"chat","direction":"inbound","entry":"agent"}"#;
            let ended = r#"{"reason":"completed","ended_by":"customer"}"#;
            for (kind, at, data) in [
                ("started", from, started),
                ("answered", from, r#"{"agent_id":"a3","queue":"chats"}"#),
                ("ended", to, ended),
            ] {
                let id = format!("{subject}-{kind}");
                self.add(&id, &format!("interaction.{kind}.v1"), subject, at, data);
            }
        }

        /// The end of a call, said again under the next revision.
        fn superseded(&mut self, subject: &str, id: &str, time: &str) {
            let line = format!(
                r#"{{"specversion":"1.0","id":"{id}","source":"/t","type":"interaction.ended.v1","subject":"{subject}","revision":1,"time":"{time}","data":{{"reason":"completed","ended_by":"agent","resolved":false}}}}"#
            );
            writeln!(self.0, "{line}").unwrap();
        }

        fn survey(&mut self, subject: &str, time: &str, csat: u32) {
            let data = format!(
                r#"{{"survey_id":"v-{subject}-{time}","interaction_id":"{subject}","channel":"call","about":"interaction","csat":{csat}}}"#
            );
            self.add(
                &format!("v-{subject}-{time}"),
                "survey.answered.v1",
                subject,
                time,
                &data,
            );
        }
    }

    /// Until noon of the fifteenth: calls over midnight, chats, an e-mail thread that goes on.
    fn first_half() -> String {
        let mut events = Events(String::new());
        for day in 10..=14 {
            events.call(&format!("call-{day}-a"), day, true);
            events.call(&format!("call-{day}-b"), day, false);
            let chat = format!("chat-{day}");
            for turn in 0..4 {
                let who = if turn % 2 == 0 { "customer" } else { "agent" };
                events.turn(
                    &format!("t{turn}"),
                    &chat,
                    &format!("2026-11-{day}T09:00:0{turn}Z"),
                    who,
                );
            }
            events.turn("t1", &chat, &format!("2026-11-{day}T09:00:01Z"), "agent");
        }
        events.handed_on("handed-on", "2026-11-13T");
        // Two chats with the same agent at once.
        events.chat("chat-x", "2026-11-13T10:00:00Z", "2026-11-13T10:20:00Z");
        events.chat("chat-y", "2026-11-13T10:10:00Z", "2026-11-13T10:30:00Z");
        events.turn("m1", "mail", "2026-11-12T08:00:00Z", "customer");
        events.survey("call-10-a", "2026-11-11T08:00:00Z", 2);
        events.turn("t0", "today", "2026-11-15T10:00:00Z", "customer");
        events.0
    }

    /// Later: new days, and news about old ones of every kind.
    fn second_half() -> String {
        let mut events = Events(String::new());
        for day in 15..=18 {
            events.call(&format!("call-{day}-a"), day, day % 2 == 0);
        }
        events.turn("t1", "today", "2026-11-15T13:00:00Z", "agent");
        events.turn("m2", "mail", "2026-11-17T08:00:00Z", "agent");
        events.turn("t9", "chat-11", "2026-11-11T10:00:00Z", "customer");
        events.turn("t8", "chat-13", "2026-11-12T23:00:00Z", "customer");
        events.turn("t0", "never-seen", "2026-11-10T07:00:00Z", "customer");
        events.survey("call-10-a", "2026-11-16T08:00:00Z", 5);
        events.survey("call-14-b", "2026-11-16T09:00:00Z", 1);
        // The second agent talked longer than was said first, and worked on afterwards.
        events.superseded("handed-on", "handed-on-5", "2026-11-13T20:12:00Z");
        let late = r#"{"agent_id":"a2","wrap_up_ms":30000}"#;
        events.add(
            "w2",
            "interaction.wrapped_up.v1",
            "handed-on",
            "2026-11-13T20:13:00Z",
            late,
        );
        events.turn("t1", "chat-x", "2026-11-13T10:15:00Z", "agent");
        let wrapped = r#"{"agent_id":"a1","wrap_up_ms":9000}"#;
        events.add(
            "w",
            "interaction.wrapped_up.v1",
            "call-12-a",
            "2026-11-13T00:05:00Z",
            wrapped,
        );
        let recalled = r#"{"turn_id":"t2"}"#;
        events.add(
            "r",
            "interaction.turn_recalled.v1",
            "chat-12",
            "2026-11-16T00:05:00Z",
            recalled,
        );
        events.0
    }

    fn engine(lake: &Arc<Lake>) -> Engine {
        let limits = Limits::from(&crate::config::Query::default());
        let handle = tokio::runtime::Handle::current();
        Engine::new(Arc::clone(lake), limits, Arc::new(()), handle).unwrap()
    }

    fn cleaner(lake: &Arc<Lake>, clock: fn() -> Micros) -> Cleaner {
        Cleaner {
            lake: Arc::clone(lake),
            engine: engine(lake),
            monitor: Monitor::default(),
            closing: Closing {
                after_micros: 6 * 3600 * 1_000_000,
                quiet_micros: 0,
                silent_micros: 0,
                watermark_delay_micros: 0,
            },
            clock,
        }
    }

    async fn round(cleaner: &Cleaner) -> usize {
        let now = (cleaner.clock)();
        let lease = Lease::take(cleaner.lake.storage(), MAINTENANCE, "test", now, 600)
            .await
            .unwrap();
        let stored = Storing::default().round(cleaner, &lease).await.unwrap();
        lease.release(now).await;
        stored
    }

    /// What the marts say when nothing was ever stored.
    async fn live(folder: &Path, events: &[String]) -> Vec<String> {
        let folder = folder.join(format!("live-{}", events.len()));
        std::fs::create_dir(&folder).unwrap();
        let lake = open_lake(&folder).await;
        for (index, events) in events.iter().enumerate() {
            import(&lake, &folder, &index.to_string(), events).await;
        }
        all(&engine(&lake)).await
    }

    async fn all(engine: &Engine) -> Vec<String> {
        let mut answers = Vec::new();
        for sql in MARTS {
            answers.extend(rows(engine, sql).await);
        }
        for (metric, zone) in METRICS {
            answers.extend(figures(engine, metric, zone).await);
        }
        answers
    }

    /// Metrics that closed days have cells of, each cut by days of a zone: one is off by half an hour, one changes
    /// its clocks, one is plain.
    const METRICS: [(&str, &str); 5] = [
        ("service_level_seed", "Asia/Kolkata"),
        ("average_handle_time", "America/New_York"),
        ("interactions", "UTC"),
        ("transfer_rate_session", "Asia/Kolkata"),
        ("average_handle_time_async", "UTC"),
    ];
    /// Those of them that have cells.
    const WITH_CELLS: usize = 3;

    async fn figures(engine: &Engine, metric: &str, zone: &str) -> Vec<String> {
        use futures::TryStreamExt;
        let request = crate::query::MetricRequest {
            metric: metric.to_owned(),
            from: "2026-10-20".to_owned(),
            to: "2026-11-18".to_owned(),
            granularity: Some("day".to_owned()),
            timezone: Some(zone.to_owned()),
            group_by: vec!["queue".to_owned()],
            ..crate::query::MetricRequest::default()
        };
        let asked = engine.run_metric(&request, 10_000, crate::domain::Role::Admin);
        let (_, answer) = asked.await.unwrap();
        let format = crate::query::export::Format::Csv;
        let parts = engine.export(answer, format).await.unwrap();
        let parts: Vec<bytes::Bytes> = parts.try_collect().await.unwrap();
        let text = String::from_utf8(parts.concat()).unwrap();
        text.lines()
            .map(|line| format!("{metric}: {line}"))
            .collect()
    }

    /// Fails with the rows that only one side has.
    fn assert_same(found: &[String], wanted: &[String]) {
        let only = |these: &[String], those: &[String]| -> Vec<String> {
            let missing = these.iter().filter(|row| !those.contains(row));
            missing.cloned().collect()
        };
        let (more, less) = (only(found, wanted), only(wanted, found));
        assert!(
            more.is_empty() && less.is_empty(),
            "too much: {more:#?}\nmissing: {less:#?}"
        );
        assert_eq!(found.len(), wanted.len());
    }

    async fn current(lake: &Lake) -> (i64, Coverage) {
        let number = stored_mart(lake, MartId::Legs).await.unwrap().number;
        (number, coverage(lake, number).await.unwrap().unwrap())
    }

    #[test]
    fn stored_days_answer_as_if_nothing_were_stored_whatever_comes_later() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        crate::query::runtime().unwrap().block_on(async {
            let halves = [first_half(), second_half()];
            let first = live(folder, &halves[..1]).await;
            let both = live(folder, &halves).await;
            assert_ne!(first, both);

            let lake = open_lake(folder).await;
            import(&lake, folder, "first", &halves[0]).await;
            let early = cleaner(&lake, noon_of_the_fifteenth);
            assert_eq!(round(&early).await, 5);
            let through = Day::parse("2026-11-14").unwrap();
            let news = early.engine.mart_news().await.unwrap();
            // The calls over the last midnight go on in an open day.
            assert_eq!((news.through, news.touched), (Some(through), 2));
            assert_same(&all(&early.engine).await, &first);

            import(&lake, folder, "second", &halves[1]).await;
            let news = early.engine.mart_news().await.unwrap();
            assert!(news.touched > 6, "{news:?}");
            assert_same(&all(&early.engine).await, &both);
            let news = early.engine.mart_news().await.unwrap();
            assert_eq!(
                news.cells_loaded, WITH_CELLS,
                "closed days answer from cells"
            );

            let late = cleaner(&lake, end_of_the_month);
            assert!(round(&late).await > 5);
            let news = late.engine.mart_news().await.unwrap();
            assert_eq!((news.touched, news.stale_days), (0, 0));
            assert_same(&all(&engine(&lake)).await, &both);
            assert_eq!(round(&late).await, 0);
        });
    }

    #[test]
    fn days_made_by_other_sql_are_made_again_and_answer_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        crate::query::runtime().unwrap().block_on(async {
            let lake = open_lake(folder).await;
            import(&lake, folder, "first", &first_half()).await;
            let early = cleaner(&lake, noon_of_the_fifteenth);
            round(&early).await;
            let before = all(&early.engine).await;
            let (number, mut known) = current(&lake).await;
            known
                .days
                .values_mut()
                .for_each(|version| *version = "old".to_owned());
            write_coverage(&lake, number, &known).await.unwrap();
            // As if the process had died between the commits of the two marts.
            known
                .changes
                .values_mut()
                .for_each(|change| *change = Change::default());
            write_coverage(&lake, number + 1, &known).await.unwrap();
            let lease = Lease::take(
                lake.storage(),
                MAINTENANCE,
                "crash",
                noon_of_the_fifteenth(),
                600,
            )
            .await
            .unwrap();
            let change = Change::default();
            commit_change(
                &lake,
                MartId::Interactions,
                &change,
                number + 1,
                &lease,
                noon_of_the_fifteenth,
            )
            .await
            .unwrap();
            lease.release(noon_of_the_fifteenth()).await;
            assert_same(&all(&engine(&lake)).await, &before);

            let again = cleaner(&lake, noon_of_the_fifteenth);
            assert_eq!(again.engine.mart_news().await.unwrap().stale_days, 5);
            assert_same(&all(&again.engine).await, &before);
            assert_eq!(round(&again).await, 5);
            assert_eq!(again.engine.mart_news().await.unwrap().stale_days, 0);
            assert_same(&all(&again.engine).await, &before);
        });
    }
}
