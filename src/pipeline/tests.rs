//! The loop with a source that does what a consumer group may do.

use std::collections::VecDeque;

use bytes::Bytes;
use tokio::runtime::Handle;

use super::*;
use crate::contract::{RejectCode, Rejection};
use crate::disk::Faults;
use crate::enrich::redact::{AllowList, Redactor, TokenKey};
use crate::enrich::{EventRedactor, Models, SharedModels};
use crate::lake::read_new_files;
use crate::source::{Document, Polled, Record};
use crate::tables::TableId;

const NOW: Micros = Micros(1_700_000_000_000_000);

enum Step {
    News(Polled),
    /// At this poll the table has to be so far.
    Progress(Partition, i64),
}

/// Hands out its steps; windows before a partition has begun would be a mistake.
struct Scripted {
    name: Arc<str>,
    steps: VecDeque<Step>,
    begun: Vec<Start>,
    lake: Arc<Lake>,
    runtime: Handle,
}

impl Source for Scripted {
    fn name(&self) -> &Arc<str> {
        &self.name
    }

    fn is_stream(&self) -> bool {
        true
    }

    fn poll(&mut self, max_bytes: usize, _wait: Duration) -> Result<Polled, SourceError> {
        if max_bytes == 0 {
            return Ok(Polled::Idle);
        }
        while let Some(Step::Progress(partition, next)) = self.steps.front() {
            let app = AppId::of(partition);
            let table = self.lake.table(TableId::DeadLetters);
            let stored = self.runtime.block_on(table.progress(&app)).unwrap();
            assert_eq!(stored, Some(*next), "{partition}");
            self.steps.pop_front();
        }
        match self.steps.pop_front() {
            Some(Step::News(Polled::Window(window))) => {
                let is_begun = |start: &Start| start.partition == window.partition;
                assert!(self.begun.iter().any(is_begun), "{}", window.partition);
                Ok(Polled::Window(window))
            }
            Some(Step::News(polled)) => Ok(polled),
            _ => Ok(Polled::Finished),
        }
    }

    fn seek(&mut self, start: &Start) -> Result<(), SourceError> {
        self.begun.push(start.clone());
        Ok(())
    }

    fn pause(&mut self) {}

    fn resume(&mut self) {}

    fn committed(&mut self, _partition: &Partition, _next: i64) -> Result<(), SourceError> {
        Ok(())
    }
}

fn partition(number: i32) -> Partition {
    Partition {
        source: "calls:calls".into(),
        number,
    }
}

fn window(partition: &Partition, first: i64, next: i64) -> Step {
    let refused = || {
        let rejection = Rejection::new(RejectCode::MalformedJson, "", "not JSON");
        Document::Refused(rejection, Bytes::from_static(b"x"))
    };
    let records = (first..next).map(|offset| Record {
        offset,
        document: refused(),
    });
    Step::News(Polled::Window(Window {
        partition: partition.clone(),
        topic: Some("calls".into()),
        first,
        next,
        records: records.collect(),
        bytes: 10,
        lag: None,
    }))
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_come_and_go_and_what_was_read_is_committed_before() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path(), Arc::new(Faults::none()));
    let lake = Arc::new(lake.await.unwrap());
    let (zero, one) = (partition(0), partition(1));
    let steps = [
        Step::News(Polled::Assigned(vec![zero.clone(), one.clone()])),
        window(&zero, 0, 2),
        window(&one, 0, 3),
        Step::News(Polled::Revoked(vec![zero.clone()])),
        Step::Progress(zero.clone(), 2),
        // Too late: it is another process's by now.
        window(&zero, 2, 9),
        window(&one, 3, 4),
        Step::News(Polled::Assigned(vec![zero.clone()])),
        window(&zero, 2, 5),
    ];
    let source = Scripted {
        name: "kafka".into(),
        steps: steps.into(),
        begun: Vec::new(),
        lake: Arc::clone(&lake),
        runtime: Handle::current(),
    };
    let redactor = Redactor::new(TokenKey::from_bytes([7; 32]), AllowList::new([""; 0]));
    let settings = Settings {
        max_latency: Duration::from_millis(50),
        max_batch_bytes: 1 << 20,
        progress_interval: Duration::from_secs(60),
        times: TimeLimits {
            max_past_micros: 1,
            max_future_micros: 1,
        },
        clock: || NOW,
        models: SharedModels::new(Models::shipped().unwrap()),
    };
    let monitor = Monitor::default();
    let pipeline = Pipeline::start(
        Arc::clone(&lake),
        EventRedactor::new(Arc::new(redactor), false),
        vec![Box::new(source)],
        settings,
        monitor.clone(),
    );
    let run = pipeline.unwrap().run(CancellationToken::new());
    run.await.unwrap();
    let table = lake.table(TableId::DeadLetters);
    for (partition, next) in [(&zero, 5), (&one, 4)] {
        for table in lake.tables() {
            let stored = table.progress(&AppId::of(partition)).await.unwrap();
            assert_eq!(stored, Some(next), "{partition} in {}", table.name());
        }
    }
    let mut rows = 0;
    let (columns, mut read) = (["offset"], std::collections::HashSet::new());
    read_new_files(table, NOW.day(), &columns, &mut read, |batch| {
        rows += batch.num_rows();
    })
    .await
    .unwrap();
    assert_eq!(rows, 9);
    let names: Vec<_> = monitor
        .sources()
        .into_iter()
        .map(|state| state.name)
        .collect();
    assert_eq!(names, ["calls:calls", "calls:calls"]);
}
