//! A file of one industry: its queues and intents.

use std::collections::BTreeMap;

use toml::de::DeTable;

use super::common::{LANGUAGES, lists, patterns};
use super::grammar::Pattern;
use super::read::{Mistake, Placed, Reader};
use super::{Intent, LEAST_PHRASINGS, Library, QueueSpec, ScenarioFile, Season};

const FILE_KEYS: [&str; 10] = [
    "industry",
    "brand",
    "language",
    "values",
    "rules",
    "queues",
    "intents",
    "about",
    "shop",
    "leaves_out",
];
/// Slots of the shared words that belong to some industries only.
const GOODS: [&str; 4] = ["order", "parcel", "product", "plan"];
const QUEUE_KEYS: [&str; 4] = ["name", "key", "label", "text"];
const INTENT_KEYS: [&str; 19] = [
    "code",
    "name",
    "queue",
    "share",
    "judge",
    "in_scope",
    "self_service",
    "season",
    "asks",
    "judge_asks",
    "answer",
    "query",
    "question",
    "similar",
    "minutes",
    "solve",
    "mood",
    "things",
    "variants",
];
const VARIANT_KEYS: [&str; 6] = ["code", "name", "things", "share", "judge", "answer"];

struct File<'l> {
    brand: String,
    shop: bool,
    language: usize,
    leaves_out: Vec<String>,
    rules: BTreeMap<String, Vec<String>>,
    library: &'l mut Library,
}

/// Adds the queues of `file` to `library`; its mistakes are told by [`read`].
pub(super) fn read_queues(file: &ScenarioFile, library: &mut Library) {
    let mut reader = Reader::new(&file.name, &file.text);
    let document = reader.document();
    for (line, queue) in reader.tables(document.get_ref(), "queues") {
        read_queue(&mut reader, queue, line, library);
    }
}

/// Adds the intents of `file` to `library`.
pub(super) fn read(
    file: &ScenarioFile,
    rules: &[BTreeMap<String, Vec<String>>],
    library: &mut Library,
    mistakes: &mut Vec<Mistake>,
) {
    let mut reader = Reader::new(&file.name, &file.text);
    let document = reader.document();
    let table = document.get_ref();
    reader.keys("a scenario file", table, &FILE_KEYS);
    let tags = LANGUAGES.map(|(key, _)| key);
    let language = reader.word(table, "language", &tags);
    let industry = reader.needed(table, "industry", 1).text;
    let brand = reader
        .text(table, "brand")
        .map_or(industry, |brand| brand.text);
    let mut rules = rules.get(language).cloned().unwrap_or_default();
    if let Some(inner) = reader.table(table, "rules") {
        rules.extend(lists(&mut reader, inner));
    }
    if let Some(inner) = reader.table(table, "values")
        && let Some(language) = library.languages.get_mut(language)
    {
        language.values.extend(lists(&mut reader, inner));
    }
    for (line, queue) in reader.tables(table, "queues") {
        read_queue(&mut reader, queue, line, library);
    }
    let shop = reader.flag(table, "shop", false);
    let leaves_out = left_out(&mut reader, table, shop);
    let mut file = File {
        brand,
        shop,
        leaves_out,
        language,
        rules,
        library,
    };
    for (line, intent) in reader.tables(table, "intents") {
        read_intent(&mut reader, intent, line, &mut file);
    }
    mistakes.append(&mut reader.mistakes);
}

/// Slots of the shared words that customers and agents of the file never use.
fn left_out<'a>(reader: &mut Reader<'a>, table: &DeTable<'a>, shop: bool) -> Vec<String> {
    if !table.contains_key("leaves_out") {
        let others: &[&str] = if shop {
            &["plan"]
        } else {
            &["order", "parcel", "product"]
        };
        return others.iter().map(|slot| (*slot).to_owned()).collect();
    }
    let named = reader.texts(table, "leaves_out");
    for slot in &named {
        if !GOODS.contains(&slot.text.as_str()) {
            let told = format!(
                "`{}` can't be left out; allowed: {}",
                slot.text,
                GOODS.join(", ")
            );
            reader.mistake(slot.line, &told);
        }
    }
    named.into_iter().map(|slot| slot.text).collect()
}

fn read_queue<'a>(
    reader: &mut Reader<'a>,
    table: &DeTable<'a>,
    line: usize,
    library: &mut Library,
) {
    reader.keys("a queue", table, &QUEUE_KEYS);
    let name = reader.needed(table, "name", line).text;
    let key = reader
        .text(table, "key")
        .map_or_else(String::new, |key| key.text);
    let label = reader
        .text(table, "label")
        .map_or_else(|| name.clone(), |label| label.text);
    let text = reader
        .text(table, "text")
        .map_or_else(|| name.clone(), |text| text.text);
    if library.queues.iter().all(|queue| queue.name != name) {
        library.queues.push(QueueSpec {
            name,
            key,
            label,
            text,
        });
    }
}

fn read_intent<'a>(reader: &mut Reader<'a>, table: &DeTable<'a>, line: usize, file: &mut File<'_>) {
    reader.keys("an intent", table, &INTENT_KEYS);
    let code = reader.needed(table, "code", line);
    let name = reader.needed(table, "name", line);
    let queue = queue_of(reader, table, line, file);
    let asks = reader.texts(table, "asks");
    if asks.len() < 3 {
        reader.mistake(
            line,
            "`asks` needs at least 3 phrasings: every third is kept for the judge",
        );
    }
    let values = file
        .library
        .languages
        .get(file.language)
        .map_or_else(BTreeMap::new, |language| language.values.clone());
    let asks = patterns(reader, &asks, &file.rules, &values);
    let judged = reader.texts(table, "judge_asks");
    let judge_asks = patterns(reader, &judged, &file.rules, &values);
    let mistaken = reader.mistakes.len();
    let answer = answer_of(reader, table, line, file, &values);
    let season = reader.word(table, "season", &Season::WORDS);
    let query = reader
        .text(table, "query")
        .map_or_else(|| name.text.clone(), |query| query.text);
    let question = reader.needed(table, "question", line).text;
    let similar = reader.texts(table, "similar");
    let things = reader.texts(table, "things");
    let intent = Intent {
        code: code.text.clone(),
        name: name.text,
        brand: file.brand.clone(),
        shop: file.shop,
        leaves_out: file.leaves_out.clone(),
        language: file.language,
        queue,
        share: reader.number(table, "share", (0.01, 100.0), 1.0),
        judge: reader.flag(table, "judge", false),
        in_scope: reader.flag(table, "in_scope", true),
        self_service: reader.flag(table, "self_service", false),
        season: Season::ALL.get(season).copied().unwrap_or(Season::None),
        asks,
        judge_asks,
        answer,
        query,
        question,
        similar: similar.into_iter().map(|placed| placed.text).collect(),
        minutes: reader.number(table, "minutes", (0.5, 60.0), 3.0),
        solve: reader.number(table, "solve", (0.0, 1.0), 0.78),
        mood: reader.number(table, "mood", (-2.0, 2.0), -0.3),
        things: things.into_iter().map(|placed| placed.text).collect(),
    };
    let variants = reader.tables(table, "variants");
    if variants.is_empty() {
        add(reader, intent, &code, line, mistaken, file);
        return;
    }
    for (line, variant) in variants {
        let own = read_variant(reader, variant, line, &intent, file, &values);
        let placed = Placed {
            text: own.code.clone(),
            line,
        };
        add(reader, own, &placed, line, mistaken, file);
    }
}

fn queue_of<'a>(
    reader: &mut Reader<'a>,
    table: &DeTable<'a>,
    line: usize,
    file: &File<'_>,
) -> usize {
    let queue = reader.needed(table, "queue", line);
    let queues = &file.library.queues;
    let found = queues.iter().position(|known| known.name == queue.text);
    found.unwrap_or_else(|| {
        let known: Vec<&str> = queues.iter().map(|known| known.name.as_str()).collect();
        let line = queue.line.max(line);
        let told = format!(
            "no queue `{}`; [[queues]] has: {}",
            queue.text,
            known.join(", ")
        );
        reader.mistake(line, &told);
        0
    })
}

fn answer_of<'a>(
    reader: &mut Reader<'a>,
    table: &DeTable<'a>,
    line: usize,
    file: &File<'_>,
    values: &BTreeMap<String, Vec<String>>,
) -> Pattern {
    let answer = reader.needed(table, "answer", line);
    let mut parsed = patterns(reader, &[answer], &file.rules, values);
    parsed.pop().unwrap_or_default()
}

fn read_variant<'a>(
    reader: &mut Reader<'a>,
    table: &DeTable<'a>,
    line: usize,
    base: &Intent,
    file: &File<'_>,
    values: &BTreeMap<String, Vec<String>>,
) -> Intent {
    reader.keys("a variant", table, &VARIANT_KEYS);
    let code = reader.needed(table, "code", line).text;
    let things = reader.texts(table, "things");
    if things.is_empty() {
        reader.mistake(
            line,
            "`things` is missing: what `{thing}` is called in this variant",
        );
    }
    let things: Vec<String> = things.into_iter().map(|placed| placed.text).collect();
    let thing = things.first().cloned().unwrap_or_default();
    let named = reader.text(table, "name");
    let fill = |text: &str| text.replace("{thing}", &thing);
    let answer = if table.contains_key("answer") {
        answer_of(reader, table, line, file, values)
    } else {
        base.answer.clone()
    };
    Intent {
        code: format!("{}_{code}", base.code),
        name: named.map_or_else(|| fill(&base.name), |name| name.text),
        query: fill(&base.query),
        question: fill(&base.question),
        similar: base.similar.iter().map(|text| fill(text)).collect(),
        share: reader.number(table, "share", (0.01, 100.0), base.share),
        judge: reader.flag(table, "judge", base.judge),
        answer,
        things,
        ..base.clone()
    }
}

/// Adds an intent unless it lacks phrasings or its code is taken.
fn add(
    reader: &mut Reader<'_>,
    intent: Intent,
    code: &Placed,
    line: usize,
    mistaken: usize,
    file: &mut File<'_>,
) {
    let line = code.line.max(line);
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if !code.text.is_empty() && !code.text.chars().all(plain) {
        reader.mistake(
            line,
            &format!("`{}`: a code holds a-z, 0-9 and _", code.text),
        );
    }
    let phrasings: usize = intent
        .asks
        .iter()
        .map(|ask| ask.sentences(LEAST_PHRASINGS).len())
        .sum();
    if phrasings < LEAST_PHRASINGS && reader.mistakes.len() == mistaken {
        let told = format!(
            "`{}` can be asked in {phrasings} ways, at least {LEAST_PHRASINGS} are needed: \
             add (choices|like|these) or lines to `asks`",
            intent.code
        );
        reader.mistake(line, &told);
    }
    let mut asks = intent.asks.iter().chain(&intent.judge_asks);
    if intent.things.is_empty() && asks.any(names_thing) {
        reader.mistake(line, "`{thing}` is said and `things` is missing");
    }
    if file
        .library
        .intents
        .iter()
        .any(|known| known.code == intent.code)
    {
        reader.mistake(line, &format!("the code `{}` is there twice", intent.code));
        return;
    }
    file.library.intents.push(intent);
}

fn names_thing(pattern: &Pattern) -> bool {
    let mut slots = std::collections::BTreeSet::new();
    pattern.slots(&mut slots);
    slots.contains("thing")
}
