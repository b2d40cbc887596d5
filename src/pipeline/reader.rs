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

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::source::{Polled, Source, SourceError, Window};

const WINDOW_BYTES: usize = 2 << 20;
const POLL_WAIT: Duration = Duration::from_millis(100);
const RETRY_WAIT: Duration = Duration::from_millis(500);

/// What the pipeline tells a source.
pub enum Command {
    /// Begin a partition at an offset; windows from now on carry `epoch`.
    Seek {
        /// The partition.
        partition: i32,
        /// Next offset to read.
        next: i64,
        /// Number of this assignment.
        epoch: u64,
    },
    /// Everything before `next` is durable in every table.
    Committed {
        /// The partition.
        partition: i32,
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
    Assigned(Vec<i32>),
    /// Partitions are going; commit what was read of them, then `RevokeDone`.
    Revoked(Vec<i32>),
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
            epoch: 0,
        };
        std::thread::Builder::new()
            .name(format!("source-{name}"))
            .spawn(move || thread.run())?;
        Ok(Self {
            name,
            is_stream,
            commands,
        })
    }

    /// Sends a command; a source that has ended needs none.
    pub fn tell(&self, command: Command) {
        drop(self.commands.send(command));
    }
}

struct Thread {
    index: usize,
    source: Box<dyn Source>,
    news: mpsc::Sender<(usize, News)>,
    commands: Receiver<Command>,
    epoch: u64,
}

enum Next {
    Go,
    Stop,
}

impl Thread {
    fn run(mut self) {
        loop {
            if matches!(self.obey_all(), Next::Stop) {
                return;
            }
            let news = match self.source.poll(WINDOW_BYTES, POLL_WAIT) {
                Ok(Polled::Idle) => continue,
                Ok(Polled::Window(window)) => News::Window(window, self.epoch),
                Ok(Polled::Assigned(partitions)) => News::Assigned(partitions),
                Ok(Polled::Revoked(partitions)) => News::Revoked(partitions),
                Ok(Polled::Finished) => News::Finished,
                Err(error) => {
                    std::thread::sleep(RETRY_WAIT);
                    News::Failed(error)
                }
            };
            let waits_for_answer =
                matches!(news, News::Assigned(_) | News::Revoked(_) | News::Finished);
            if matches!(self.send(news), Next::Stop) {
                return;
            }
            if waits_for_answer && matches!(self.obey_one(), Next::Stop) {
                return;
            }
        }
    }

    /// Sends; while there is no room the source is paused and polled.
    fn send(&mut self, news: News) -> Next {
        let mut waiting = match self.news.try_send((self.index, news)) {
            Ok(()) => return Next::Go,
            Err(TrySendError::Closed(_)) => return Next::Stop,
            Err(TrySendError::Full(waiting)) => waiting,
        };
        self.source.pause();
        let sent = loop {
            // A paused source hands out no records; a rebalance waits for its turn.
            let rebalance = match self.source.poll(0, Duration::from_millis(20)) {
                Ok(Polled::Assigned(partitions)) => Some(News::Assigned(partitions)),
                Ok(Polled::Revoked(partitions)) => Some(News::Revoked(partitions)),
                _ => None,
            };
            let told = rebalance.map(|news| self.news.blocking_send((self.index, news)));
            if matches!(told, Some(Err(_))) {
                break Next::Stop;
            }
            if matches!(self.obey_all(), Next::Stop) {
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

    fn obey_one(&mut self) -> Next {
        match self.commands.recv() {
            Ok(command) => self.obey(command),
            Err(_) => Next::Stop,
        }
    }

    fn obey(&mut self, command: Command) -> Next {
        let done = match command {
            Command::Seek {
                partition,
                next,
                epoch,
            } => {
                self.epoch = epoch;
                self.source.seek(partition, next)
            }
            Command::Committed { partition, next } => self.source.committed(partition, next),
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
