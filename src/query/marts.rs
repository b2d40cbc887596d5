//! Stored days and live rows as one relation.
//!
//! `legs` and `interactions` are the stored rows of closed days, less those of interactions that something has
//! happened to since (*touched*), and the rows that the same SQL makes of the events of open days and of
//! touched interactions. Answers of surveys come days later and are laid over stored rows instead.
//!
//! Invariants: with and without stored days a mart has the same rows; what is stored was made from files that
//! the coverage names, and every row of any other file counts as news; news of one coverage only grow. Memory:
//! 16 bytes for each stored interaction. Not here: which days are closed, when they are stored (`jobs`).

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, Field, Int32Type, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;
use deltalake::DeltaTable;
use twox_hash::XxHash3_64;

use super::answer::BatchStream;
use super::catalog::{Snapshot, version_of};
use super::cells::{CELLS_OF, CellShelf};
use super::engine::Engine;
use super::error::QueryError;
use super::metrics::CellDays;
use crate::domain::{Day, Micros};
use crate::lake::{Coverage, Lake, LakeError, StoredMart, coverage, file_list, stored_mart};
use crate::tables::{Kind, MartId, TableId};

/// Logs that interactions are made of.
const LOGS: [TableId; 2] = [TableId::Turns, TableId::InteractionEvents];
/// Stored days of another version that are made again at a time.
const STALE_DAYS_AT_ONCE: usize = 14;

/// The stored part of a snapshot.
pub(super) struct Stored {
    /// Live rows are those of later days; `None`: nothing is stored.
    pub(super) through: Option<Day>,
    /// While days are stored: rows of later days are left out.
    pub(super) upper: Option<Day>,
    /// Stored marts by name.
    pub(super) marts: HashMap<&'static str, Arc<dyn TableProvider>>,
    /// Ids whose stored rows no longer hold, and the first day that may have rows of them.
    pub(super) touched: Option<(Arc<dyn TableProvider>, Day)>,
    /// Ids of stored rows with newer answers.
    pub(super) surveyed: Option<Arc<dyn TableProvider>>,
    /// Days with touched interactions.
    pub(super) dirty: BTreeSet<Day>,
    /// Stored cells of metrics that somebody asked for.
    pub(super) cells: Option<Arc<CellShelf>>,
}

impl Stored {
    /// Nothing is stored and nothing left out.
    pub(super) fn nothing() -> Self {
        Self {
            through: None,
            upper: None,
            marts: HashMap::new(),
            touched: None,
            surveyed: None,
            dirty: BTreeSet::new(),
            cells: None,
        }
    }

    /// The days whose cells are stored.
    pub(super) fn cell_days(&self) -> Option<CellDays> {
        self.cells.as_ref()?;
        Some(CellDays {
            through: self.through?,
            dirty: self.dirty.clone(),
        })
    }

    pub(super) fn table(&self, name: &str) -> Option<Arc<dyn TableProvider>> {
        match name {
            "touched" => self.touched.as_ref().map(|(ids, _)| Arc::clone(ids)),
            "surveyed" => self.surveyed.clone(),
            name => match name.strip_prefix(CELLS_OF) {
                Some(metric) => self.cells.as_ref()?.of(metric),
                None => self.marts.get(name).cloned(),
            },
        }
    }

    /// The rows of a log that live rows are made of; `None`: all of them.
    pub(super) fn live_log(&self, log: &str) -> Option<String> {
        if !LOGS.iter().any(|table| table.name() == log) {
            return None;
        }
        let upper = self.upper.map(|day| format!("dt <= date '{day}'"));
        let Some(through) = self.through else {
            return upper.map(|upper| format!("select * from raw.{log} where {upper}"));
        };
        let upper = upper.map_or(String::new(), |upper| format!(" and {upper}"));
        let mut sql = format!("select * from raw.{log} where dt > date '{through}'{upper}");
        if let Some((_, from)) = &self.touched {
            let touched = format!(
                " union all select l.* from raw.{log} as l \
                 left semi join stored.touched as t on l.interaction_id = t.interaction_id \
                 where l.dt >= date '{from}' and l.dt <= date '{through}'"
            );
            sql.push_str(&touched);
        }
        Some(sql)
    }

    /// All rows of a mart; `None`: what its file says.
    pub(super) fn whole(&self, name: &str) -> Option<String> {
        self.marts.get(name)?;
        let id = *MartId::ALL.iter().find(|id| id.name() == name)?;
        if id == MartId::Cells {
            // They know nothing of interactions, so they can't be told from news: the statement itself answers.
            return None;
        }
        let overlaid = id == MartId::Interactions && self.surveyed.is_some();
        let mut stored = String::from("select ");
        let mut live = String::from("select ");
        for column in id.spec().columns {
            let name = column.name;
            let from = match name {
                "csat" | "nps" if overlaid => {
                    format!(
                        "case when a.interaction_id is null then s.{name} else a.{name} end as {name}"
                    )
                }
                name => format!("s.\"{name}\""),
            };
            stored.push_str(&from);
            stored.push_str(", ");
            let from = match column.kind {
                Kind::Long => format!("cast(l.\"{name}\" as bigint) as \"{name}\", "),
                _ => format!("l.\"{name}\", "),
            };
            live.push_str(&from);
        }
        stored.push_str("s.dt from stored.");
        stored.push_str(name);
        stored.push_str(" as s");
        if overlaid {
            stored.push_str(
                " left join (select q.* from interaction_surveys as q left semi join stored.surveyed as n \
                 on q.interaction_id = n.interaction_id) as a on s.interaction_id = a.interaction_id",
            );
        }
        if self.touched.is_some() {
            stored.push_str(
                " left anti join stored.touched as t on s.interaction_id = t.interaction_id",
            );
        }
        Some(format!(
            "{stored} union all {live}l.dt from live.{name} as l"
        ))
    }
}

/// What has happened since the stored days were made.
struct News {
    number: i64,
    coverage: Coverage,
    through: Day,
    index: Index,
    read: HashSet<(TableId, String)>,
    touched: BTreeSet<String>,
    touched_days: BTreeSet<Day>,
    surveyed: BTreeSet<String>,
    surveyed_days: BTreeSet<Day>,
}

/// Days of stored interactions, by a hash of their id: a false hit only costs time.
struct Index(Vec<(u64, i32)>);

fn hash(id: &str) -> u64 {
    XxHash3_64::oneshot(id.as_bytes())
}

impl Index {
    async fn read(table: &DeltaTable) -> Result<Self, LakeError> {
        let name = MartId::Interactions.name();
        let mut entries = Vec::new();
        for (day, file) in file_list(name, table)? {
            let add = |id: &str| entries.push((hash(id), day.0));
            file.interaction_ids(name, table, add).await?;
        }
        entries.sort_unstable();
        Ok(Self(entries))
    }

    fn day(&self, id: &str) -> Option<Day> {
        let wanted = hash(id);
        let place = self.0.partition_point(|(hash, _)| *hash < wanted);
        let (found, day) = self.0.get(place)?;
        (*found == wanted).then_some(Day(*day))
    }
}

impl News {
    async fn begin(
        number: i64,
        coverage: Coverage,
        table: &DeltaTable,
    ) -> Result<Option<Self>, LakeError> {
        let Some(through) = coverage.through() else {
            return Ok(None);
        };
        Ok(Some(Self {
            number,
            coverage,
            through,
            index: Index::read(table).await?,
            read: HashSet::new(),
            touched: BTreeSet::new(),
            touched_days: BTreeSet::new(),
            surveyed: BTreeSet::new(),
            surveyed_days: BTreeSet::new(),
        }))
    }

    /// Reads the ids of the files that have come since.
    async fn read(&mut self, id: TableId, table: &DeltaTable) -> Result<(), LakeError> {
        let name = id.name();
        for (day, file) in file_list(name, table)? {
            let known = self.coverage.has(name, file.path())
                || !self.read.insert((id, file.path().to_owned()));
            if known {
                continue;
            }
            let mut last = String::new();
            let (through, index) = (self.through, &self.index);
            let (ids, days) = match id {
                TableId::Surveys => (&mut self.surveyed, &mut self.surveyed_days),
                _ => (&mut self.touched, &mut self.touched_days),
            };
            let late = day <= through && id != TableId::Surveys;
            let each = |found: &str| {
                if found == last {
                    return;
                }
                last.clear();
                last.push_str(found);
                let stored = index.day(found);
                days.extend(stored);
                if late {
                    days.insert(day);
                }
                if (late || stored.is_some()) && !ids.contains(found) {
                    ids.insert(found.to_owned());
                }
            };
            file.interaction_ids(name, table, each).await?;
        }
        Ok(())
    }
}

/// What a process knows of the stored marts, kept between snapshots.
#[derive(Default)]
pub(super) struct Marts {
    numbers: HashMap<MartId, (i64, i64)>,
    news: Option<News>,
}

/// The newest versions of what marts are made of.
pub(super) type Logs<'t> = &'t [(TableId, Arc<DeltaTable>)];

impl Marts {
    async fn stored(&mut self, lake: &Lake, id: MartId) -> Result<StoredMart, LakeError> {
        let table = lake.mart(id).latest();
        let version = version_of(&table);
        if let Some((at, number)) = self.numbers.get(&id)
            && *at == version
        {
            return Ok(StoredMart {
                number: *number,
                table,
            });
        }
        let stored = stored_mart(lake, id).await?;
        self.numbers
            .insert(id, (version_of(&stored.table), stored.number));
        Ok(stored)
    }

    /// Takes in what is new; the tables of the marts whose stored rows may be used.
    pub(super) async fn advance(
        &mut self,
        lake: &Lake,
        logs: Logs<'_>,
    ) -> Result<Vec<(MartId, Arc<DeltaTable>)>, LakeError> {
        let interactions = self.stored(lake, MartId::Interactions).await?;
        let legs = self.stored(lake, MartId::Legs).await?;
        let cells = self.stored(lake, MartId::Cells).await?;
        if self.news.as_ref().map_or(0, |news| news.number) != interactions.number {
            self.news = match coverage(lake, interactions.number).await? {
                None => None,
                Some(found) => News::begin(interactions.number, found, &interactions.table).await?,
            };
        }
        let Some(news) = &mut self.news else {
            return Ok(Vec::new());
        };
        for (id, table) in logs {
            if LOGS.contains(id) || *id == TableId::Surveys {
                news.read(*id, table).await?;
            }
        }
        let mut usable = vec![(MartId::Interactions, interactions.table)];
        // Between the two commits of one build the older one is answered live.
        if legs.number == interactions.number {
            usable.push((MartId::Legs, legs.table));
        }
        if cells.number == interactions.number {
            usable.push((MartId::Cells, cells.table));
        }
        Ok(usable)
    }

    /// The stored part of a snapshot with these providers.
    pub(super) fn part(
        &self,
        marts: HashMap<&'static str, Arc<dyn TableProvider>>,
    ) -> Result<Stored, QueryError> {
        let Some(news) = self.news.as_ref().filter(|_| !marts.is_empty()) else {
            return Ok(Stored::nothing());
        };
        Ok(Stored {
            through: Some(news.through),
            upper: None,
            marts,
            touched: match news.touched_days.first() {
                Some(from) => Some((ids(&news.touched)?, *from)),
                None => None,
            },
            surveyed: match news.surveyed.is_empty() {
                false => Some(ids(&news.surveyed)?),
                true => None,
            },
            dirty: news.touched_days.clone(),
            cells: None,
        })
    }
}

pub(super) fn ids(ids: &BTreeSet<String>) -> Result<Arc<dyn TableProvider>, QueryError> {
    let failed = |error| QueryError::internal("listing interactions with news", error);
    let field = Field::new("interaction_id", DataType::Utf8, false);
    let schema = Arc::new(Schema::new(vec![field]));
    let column: ArrayRef = Arc::new(StringArray::from_iter_values(ids));
    let rows = RecordBatch::try_new(Arc::clone(&schema), vec![column]);
    let rows = rows.map_err(|error| failed(error.into()))?;
    let table = MemTable::try_new(schema, vec![vec![rows]]).map_err(failed)?;
    Ok(Arc::new(table))
}

/// What is stored, for whoever decides what to store next.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MartNews {
    /// The last stored day.
    pub through: Option<Day>,
    /// Stored interactions whose rows no longer hold.
    pub touched: usize,
    /// Stored days made by another version of the SQL.
    pub stale_days: usize,
    /// Metrics whose stored cells are in memory.
    pub cells_loaded: usize,
}

/// Days about to be stored.
pub struct MartBuild {
    pub(super) snapshot: Arc<Snapshot>,
    /// Days whose stored rows are replaced.
    pub days: BTreeSet<Day>,
    /// Number of the coverage that they will have.
    pub number: i64,
    /// That coverage, less the days with rows.
    pub coverage: Coverage,
    /// Version of the SQL.
    pub version: String,
}

/// Rows of a mart, day by day.
pub struct MartRows {
    schema: SchemaRef,
    rows: BatchStream,
}

impl MartRows {
    /// The next rows by their day, in the stored form; `None` at the end.
    ///
    /// # Errors
    /// What stopped the query.
    pub async fn next(&mut self) -> Result<Option<BTreeMap<Day, RecordBatch>>, QueryError> {
        use futures::StreamExt;
        let Some(rows) = self.rows.next().await else {
            return Ok(None);
        };
        let rows = rows?;
        let failed = |error: arrow::error::ArrowError| {
            QueryError::internal("giving rows of a mart their stored types", error.into())
        };
        let last = rows.num_columns().saturating_sub(1);
        let days = cast(rows.column(last), &DataType::Int32).map_err(failed)?;
        let days = days.as_primitive::<Int32Type>();
        let fields = self.schema.fields().iter().zip(rows.columns());
        let columns = fields.map(|(field, column)| cast(column, field.data_type()));
        let columns: Vec<ArrayRef> = columns.collect::<Result<_, _>>().map_err(failed)?;
        let rows = RecordBatch::try_new(Arc::clone(&self.schema), columns).map_err(failed)?;
        let mut by_day = BTreeMap::new();
        let distinct: BTreeSet<i32> = days.values().iter().copied().collect();
        for day in distinct {
            let of_day = days.iter().map(|found| Some(found == Some(day))).collect();
            let part = filter_record_batch(&rows, &of_day).map_err(failed)?;
            by_day.insert(Day(day), part);
        }
        Ok(Some(by_day))
    }
}

impl Engine {
    /// What is stored, and what has happened since.
    ///
    /// # Errors
    /// When the lake can't be read.
    pub async fn mart_news(&self) -> Result<MartNews, QueryError> {
        let snapshot = self.catalog().snapshot().await?;
        let marts = self.catalog().marts().await;
        let Some(news) = &marts.news else {
            return Ok(MartNews::default());
        };
        let cells = snapshot.stored.cells.as_ref();
        let version = &self.library().version;
        let stale = news.coverage.days.values().filter(|made| *made != version);
        Ok(MartNews {
            through: Some(news.through),
            touched: news.touched.len() + news.surveyed.len(),
            stale_days: stale.count(),
            cells_loaded: cells.map_or(0, |cells| cells.loaded()),
        })
    }

    /// Days of the logs after `after` and up to `last`, with when their last row came in and the bytes of their
    /// files.
    ///
    /// # Errors
    /// When the lake can't be read.
    pub async fn days_between(
        &self,
        after: Option<Day>,
        last: Day,
    ) -> Result<BTreeMap<Day, (Micros, u64)>, QueryError> {
        let mut days: BTreeMap<Day, (Micros, u64)> = BTreeMap::new();
        for id in LOGS {
            let table = self.lake().table(id).latest();
            for (day, file) in file_list(id.name(), &table)? {
                if day <= last && after.is_none_or(|after| day > after) {
                    days.entry(day).or_insert((Micros(i64::MIN), 0)).1 += file.bytes();
                }
            }
            for (day, last_at) in self.last_rows(id, after, last).await? {
                let entry = days.entry(day).or_insert((last_at, 0));
                entry.0 = entry.0.max(last_at);
            }
        }
        Ok(days)
    }

    /// Prepares storing every day up to `through` that has news, and some of those made by another version.
    ///
    /// # Errors
    /// When the lake can't be read.
    pub async fn plan_marts(&self, through: Day) -> Result<MartBuild, QueryError> {
        let version = self.library().version.clone();
        let current = self.catalog().snapshot().await?;
        let marts = self.catalog().marts().await;
        let (before, days, stored) = match &marts.news {
            None => (Coverage::default(), BTreeSet::new(), Stored::nothing()),
            Some(news) => {
                let mut touched = news.touched.clone();
                let mut days: BTreeSet<Day> = &news.touched_days | &news.surveyed_days;
                let stale = news
                    .coverage
                    .days
                    .iter()
                    .filter(|(_, made)| **made != version);
                let stale = stale.filter_map(|(day, _)| Day::parse(day).ok());
                let stale: BTreeSet<Day> = stale.take(STALE_DAYS_AT_ONCE).collect();
                self.ids_of_days(&stale, &mut touched).await?;
                let first = news
                    .touched_days
                    .first()
                    .into_iter()
                    .chain(stale.first())
                    .min()
                    .copied();
                days.extend(&stale);
                let stored = Stored {
                    touched: match first {
                        Some(from) => Some((ids(&touched)?, from)),
                        None => None,
                    },
                    ..marts.part(current.stored.marts.clone())?
                };
                (news.coverage.clone(), days, stored)
            }
        };
        let number = marts.next_number();
        drop(marts);
        let after = stored.through;
        let stored = Stored {
            upper: Some(through),
            ..stored
        };
        let mut build = MartBuild {
            snapshot: self.catalog().variant(&current, stored),
            days,
            number,
            coverage: before,
            version,
        };
        build.cover(&current, after, through)?;
        Ok(build)
    }

    async fn ids_of_days(
        &self,
        days: &BTreeSet<Day>,
        ids: &mut BTreeSet<String>,
    ) -> Result<(), QueryError> {
        let table = self.lake().mart(MartId::Interactions).latest();
        let name = MartId::Interactions.name();
        for (day, file) in file_list(name, &table)? {
            if days.contains(&day) {
                let add = |id: &str| {
                    ids.insert(id.to_owned());
                };
                file.interaction_ids(name, &table, add).await?;
            }
        }
        Ok(())
    }

    /// The rows of the days of `build`.
    ///
    /// # Errors
    /// When the query can't begin.
    pub async fn mart_rows(&self, build: &MartBuild, id: MartId) -> Result<MartRows, QueryError> {
        let mut sql = String::from("select ");
        for column in id.spec().columns {
            // Writing to a string does not fail.
            let _ = write!(sql, "\"{}\", ", column.name);
        }
        let days = build.days.iter().map(|day| format!("date '{day}'"));
        let days = days.collect::<Vec<_>>().join(", ");
        let _ = write!(sql, "dt from tingchao.{} where dt in ({days})", id.name());
        let answer = self.maintain_at(sql, Arc::clone(&build.snapshot)).await?;
        Ok(MartRows {
            schema: id.spec().schema(),
            rows: answer.batches,
        })
    }
}

impl Marts {
    fn next_number(&self) -> i64 {
        let known = self.numbers.values().map(|(_, number)| *number);
        known.max().unwrap_or(0) + 1
    }
}

impl MartBuild {
    /// Notes which files the stored days will have been made from.
    fn cover(
        &mut self,
        current: &Snapshot,
        after: Option<Day>,
        through: Day,
    ) -> Result<(), QueryError> {
        self.coverage.through = Some(through.to_string());
        self.coverage.files.clear();
        for (id, table) in &current.logs {
            if !LOGS.contains(id) && *id != TableId::Surveys {
                continue;
            }
            let covered = self.coverage.files.entry(id.name().to_owned()).or_default();
            for (day, file) in file_list(id.name(), table)? {
                // Answers of surveys are read whatever their day.
                if day <= through || *id == TableId::Surveys {
                    covered.insert(file.path().to_owned());
                }
                let is_new = LOGS.contains(id) && after.is_none_or(|after| day > after);
                if is_new && day <= through {
                    self.days.insert(day);
                }
            }
        }
        Ok(())
    }

    /// Notes which of its days have rows.
    pub fn stored(&mut self, with_rows: &BTreeSet<Day>) {
        for day in &self.days {
            let key = day.to_string();
            if with_rows.contains(day) {
                self.coverage.days.insert(key, self.version.clone());
            } else {
                self.coverage.days.remove(&key);
            }
        }
    }
}
