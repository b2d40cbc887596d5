//! The full-text index of turns: which of them hold the words that somebody looks for, newest first.
//!
//! Every word of a query must occur, as a word or as the characters it is made of. Invariants: it is a projection of
//! the table `turns`; the version that it has reached is part of each of its commits; an index of another form, or one
//! that can't be read, is deleted and begun anew; texts are redacted, since they come from the table. The writer has a
//! fixed memory; the disk holds texts of [`KEPT_DAYS`] days. Not here: what is fed to it and when (`jobs`).

use std::collections::HashSet;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use serde::{Deserialize, Serialize};
use tantivy::collector::TopDocs;
use tantivy::directory::MmapDirectory;
use tantivy::query::{BooleanQuery, EmptyQuery, Occur, Query, RangeQuery, TermQuery};
use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, STORED, STRING, Schema, TextFieldIndexing,
    TextOptions, Value,
};
use tantivy::tokenizer::TextAnalyzer;
use tantivy::{
    DocAddress, Index, IndexReader, IndexWriter, Order, ReloadPolicy, TantivyDocument, Term,
};

use super::analysis::Term as WordTerm;
use super::snippet::{cut, wanted};
use super::synonyms::Synonyms;
use super::tokenizer::{Kind, Terms, tokens};
use crate::domain::{Day, Micros};
use crate::enrich::normalise::for_matching;

/// Turns of so many days are found.
pub const KEPT_DAYS: i32 = 400;
/// Hits beyond this one are not paged through.
pub const MAX_HITS: usize = 10_000;
/// Longest query, characters.
pub const MAX_QUERY_CHARS: usize = 200;

const WRITER_BYTES: usize = 32 << 20;
/// Counts changes of the fields and of the tokens.
const FORM: u32 = 1;

/// Why the index failed.
#[derive(Debug, thiserror::Error)]
pub enum TurnIndexError {
    /// The library refused.
    #[error("the index of turns failed; delete its folder, it is made again")]
    Index(#[from] tantivy::TantivyError),
    /// The folder could not be made or removed.
    #[error("the folder {} of the index of turns could not be made", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// A thread died while it wrote.
    #[error("the index of turns was left half written; restart the process")]
    Poisoned,
}

/// A turn as it is indexed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexedTurn {
    /// Where it was said.
    pub interaction_id: String,
    /// Its id there.
    pub turn_id: String,
    /// Who said it.
    pub speaker: String,
    /// Where known.
    pub channel: Option<String>,
    /// When.
    pub at: Micros,
    /// The words, redacted.
    pub text: String,
}

/// What is looked for; all given filters hold together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TurnQuery<'q> {
    /// Words.
    pub words: &'q str,
    /// On this channel.
    pub channel: Option<&'q str>,
    /// By this speaker.
    pub speaker: Option<&'q str>,
    /// Said at this time or later.
    pub from: Option<Micros>,
    /// Said before this time.
    pub to: Option<Micros>,
}

/// A turn that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnHit {
    /// The turn; its text is the part that has the words.
    pub turn: IndexedTurn,
    /// Words of the query in the text, in Unicode scalar values: from, to.
    pub highlights: Vec<(usize, usize)>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Reached {
    form: u32,
    next: i64,
}

#[derive(Clone, Copy)]
struct Fields {
    interaction: Field,
    turn: Field,
    speaker: Field,
    channel: Field,
    at: Field,
    text: Field,
    words: Field,
    parts: Field,
}

/// The index.
pub struct TurnIndex {
    index: Index,
    writer: Mutex<IndexWriter>,
    reader: IndexReader,
    fields: Fields,
}

impl TurnIndex {
    /// Opens the index in `folder`; what can't be used is made anew, empty.
    ///
    /// # Errors
    /// When the folder can't be made.
    pub fn open(folder: &Path) -> Result<Self, TurnIndexError> {
        match Self::open_as_is(folder) {
            Ok(index) if index.next()?.is_some() || index.is_empty() => Ok(index),
            Ok(other) => {
                drop(other);
                Self::anew(folder)
            }
            Err(_) => Self::anew(folder),
        }
    }

    fn anew(folder: &Path) -> Result<Self, TurnIndexError> {
        if folder.exists() {
            std::fs::remove_dir_all(folder).map_err(|source| failed(folder, source))?;
        }
        Self::open_as_is(folder)
    }

    fn open_as_is(folder: &Path) -> Result<Self, TurnIndexError> {
        std::fs::create_dir_all(folder).map_err(|source| failed(folder, source))?;
        let (schema, fields) = schema();
        let directory = MmapDirectory::open(folder).map_err(tantivy::TantivyError::from)?;
        let index = Index::open_or_create(directory, schema)?;
        let kinds = [("words", Kind::Words), ("parts", Kind::Parts)];
        for (name, kind) in kinds {
            let analyzer = TextAnalyzer::from(Terms(kind));
            index.tokenizers().register(name, analyzer);
        }
        let writer = index.writer_with_num_threads(1, WRITER_BYTES)?;
        let reader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .try_into()?;
        Ok(Self {
            index,
            writer: Mutex::new(writer),
            reader,
            fields,
        })
    }

    fn is_empty(&self) -> bool {
        self.reader.searcher().num_docs() == 0
    }

    /// The first version of the table that is not in it; `None` before the first commit.
    ///
    /// # Errors
    /// When the index can't be read.
    pub fn next(&self) -> Result<Option<i64>, TurnIndexError> {
        let payload = self.index.load_metas()?.payload.unwrap_or_default();
        let reached: Reached = serde_json::from_str(&payload).unwrap_or_default();
        Ok((reached.form == FORM).then_some(reached.next))
    }

    /// Takes out what these interactions said since `from`, and puts `turns` in; seen after [`TurnIndex::commit`].
    ///
    /// # Errors
    /// When the index can't be written.
    pub fn replace<'i>(
        &self,
        interactions: impl IntoIterator<Item = &'i str>,
        from: Day,
        turns: &[IndexedTurn],
    ) -> Result<(), TurnIndexError> {
        let writer = self.writer()?;
        for id in interactions {
            let own = exact(self.fields.interaction, id);
            let since = self.since(Some(from.start()), None);
            writer.delete_query(Box::new(BooleanQuery::new(vec![
                (Occur::Must, own),
                (Occur::Must, since),
            ])))?;
        }
        for turn in turns {
            writer.add_document(self.document(turn))?;
        }
        Ok(())
    }

    /// Makes it seen; `next` is the first version of the table that is not in it. What was said before `oldest` goes.
    ///
    /// # Errors
    /// When the index can't be written.
    pub fn commit(&self, next: i64, oldest: Day) -> Result<(), TurnIndexError> {
        let mut writer = self.writer()?;
        writer.delete_query(self.since(None, Some(oldest.start())))?;
        let payload = serde_json::to_string(&Reached { form: FORM, next });
        let mut prepared = writer.prepare_commit()?;
        prepared.set_payload(&payload.unwrap_or_default());
        prepared.commit()?;
        self.reader.reload()?;
        Ok(())
    }

    /// Takes everything out; seen after [`TurnIndex::commit`].
    ///
    /// # Errors
    /// When the index can't be written.
    pub fn clear(&self) -> Result<(), TurnIndexError> {
        self.writer()?.delete_all_documents()?;
        Ok(())
    }

    fn writer(&self) -> Result<MutexGuard<'_, IndexWriter>, TurnIndexError> {
        self.writer.lock().map_err(|_| TurnIndexError::Poisoned)
    }

    fn document(&self, turn: &IndexedTurn) -> TantivyDocument {
        let fields = self.fields;
        let normal = for_matching(&turn.text);
        let mut document = TantivyDocument::default();
        document.add_text(fields.interaction, &turn.interaction_id);
        document.add_text(fields.turn, &turn.turn_id);
        document.add_text(fields.speaker, &turn.speaker);
        if let Some(channel) = &turn.channel {
            document.add_text(fields.channel, channel);
        }
        document.add_i64(fields.at, turn.at.0);
        document.add_text(fields.text, &turn.text);
        document.add_text(fields.words, &normal);
        document.add_text(fields.parts, &normal);
        document
    }

    /// The hits from `skip` on, newest first, at most `limit`.
    ///
    /// # Errors
    /// When the index can't be read.
    pub fn search(
        &self,
        query: &TurnQuery<'_>,
        skip: usize,
        limit: usize,
    ) -> Result<Vec<TurnHit>, TurnIndexError> {
        let searcher = self.reader.searcher();
        let newest = TopDocs::with_limit(limit.max(1))
            .and_offset(skip)
            .order_by_fast_field::<i64>("at", Order::Desc);
        let found: Vec<(Option<i64>, DocAddress)> = searcher.search(&self.query(query), &newest)?;
        let terms = wanted(query.words, &Synonyms::default());
        let mut hits = Vec::with_capacity(found.len());
        for (_, address) in found {
            hits.push(self.hit(&searcher.doc(address)?, &terms));
        }
        Ok(hits)
    }

    fn hit(&self, document: &TantivyDocument, terms: &HashSet<WordTerm>) -> TurnHit {
        let text = |field| {
            let value = document.get_first(field);
            value.and_then(|value| value.as_str().map(str::to_owned))
        };
        let fields = self.fields;
        let at = document.get_first(fields.at);
        let part = cut(&text(fields.text).unwrap_or_default(), terms);
        TurnHit {
            turn: IndexedTurn {
                interaction_id: text(fields.interaction).unwrap_or_default(),
                turn_id: text(fields.turn).unwrap_or_default(),
                speaker: text(fields.speaker).unwrap_or_default(),
                channel: text(fields.channel),
                at: Micros(at.and_then(|at| at.as_i64()).unwrap_or_default()),
                text: part.text,
            },
            highlights: part.highlights,
        }
    }

    fn query(&self, asked: &TurnQuery<'_>) -> BooleanQuery {
        let normal = for_matching(asked.words);
        let every = |field, kind| -> Box<dyn Query> {
            let found = tokens(kind, &normal);
            // A character alone is in its pairs.
            let is_pair = |text: &str| text.chars().nth(1).is_some();
            let has_pairs = found.iter().any(|token| is_pair(&token.text));
            let kept = found
                .iter()
                .filter(|token| kind == Kind::Words || !has_pairs || is_pair(&token.text));
            let terms: Vec<(Occur, Box<dyn Query>)> = kept
                .map(|token| (Occur::Must, exact(field, &token.text)))
                .collect();
            if terms.is_empty() {
                Box::new(EmptyQuery)
            } else {
                Box::new(BooleanQuery::new(terms))
            }
        };
        let words = BooleanQuery::new(vec![
            (Occur::Should, every(self.fields.words, Kind::Words)),
            (Occur::Should, every(self.fields.parts, Kind::Parts)),
        ]);
        let mut all: Vec<(Occur, Box<dyn Query>)> = vec![(Occur::Must, Box::new(words))];
        let closed = [
            (self.fields.channel, asked.channel),
            (self.fields.speaker, asked.speaker),
        ];
        for (field, word) in closed {
            all.extend(word.map(|word| (Occur::Must, exact(field, word))));
        }
        if asked.from.is_some() || asked.to.is_some() {
            all.push((Occur::Must, self.since(asked.from, asked.to)));
        }
        BooleanQuery::new(all)
    }

    /// Said from `from` on and before `to`.
    fn since(&self, from: Option<Micros>, to: Option<Micros>) -> Box<dyn Query> {
        let term = |at: Micros| Term::from_field_i64(self.fields.at, at.0);
        let low = from.map_or(Bound::Unbounded, |at| Bound::Included(term(at)));
        let high = to.map_or(Bound::Unbounded, |at| Bound::Excluded(term(at)));
        match (&low, &high) {
            // A range names its field by a bound.
            (Bound::Unbounded, Bound::Unbounded) => Box::new(EmptyQuery),
            _ => Box::new(RangeQuery::new(low, high)),
        }
    }
}

fn exact(field: Field, text: &str) -> Box<dyn Query> {
    let term = Term::from_field_text(field, text);
    Box::new(TermQuery::new(term, IndexRecordOption::Basic))
}

fn failed(path: &Path, source: std::io::Error) -> TurnIndexError {
    TurnIndexError::Folder {
        path: path.to_owned(),
        source,
    }
}

fn schema() -> (Schema, Fields) {
    let mut schema = Schema::builder();
    let indexed = |name: &str| {
        let indexing = TextFieldIndexing::default()
            .set_tokenizer(name)
            .set_index_option(IndexRecordOption::Basic);
        TextOptions::default().set_indexing_options(indexing)
    };
    let fields = Fields {
        interaction: schema.add_text_field("interaction", STRING | STORED),
        turn: schema.add_text_field("turn", STORED),
        speaker: schema.add_text_field("speaker", STRING | STORED),
        channel: schema.add_text_field("channel", STRING | STORED),
        at: schema.add_i64_field("at", INDEXED | FAST | STORED),
        text: schema.add_text_field("text", STORED),
        words: schema.add_text_field("words", indexed("words")),
        parts: schema.add_text_field("parts", indexed("parts")),
    };
    (schema.build(), fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(interaction: &str, turn: &str, at: i64, text: &str) -> IndexedTurn {
        IndexedTurn {
            interaction_id: interaction.to_owned(),
            turn_id: turn.to_owned(),
            speaker: if turn.starts_with('a') {
                "agent"
            } else {
                "customer"
            }
            .to_owned(),
            channel: Some("chat".to_owned()),
            at: Micros(at),
            text: text.to_owned(),
        }
    }

    fn ids(index: &TurnIndex, query: &TurnQuery<'_>) -> Vec<String> {
        let hits = index.search(query, 0, 10).unwrap();
        hits.into_iter().map(|hit| hit.turn.turn_id).collect()
    }

    fn of(words: &str) -> TurnQuery<'_> {
        TurnQuery {
            words,
            ..TurnQuery::default()
        }
    }

    #[test]
    fn turns_are_found_newest_first_and_filtered() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("turns");
        let index = TurnIndex::open(&path).unwrap();
        assert_eq!(index.next().unwrap(), None);
        let said = [
            turn("i", "c1", 1, "我要修改登录密码"),
            turn("i", "a1", 2, "好的，密码请在设置里修改"),
            turn("j", "c2", 3, "Where is my parcel?"),
        ];
        index.replace(["i", "j"], Day(0), &said).unwrap();
        index.commit(5, Day(-9)).unwrap();
        assert_eq!(ids(&index, &of("修改密码")), ["a1", "c1"]);
        assert_eq!(ids(&index, &of("parcels")), ["c2"]);
        assert!(ids(&index, &of("密码 包裹")).is_empty());
        assert!(ids(&index, &of("！？")).is_empty());
        let by_agent = TurnQuery {
            speaker: Some("agent"),
            ..of("密码")
        };
        assert_eq!(ids(&index, &by_agent), ["a1"]);
        let early = TurnQuery {
            to: Some(Micros(2)),
            ..of("密码")
        };
        assert_eq!(ids(&index, &early), ["c1"]);
        let hit = &index.search(&of("密码"), 1, 1).unwrap()[0];
        assert_eq!(
            (hit.turn.text.as_str(), hit.highlights.as_slice()),
            ("我要修改登录密码", [(6, 8)].as_slice())
        );
    }

    #[test]
    fn an_index_goes_on_where_it_was_and_a_damaged_one_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("turns");
        let index = TurnIndex::open(&path).unwrap();
        let said = [turn("i", "c1", 1, "退款"), turn("i", "c2", 2, "退款")];
        index.replace(["i"], Day(0), &said).unwrap();
        index.commit(5, Day(-9)).unwrap();
        drop(index);
        let index = TurnIndex::open(&path).unwrap();
        assert_eq!(index.next().unwrap(), Some(5));
        // A turn was recalled: the interaction says less.
        index.replace(["i"], Day(0), &said[..1]).unwrap();
        index.commit(6, Day(-9)).unwrap();
        assert_eq!(ids(&index, &of("退款")), ["c1"]);
        drop(index);
        std::fs::write(path.join("meta.json"), "{").unwrap();
        let index = TurnIndex::open(&path).unwrap();
        assert_eq!(index.next().unwrap(), None);
        assert!(ids(&index, &of("退款")).is_empty());
    }
}
