//! A source on its own thread, with back-pressure.
//!
//! Invariants: the source is called from this thread only; while the pipeline
//! is behind, the source is paused and still polled (Kafka needs that); after
//! a seek, windows read before it carry an older epoch and are dropped by the
//! pipeline.

#![expect(
    clippy::disallowed_methods,
    reason = "a source has a thread of its own and may block it"
)]

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::domain::Partition;
use crate::source::{Polled, Source, SourceError, Start, Window};

const WINDOW_BYTES: usize = 2 << 20;
const POLL_WAIT: Duration = Duration::from_millis(100);
const RETRY_WAIT: Duration = Duration::from_millis(500);
/// How long a full queue is waited for before the source is paused: pausing
/// throws away what Kafka has fetched ahead.
const PATIENCE: Duration = Duration::from_secs(1);
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// What the pipeline tells a source.
pub enum Command {
    /// Begin partitions; their windows from now on carry the number of this
    /// assignment.
    Seek(Vec<(Start, u64)>),
    /// Everything before `next` is durable in every table.
    Committed {
        /// The partition.
        partition: Partition,
        /// Next offset.
        next: i64,
    },
    /// What was revoked has been committed; polls may go on.
    RevokeDone,
    /// Stop reading.
    Stop,
}

/// What a source tells the pipeline.
pub enum News {
    /// Partitions wait for their seek.
    Assigned(Vec<Partition>),
    /// Partitions are going; commit what was read of them, then `RevokeDone`.
    Revoked(Vec<Partition>),
    /// How many records wait.
    Lags(Vec<(Partition, u64)>),
    /// Records, with the epoch of their assignment.
    Window(Window, u64),
    /// Nothing any more.
    Finished,
    /// The source can't be read; it is tried again.
    Failed(SourceError),
}

/// The pipeline's end of a source.
pub struct Reader {
    /// The source's name.
    pub name: Arc<str>,
    /// Whether event times must lie near the present.
    pub is_stream: bool,
    commands: Sender<Command>,
    thread: Option<JoinHandle<()>>,
}

impl Reader {
    /// Starts the thread. News go to `news`, marked with `index`.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(
        index: usize,
        source: Box<dyn Source>,
        news: mpsc::Sender<(usize, News)>,
    ) -> std::io::Result<Self> {
        let (commands, inbox) = channel();
        let name = Arc::clone(source.name());
        let is_stream = source.is_stream();
        let thread = Thread {
            index,
            source,
            news,
            commands: inbox,
            epochs: HashMap::new(),
        };
        let thread = std::thread::Builder::new()
            .name(format!("source-{name}"))
            .spawn(move || thread.run())?;
        Ok(Self {
            name,
            is_stream,
            commands,
            thread: Some(thread),
        })
    }

    /// Sends a command; a source that has ended needs none.
    pub fn tell(&self, command: Command) {
        drop(self.commands.send(command));
    }

    /// Whether the thread has ended, the source let go.
    pub fn has_ended(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

struct Thread {
    index: usize,
    source: Box<dyn Source>,
    news: mpsc::Sender<(usize, News)>,
    commands: Receiver<Command>,
    /// Number of the assignment of each partition.
    epochs: HashMap<Partition, u64>,
}

enum Next {
    Go,
    Stop,
}

/// What has to come back before the source is polled again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    None,
    Seek,
    RevokeDone,
    /// A source that has finished is asked again when there is a command.
    Any,
}

impl Answer {
    fn to(news: &News) -> Self {
        match news {
            News::Assigned(_) => Self::Seek,
            News::Revoked(_) => Self::RevokeDone,
            News::Finished => Self::Any,
            _ => Self::None,
        }
    }
}

impl Thread {
    fn run(mut self) {
        loop {
            if matches!(self.obey_all(), Next::Stop) {
                return;
            }
            let news = match self.source.poll(WINDOW_BYTES, POLL_WAIT) {
                Ok(Polled::Idle) => continue,
                Ok(Polled::Window(window)) => self.window(window),
                Ok(Polled::Assigned(partitions)) => News::Assigned(partitions),
                Ok(Polled::Revoked(partitions)) => News::Revoked(partitions),
                Ok(Polled::Lags(lags)) => News::Lags(lags),
                Ok(Polled::Finished) => News::Finished,
                Err(error) => {
                    std::thread::sleep(RETRY_WAIT);
                    News::Failed(error)
                }
            };
            let answer = Answer::to(&news);
            if matches!(self.send(news), Next::Stop)
                || matches!(self.await_answer(answer), Next::Stop)
            {
                return;
            }
        }
    }

    fn window(&self, window: Window) -> News {
        let epoch = self.epochs.get(&window.partition).copied().unwrap_or(0);
        News::Window(window, epoch)
    }

    /// Sends. While there is no room for long, the source is paused and polled.
    fn send(&mut self, news: News) -> Next {
        let mut waiting = match self.news.try_send((self.index, news)) {
            Ok(()) => return Next::Go,
            Err(TrySendError::Closed(_)) => return Next::Stop,
            Err(TrySendError::Full(waiting)) => waiting,
        };
        let since = Instant::now();
        while since.elapsed() < PATIENCE {
            std::thread::sleep(LOOK_AGAIN);
            match self.news.try_send(waiting) {
                Ok(()) => return Next::Go,
                Err(TrySendError::Closed(_)) => return Next::Stop,
                Err(TrySendError::Full(back)) => waiting = back,
            }
        }
        self.source.pause();
        let sent = loop {
            if matches!(self.poll_paused(), Next::Stop) || matches!(self.obey_all(), Next::Stop) {
                break Next::Stop;
            }
            match self.news.try_send(waiting) {
                Ok(()) => break Next::Go,
                Err(TrySendError::Closed(_)) => break Next::Stop,
                Err(TrySendError::Full(back)) => waiting = back,
            }
        };
        self.source.resume();
        sent
    }

    /// A paused source hands out no records; a rebalance waits for its turn.
    fn poll_paused(&mut self) -> Next {
        let news = match self.source.poll(0, Duration::from_millis(20)) {
            Ok(Polled::Assigned(partitions)) => News::Assigned(partitions),
            Ok(Polled::Revoked(partitions)) => News::Revoked(partitions),
            _ => return Next::Go,
        };
        let answer = Answer::to(&news);
        if self.news.blocking_send((self.index, news)).is_err() {
            return Next::Stop;
        }
        self.await_answer(answer)
    }

    /// Obeys until the pipeline has answered.
    fn await_answer(&mut self, answer: Answer) -> Next {
        loop {
            if answer == Answer::None {
                return Next::Go;
            }
            let Ok(command) = self.commands.recv() else {
                return Next::Stop;
            };
            let is_answer = answer == Answer::Any
                || match command {
                    Command::Seek(_) => answer == Answer::Seek,
                    Command::RevokeDone => answer == Answer::RevokeDone,
                    Command::Committed { .. } | Command::Stop => false,
                };
            if matches!(self.obey(command), Next::Stop) {
                return Next::Stop;
            }
            if is_answer {
                return Next::Go;
            }
        }
    }

    fn obey_all(&mut self) -> Next {
        loop {
            match self.commands.try_recv() {
                Ok(command) => {
                    if matches!(self.obey(command), Next::Stop) {
                        return Next::Stop;
                    }
                }
                Err(TryRecvError::Empty) => return Next::Go,
                Err(TryRecvError::Disconnected) => return Next::Stop,
            }
        }
    }

    fn obey(&mut self, command: Command) -> Next {
        let done = match command {
            Command::Seek(starts) => starts.iter().try_for_each(|(start, epoch)| {
                self.epochs.insert(start.partition.clone(), *epoch);
                self.source.seek(start)
            }),
            Command::Committed { partition, next } => self.source.committed(&partition, next),
            Command::RevokeDone => Ok(()),
            Command::Stop => return Next::Stop,
        };
        if let Err(error) = done {
            let failed = News::Failed(error);
            if self.news.blocking_send((self.index, failed)).is_err() {
                return Next::Stop;
            }
        }
        Next::Go
    }
}
