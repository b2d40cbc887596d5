//! Planted failures of every type through the whole of judging and forming.

use super::case::DAY_US;
use super::*;
use crate::insight::gap_type::Outcome;
use crate::insight::topics::identity::Decisions;
use std::collections::{BTreeMap, BTreeSet};

/// Texts belong together by their first two characters.
struct ByStart;

impl Clusters for ByStart {
    fn find(&self, failed: &[&str], others: &[&str]) -> (Vec<Option<usize>>, Vec<Option<usize>>) {
        let start = |text: &str| -> String { text.chars().take(2).collect() };
        let names: BTreeSet<String> = failed.iter().map(|text| start(text)).collect();
        let place = |text: &&str| names.iter().position(|name| *name == start(text));
        (
            failed.iter().map(place).collect(),
            others.iter().map(place).collect(),
        )
    }
}

struct Desk {
    cases: Vec<Case>,
    shelf: Shelf,
}

const END: i64 = 40 * DAY_US;

impl Desk {
    fn new() -> Self {
        let mut desk = Self {
            cases: Vec::new(),
            shelf: Shelf::default(),
        };
        for (id, question, answer) in [
            (
                "pass",
                "怎么修改密码",
                "打开设置，点修改密码，2分钟内生效。",
            ),
            ("back", "退款多久到账", "退款会在3个工作日内原路退回。"),
            ("fee", "提现手续费多少", "提现收取2元手续费。"),
            ("fee2", "提现的手续费多少", "提现收取5元手续费。"),
            ("old", "春节活动怎么参加", "活动页面报名即可参加春节活动。"),
            ("vague", "积分怎么兑换", "请留意公告。"),
            ("hidden", "怎么开电子发票", "在订单详情页申请电子发票。"),
        ] {
            desk.article(id, question, answer);
        }
        let key = |id: &str| ("bank".to_owned(), id.to_owned());
        desk.shelf.conflicts.insert((key("fee"), key("fee2")));
        if let Some(old) = desk.shelf.articles.get_mut(&key("old")) {
            old.valid_to_us = Some(30 * DAY_US);
        }
        desk
    }

    fn article(&mut self, id: &str, question: &str, answer: &str) {
        let article = Article {
            question: question.to_owned(),
            questions: vec![saying::Saying::of(question)],
            sentences: saying::sentences(answer),
            valid_from_us: None,
            valid_to_us: None,
            is_published: true,
        };
        self.shelf
            .articles
            .insert(("bank".to_owned(), id.to_owned()), article);
    }

    /// A request to a bot that showed `shown` (nothing: none), `accepted` or handed over to a person.
    fn ask(
        &mut self,
        text: &str,
        found: &[(&str, f64)],
        shown: Option<&str>,
        accepted: bool,
    ) -> &mut Case {
        let number = self.cases.len();
        let at_us = 33 * DAY_US + i64::try_from(number).unwrap() * DAY_US / 20;
        let mut uses = vec![Use {
            at_us,
            action: Action::Searched,
            article_id: None,
        }];
        if let Some(shown) = shown {
            let then = if accepted {
                Action::Accepted
            } else {
                Action::Rejected
            };
            for action in [Action::Shown, then] {
                uses.push(Use {
                    at_us: at_us + 1,
                    action,
                    article_id: Some(shown.to_owned()),
                });
            }
        }
        let valid =
            |id: &str| self.shelf.articles[&("bank".to_owned(), id.to_owned())].answers_at(at_us);
        let candidates = found
            .iter()
            .map(|(id, p)| Candidate {
                article_id: (*id).to_owned(),
                p_answered: *p,
                is_valid: valid(id),
            })
            .collect();
        self.cases.push(Case {
            request_id: format!("r{number}"),
            interaction_id: format!("i{number}"),
            at_us,
            text: text.to_owned(),
            customer: Some(format!("c{number}")),
            uses,
            had_bot: true,
            reached_person: !accepted,
            handle_minutes: (!accepted).then_some(6.0),
            came_again: Some(false),
            matched: Match {
                base: "bank".to_owned(),
                article_set: 1,
                is_restated: false,
                candidates,
            },
            ..Case::default()
        });
        self.cases.last_mut().unwrap()
    }

    fn planted() -> Self {
        let mut desk = Self::new();
        for number in 0..12 {
            desk.ask("密码忘了怎么改", &[("pass", 0.9)], Some("pass"), true);
            desk.ask(
                "提现要收多少手续费",
                &[("fee", 0.6), ("fee2", 0.5)],
                Some("fee"),
                number % 3 == 0,
            );
            desk.ask("春节活动在哪报名", &[("old", 0.8)], None, false);
            desk.ask(
                "积分能换什么",
                &[("vague", 0.7)],
                Some("vague"),
                number == 0,
            );
            desk.ask("电子发票在哪开", &[("hidden", 0.85)], Some("pass"), false);
            desk.ask("宠物能不能托运", &[("hidden", 0.1)], None, false);
            let back = desk.ask("退款怎么还没到", &[("back", 0.8)], Some("back"), false);
            back.answers = vec![AgentTurn {
                turn_id: "t9".to_owned(),
                agent: Some("a1".to_owned()),
                text: "您的退款会在7个工作日内原路退回".to_owned(),
            }];
            // Nobody asked the base.
            let call = desk.ask("我要投诉物流", &[("back", 0.2)], None, false);
            (call.uses, call.had_bot) = (Vec::new(), false);
            if number < 3 {
                desk.ask("密码怎么改呢", &[("pass", 0.9)], None, false)
                    .has_failed = true;
            }
        }
        desk
    }

    fn run(&self, before: &Before) -> (Vec<Judged>, Vec<Gap>, Vec<Option<usize>>) {
        let judged = judge(&self.cases, &self.shelf, &BTreeSet::new());
        let input = Input {
            cases: &self.cases,
            judged: &judged,
            shelf: &self.shelf,
            before,
            until_us: END,
        };
        let (gaps, of) = form(&input, &ByStart);
        (judged, gaps, of)
    }
}

#[test]
fn every_type_is_found_and_nothing_else() {
    let desk = Desk::planted();
    let (judged, gaps, of) = desk.run(&Before::default());
    let told: BTreeMap<&str, Outcome> = gaps
        .iter()
        .map(|gap| (gap.article.as_deref().unwrap_or(&gap.title), gap.kind))
        .collect();
    let wanted = BTreeMap::from([
        ("fee", Outcome::Conflict),
        ("old", Outcome::Outdated),
        ("back", Outcome::Outdated),
        ("vague", Outcome::Rejected),
        ("hidden", Outcome::NotFound),
        ("宠物能不能托运", Outcome::NoContent),
    ]);
    assert_eq!(told, wanted, "{gaps:#?}");
    let of_text = |text: &str| -> Vec<Outcome> {
        let pairs = desk.cases.iter().zip(&judged);
        pairs
            .filter(|(case, _)| case.text == text)
            .map(|(_, judged)| judged.outcome)
            .collect()
    };
    assert!(
        of_text("我要投诉物流")
            .iter()
            .all(|outcome| *outcome == Outcome::Undetermined)
    );
    assert!(
        of_text("密码怎么改呢")
            .iter()
            .all(|outcome| *outcome == Outcome::SystemFailure)
    );
    assert!(
        of_text("密码忘了怎么改")
            .iter()
            .all(|outcome| *outcome == Outcome::Answered)
    );
    let lows: Vec<f64> = gaps
        .iter()
        .map(|gap| gap.impact.minutes_per_week_low)
        .collect();
    assert!(lows.is_sorted_by(|a, b| a >= b));
    for gap in &gaps {
        assert!(gap.failed.iter().all(|place| of[*place].is_some()));
        assert!(
            !gap.evidence.is_empty() && gap.impact.p_failed.value > 0.5,
            "{gap:?}"
        );
    }
    let back = gaps
        .iter()
        .find(|gap| gap.article.as_deref() == Some("back"))
        .unwrap();
    assert_eq!(back.drafts[0].text, "您的退款会在7个工作日内原路退回");
}

#[test]
fn ids_go_on_and_what_people_decided_stays() {
    let mut desk = Desk::planted();
    let (_, gaps, of) = desk.run(&Before::default());
    let ids: BTreeSet<String> = gaps.iter().map(|gap| gap.id.clone()).collect();
    let gap_of: BTreeMap<String, String> = desk
        .cases
        .iter()
        .zip(&of)
        .filter_map(|(case, gap)| Some((case.request_id.clone(), gaps[(*gap)?].id.clone())))
        .collect();
    // The first of a cluster is gone, others have come.
    let gone = desk
        .cases
        .iter()
        .position(|case| case.text == "宠物能不能托运")
        .unwrap();
    desk.cases.remove(gone);
    for _ in 0..5 {
        desk.ask("宠物可以带上车吗", &[("hidden", 0.1)], None, false);
    }
    let before = Before {
        gap_of,
        ..Before::default()
    };
    let (_, later, _) = desk.run(&before);
    assert_eq!(
        later
            .iter()
            .map(|gap| gap.id.clone())
            .collect::<BTreeSet<_>>(),
        ids
    );
    let id = |name: &str| {
        let is = |gap: &&Gap| gap.article.as_deref() == Some(name) || gap.title.contains(name);
        later.iter().find(is).unwrap().id.clone()
    };
    let (pets, hidden) = (id("宠物"), id("hidden"));
    let first = desk
        .cases
        .iter()
        .find(|case| case.text == "宠物可以带上车吗")
        .unwrap();
    let decided = Before {
        decisions: Decisions {
            merged: BTreeMap::from([(hidden.clone(), id("vague"))]),
            ..Decisions::default()
        },
        splits: vec![Split {
            from: pets.clone(),
            into: "g-new".to_owned(),
            requests: BTreeSet::from([first.request_id.clone()]),
        }],
        ..before
    };
    let (_, last, _) = desk.run(&decided);
    assert!(last.iter().all(|gap| gap.id != hidden));
    let size = |id: &str| last.iter().find(|gap| gap.id == id).unwrap().failed.len();
    assert_eq!((size(&pets), size("g-new")), (11, 5));
    assert!(size(&id("vague")) > 20);
}

#[test]
fn an_empty_base_and_no_requests() {
    let mut desk = Desk::new();
    assert!(desk.run(&Before::default()).1.is_empty());
    desk.shelf = Shelf::default();
    for _ in 0..4 {
        desk.ask("宠物能不能托运", &[], None, false);
    }
    let (_, gaps, _) = desk.run(&Before::default());
    assert_eq!((gaps.len(), gaps[0].kind), (1, Outcome::NoContent));
}
