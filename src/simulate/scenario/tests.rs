//! Wrong files are told with file, line and what is allowed, all mistakes at once.

use super::*;

fn file(text: &str) -> ScenarioFile {
    ScenarioFile {
        name: "own/bank.toml".to_owned(),
        text: text.to_owned(),
    }
}

const GOOD: &str = r#"
industry = "bank"
language = "zh"
[[queues]]
name = "cards"
[[intents]]
code = "card_lost"
name = "挂失"
queue = "cards"
asks = [
  "<want>挂失(信用卡|储蓄卡)，<how>办",
  "卡(丢了|被偷了)，<help>(停|挂失)",
  "<can>(马上|立刻)停卡，{city}(丢的|刷的)",
]
answer = "挂失后7天内补卡"
question = "怎么挂失？"
"#;

fn told(text: &str) -> Vec<String> {
    let mistakes = Library::load(&[file(text)]).err().unwrap_or_default();
    mistakes.iter().map(ToString::to_string).collect()
}

#[test]
fn a_file_of_ones_own_is_read_with_the_shared_words() {
    let library = Library::load(&[file(GOOD)]).unwrap();
    assert_eq!((library.intents.len(), library.queues.len()), (1, 1));
    assert_eq!(library.intents[0].wordings(true).count(), 1);
    assert_eq!(library.intents[0].wordings(false).count(), 2);
}

#[test]
fn every_mistake_is_told_with_its_line_and_what_is_allowed() {
    let wrong = GOOD
        .replace("language = \"zh\"", "language = \"fr\"")
        .replace(
            "queue = \"cards\"",
            "queue = \"card\"\nseason = \"summer\"\nsolve = 7\ncolour = 1",
        )
        .replace("{city}", "{town}")
        .replace("(马上|立刻)", "(马上|立刻")
        .replace("answer = \"挂失后7天内补卡\"\n", "");
    let told = told(&wrong);
    for (line, about) in [
        (3, "`language` is one of zh, en"),
        (9, "no queue `card`; [[queues]] has: cards"),
        (10, "`season` is one of none, month_start"),
        (11, "`solve` is a number from 0 to 1"),
        (12, "`colour` is no key of an intent; allowed: code, name"),
        (16, "`(` without `)`"),
        (6, "`answer` is missing"),
    ] {
        let begin = format!("own/bank.toml:{line}: ");
        let found = told
            .iter()
            .any(|told| told.starts_with(&begin) && told.contains(about));
        assert!(found, "line {line}, {about}: {told:#?}");
    }
}

#[test]
fn few_phrasings_unknown_slots_double_codes_and_broken_toml_are_mistakes() {
    let few = GOOD
        .replace("<want>", "")
        .replace("<how>", "")
        .replace("<help>", "");
    assert!(
        told(&few)[0].contains("at least 40 are needed"),
        "{:?}",
        told(&few)
    );
    let slot = GOOD.replace("{city}", "{town}");
    assert!(
        told(&slot)[0].contains("no slot `{town}`; known: amount"),
        "{:?}",
        told(&slot)
    );
    let double = format!(
        "{GOOD}{}",
        GOOD.split_once("[[intents]]")
            .map(|(_, b)| format!("[[intents]]{b}"))
            .unwrap()
    );
    assert!(
        told(&double)[0].contains("`card_lost` is there twice"),
        "{:?}",
        told(&double)
    );
    let broken = GOOD.replace("asks = [", "asks = [[");
    assert!(
        told(&broken).iter().any(|told| told.contains("not TOML")),
        "{:?}",
        told(&broken)
    );
    assert!(told("industry = \"x\"")[0].contains("at least one"));
}
