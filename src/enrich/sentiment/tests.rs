//! What holds of the shipped heads and of learning, on texts of our own.

use super::corpus::{
    Example, Head, Source, deduplicate, expand, identity, is_test, own_lines, rated,
};
use super::train::{Settings, polarity};
use super::*;
use crate::model::learn::Recipe;

const LINES_ZH: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/models/lines/zh.tsv"));
const LINES_EN: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/models/lines/en.tsv"));

fn mood(text: &str) -> Mood {
    report::mood(Sentiment::shipped().unwrap(), text, None)
}

#[test]
fn the_artefacts_are_whole() {
    let heads = Sentiment::shipped().unwrap();
    let named = heads.polarity_version() + " " + &heads.dissatisfaction_version();
    for head in [
        "polarity-zh@",
        "polarity-en@",
        "dissatisfaction-zh@",
        "dissatisfaction-en@",
    ] {
        assert!(named.contains(head), "{named}");
    }
    let bytes = POLARITY_ZH;
    assert!(Linear::read(&bytes[..bytes.len() - 1]).is_err());
    assert!(Linear::read(b"TCLIN").is_err());
    assert_eq!(Linear::read(bytes).unwrap().bytes(), bytes);
}

#[test]
fn plain_cases_come_out_right() {
    for (text, label) in [
        ("我要投诉你们，三天了还没人处理", Label::Negative),
        ("垃圾客服，太让人失望了", Label::Negative),
        ("好的，谢谢，问题解决了", Label::Positive),
        ("非常满意，客服很耐心", Label::Positive),
        ("your service is terrible, I am so angry", Label::Negative),
        ("thank you so much, great service", Label::Positive),
    ] {
        assert_eq!(mood(text).label, label, "{text} {:?}", mood(text));
    }
}

#[test]
fn width_script_case_and_punctuation_change_no_score() {
    let plain = mood("质量太差了我要退货");
    for same in [
        "质量太差了，我要退货。",
        "質量太差了我要退貨",
        "质量太差了\n我要退货",
    ] {
        assert!((mood(same).score - plain.score).abs() < 1e-9, "{same}");
    }
    assert_eq!(mood("ＶＩＰ服务真好"), mood("vip服务真好"));
}

#[test]
fn the_gate_keeps_the_ratio_and_the_score() {
    for line in own_lines(LINES_ZH, Head::Polarity, 1.0).iter().step_by(7) {
        let mood = mood(&line.text);
        let sum = mood.negative + mood.neutral + mood.positive;
        assert!((sum - 1.0).abs() < 1e-6);
        let told = mood.positive / (mood.positive + mood.negative);
        assert!((told - f64::midpoint(mood.score, 1.0)).abs() < 1e-6);
    }
}

/// At least 90 % of turns: without the listed terms the score is nearer to neutral.
#[test]
fn removing_the_explanation_moves_towards_neutral() {
    let heads = Sentiment::shipped().unwrap();
    for (lines, grams) in [(LINES_ZH, Grams::Chinese), (LINES_EN, Grams::English)] {
        let (mut all, mut nearer) = (0_u32, 0_u32);
        for line in own_lines(lines, Head::Polarity, 1.0).iter().step_by(3) {
            let text = Symbols::of(&line.text);
            let before = heads.polarity(&text, grams).score;
            let mut rest = text.text.clone();
            for term in heads.explain(&text, grams) {
                rest = rest.replace(&term.term, " ");
            }
            let after = heads.polarity(&Symbols::of(&rest), grams).score;
            all += 1;
            nearer += u32::from(after.abs() < before.abs());
        }
        assert!(nearer * 10 >= all * 9, "{nearer} of {all} {grams:?}");
    }
}

#[test]
fn degenerate_texts_have_their_answer() {
    for empty in ["", " \n", "！！！", "....", "\u{200b}"] {
        assert_eq!(mood(empty), Mood::NONE, "{empty:?}");
    }
    for text in ["好", "😀", "<PHONE:abc234>", "123", "これは本です", "a"] {
        let mood = mood(text);
        let sum = mood.negative + mood.neutral + mood.positive;
        assert!(
            mood.score.abs() <= 1.0 && (sum - 1.0).abs() < 1e-6,
            "{text}"
        );
    }
    let long = "这个服务太差了".repeat(50_000);
    assert_eq!(mood(&long).label, Label::Negative);
    assert_eq!(
        Symbols::of(&"信号差".repeat(50_000)).items.len(),
        features::MAX_SYMBOLS
    );
    assert_eq!(mood("thank you 谢谢你，很满意").label, Label::Positive);
}

#[test]
fn equal_texts_of_two_corpora_are_learnt_once_and_before_any_split() {
    let source = Source {
        path: String::new(),
        format: corpus::Format::Labelled,
        text: "text".into(),
        label: "label".into(),
        positive: vec!["1".into()],
        negative: vec!["0".into()],
        weight: 1.0,
    };
    let mut all = source.examples(
        "label,text\n1,\"房间很干净，下次还来。\"\n0,房间太小\n",
        Head::Polarity,
    );
    let again =
        "{\"text\":\"房间很干净 下次还来！\",\"label\":0}\n{\"text\":\"前臺不錯\",\"label\":1}\n";
    all.extend(source.examples(again, Head::Polarity));
    all.extend(source.examples("text\tlabel\n前台不错\t0\n", Head::Polarity));
    deduplicate(&mut all);
    let kept: Vec<(&str, f32)> = all.iter().map(|e| (e.text.as_str(), e.target)).collect();
    assert_eq!(
        kept,
        [
            ("房间很干净，下次还来。", 1.0),
            ("房间太小", 0.0),
            ("前臺不錯", 1.0)
        ]
    );
    assert_eq!(identity("Ａ b，1"), "ab1");
}

#[test]
fn learning_is_the_same_bytes_and_never_sees_the_scored_part() {
    let lines = own_lines(LINES_ZH, Head::Polarity, 1.0);
    let real = lines
        .iter()
        .filter(|l| (l.target - 0.5).abs() > 0.4)
        .step_by(2);
    let real: Vec<Example> = real
        .map(|l| Example {
            is_real: true,
            ..l.clone()
        })
        .collect();
    let settings = Settings {
        recipe: Recipe {
            bits: 14,
            ..Settings::polarity(Grams::Chinese).recipe
        },
        ..Settings::polarity(Grams::Chinese)
    };
    let first = polarity("p", &real, &settings).unwrap().bytes();
    assert_eq!(first, polarity("p", &real, &settings).unwrap().bytes());
    let learnable: Vec<Example> = real.iter().filter(|e| !is_test(&e.text)).cloned().collect();
    assert!(learnable.len() < real.len());
    assert_eq!(first, polarity("p", &learnable, &settings).unwrap().bytes());
}

#[test]
fn own_lines_expand_and_rated_dialogues_keep_their_order() {
    assert_eq!(expand("a(b|c|)d"), ["abd", "acd", "ad"]);
    let turns = rated(
        "USER\thi\tX\t3,3,3\nSYSTEM\tno\t\t\nUSER\thi there you\t\t2,2,3\n\nUSER\tbye\t\t5\n",
    );
    assert_eq!(turns.len(), 3);
    assert!(turns[1].is_dissatisfied() && turns[1].previous.as_deref() == Some("no"));
    assert_eq!((turns[1].position, turns[2].dialogue), (1, 1));
}

#[test]
fn the_surroundings_matter_to_dissatisfaction() {
    let heads = Sentiment::shipped().unwrap();
    let text = Symbols::of("Try again");
    let alone = heads.dissatisfaction(&text, &Surroundings::default(), Grams::English);
    let around = Surroundings {
        previous: Some(Symbols::of(
            "I'm sorry, I was not able to make the reservation.",
        )),
        position: Some(4),
        repeated: Some(0.6),
    };
    let refused = heads.dissatisfaction(&text, &around, Grams::English);
    assert!(refused > alone, "{refused:?} {alone:?}");
    assert_eq!(
        heads.dissatisfaction(&Symbols::of(""), &Surroundings::default(), Grams::English),
        None
    );
}

#[test]
fn noise_is_seeded() {
    let text = "我的手机坏了，什么时候能修好？";
    assert_eq!(noise::heard(text, 0.1, 7), noise::heard(text, 0.1, 7));
    assert!(!noise::heard(text, 0.1, 7).contains('，'));
    assert_ne!(noise::heard(text, 1.0, 7), noise::heard(text, 0.0, 7));
}
