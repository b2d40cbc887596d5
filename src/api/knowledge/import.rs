//! `POST /v1/knowledge/articles/import`: many articles, as NDJSON, a JSON array or CSV.
//!
//! Invariants: each article is written whole or refused with its line and what is allowed; refused ones do not stop
//! the others; an import may be repeated. Of one (base, id) the last one stands.

use std::collections::{BTreeMap, HashMap};

use actix_web::web::Payload;
use actix_web::{HttpRequest, post, web};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::archive::files;
use super::markdown;
use super::records::{COLUMNS, csv_article};
use super::view::ArticleInput;
use super::{change, field};
use crate::api::auth::Caller;
use crate::api::body::{decode, essence, read_up_to};
use crate::api::describe::Problems;
use crate::api::problem::ApiError;
use crate::api::state::State;
use crate::contract::delimited::split_delimited;
use crate::error::{ErrorCode, FieldError};
use crate::store::article::{Content, DEFAULT_BASE, Written, check_base, check_id};

/// Largest body, bytes.
const MAX_BYTES: usize = 64 << 20;
/// Articles of one transaction.
const CHUNK: usize = 500;
/// Refusals that are told in full.
const MAX_REFUSED: usize = 1_000;

/// Where articles go that name no base.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ImportInto {
    /// The base of articles that name none.
    #[param(default = "default", example = "bank")]
    pub base: Option<String>,
}

/// What became of an import.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct ImportResult {
    /// Articles that are new.
    #[schema(example = 210)]
    pub created: u64,
    /// Articles that were there before; the same content makes no new version.
    #[schema(example = 0)]
    pub updated: u64,
    /// Articles that were refused, the first 1,000.
    pub refused: Vec<RefusedArticle>,
    /// All that were refused.
    #[schema(example = 0)]
    pub refused_count: u64,
}

/// An article that was refused.
#[derive(Debug, Serialize, ToSchema)]
pub struct RefusedArticle {
    /// Its line (NDJSON, CSV) or its place in the array or folder, from 1.
    #[schema(example = 3)]
    pub line: u64,
    /// What is wrong, and what is allowed.
    pub errors: Vec<FieldError>,
}

/// Import articles
///
/// NDJSON (one article a line), a JSON array, CSV with a header line, or a tar archive of a folder of Markdown files
/// (fields at the head between lines of `---`, the question as the first heading, the answer below). Imported articles
/// are published unless they say otherwise. At most 64 MiB.
#[utoipa::path(
    operation_id = "articles_import",
    tag = "knowledge",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("knowledge_write"))),
    params(ImportInto),
    request_body(description = "The articles.", content(
        (String = "application/x-ndjson", example = json!("{\"id\":\"a-1\",\"base\":\"bank\",\"kind\":\"faq\",\"question\":\"怎么修改密码\",\"similar_questions\":[\"更改密码\"],\"answer\":\"打开设置\",\"language\":\"zh\"}\n")),
        (Vec<ArticleInput> = "application/json", example = json!([{"id": "a-1", "question": "怎么修改密码"}])),
        (String = "text/csv", example = json!("id,question,similar_questions,answer\r\na-1,怎么修改密码,更改密码,打开设置\r\n")),
        (Vec<u8> = "application/x-tar"),
    )),
    responses(
        (status = 200, description = "What became of them.", body = ImportResult, example = json!({
            "created": 209, "updated": 0, "refused": [{"line": 3,
                "errors": [{"pointer": "/question", "detail": "a question has 1 to 1000 characters and is not blank"}]}],
            "refused_count": 1
        })),
        Problems,
    ),
)]
#[post("/v1/knowledge/articles/import")]
pub(in crate::api) async fn articles_import(
    state: web::Data<State>,
    request: HttpRequest,
    caller: Caller,
    query: web::Query<ImportInto>,
    payload: Payload,
) -> Result<web::Json<ImportResult>, ApiError> {
    let kind = essence(&request);
    let body = read_up_to(payload.into_inner(), MAX_BYTES).await?;
    let lines = match kind.as_deref() {
        Some("application/x-ndjson" | "application/jsonl") => ndjson(&body)?,
        Some("application/json") => array(&body)?,
        Some("text/csv") => csv(&body)?,
        Some("application/x-tar") => folder(&body)?,
        _ => {
            return Err(ApiError::new(
                ErrorCode::UnsupportedMediaType,
                "send application/x-ndjson, application/json (an array), text/csv or application/x-tar (a folder of Markdown files)",
            ));
        }
    };
    let into = query.base.as_deref().unwrap_or(DEFAULT_BASE);
    let mut result = ImportResult::default();
    let bases = sort(lines, into, &mut result);
    let _writing = state.knowledge.writing().await;
    for (base, articles) in bases {
        for chunk in articles.chunks(CHUNK) {
            let change = change(&state, &caller);
            let written = state.store.import_articles(&base, chunk, &change).await?;
            let mut changed = Vec::with_capacity(written.len());
            for one in written {
                match one {
                    Written::Created(article) => {
                        result.created += 1;
                        changed.push(article);
                    }
                    Written::Updated(article) => {
                        result.updated += 1;
                        changed.push(article);
                    }
                    Written::Conflict(_) => {}
                }
            }
            let (knowledge, base) = (state.knowledge.clone(), base.clone());
            let indexed = tokio::task::spawn_blocking(move || knowledge.set(&base, changed)).await;
            indexed.map_err(|_| ApiError::internal("the import was cut off"))??;
        }
    }
    Ok(web::Json(result))
}

/// A line and what stands on it.
type Line = (u64, Result<ArticleInput, Vec<FieldError>>);

fn ndjson(body: &[u8]) -> Result<Vec<Line>, ApiError> {
    let text = text(body)?;
    let lines = (1_u64..).zip(text.lines());
    let lines = lines.filter(|(_, line)| !line.trim().is_empty());
    Ok(lines
        .map(|(number, line)| {
            (
                number,
                decode(line.as_bytes()).map_err(ApiError::into_errors),
            )
        })
        .collect())
}

fn array(body: &[u8]) -> Result<Vec<Line>, ApiError> {
    let articles: Vec<ArticleInput> = decode(body)?;
    Ok((1_u64..).zip(articles.into_iter().map(Ok)).collect())
}

/// The Markdown files of a folder, numbered in its order; other files are left out.
fn folder(body: &[u8]) -> Result<Vec<Line>, ApiError> {
    let files = files(body).ok_or_else(|| {
        ApiError::parameter(
            "",
            "the body is no tar archive; make one with `tar cf - FOLDER`",
        )
    })?;
    let is_article = |name: &str| {
        let last = name.rsplit('/').next().unwrap_or(name);
        let ending = last
            .rsplit_once('.')
            .map(|(_, ending)| ending.to_lowercase());
        matches!(ending.as_deref(), Some("md" | "markdown")) && !last.starts_with('.')
    };
    let files = (1_u64..).zip(files.into_iter().filter(|file| is_article(&file.name)));
    Ok(files
        .map(|(number, file)| {
            let wrong = |detail: String| {
                vec![FieldError {
                    pointer: String::new(),
                    detail: format!("{}: {detail}", file.name),
                }]
            };
            let read = match std::str::from_utf8(&file.bytes) {
                Ok(text) => markdown::read(&file.name, text).map_err(wrong),
                Err(_) => Err(wrong("the file is not UTF-8".to_owned())),
            };
            (number, read)
        })
        .collect())
}

fn csv(body: &[u8]) -> Result<Vec<Line>, ApiError> {
    let text = text(body)?;
    let mut records = split_delimited(text, ',')
        .map_err(|line| {
            ApiError::parameter(
                "",
                format!("the quotation that begins on line {line} never ends"),
            )
        })?
        .into_iter();
    let allowed = || {
        format!(
            "the first line names columns out of {}; question is required",
            COLUMNS.join(", ")
        )
    };
    let head = records
        .next()
        .ok_or_else(|| ApiError::parameter("/header", allowed()))?;
    let head: Vec<String> = head
        .fields
        .iter()
        .map(|name| name.trim().to_lowercase())
        .collect();
    let known = head.iter().all(|name| COLUMNS.contains(&name.as_str()));
    if !known || !head.iter().any(|name| name == "question") {
        return Err(ApiError::parameter("/header", allowed()));
    }
    Ok(records
        .map(|record| {
            let line = record.line;
            if record.fields.len() != head.len() {
                let detail = format!(
                    "the header has {} columns, this line {}",
                    head.len(),
                    record.fields.len()
                );
                let error = FieldError {
                    pointer: String::new(),
                    detail,
                };
                return (line, Err(vec![error]));
            }
            (line, Ok(csv_article(&head, record)))
        })
        .collect())
}

fn text(body: &[u8]) -> Result<&str, ApiError> {
    std::str::from_utf8(body).map_err(|_| ApiError::parameter("", "the body is not UTF-8"))
}

/// Articles by base in the order of the lines, of one id the last.
fn sort(
    lines: Vec<Line>,
    into: &str,
    result: &mut ImportResult,
) -> BTreeMap<String, Vec<(String, Content)>> {
    let mut bases: BTreeMap<String, Vec<(String, Content)>> = BTreeMap::new();
    let mut places: HashMap<(String, String), usize> = HashMap::new();
    for (line, read) in lines {
        let (base, id, content) = match read.and_then(|input| checked(input, into)) {
            Ok(article) => article,
            Err(errors) => {
                result.refuse(line, errors);
                continue;
            }
        };
        let articles = bases.entry(base.clone()).or_default();
        let place = *places.entry((base, id.clone())).or_insert(articles.len());
        match articles.get_mut(place) {
            Some(slot) => slot.1 = content,
            None => articles.push((id, content)),
        }
    }
    bases
}

fn checked(
    mut input: ArticleInput,
    into: &str,
) -> Result<(String, String, Content), Vec<FieldError>> {
    let base = input.base.take().unwrap_or_else(|| into.to_owned());
    let id = input
        .id
        .take()
        .unwrap_or_else(|| uuid::Uuid::now_v7().to_string());
    let mut mistakes: Vec<FieldError> = [check_base(&base), check_id(&id)]
        .into_iter()
        .filter_map(Result::err)
        .map(field)
        .collect();
    match input.content() {
        Ok(content) if mistakes.is_empty() => return Ok((base, id, content)),
        Ok(_) => {}
        Err(more) => mistakes.extend(more.into_iter().map(field)),
    }
    Err(mistakes)
}

impl ImportResult {
    fn refuse(&mut self, line: u64, errors: Vec<FieldError>) {
        self.refused_count += 1;
        if self.refused.len() < MAX_REFUSED {
            self.refused.push(RefusedArticle { line, errors });
        }
    }
}
