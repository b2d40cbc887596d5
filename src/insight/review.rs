//! Scorecards: questions about an interaction, answered by the rules and by people.
//!
//! Invariants: answers of machine and people are both kept; what does not apply is left out of sums and means, a
//! zero is not; a failed critical question makes the score zero. Score: sum of points reached over sum of points
//! possible. Agreement: Cohen's kappa over pass and fail of the questions that both have answered
//! (Cohen 1960); none when everybody always says the same, because chance alone would.
//! Not here: where answers are kept (`store`).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::domain::listed;
use crate::error::FieldError;

const MAX_QUESTIONS: usize = 100;
const MAX_TEXT_CHARS: usize = 1_000;
const FIELDS: [&str; 3] = ["name", "about", "questions"];
const QUESTION_FIELDS: [&str; 6] = ["id", "text", "points", "critical", "rule_id", "hit"];

/// A question.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// Its name in answers.
    pub id: String,
    /// Points that can be reached.
    pub points: f64,
    /// Whether a failure makes the whole score zero.
    pub is_critical: bool,
    /// The rule that answers it, and whether a hit passes.
    pub rule: Option<(String, bool)>,
}

/// A scorecard.
#[derive(Clone, Debug, PartialEq)]
pub struct Scorecard {
    /// Its questions, in order.
    pub questions: Vec<Question>,
}

/// Answers by question: points, or none for what does not apply.
pub type Answers = BTreeMap<String, Option<f64>>;

impl Scorecard {
    /// Reads a scorecard.
    ///
    /// # Errors
    /// Every mistake, with a JSON pointer into `value`.
    pub fn read(value: &Value) -> Result<Self, Vec<FieldError>> {
        let mut wrong = Vec::new();
        let Some(object) = value.as_object() else {
            return Err(vec![mistake("", "expected an object")]);
        };
        close(object, "", &FIELDS, &mut wrong);
        text(object, "", "name", &mut wrong);
        let questions = object.get("questions").and_then(Value::as_array);
        let questions = questions.filter(|list| (1..=MAX_QUESTIONS).contains(&list.len()));
        let mut read = Vec::new();
        let mut ids = BTreeSet::new();
        for (place, question) in questions.into_iter().flatten().enumerate() {
            let at = format!("/questions/{place}");
            let Some(question) = question.as_object() else {
                wrong.push(mistake(&at, "expected an object"));
                continue;
            };
            let question = read_question(question, &at, &mut wrong);
            if !ids.insert(question.id.clone()) {
                wrong.push(mistake(&format!("{at}/id"), "another question has this id"));
            }
            read.push(question);
        }
        if questions.is_none() {
            let detail = format!("expected a list of 1 to {MAX_QUESTIONS} questions");
            wrong.push(mistake("/questions", &detail));
        }
        if wrong.is_empty() {
            Ok(Self { questions: read })
        } else {
            Err(wrong)
        }
    }

    /// What the rules answer, given those that hit the interaction.
    #[must_use]
    pub fn machine(&self, hits: &BTreeSet<String>) -> Answers {
        let by_rule = self.questions.iter().filter_map(|question| {
            let (rule, hit_passes) = question.rule.as_ref()?;
            let passes = hits.contains(rule) == *hit_passes;
            let points = if passes { question.points } else { 0.0 };
            Some((question.id.clone(), Some(points)))
        });
        by_rule.collect()
    }

    /// Reads answers of a person: points, or null for what does not apply.
    ///
    /// # Errors
    /// Every mistake, with a JSON pointer below `/answers`.
    pub fn answers(&self, value: &Map<String, Value>) -> Result<Answers, Vec<FieldError>> {
        let mut wrong = Vec::new();
        let mut answers = Answers::new();
        for (id, answer) in value {
            let at = format!("/answers/{id}");
            let Some(question) = self.questions.iter().find(|one| one.id == *id) else {
                let known = listed(id, self.questions.iter().map(|one| one.id.as_str()));
                let detail = format!("there is no such question; there are {known}");
                wrong.push(mistake("/answers", &detail));
                continue;
            };
            let points = answer.as_f64();
            let fits = |points: f64| (0.0..=question.points).contains(&points);
            if answer.is_null() || points.is_some_and(fits) {
                answers.insert(id.clone(), points);
            } else {
                let most = question.points;
                let detail =
                    format!("expected a number from 0 to {most}, or null when it does not apply");
                wrong.push(mistake(&at, &detail));
            }
        }
        if wrong.is_empty() {
            Ok(answers)
        } else {
            Err(wrong)
        }
    }

    /// Points reached over points possible, 0 to 1; none when nothing applies.
    #[must_use]
    pub fn score(&self, answers: &Answers) -> Option<f64> {
        let (mut reached, mut possible, mut has_failed) = (0.0, 0.0, false);
        for question in &self.questions {
            let Some(Some(points)) = answers.get(&question.id) else {
                continue;
            };
            reached += points;
            possible += question.points;
            has_failed |= question.is_critical && *points < question.points;
        }
        match possible > 0.0 {
            true if has_failed => Some(0.0),
            true => Some(reached / possible),
            false => None,
        }
    }

    /// Answers of people over those of the machine: what people have said counts.
    #[must_use]
    pub fn merged(machine: &Answers, human: &Answers) -> Answers {
        let mut merged = machine.clone();
        merged.extend(human.iter().map(|(id, points)| (id.clone(), *points)));
        merged
    }

    /// How often machine and people agree on each question that the machine answers.
    #[must_use]
    pub fn agreement(&self, reviews: &[(Answers, Answers)]) -> Vec<Agreement> {
        let asked = self.questions.iter().filter(|one| one.rule.is_some());
        asked
            .map(|question| {
                let passes = |answers: &Answers| {
                    let points = answers.get(&question.id).copied().flatten()?;
                    Some(points >= question.points)
                };
                let both = reviews
                    .iter()
                    .filter_map(|(machine, human)| Some((passes(machine)?, passes(human)?)));
                Agreement::of(&question.id, both)
            })
            .collect()
    }
}

/// How two answer one question.
#[derive(Clone, Debug, PartialEq)]
pub struct Agreement {
    /// The question.
    pub question: String,
    /// Interactions that both have answered.
    pub n: u32,
    /// Share of equal answers; none without any.
    pub observed: Option<f64>,
    /// Cohen's kappa; none when chance alone explains everything.
    pub kappa: Option<f64>,
}

impl Agreement {
    fn of(question: &str, pairs: impl Iterator<Item = (bool, bool)>) -> Self {
        let mut counts = [[0_u32; 2]; 2];
        for (one, other) in pairs {
            if let Some(count) = counts
                .get_mut(usize::from(one))
                .and_then(|row| row.get_mut(usize::from(other)))
            {
                *count += 1;
            }
        }
        let [[neither, only_other], [only_one, both]] = counts;
        let n = neither + only_other + only_one + both;
        let share = |count: u32| f64::from(count) / f64::from(n.max(1));
        let observed = share(neither + both);
        let (one, other) = (share(only_one + both), share(only_other + both));
        let chance = one * other + (1.0 - one) * (1.0 - other);
        Self {
            question: question.to_owned(),
            n,
            observed: (n > 0).then_some(observed),
            kappa: (n > 0 && chance < 1.0).then(|| (observed - chance) / (1.0 - chance)),
        }
    }
}

/// The mean of scores that there are; zeros count.
#[must_use]
pub fn mean(scores: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let known: Vec<f64> = scores.flatten().collect();
    let n = u32::try_from(known.len()).ok().filter(|n| *n > 0)?;
    Some(known.iter().sum::<f64>() / f64::from(n))
}

fn mistake(pointer: &str, detail: &str) -> FieldError {
    FieldError {
        pointer: pointer.to_owned(),
        detail: detail.to_owned(),
    }
}

fn close(object: &Map<String, Value>, at: &str, allowed: &[&str], wrong: &mut Vec<FieldError>) {
    for name in object
        .keys()
        .filter(|name| !allowed.contains(&name.as_str()))
    {
        let known = listed(name, allowed.iter().copied());
        let detail = format!("there is a field of an unknown name; allowed here: {known}");
        wrong.push(mistake(at, &detail));
    }
}

fn text(object: &Map<String, Value>, at: &str, name: &str, wrong: &mut Vec<FieldError>) -> String {
    let text = object.get(name).and_then(Value::as_str).unwrap_or_default();
    if !(1..=MAX_TEXT_CHARS).contains(&text.chars().count()) {
        let detail = format!("expected a text of 1 to {MAX_TEXT_CHARS} characters");
        wrong.push(mistake(&format!("{at}/{name}"), &detail));
    }
    text.to_owned()
}

fn read_question(object: &Map<String, Value>, at: &str, wrong: &mut Vec<FieldError>) -> Question {
    close(object, at, &QUESTION_FIELDS, wrong);
    let id = text(object, at, "id", wrong);
    text(object, at, "text", wrong);
    let points = object.get("points").map_or(Some(1.0), Value::as_f64);
    let points = points.filter(|points| *points > 0.0 && *points <= 1_000.0);
    if points.is_none() {
        wrong.push(mistake(
            &format!("{at}/points"),
            "expected a number above 0, at most 1000",
        ));
    }
    let is_critical = object.get("critical").map_or(Some(false), Value::as_bool);
    if is_critical.is_none() {
        wrong.push(mistake(&format!("{at}/critical"), "expected true or false"));
    }
    let hit = object.get("hit").map_or(Some("fails"), Value::as_str);
    let hit_passes = match hit {
        Some("fails") => false,
        Some("passes") => true,
        _ => {
            wrong.push(mistake(
                &format!("{at}/hit"),
                "expected one of fails, passes",
            ));
            false
        }
    };
    let rule = object
        .get("rule_id")
        .map(|_| text(object, at, "rule_id", wrong));
    Question {
        id,
        points: points.unwrap_or(1.0),
        is_critical: is_critical.unwrap_or(false),
        rule: rule.map(|rule| (rule, hit_passes)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn card() -> Scorecard {
        let value = json!({"name": "Service", "questions": [
            {"id": "greeting", "text": "Greeted?", "points": 2, "rule_id": "no-greeting"},
            {"id": "insult", "text": "Polite?", "points": 3, "rule_id": "insult", "critical": true},
            {"id": "solved", "text": "Solved?", "points": 5},
        ]});
        Scorecard::read(&value).unwrap()
    }

    fn answers(values: Value) -> Answers {
        card().answers(values.as_object().unwrap()).unwrap()
    }

    #[test]
    fn what_does_not_apply_is_left_out_and_zeros_are_kept() {
        let card = card();
        let all = answers(json!({"greeting": 2, "insult": 3, "solved": 0}));
        assert_eq!(card.score(&all), Some(0.5));
        let partly = answers(json!({"greeting": 2, "insult": 3, "solved": null}));
        assert_eq!(card.score(&partly), Some(1.0));
        assert_eq!(card.score(&answers(json!({"solved": null}))), None);
        // A failed critical question.
        assert_eq!(
            card.score(&answers(json!({"greeting": 2, "insult": 0}))),
            Some(0.0)
        );
        assert_eq!(mean([Some(0.0), None, Some(1.0)].into_iter()), Some(0.5));
        assert_eq!(mean([None].into_iter()), None);
    }

    #[test]
    fn the_machine_answers_and_people_may_differ() {
        let card = card();
        let hits = BTreeSet::from(["no-greeting".to_owned()]);
        let machine = card.machine(&hits);
        assert_eq!(machine, answers(json!({"greeting": 0, "insult": 3})));
        let human = answers(json!({"greeting": 2, "solved": 5}));
        let merged = Scorecard::merged(&machine, &human);
        assert_eq!(card.score(&merged), Some(1.0));
        assert_eq!(card.score(&machine), Some(0.6));
    }

    #[test]
    fn kappa_is_what_cohen_says() {
        // 20 both pass, 15 both fail, 5 and 10 differ: the example of many text books.
        let pairs = [
            (true, true, 20),
            (true, false, 5),
            (false, true, 10),
            (false, false, 15),
        ];
        let reviews: Vec<(Answers, Answers)> = pairs
            .into_iter()
            .flat_map(|(machine, human, n)| {
                let of = |passes: bool| answers(json!({"greeting": if passes { 2 } else { 0 }}));
                (0..n).map(move |_| (of(machine), of(human)))
            })
            .collect();
        let found = card().agreement(&reviews);
        assert_eq!(found[0].n, 50);
        assert!((found[0].observed.unwrap() - 0.7).abs() < 1e-12);
        assert!((found[0].kappa.unwrap() - 0.4).abs() < 1e-12);
        assert_eq!((found[1].n, found[1].kappa), (0, None));
    }

    #[test]
    fn mistakes_point_at_the_place() {
        let wrong = Scorecard::read(&json!({"name": "x", "questions": [
            {"id": "a", "text": "?", "points": 0}, {"id": "a", "text": "?", "hit": "pass"},
        ]}));
        let pointers: Vec<String> = wrong.unwrap_err().into_iter().map(|w| w.pointer).collect();
        assert_eq!(
            pointers,
            ["/questions/0/points", "/questions/1/hit", "/questions/1/id"]
        );
        let answers = json!({"greetin": 1, "solved": 9});
        let wrong = card().answers(answers.as_object().unwrap()).unwrap_err();
        assert!(
            wrong[0].detail.contains("there are greeting, "),
            "{wrong:?}"
        );
        assert_eq!(wrong[1].pointer, "/answers/solved");
    }
}
