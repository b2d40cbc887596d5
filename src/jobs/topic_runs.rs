//! Clustering runs over posted texts: one at a time, in the background, results kept for a while.
//!
//! Invariants: at most [`MAX_WAITING`] runs wait, at most [`MAX_KEPT`] ended ones are kept and none longer than
//! [`KEPT_FOR`]; a run whose thread dies has failed; texts are redacted before this module sees them and are dropped
//! when the run ends. Runs do not outlive the process. Not here: runs over the lake, which are jobs with tables.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::enrich::segment::Segmenter;
use crate::insight::topics::{Clustering, Encoder, Settings, cluster_by};
use crate::model::replace::{Model, is_whole};

/// Runs that may wait for their turn.
pub const MAX_WAITING: usize = 8;
/// Ended runs that are kept.
pub const MAX_KEPT: usize = 16;
/// How long an ended run is kept.
pub const KEPT_FOR: Duration = Duration::from_secs(3_600);

/// A text of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunText {
    /// The caller's id for it.
    pub id: String,
    /// The text, redacted.
    pub text: String,
}

/// Gives the texts of a run; called on the run's own thread, so that redaction delays no answer.
pub type Texts = Box<dyn FnOnce() -> Vec<RunText> + Send>;

/// How far a run has come.
#[derive(Debug, Clone)]
pub enum RunState {
    /// It waits for those before it.
    Queued,
    /// It runs.
    Running,
    /// It is done.
    Done(Arc<Found>),
    /// It broke off; the log says why.
    Failed,
}

/// What a run over posted texts found, ready to be shown.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// The topics, greatest first.
    pub topics: Vec<FoundTopic>,
    /// One per text in the order in which they were posted: its id, the place of its topic, how sure it is.
    pub assignments: Vec<(String, Option<(u32, f32)>)>,
    /// The model whose vectors parted the texts.
    pub encoder: String,
}

/// The built-in vectors: words and characters by singular values, and words that stand together.
pub const BUILT_IN: &str = "topics@1";

/// A topic of a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FoundTopic {
    /// Its first keywords.
    pub name: String,
    /// Terms that set it apart.
    pub keywords: Vec<String>,
    /// Redacted texts at its middle.
    pub exemplars: Vec<String>,
    /// How many texts it has.
    pub size: usize,
}

/// All runs of this process. Clones share them.
#[derive(Clone, Default)]
pub struct TopicRuns(Arc<Mutex<Runs>>);

#[derive(Default)]
struct Runs {
    encoder: Option<Arc<dyn Model>>,
    waiting: VecDeque<Waiting>,
    states: BTreeMap<String, RunState>,
    ended: VecDeque<(String, Instant)>,
    working: bool,
}

struct Waiting {
    id: String,
    texts: Texts,
    settings: Settings,
}

impl TopicRuns {
    /// Runs that take the vectors of `encoder`, and the built-in ones when it does not answer.
    #[must_use]
    pub fn with_encoder(encoder: Option<Arc<dyn Model>>) -> Self {
        let runs = Runs {
            encoder,
            ..Runs::default()
        };
        Self(Arc::new(Mutex::new(runs)))
    }

    /// Queues a run; false when too many wait.
    #[must_use]
    pub fn start(&self, id: String, settings: Settings, texts: Texts) -> bool {
        let mut runs = self.lock();
        runs.forget();
        if runs.waiting.len() >= MAX_WAITING {
            return false;
        }
        if !runs.working {
            let own = self.clone();
            let thread = std::thread::Builder::new().name("topics".to_owned());
            if thread.spawn(move || own.work()).is_err() {
                return false;
            }
            runs.working = true;
        }
        runs.states.insert(id.clone(), RunState::Queued);
        runs.waiting.push_back(Waiting {
            id,
            texts,
            settings,
        });
        true
    }

    /// How far a run has come; `None` when there is none, or no longer.
    #[must_use]
    pub fn state(&self, id: &str) -> Option<RunState> {
        let mut runs = self.lock();
        runs.forget();
        runs.states.get(id).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, Runs> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        loop {
            let next = {
                let mut runs = self.lock();
                let next = runs.waiting.pop_front();
                match &next {
                    Some(run) => {
                        runs.states.insert(run.id.clone(), RunState::Running);
                    }
                    None => runs.working = false,
                }
                next
            };
            let Some(run) = next else { return };
            let mut ending = Ending {
                runs: self,
                id: run.id,
                state: RunState::Failed,
            };
            // The next run must have its turn also after a panic in this one.
            let encoder = self.lock().encoder.clone();
            let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                find((run.texts)(), run.settings, encoder.as_deref())
            }));
            match found {
                Ok(found) => ending.state = RunState::Done(Arc::new(found)),
                Err(_) => tracing::error!(run = ending.id, "a clustering run broke off"),
            }
        }
    }
}

/// Stores how a run ended, whatever happens.
struct Ending<'r> {
    runs: &'r TopicRuns,
    id: String,
    state: RunState,
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        let mut runs = self.runs.lock();
        runs.states.insert(self.id.clone(), self.state.clone());
        runs.ended.push_back((self.id.clone(), Instant::now()));
        runs.forget();
    }
}

impl Runs {
    fn forget(&mut self) {
        let old = |at: &Instant| at.elapsed() > KEPT_FOR;
        while self.ended.len() > MAX_KEPT || self.ended.front().is_some_and(|(_, at)| old(at)) {
            if let Some((id, _)) = self.ended.pop_front() {
                self.states.remove(&id);
            }
        }
    }
}

/// Clusters texts and makes the result one that can be shown.
#[must_use]
pub fn find(texts: Vec<RunText>, settings: Settings, encoder: Option<&dyn Model>) -> Found {
    let said: Vec<&str> = texts.iter().map(|text| text.text.as_str()).collect();
    let used = std::cell::Cell::new(BUILT_IN);
    let encode = |model: &'_ dyn Model, texts: &[&str]| match model.rows(texts) {
        Ok(rows) if is_whole(&rows, texts.len(), None) => Some(rows),
        Ok(_) => None,
        Err(error) => {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "topics are found among the built-in vectors");
            None
        }
    };
    let encode = encoder.map(|model| {
        let used = &used;
        move |texts: &[&str]| encode(model, texts).inspect(|_| used.set(model.id()))
    });
    let by = encode.as_ref().map(|encode| encode as Encoder<'_>);
    let Clustering {
        topics,
        assignments,
        ..
    } = cluster_by(Segmenter::shared(), &said, settings, by);
    let shown = |place: &usize| {
        let text = said.get(*place).copied().unwrap_or_default();
        text.chars().take(MAX_EXEMPLAR_CHARS).collect()
    };
    let topics = topics
        .into_iter()
        .map(|topic| FoundTopic {
            exemplars: topic.exemplars.iter().map(shown).collect(),
            name: topic.name,
            keywords: topic.keywords,
            size: topic.size,
        })
        .collect();
    let given = assignments
        .into_iter()
        .map(|given| given.map(|given| (given.topic, given.confidence)));
    Found {
        topics,
        assignments: texts.into_iter().map(|text| text.id).zip(given).collect(),
        encoder: used.get().to_owned(),
    }
}

/// A longer exemplar is cut.
const MAX_EXEMPLAR_CHARS: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::endpoint::{Endpoint, EndpointSettings};
    use crate::model::replace::ModelError;

    fn texts(count: usize) -> Vec<RunText> {
        (0..count)
            .map(|i| RunText {
                id: i.to_string(),
                text: format!("cancel order {i}"),
            })
            .collect()
    }

    #[test]
    fn a_broken_run_fails_and_the_next_one_runs() {
        let runs = TopicRuns::default();
        let settings = Settings::default();
        let broken: Texts = Box::new(|| panic!("as a test"));
        assert!(runs.start("a".to_owned(), settings, broken));
        assert!(runs.start("b".to_owned(), settings, Box::new(|| texts(30))));
        let found = loop {
            match runs.state("b") {
                Some(RunState::Done(found)) => break found,
                Some(RunState::Queued | RunState::Running) => std::thread::yield_now(),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(found.assignments.len(), 30);
        assert!(matches!(runs.state("a"), Some(RunState::Failed)));
        assert!(runs.state("c").is_none());
    }

    /// Parts texts by whether their number is even, or does not answer.
    struct ByNumber(bool);

    impl Model for ByNumber {
        fn id(&self) -> &str {
            "test:parity@1"
        }

        fn rows(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, ModelError> {
            if !self.0 {
                return Err(ModelError::Incomplete {
                    id: self.id().to_owned(),
                    missing: texts.len() / 2,
                    asked: texts.len(),
                    cause: "as a test".to_owned(),
                });
            }
            let is_even = |text: &&str| text.ends_with(['0', '2', '4', '6', '8']);
            let row = |text| {
                if is_even(text) {
                    vec![1.0, 0.0]
                } else {
                    vec![0.0, 1.0]
                }
            };
            Ok(texts.iter().map(row).collect())
        }
    }

    /// Texts whose words say nothing of their number.
    fn worded() -> Vec<RunText> {
        let (verbs, things) = (
            ["cancel", "change", "track"],
            ["order", "plan", "parcel", "refund", "card"],
        );
        (0..60)
            .map(|i| RunText {
                id: i.to_string(),
                text: format!("{} my {} {i}", verbs[i / 2 % 3], things[i / 2 % 5]),
            })
            .collect()
    }

    #[test]
    fn an_encoder_parts_the_texts_and_the_built_in_vectors_stand_in_for_it() {
        let settings = Settings {
            topics: Some(2),
            ..Settings::default()
        };
        let found = find(worded(), settings, Some(&ByNumber(true)));
        assert_eq!(found.encoder, "test:parity@1");
        let topic_of = |place: usize| {
            let (_, given) = &found.assignments[place];
            given.map(|(topic, _)| topic)
        };
        let (even, odd) = (topic_of(0), topic_of(1));
        assert!(even.is_some() && odd.is_some() && even != odd);
        let as_expected =
            (0..60).all(|place| topic_of(place) == if place % 2 == 0 { even } else { odd });
        assert!(as_expected, "{:?}", found.assignments);

        let fallen = find(worded(), settings, Some(&ByNumber(false)));
        assert_eq!(fallen.encoder, BUILT_IN);
        assert!(fallen.assignments.iter().all(|(_, given)| given.is_some()));
        assert_eq!(fallen, find(worded(), settings, None));
    }

    #[test]
    fn an_endpoint_that_is_not_there_leaves_rows_whole() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        drop(taken);
        let settings = EndpointSettings {
            url: format!("http://{address}/v1"),
            model: "tiny".to_owned(),
            key: None,
            allowed_hosts: vec!["127.0.0.1".to_owned()],
            timeout: Duration::from_secs(1),
            batch: 8,
            attempts: 2,
            pause: Duration::from_millis(1),
        };
        let endpoint = Endpoint::new(settings, runtime.handle().clone()).unwrap();
        let runs = TopicRuns::with_encoder(Some(Arc::new(endpoint)));
        assert!(runs.start("a".to_owned(), Settings::default(), Box::new(|| texts(30))));
        let found = loop {
            match runs.state("a") {
                Some(RunState::Done(found)) => break found,
                Some(RunState::Queued | RunState::Running) => std::thread::yield_now(),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(found.encoder, BUILT_IN);
        assert_eq!(found.assignments.len(), 30);
        assert!(found.assignments.iter().all(|(_, given)| given.is_some()));
    }

    #[test]
    fn too_many_are_refused() {
        let runs = TopicRuns::default();
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let held: Texts = Box::new(move || {
            assert!(wait.recv().is_err());
            texts(3)
        });
        assert!(runs.start("held".to_owned(), Settings::default(), held));
        while !matches!(runs.state("held"), Some(RunState::Running)) {
            std::thread::yield_now();
        }
        for i in 0..MAX_WAITING {
            let started = runs.start(i.to_string(), Settings::default(), Box::new(|| texts(3)));
            assert!(started);
        }
        let refused = !runs.start("no".to_owned(), Settings::default(), Box::new(|| texts(3)));
        assert!(refused && runs.state("no").is_none());
        drop(go);
    }
}
