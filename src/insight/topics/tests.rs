//! Topics of made-up texts: what is found, and what becomes of inputs that are none.

use super::*;
use crate::enrich::topic::Assigned;

fn found(texts: &[String], topics: Option<usize>) -> Clustering {
    static SEGMENTER: std::sync::LazyLock<Segmenter> = std::sync::LazyLock::new(Segmenter::new);
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let settings = Settings {
        topics,
        ..Settings::default()
    };
    cluster(&SEGMENTER, &texts, settings)
}

fn labels(found: &Clustering) -> Vec<Option<u32>> {
    let given = found.assignments.iter();
    given.map(|given| given.map(|given| given.topic)).collect()
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// Six things that customers want, in two languages, said in different ways; the text's kind is its place modulo 6.
fn desk(count: usize) -> Vec<String> {
    let starts = ["你好 ", "麻烦您，", "", "那个 ", "请问"];
    let wants = [
        [
            "宽带断网了上不去网",
            "家里宽带连不上网",
            "网络断了，宽带灯是红的",
            "宽带掉线上网很慢",
        ],
        [
            "我要退款",
            "钱什么时候退款到账",
            "退款申请一直没有到账",
            "订单退款没收到",
        ],
        [
            "快递还没送到",
            "包裹物流停了三天",
            "快递员没有送货，物流不动",
            "包裹快递丢了",
        ],
        [
            "cancel my insurance policy",
            "I want to cancel the policy",
            "policy cancel please",
            "how to cancel insurance policy",
        ],
        [
            "reset password for login",
            "forgot my login password",
            "password reset mail not there",
            "login password is wrong",
        ],
        [
            "上个月话费扣多了",
            "话费账单多扣了套餐费",
            "套餐话费账单不对",
            "账单话费怎么这么多",
        ],
    ];
    (0..count)
        .map(|i| {
            let want = wants[i % 6][(i / 6 * 7 + i / 24) % 4];
            format!(
                "{}{want}{}",
                starts[i / 6 % 5],
                ["", "！", " 谢谢", "。"][i / 12 % 4]
            )
        })
        .collect()
}

#[test]
fn separate_wants_are_separate_topics() {
    let texts = desk(360);
    let found = found(&texts, Some(6));
    assert_eq!(found.topics.len(), 6);
    let labels = labels(&found);
    for kind in 0..6 {
        let own: Vec<u32> = labels
            .iter()
            .skip(kind)
            .step_by(6)
            .filter_map(|label| *label)
            .collect();
        let most = (0..6)
            .map(|topic| own.iter().filter(|label| **label == topic).count())
            .max();
        assert!(most >= Some(54), "kind {kind}: {own:?}");
    }
    assert!(
        found.topics.iter().any(|topic| topic.name.contains("退款")),
        "{:?}",
        found.topics
    );
    assert!(
        found
            .topics
            .iter()
            .all(|topic| !topic.exemplars.is_empty() && topic.size > 0)
    );
}

#[test]
fn same_bytes_on_one_and_two_threads() {
    let texts = desk(300);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| found(&texts, None))
    };
    let (one, two) = (run(1), run(2));
    let bits = |found: &Clustering| -> Vec<u32> {
        found.centres.values.iter().map(|x| x.to_bits()).collect()
    };
    assert_eq!(bits(&one), bits(&two));
    assert_eq!(one.assignments, two.assignments);
    assert_eq!(one.topics, two.topics);
    assert_eq!(one.scores, two.scores);
}

#[test]
fn texts_beyond_the_sample_are_assigned_alike() {
    let texts = desk(600);
    let said: Vec<&str> = texts.iter().map(String::as_str).collect();
    let settings = Settings {
        topics: Some(6),
        sample: 300,
        ..Settings::default()
    };
    let found = cluster(&Segmenter::new(), &said, settings);
    let labels = labels(&found);
    assert!(labels.iter().all(Option::is_some));
    let sizes: usize = found.topics.iter().map(|topic| topic.size).sum();
    assert_eq!(sizes, 600);
    // Texts that are equal but for a greeting have one topic.
    let agreed = (0..6).map(|kind| {
        let own: Vec<_> = labels.iter().skip(kind).step_by(6).collect();
        own.iter().filter(|label| **label == own[0]).count()
    });
    assert!(agreed.sum::<usize>() >= 540, "{labels:?}");
}

#[test]
fn nothing_and_wordless() {
    let nothing = found(&[], None);
    assert!(nothing.topics.is_empty() && nothing.assignments.is_empty());
    let wordless = found(&owned(&["", "😀😀", " … ！", "\u{200b}"]), None);
    assert!(wordless.topics.is_empty());
    assert_eq!(labels(&wordless), [None, None, None, None]);
}

#[test]
fn one_text_and_one_character() {
    let one = found(&owned(&["x", "😀"]), None);
    assert_eq!(labels(&one), [Some(0), None]);
    assert_eq!(one.topics[0].size, 1);
    assert!(!one.topics[0].name.is_empty());
    let given = found(&owned(&["退款"]), Some(20));
    assert_eq!(labels(&given), [Some(0)]);
}

#[test]
fn only_stop_words_have_a_topic() {
    let texts = owned(&["hello", "ok thanks", "well yes", "um"]);
    for topics in [None, Some(3)] {
        let found = found(&texts, topics);
        assert_eq!(labels(&found), vec![Some(0); 4]);
        assert_eq!(found.topics[0].size, 4);
        assert!(!found.topics[0].name.is_empty());
    }
    let mixed = found(
        &owned(&["hello", "退款没到账", "退款没到", "退款未到账"]),
        None,
    );
    assert!(labels(&mixed).iter().all(Option::is_some));
}

#[test]
fn equal_texts_are_one_topic() {
    let texts = vec!["我要退款".to_owned(); 200];
    for topics in [None, Some(5)] {
        let found = found(&texts, topics);
        assert_eq!(found.topics.len(), 1, "{topics:?}");
        assert!(labels(&found).iter().all(|label| *label == Some(0)));
    }
}

#[test]
fn fewer_texts_than_topics() {
    let texts = owned(&["宽带断网", "cancel policy", "快递丢失"]);
    let found = found(&texts, Some(10));
    let mut labels: Vec<u32> = labels(&found).into_iter().flatten().collect();
    labels.sort_unstable();
    assert_eq!(labels, [0, 1, 2], "each text is its own topic");
}

#[test]
fn a_megabyte_and_mixed_scripts() {
    let mut texts = desk(60);
    texts.push("退款 refund возврат 返金 환불 ".repeat(30_000));
    texts.push("возврат денег".to_owned());
    texts.push("환불 해주세요".to_owned());
    texts.push("返金してください".to_owned());
    texts.push("🙂退款🙂refund🙂".to_owned());
    let found = found(&texts, None);
    assert!(labels(&found).iter().all(Option::is_some));
    assert!(
        found
            .assignments
            .iter()
            .flatten()
            .all(|given| (0.0..=1.0001).contains(&given.confidence))
    );
}

#[test]
fn the_assigner_knows_its_own_and_leaves_what_is_new() {
    let texts = desk(360);
    let said: Vec<&str> = texts.iter().map(String::as_str).collect();
    let segmenter = Segmenter::new();
    let found = found(&texts, Some(6));
    let ids: Vec<String> = (0..6).map(|topic| format!("t-{topic}")).collect();
    let written = serde_json::to_string(&found.model(&segmenter, &said, "run-1", &ids)).unwrap();
    let mut model: TopicModel = serde_json::from_str(&written).unwrap();
    model.index();
    let own = labels(&found);
    let same = said.iter().zip(&own).filter(|(text, topic)| {
        matches!(model.assign(&segmenter, text), Assigned::Topic(known, _)
            if Some(known.id.clone()) == topic.map(|topic| format!("t-{topic}")))
    });
    assert!(same.count() >= 324);
    for text in ["空调制冷有噪音", "The museum opens on Sunday"] {
        let assigned = model.assign(&segmenter, text);
        assert!(
            !matches!(assigned, Assigned::Topic(..)),
            "{text}: {assigned:?}"
        );
    }
    assert_eq!(model.assign(&segmenter, "😀"), Assigned::Unknown);
}
