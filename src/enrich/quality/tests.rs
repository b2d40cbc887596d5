//! The rules against small dialogues.

use serde_json::{Value, json};

use super::{Heard, Hit, MAX_TALK_BYTES, Rule, RuleSet, Scratch, Talk, Truth, Versioned};
use crate::domain::{Channel, Micros, Speaker};

fn set(rules: &[Value]) -> RuleSet {
    let rules = rules.iter().enumerate().map(|(place, value)| Versioned {
        id: format!("r{place}"),
        version: 1,
        rule: Rule::read(value).unwrap_or_else(|wrong| panic!("{wrong:?}")),
    });
    RuleSet::compile(rules.collect()).unwrap()
}

fn rule(conditions: Value) -> Value {
    json!({"name": "r", "conditions": conditions})
}

/// A turn every 5 seconds, unless it says when.
#[derive(Clone, Copy)]
struct Line(Speaker, &'static str, Option<(i64, i64)>, i8);

const fn agent(text: &'static str) -> Line {
    Line(Speaker::Agent, text, None, 0)
}

const fn customer(text: &'static str) -> Line {
    Line(Speaker::Customer, text, None, 0)
}

fn said(line: Line, place: usize) -> Heard<'static> {
    let at = place as i64 * 5_000;
    let (from, to) = line.2.unwrap_or((at, at + 1_000));
    Heard {
        turn: (place as u64 + 1) << 32,
        at: Micros(from * 1_000),
        started_at: line.2.map(|_| Micros(from * 1_000)),
        ended_at: line.2.map(|_| Micros(to * 1_000)),
        speaker: line.0,
        speaker_id: (line.0 == Speaker::Agent).then_some("a-1"),
        text: line.1,
        mood: Some(line.3),
    }
}

/// Number of the turn (from 1; 0 is the end) and rule of each hit.
fn judged(set: &RuleSet, lines: &[Line]) -> Vec<(usize, Hit)> {
    let (mut talk, mut scratch) = (Talk::default(), Scratch::default());
    talk.set_channel(Channel::Chat);
    let mut hits = Vec::new();
    for (place, line) in lines.iter().enumerate() {
        let heard = said(*line, place);
        let found = set.hear(&mut talk, &heard, &mut scratch);
        hits.extend(found.into_iter().map(|hit| (place + 1, hit)));
        assert!(talk.bytes() <= MAX_TALK_BYTES);
        // The same turn again changes nothing.
        assert!(set.hear(&mut talk, &heard, &mut scratch).is_empty());
    }
    hits.extend(set.end(&mut talk).into_iter().map(|hit| (0, hit)));
    hits
}

/// The turns in which the only rule hits.
fn turns(rule: Value, lines: &[Line]) -> Vec<usize> {
    judged(&set(&[rule]), lines)
        .into_iter()
        .map(|(turn, _)| turn)
        .collect()
}

#[test]
fn keywords_any_all_none_and_near() {
    let words = |operator: Value| {
        let mut value = rule(json!([operator]));
        value["per"] = json!("turn");
        value
    };
    let lines = [
        customer("我要退款，请尽快处理"),
        customer("退货还是换货都行"),
        agent("我们给您退款"),
        customer("this is a REFUND request"),
    ];
    let any = words(json!({"operator": "keywords", "role": "customer", "any": ["退款", "Refund"]}));
    assert_eq!(turns(any, &lines), [1, 4]);
    let all = words(json!({"operator": "keywords", "all": ["退货", "换货"]}));
    assert_eq!(turns(all, &lines), [2]);
    let none = words(json!({"operator": "keywords", "any": ["退款"], "none": ["处理"]}));
    assert_eq!(turns(none, &lines), [3]);
    let lonely =
        words(json!({"operator": "keywords", "role": "customer", "none": ["退款", "refund"]}));
    assert_eq!(turns(lonely, &lines), [2]);
    let near = |within: u32| {
        words(
            json!({"operator": "keywords", "near": {"words": ["退款", "处理"], "within_chars": within}}),
        )
    };
    assert_eq!(turns(near(7), &lines), Vec::<usize>::new());
    assert_eq!(turns(near(8), &lines), [1]);
    // Words between spaces stand alone, traditional and full-width characters are the same.
    let hi = words(json!({"operator": "keywords", "any": ["hi", "投诉"]}));
    assert_eq!(
        turns(
            hi,
            &[
                agent("this"),
                agent("Hi!"),
                customer("我要投訴"),
                agent("ｈｉ")
            ]
        ),
        [2, 3, 4]
    );
}

#[test]
fn patterns_match_with_and_without_a_word_that_announces_them() {
    let lines = [
        agent("请提供订单号 20260001"),
        agent("请稍等"),
        agent("金额是 35 元，可以退款"),
    ];
    let pattern = |text: &str| json!({"name": "r", "per": "turn", "conditions": [{"operator": "regex", "pattern": text}]});
    assert_eq!(turns(pattern(r"订单号\s*\d{6,}"), &lines), [1]);
    assert_eq!(turns(pattern(r"\d{8}"), &lines), [1]);
    assert_eq!(turns(pattern(r"\d+\s*元.*退款"), &lines), [3]);
    let hits = judged(&set(&[pattern(r"订单号\s*\d{6,}")]), &lines);
    assert_eq!(hits[0].1.evidence[0].span, Some((3, 15)));
}

#[test]
fn a_sentence_like_a_sample_is_found_among_others() {
    let value = rule(
        json!([{"operator": "similarity", "role": "customer", "to": ["你们的服务太差了"], "at_least": 0.5}]),
    );
    let lines = [
        customer("我的快递呢"),
        customer("等了三天，你们服务真的太差了，算了"),
    ];
    assert_eq!(turns(value, &lines), [2]);
}

#[test]
fn the_same_question_again_and_again() {
    let again = |times: u8, at_least: f64| {
        rule(json!([{"operator": "repeated_question", "times": times, "at_least": at_least}]))
    };
    let lines = [
        customer("我的快递什么时候到"),
        agent("我的快递什么时候到"),
        customer("请问怎么开发票"),
        customer("我的快递到底什么时候到"),
        customer("快递什么时候到啊"),
    ];
    assert_eq!(turns(again(1, 0.6), &lines), [4]);
    assert_eq!(turns(again(2, 0.4), &lines), [5]);
}

#[test]
fn silence_speed_and_talking_over() {
    const fn at(role: Speaker, text: &'static str, from: i64, to: i64) -> Line {
        Line(role, text, Some((from, to)), 0)
    }
    let lines = [
        at(Speaker::Customer, "在吗", 0, 1_000),
        at(Speaker::Agent, "在的请讲", 31_000, 34_000),
        at(
            Speaker::Customer,
            "是这样的我想问一下那个套餐怎么改",
            33_000,
            36_000,
        ),
        at(
            Speaker::Agent,
            "您稍等一下我帮您查询一下这个套餐的情况好不好呀",
            40_000,
            42_000,
        ),
    ];
    let silence = |least: i64, after: &str| {
        rule(
            json!([{"operator": "silence", "role": "agent", "at_least_ms": least, "after": after}]),
        )
    };
    assert_eq!(turns(silence(30_000, "customer"), &lines), [2]);
    assert_eq!(
        turns(silence(30_001, "customer"), &lines),
        Vec::<usize>::new()
    );
    assert_eq!(turns(silence(30_000, "agent"), &lines), Vec::<usize>::new());
    let over = rule(json!([{"operator": "over_talk", "role": "customer", "at_least_ms": 1_000}]));
    assert_eq!(turns(over, &lines), [3]);
    let fast = rule(json!([{"operator": "talk_speed", "role": "agent", "above": 400}]));
    let hits = judged(&set(&[fast]), &lines);
    assert_eq!(hits.len(), 1);
    assert_eq!((hits[0].0, hits[0].1.evidence[0].value), (4, Some(690.0)));
}

#[test]
fn a_run_of_bad_mood() {
    let run = rule(json!([{"operator": "sentiment_run", "role": "customer", "turns": 3}]));
    let bad = Line(Speaker::Customer, "太慢了", None, -1);
    let lines = [bad, bad, agent("抱歉"), bad, bad];
    assert_eq!(turns(run.clone(), &lines), [4]);
    assert_eq!(
        turns(run, &[bad, bad, customer("好吧"), bad]),
        Vec::<usize>::new()
    );
}

#[test]
fn what_is_missing_is_known_as_soon_as_it_cannot_come() {
    let greeting = |range: Value| {
        rule(
            json!([{"operator": "missing_phrase", "role": "agent", "phrase": "greeting", "range": range}]),
        )
    };
    let first_two = || greeting(json!({"turns": {"to": 2}}));
    let rude = [
        customer("在吗"),
        agent("什么事"),
        customer("退货"),
        agent("订单号"),
        agent("您好"),
    ];
    assert_eq!(turns(first_two(), &rude), [4]);
    assert_eq!(
        turns(first_two(), &[agent("您好，请讲"), agent("好的")]),
        Vec::<usize>::new()
    );
    // Nobody was there to greet.
    assert_eq!(turns(first_two(), &[customer("在吗")]), Vec::<usize>::new());
    // One turn only, then the end.
    assert_eq!(turns(first_two(), &[agent("什么事")]), [0]);
    let timed = greeting(json!({"ms": {"to": 6_000}}));
    assert_eq!(
        turns(timed, &[agent("什么事"), customer("退货"), agent("您好")]),
        [3]
    );
    let closing = rule(
        json!([{"operator": "missing_phrase", "role": "agent", "phrase": "closing",
        "range": {"last_turns": 2}}]),
    );
    assert_eq!(
        turns(closing.clone(), &[agent("再见"), agent("好"), agent("嗯")]),
        [0]
    );
    assert_eq!(
        turns(closing, &[agent("好"), agent("再见"), agent("嗯")]),
        Vec::<usize>::new()
    );
}

#[test]
fn every_complaint_wants_an_apology_within_two_turns() {
    let value = || {
        json!({"name": "r", "when": "a and b", "conditions": [
            {"id": "a", "operator": "sensitive_words", "role": "customer", "groups": ["complaint"]},
            {"id": "b", "operator": "missing_phrase", "role": "agent", "phrase": "apology",
                "anchor": {"after": "a", "within_turns": 2}},
        ]})
    };
    let complaint = customer("我要投诉你们");
    let sorry = agent("非常抱歉");
    let other = agent("请说");
    let none = Vec::<usize>::new();
    assert_eq!(
        turns(value(), &[complaint, other, sorry, other, other]),
        none
    );
    assert_eq!(
        turns(value(), &[complaint, other, customer("喂"), other, sorry]),
        [4]
    );
    // An apology before does not count, the second complaint wants one of its own.
    assert_eq!(turns(value(), &[sorry, complaint, other, other]), [4]);
    assert_eq!(
        turns(value(), &[complaint, sorry, complaint, other, other]),
        [5]
    );
    // The customer left at once; the agent had one turn.
    assert_eq!(turns(value(), &[complaint]), none);
    assert_eq!(turns(value(), &[complaint, other]), [0]);
    assert_eq!(turns(value(), &[customer("你好"), other, other]), none);
}

#[test]
fn what_must_stand_before() {
    let value = || {
        json!({"name": "r", "when": "b", "conditions": [
            {"id": "a", "operator": "keywords", "role": "agent", "any": ["身份证号"]},
            {"id": "b", "operator": "missing_phrase", "role": "agent", "phrase": "disclosure",
                "anchor": {"before": "a"}},
        ]})
    };
    let ask = agent("请报一下身份证号");
    let told = agent("本次通话将被录音");
    assert_eq!(turns(value(), &[agent("您好"), ask, told]), [2]);
    assert_eq!(
        turns(value(), &[told, agent("好"), ask]),
        Vec::<usize>::new()
    );
    assert_eq!(turns(value(), &[agent("您好"), told]), Vec::<usize>::new());
}

#[test]
fn steps_in_the_wrong_order() {
    let script = |skips: bool| {
        rule(
            json!([{"operator": "script_order", "role": "agent", "allow_skips": skips, "steps": [
                {"phrase": "greeting"}, {"phrase": "verification"}, {"any": ["为您办理"]},
            ]}]),
        )
    };
    let (hello, verify, act) = (
        agent("您好"),
        agent("核实一下您的身份"),
        agent("现在为您办理"),
    );
    let none = Vec::<usize>::new();
    assert_eq!(turns(script(true), &[hello, verify, act, hello]), none);
    assert_eq!(turns(script(true), &[hello, act, verify]), [3]);
    assert_eq!(turns(script(true), &[hello, act]), none);
    assert_eq!(turns(script(false), &[hello, act, verify]), [2]);
}

#[test]
fn sensitive_words_but_not_inside_of_others() {
    let value = rule(
        json!([{"operator": "sensitive_words", "role": "agent", "groups": ["insult"],
        "words": ["返现"], "except": ["不返现"], "personal": ["phone"]}]),
    );
    assert_eq!(
        turns(value.clone(), &[agent("本店不返现"), agent("可以返现")]),
        [2]
    );
    assert_eq!(turns(value.clone(), &[agent("打这个 <PHONE:abc234>")]), [1]);
    assert_eq!(
        turns(value, &[customer("你这个白痴"), agent("你这个白痴")]),
        [2]
    );
}

#[test]
fn a_rule_hits_once_an_interaction_and_only_on_its_channels() {
    let value = |channels: Value| json!({"name": "r", "channels": channels, "conditions": [{"operator": "keywords", "any": ["退款"]}]});
    let lines = [customer("退款"), customer("退款")];
    assert_eq!(turns(value(json!([])), &lines), [1]);
    assert_eq!(turns(value(json!(["chat"])), &lines), [1]);
    assert_eq!(turns(value(json!(["call"])), &lines), Vec::<usize>::new());
}

#[test]
fn values_of_conditions_are_told() {
    let set = set(&[json!({"name": "r", "when": "a and not b", "conditions": [
        {"operator": "keywords", "any": ["退款"]}, {"operator": "keywords", "any": ["抱歉"]},
    ]})]);
    let (mut talk, mut scratch) = (Talk::default(), Scratch::default());
    set.hear(&mut talk, &said(customer("退款"), 0), &mut scratch);
    assert_eq!(
        set.values(&talk, 0),
        [("a", Truth::True), ("b", Truth::Unknown)]
    );
    let hits = set.end(&mut talk);
    assert_eq!(hits.len(), 1);
    assert_eq!(hits[0].evidence.len(), 1);
    assert_eq!(
        set.values(&talk, 0),
        [("a", Truth::True), ("b", Truth::False)]
    );
}

#[test]
fn mistakes_point_at_the_place_and_list_what_is_allowed() {
    let wrong = |value: Value| {
        let found = Rule::read(&value).expect_err("a mistake");
        let lines = found
            .into_iter()
            .map(|one| format!("{}: {}", one.pointer, one.detail));
        lines.collect::<Vec<_>>().join("\n")
    };
    let operator = wrong(rule(json!([{"operator": "keyword", "any": ["x"]}])));
    assert!(
        operator.starts_with("/conditions/0/operator: expected one of keywords, "),
        "{operator}"
    );
    let field = wrong(rule(json!([{"operator": "silence", "at_least": 3}])));
    assert!(
        field.contains("/conditions/0/at_least: there is no such field; allowed here: at_least_ms"),
        "{field}"
    );
    assert!(
        field.contains("/conditions/0/at_least_ms: it is missing"),
        "{field}"
    );
    let list = wrong(rule(
        json!([{"operator": "missing_phrase", "phrase": "greetings"}]),
    ));
    assert!(list.contains("expected one of greeting, "), "{list}");
    let group = wrong(rule(
        json!([{"operator": "sensitive_words", "groups": ["threats"]}]),
    ));
    assert!(
        group.contains("/conditions/0/groups/0: there is no such list; there are threat, "),
        "{group}"
    );
    let role = wrong(rule(
        json!([{"operator": "keywords", "any": ["x"], "role": "agnet"}]),
    ));
    assert!(
        role.contains("/conditions/0/role: expected one of agent, "),
        "{role}"
    );
    let pattern = wrong(rule(json!([{"operator": "regex", "pattern": "(a"}])));
    assert!(
        pattern.contains("/conditions/0/pattern: unclosed group"),
        "{pattern}"
    );
    let unused = wrong(json!({"name": "r", "when": "a", "conditions": [
        {"operator": "keywords", "any": ["x"]}, {"operator": "keywords", "any": ["y"]}]}));
    assert!(
        unused.contains("/when: the condition b is not used"),
        "{unused}"
    );
    let negative = wrong(
        json!({"name": "r", "per": "turn", "when": "not a", "conditions": [
        {"operator": "keywords", "any": ["x"]}]}),
    );
    assert!(
        negative.contains("/when: it is true of a turn in which nothing is found"),
        "{negative}"
    );
    let many = wrong(json!({"severity": "high", "conditions": [], "extra": 1}));
    for part in [
        "/name: it is missing",
        "/severity: expected one of ",
        "/extra: there is no such",
        "/conditions: ",
    ] {
        assert!(many.contains(part), "{many}");
    }
    assert!(wrong(json!([])).contains("expected an object"));
}
