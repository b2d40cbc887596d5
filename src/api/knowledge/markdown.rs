//! An article as a Markdown file: fields at the head between lines of `---`, the question as the first heading, the
//! answer below.
//!
//! Invariants: what is written is read again as the same article; a file without a head is an article too (its id is
//! its path, its question its first heading, else its name), so that a folder of plain Markdown can be imported.
//! Of YAML it reads scalars, quoted scalars and lists; nothing nested.

use super::view::{ArticleInput, ArticleView};

const LINE: &str = "---";
const LISTS: [&str; 3] = ["similar_questions", "attachments", "channels"];

/// The path of an article's file: its id, percent-encoded where a file system might mind.
pub(super) fn path(id: &str) -> String {
    let mut path = String::with_capacity(id.len() + 3);
    for c in id.chars() {
        if c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ' ') && !path.is_empty() {
            path.push(c);
        } else {
            let mut bytes = [0; 4];
            for byte in c.encode_utf8(&mut bytes).bytes() {
                path.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    path + ".md"
}

/// One article as a file.
pub(super) fn write(article: &ArticleView) -> String {
    let json = serde_json::to_value(article).unwrap_or_default();
    let mut text = format!("{LINE}\n");
    for field in [
        "id",
        "kind",
        "status",
        "language",
        "valid_from",
        "valid_to",
        "owner",
    ] {
        if let Some(value) = json.get(field).and_then(|value| value.as_str()) {
            text.push_str(&format!("{field}: {}\n", scalar(value)));
        }
    }
    for field in LISTS {
        let items: Vec<&str> = json
            .get(field)
            .and_then(|value| value.as_array())
            .map(|items| items.iter().filter_map(|item| item.as_str()).collect())
            .unwrap_or_default();
        if items.is_empty() {
            continue;
        }
        text.push_str(&format!("{field}:\n"));
        for item in items {
            text.push_str(&format!("  - {}\n", scalar(item)));
        }
    }
    let content = &article.content;
    if content.question.contains(['\n', '\r']) {
        text.push_str(&format!("question: {}\n", scalar(&content.question)));
    }
    text.push_str(&format!("{LINE}\n"));
    if !content.question.contains(['\n', '\r']) {
        text.push_str(&format!("# {}\n\n", content.question));
    }
    text.push_str(&content.answer);
    text.push('\n');
    text
}

/// As JSON where YAML would read something else than the text.
fn scalar(value: &str) -> String {
    let plain = value.chars().all(|c| {
        c.is_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.' | '/' | '?' | '？' | '，' | '。')
    });
    let edges = value.starts_with([' ', '-', '?', '.']) || value.ends_with(' ');
    let words = ["true", "false", "null", "yes", "no", "~", ""];
    let number = value.parse::<f64>().is_ok();
    if plain && !edges && !number && !words.contains(&value.to_lowercase().as_str()) {
        value.to_owned()
    } else {
        serde_json::to_string(value).unwrap_or_default()
    }
}

/// The article of a file; `Err` names what is wrong with its head.
pub(super) fn read(path: &str, text: &str) -> Result<ArticleInput, String> {
    let text = text
        .strip_prefix('\u{feff}')
        .unwrap_or(text)
        .replace("\r\n", "\n");
    let mut input = ArticleInput::default();
    let body = match text.strip_prefix("---\n") {
        None => text.as_str(),
        Some(rest) => {
            let (head, body) = rest
                .split_once("\n---\n")
                .or_else(|| rest.strip_suffix("\n---").map(|head| (head, "")))
                .ok_or("the head begins with `---` and never ends; close it with a line `---`")?;
            read_head(head, &mut input)?;
            body
        }
    };
    let body = body.trim_start_matches('\n');
    let (heading, answer) = match body.split_once('\n') {
        Some((first, rest)) => (first, rest),
        None => (body, ""),
    };
    let mut answer = answer.strip_prefix('\n').unwrap_or(answer);
    match heading
        .strip_prefix("# ")
        .filter(|_| input.question.is_none())
    {
        Some(question) => input.question = Some(question.trim().to_owned()),
        None => answer = body,
    }
    let name = path
        .trim_start_matches("./")
        .trim_end_matches(".md")
        .trim_end_matches(".markdown");
    let last = name.rsplit('/').next().unwrap_or(name);
    input.question.get_or_insert_with(|| last.to_owned());
    input.id.get_or_insert_with(|| name.to_owned());
    input.answer = Some(answer.strip_suffix('\n').unwrap_or(answer).to_owned());
    Ok(input)
}

fn read_head(head: &str, input: &mut ArticleInput) -> Result<(), String> {
    let mut list: Option<&str> = None;
    for line in head
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
    {
        if let Some(item) = line.trim_start().strip_prefix("- ") {
            let field = list.ok_or_else(|| format!("`{}` is an item of no list", line.trim()))?;
            put_item(input, field, unquoted(item.trim())?);
            continue;
        }
        let (field, value) = line
            .split_once(':')
            .ok_or_else(|| format!("`{}` is neither `field: value` nor `- item`", line.trim()))?;
        let (field, value) = (field.trim(), value.trim());
        list = None;
        if LISTS.contains(&field) {
            list = Some(field);
            let inner = value
                .strip_prefix('[')
                .and_then(|value| value.strip_suffix(']'));
            for item in inner.into_iter().flat_map(|inner| inner.split(',')) {
                let item = item.trim();
                if !item.is_empty() {
                    put_item(input, field, unquoted(item)?);
                }
            }
            continue;
        }
        let value = unquoted(value)?;
        let slot = match field {
            "id" => &mut input.id,
            "base" => &mut input.base,
            "kind" => &mut input.kind,
            "question" | "title" => &mut input.question,
            "language" => &mut input.language,
            "valid_from" => &mut input.valid_from,
            "valid_to" => &mut input.valid_to,
            "owner" => &mut input.owner,
            "status" => &mut input.status,
            _ => continue,
        };
        if !value.is_empty() {
            *slot = Some(value);
        }
    }
    Ok(())
}

fn put_item(input: &mut ArticleInput, field: &str, item: String) {
    let slot = match field {
        "similar_questions" => &mut input.similar_questions,
        "attachments" => &mut input.attachments,
        _ => &mut input.channels,
    };
    slot.get_or_insert_default().push(item);
}

fn unquoted(value: &str) -> Result<String, String> {
    if value.starts_with('"') {
        return serde_json::from_str(value).map_err(|_| format!("{value} is not a quoted text"));
    }
    if let Some(inner) = value
        .strip_prefix('\'')
        .and_then(|value| value.strip_suffix('\''))
    {
        return Ok(inner.replace("''", "'"));
    }
    Ok(value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::article::{Article, Content, Kind, Status};

    #[test]
    fn what_is_written_is_read_again() {
        let content = Content {
            kind: Kind::Steps,
            question: "怎么修改 \"密码\": 步骤?".to_owned(),
            similar_questions: vec![
                "- 更改密码".to_owned(),
                "true".to_owned(),
                "改, 密码".to_owned(),
            ],
            answer: "# 不是问题\n\n1. 打开**设置**\n---\n2. 点修改\n".to_owned(),
            attachments: vec!["https://example.org/a.pdf".to_owned()],
            channels: vec!["app".to_owned()],
            language: Some("zh".to_owned()),
            valid_from_us: Some(1_700_000_000_000_000),
            valid_to_us: None,
            owner: Some("li.na".to_owned()),
            status: Status::Draft,
        };
        for question in [content.question.clone(), "两行\n问题".to_owned()] {
            let content = Content {
                question,
                ..content.clone()
            };
            let view = ArticleView::from(Article {
                base: "bank".to_owned(),
                id: "花/呗 %".to_owned(),
                version: 3,
                content: content.clone(),
                created_at_us: 0,
                updated_at_us: 0,
            });
            let text = write(&view);
            let input = read(&path("花/呗 %"), &text).unwrap();
            assert_eq!(input.id.as_deref(), Some("花/呗 %"), "{text}");
            assert_eq!(input.content().unwrap(), content, "{text}");
        }
        assert_eq!(path("花/呗 %"), "花%2F呗 %25.md");
    }

    #[test]
    fn plain_files_are_articles() {
        let input = read(
            "./konto/schliessen.md",
            "# How do I close my account?\n\nCall us.\n",
        )
        .unwrap();
        assert_eq!(input.id.as_deref(), Some("konto/schliessen"));
        assert_eq!(
            input.question.as_deref(),
            Some("How do I close my account?")
        );
        assert_eq!(input.answer.as_deref(), Some("Call us."));
        let bare = read("hours.md", "Nine to five.").unwrap();
        assert_eq!(
            (bare.question.as_deref(), bare.answer.as_deref()),
            (Some("hours"), Some("Nine to five."))
        );
        let listed = read(
            "a.md",
            "---\nchannels: [app, 'web']\nunknown: 1\n---\n# q\na",
        )
        .unwrap();
        assert_eq!(listed.channels.unwrap(), ["app", "web"]);
        for wrong in ["---\nid: 1\n# q", "---\n- x\n---\n# q", "---\nid\n---\n# q"] {
            assert!(read("a.md", wrong).is_err(), "{wrong}");
        }
    }
}
