//! What is written from the definitions of the keys: the default file and `docs/CONFIG.md`.

use super::{KeyDoc, SectionDoc, Shape, sections};

/// Comment lines of the default file are filled up to here.
const LINE_CHARS: usize = 100;

/// A commented file of all settings with their defaults. Keys that are not set, and sections that may stand
/// several times, are commented out without a space after the `#`.
#[must_use]
pub fn default_toml() -> String {
    let mut text = String::from(
        "# Every setting with its default. Environment (TINGCHAO__SECTION__KEY) and flags win over this file.\n\
         # A line that begins with # and no space is an example: remove the # to set it.\n",
    );
    for section in sections() {
        text.push('\n');
        text.push_str(&comment(&section.about));
        if section.shape != Shape::Single {
            text.push('#');
        }
        text.push_str(&header(&section));
        text.push('\n');
        for key in &section.keys {
            text.push_str(&comment(&key.about));
            text.push_str(&assignment(key, section.shape));
        }
    }
    text
}

fn header(section: &SectionDoc) -> String {
    let name = section.name;
    match section.shape {
        Shape::Single => format!("[{name}]"),
        Shape::List => format!("[[{name}]]"),
        Shape::Map => format!("[{name}.\"*\"]"),
    }
}

fn assignment(key: &KeyDoc, shape: Shape) -> String {
    let name = key.name;
    match (key.example, &key.default) {
        (Some(example), _) => format!("#{name} = {example}\n"),
        (None, Some(default)) if shape == Shape::Single => format!("{name} = {default}\n"),
        (None, Some(default)) => format!("#{name} = {default}\n"),
        (None, None) => format!("#{name} =\n"),
    }
}

fn comment(text: &str) -> String {
    let mut lines = String::new();
    let mut line = String::from("#");
    for word in text.split_whitespace() {
        if line.chars().count() + 1 + word.chars().count() > LINE_CHARS {
            lines.push_str(&line);
            lines.push('\n');
            line = String::from("#");
        }
        line.push(' ');
        line.push_str(word);
    }
    lines + &line + "\n"
}

const MARKDOWN_HEAD: &str = "\
# Settings

<!-- Generated from src/config; a test keeps it equal. Refresh: UPDATE_GENERATED=1 make test -->

A setting is taken from the first of: a flag, the environment, the file (`--config FILE`, TOML), the default.
Environment variables are named `TINGCHAO__SECTION__KEY`; lists are comma-separated there, and an empty variable
counts as not set. Units stand in the names. Unknown keys are mistakes, and `tingchao check-config` lists all
mistakes at once with their origin; `tingchao check-config --print` writes a commented file of all defaults.
A secret is written as itself or as `file:PATH`; it is never printed.
";

/// The text of `docs/CONFIG.md`.
#[must_use]
pub fn config_markdown() -> String {
    let parts: Vec<String> = sections().iter().map(section_markdown).collect();
    format!("{MARKDOWN_HEAD}{}", parts.concat())
}

fn section_markdown(section: &SectionDoc) -> String {
    let name = section.name;
    let (title, how) = match section.shape {
        Shape::Single => {
            let upper = name.to_uppercase();
            let how = format!("Environment: `TINGCHAO__{upper}__KEY`.");
            (format!("[{name}]"), how)
        }
        Shape::List => (format!("[[{name}]]"), FILE_ONLY.to_owned()),
        Shape::Map => (format!("[{name}.NAME]"), FILE_ONLY.to_owned()),
    };
    let about = &section.about;
    let rows: Vec<String> = section.keys.iter().map(row).collect();
    format!(
        "\n## `{title}`\n{about}\n\n{how}\n\n| key | type | default | meaning |\n|---|---|---|---|\n{}",
        rows.concat()
    )
}

const FILE_ONLY: &str = "Set in the file only.";

fn row(key: &KeyDoc) -> String {
    format!(
        "| `{}` | {} | {} | {} |\n",
        key.name,
        cell(&key.expected),
        default_cell(key),
        cell(&key.about),
    )
}

fn default_cell(key: &KeyDoc) -> String {
    if key.is_required {
        return "required".to_owned();
    }
    match &key.default {
        Some(default) => format!("`{default}`"),
        None => "not set".to_owned(),
    }
}

/// A bar would end the cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
