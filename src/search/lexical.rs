//! The full-text index of one base: which texts share words with a query, ranked by BM25.
//!
//! Invariants: it is a projection of the articles, kept in memory and rebuilt from the store at a start, so there
//! is nothing on disk that could disagree with it; a text is found from the return of [`Lexical::apply`] on.
//! Synonyms are added to the query, never to the index. It names candidates; their order is the ranker's.

use std::collections::HashMap;
use std::sync::Mutex;

use tantivy::collector::TopDocs;
use tantivy::query::{BooleanQuery, BoostQuery, Occur, Query, TermQuery};
use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, Schema, TextFieldIndexing, TextOptions,
};
use tantivy::tokenizer::{TextAnalyzer, Token};
use tantivy::{Index, IndexReader, IndexWriter, ReloadPolicy, TantivyDocument, Term};

use super::analysis::word_term;
use super::features::Counts;
use super::synonyms::Synonyms;
use super::tokenizer::{Kind, Terms, tokens};

const WRITER_BYTES: usize = 16 << 20;
const SYNONYM_BOOST: f32 = 0.5;
const PART_BOOST: f32 = 0.45;

/// A text's number within its base.
pub type TextId = u32;

/// The index of one base.
pub struct Lexical {
    writer: Mutex<IndexWriter>,
    reader: IndexReader,
    text: Field,
    words: Field,
    parts: Field,
}

/// Why the index failed.
#[derive(Debug, thiserror::Error)]
pub enum LexicalError {
    /// The library refused.
    #[error("the full-text index of a base failed")]
    Index(#[from] tantivy::TantivyError),
    /// A thread died while it wrote.
    #[error("the full-text index of a base was left half written")]
    Poisoned,
}

impl Lexical {
    /// An empty index.
    ///
    /// # Errors
    /// When memory for the writer is not there.
    pub fn new() -> Result<Self, LexicalError> {
        let mut schema = Schema::builder();
        let text = schema.add_u64_field("text", INDEXED | FAST);
        let field = |name: &str| {
            let indexing = TextFieldIndexing::default()
                .set_tokenizer(name)
                .set_index_option(IndexRecordOption::WithFreqs);
            TextOptions::default().set_indexing_options(indexing)
        };
        let words = schema.add_text_field("words", field("words"));
        let parts = schema.add_text_field("parts", field("parts"));
        let index = Index::create_in_ram(schema.build());
        index
            .tokenizers()
            .register("words", TextAnalyzer::from(Terms(Kind::Words)));
        index
            .tokenizers()
            .register("parts", TextAnalyzer::from(Terms(Kind::Parts)));
        let writer = index.writer_with_num_threads(1, WRITER_BYTES)?;
        let reader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .try_into()?;
        Ok(Self {
            writer: Mutex::new(writer),
            reader,
            text,
            words,
            parts,
        })
    }

    /// Takes texts out and puts normalised texts in; both are seen by the next search.
    ///
    /// # Errors
    /// When the index cannot be written; what was asked may then be there in part.
    pub fn apply(&self, remove: &[TextId], add: &[(TextId, String)]) -> Result<(), LexicalError> {
        let mut writer = self.writer.lock().map_err(|_| LexicalError::Poisoned)?;
        for &id in remove {
            writer.delete_term(Term::from_field_u64(self.text, u64::from(id)));
        }
        for (id, normal) in add {
            let mut document = TantivyDocument::default();
            document.add_u64(self.text, u64::from(*id));
            document.add_text(self.words, normal);
            document.add_text(self.parts, normal);
            writer.add_document(document)?;
        }
        writer.commit()?;
        self.reader.reload()?;
        Ok(())
    }

    /// The `limit` best texts for a normalised query with their BM25. Of synonyms only those are asked for that the
    /// base has, by `counts`.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn candidates(
        &self,
        normal: &str,
        synonyms: &Synonyms,
        counts: &Counts,
        limit: usize,
    ) -> Result<Vec<(TextId, f32)>, LexicalError> {
        let query = self.query(normal, synonyms, counts);
        let searcher = self.reader.searcher();
        let top = searcher.search(&query, &TopDocs::with_limit(limit).order_by_score())?;
        let mut found = Vec::with_capacity(top.len());
        for (score, address) in top {
            let column = searcher
                .segment_reader(address.segment_ord)
                .fast_fields()
                .u64("text")?;
            if let Some(id) = column.first(address.doc_id)
                && let Ok(id) = TextId::try_from(id)
            {
                found.push((id, score));
            }
        }
        Ok(found)
    }

    fn query(&self, normal: &str, synonyms: &Synonyms, counts: &Counts) -> BooleanQuery {
        let mut boosts: HashMap<Term, f32> = HashMap::new();
        for token in tokens(Kind::Words, normal) {
            let term = word_term(&token.text);
            boosts.insert(Term::from_field_text(self.words, &token.text), 1.0);
            for other in synonyms
                .others(term)
                .filter(|&other| counts.seen(other) > 0)
            {
                if let Some(other) = synonyms.text(other) {
                    let term = Term::from_field_text(self.words, other);
                    boosts.entry(term).or_insert(SYNONYM_BOOST);
                }
            }
        }
        // A single character is in many texts; pairs find the same ones faster.
        let parts = tokens(Kind::Parts, normal);
        let is_pair = |token: &Token| token.text.chars().nth(1).is_some();
        let has_pairs = parts.iter().any(is_pair);
        for token in parts
            .into_iter()
            .filter(|token| !has_pairs || is_pair(token))
        {
            boosts.insert(Term::from_field_text(self.parts, &token.text), PART_BOOST);
        }
        let mut clauses: Vec<(Term, f32)> = boosts.into_iter().collect();
        clauses.sort_by(|a, b| a.0.cmp(&b.0));
        let clauses = clauses
            .into_iter()
            .map(|(term, boost)| {
                let query: Box<dyn Query> =
                    Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs));
                let query: Box<dyn Query> = Box::new(BoostQuery::new(query, boost));
                (Occur::Should, query)
            })
            .collect();
        BooleanQuery::new(clauses)
    }
}
