//! What a customer wants: the turns of an interaction in which it is said.
//!
//! Turns of the customer that follow each other are one burst. A burst is a request when it has content beyond
//! greetings and fillers and either says so (a question, a wish, a complaint that something does not work) or is the
//! first one with content: whoever calls says first what for. Short answers to the other side's question are none.
//! Invariants: pure; requests are in the order of the turns; every turn is in at most one request.
//!
//! Written from rules, not learnt: it errs towards keeping what may be a request.

use super::segment::Segmenter;
use super::topic::label_terms;

/// Words with which people ask, wish, or say that something does not work. Latin ones stand between spaces.
const CUES: &[&str] = &[
    "?",
    "？",
    "吗",
    "呢？",
    "怎么",
    "咋",
    "如何",
    "为什么",
    "为啥",
    "什么时候",
    "多久",
    "多少钱",
    "哪里",
    "能不能",
    "可不可以",
    "可以吗",
    "是不是",
    "有没有",
    "我想",
    "我要",
    "想要",
    "想问",
    "想查",
    "想办",
    "帮我",
    "帮忙",
    "麻烦",
    "需要",
    "申请",
    "办理",
    "查询",
    "查一下",
    "取消",
    "退款",
    "退货",
    "换货",
    "退订",
    "投诉",
    "开通",
    "注销",
    "更改",
    "修改",
    "催",
    "不能",
    "不了",
    "无法",
    "没有收到",
    "没收到",
    "没到",
    "打不开",
    "坏了",
    "故障",
    "失败",
    "错误",
    "异常",
    "有问题",
    "不对",
    "不会",
    "丢了",
    "扣了",
    "多扣",
    " how ",
    " what ",
    " when ",
    " where ",
    " why ",
    " who ",
    " which ",
    " can i ",
    " can you ",
    " could you ",
    " could i ",
    " may i ",
    " do you ",
    " is there ",
    " is it ",
    " i want",
    " i need",
    " i'd like",
    " i would like",
    " i have to ",
    " looking to ",
    " looking for ",
    " trying to ",
    " calling about ",
    " calling to ",
    " want to ",
    " need to ",
    " help me ",
    " please ",
    " not work",
    " doesn't ",
    " does not ",
    " didn't ",
    " did not ",
    " can't ",
    " cannot ",
    " won't ",
    " isn't ",
    " never ",
    " broken ",
    " problem",
    " issue",
    " error",
    " wrong ",
    " cancel",
    " refund",
    " return ",
    " complain",
    " still ",
    " missing",
    " lost ",
    " failed",
];

/// What opens an answer and no request.
const ANSWERS: &[&str] = &[
    "是的",
    "对的",
    "不是",
    "好的",
    "没有了",
    "没了",
    "可以的",
    "嗯",
    "对",
    "行",
    "yes",
    "yeah",
    "yep",
    "no ",
    "nope",
    "correct",
    "that's right",
    "that is right",
    "sure",
    "ok",
    "okay",
    "thank",
    "谢谢",
    "my name is",
    "it's",
    "it is",
];

/// Content words of an answer at most; more say something of their own.
const ANSWER_WORDS: usize = 3;
/// Who says a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The customer.
    Customer,
    /// An agent or a bot: ends a burst.
    Other,
    /// The system: changes nothing.
    System,
}

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Places of its turns.
    pub turns: Vec<usize>,
    /// Their texts, joined by spaces.
    pub text: String,
}

/// Whether a text says what somebody wants.
#[must_use]
pub fn is_request(segmenter: &Segmenter, text: &str) -> bool {
    let content = content_words(segmenter, text);
    if content == 0 {
        return false;
    }
    let lower = padded(text);
    if CUES.iter().any(|cue| lower.contains(cue)) {
        return true;
    }
    content > ANSWER_WORDS && !is_answer(&lower)
}

/// The requests of an interaction: its turns in order, with who says them.
#[must_use]
pub fn requests(segmenter: &Segmenter, turns: &[(Side, &str)]) -> Vec<Request> {
    let mut found = Vec::new();
    let mut burst = Request {
        turns: Vec::new(),
        text: String::new(),
    };
    for (place, (side, text)) in turns.iter().enumerate() {
        match side {
            Side::Customer if content_words(segmenter, text) > 0 => {
                if !burst.text.is_empty() {
                    burst.text.push(' ');
                }
                burst.text.push_str(text.trim());
                burst.turns.push(place);
            }
            Side::Customer | Side::System => {}
            Side::Other => end(segmenter, &mut burst, &mut found),
        }
    }
    end(segmenter, &mut burst, &mut found);
    found
}

fn end(segmenter: &Segmenter, burst: &mut Request, found: &mut Vec<Request>) {
    let ended = std::mem::replace(
        burst,
        Request {
            turns: Vec::new(),
            text: String::new(),
        },
    );
    let first = found.is_empty() && !ended.turns.is_empty() && !is_answer(&padded(&ended.text));
    if first || is_request(segmenter, &ended.text) {
        found.push(ended);
    }
}

/// The words of a text that say what it is about, first ones first, at most `most`.
#[must_use]
pub fn keywords(segmenter: &Segmenter, text: &str, most: usize) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    label_terms(segmenter, text, |_, parts| {
        if let [word] = parts {
            let known = found.iter().any(|known| known == word);
            if !known && word.chars().count() > 1 && found.len() < most {
                found.push((*word).to_owned());
            }
        }
    });
    found
}

fn content_words(segmenter: &Segmenter, text: &str) -> usize {
    let mut count = 0;
    label_terms(segmenter, text, |_, parts| {
        count += usize::from(parts.len() == 1)
    });
    count
}

/// Lower case, with a space at both ends and for each white space or mark that ends a word.
fn padded(text: &str) -> String {
    let mut padded = String::from(" ");
    for c in text.chars() {
        match c {
            '.' | ',' | '!' | ';' | ':' => padded.push(' '),
            '\u{2019}' => padded.push('\''),
            '?' => padded.push_str(" ?"),
            c if c.is_whitespace() => padded.push(' '),
            c => padded.extend(c.to_lowercase()),
        }
    }
    padded.push(' ');
    padded
}

fn is_answer(padded: &str) -> bool {
    let start = padded.trim_start();
    ANSWERS.iter().any(|answer| start.starts_with(answer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wanted() {
        let segmenter = Segmenter::new();
        for text in [
            "我想取消宽带",
            "快递怎么还没到",
            "流量用不了",
            "帮我查一下话费",
            "How do I reset my password",
            "my card was charged twice and nobody told me",
            "I'd like to get a quote",
        ] {
            assert!(is_request(&segmenter, text), "{text}");
        }
        for text in [
            "",
            "你好",
            "嗯，好的",
            "谢谢",
            "hello there",
            "yes",
            "ok thanks",
            "12345",
            "<PHONE:abc234>",
            "😀",
            "是的，北京",
        ] {
            assert!(!is_request(&segmenter, text), "{text}");
        }
    }

    #[test]
    fn bursts_greetings_and_answers() {
        let segmenter = Segmenter::new();
        let turns = [
            (Side::Other, "您好，请问有什么可以帮您"),
            (Side::Customer, "你好"),
            (Side::Customer, "家里的宽带"),
            (Side::System, "消息已送达"),
            (Side::Customer, "从昨天就断了"),
            (Side::Other, "请提供一下您的地址"),
            (Side::Customer, "是的，北京朝阳"),
            (Side::Other, "已经为您报修"),
            (Side::Customer, "好的，另外我想查一下上个月话费账单"),
            (Side::Other, "好的"),
            (Side::Customer, "谢谢再见"),
        ];
        let found = requests(&segmenter, &turns);
        let told: Vec<(&[usize], &str)> = found
            .iter()
            .map(|one| (&*one.turns, one.text.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                (&[2, 4][..], "家里的宽带 从昨天就断了"),
                (&[8][..], "好的，另外我想查一下上个月话费账单")
            ]
        );
        assert!(requests(&segmenter, &[]).is_empty());
        assert!(
            requests(
                &segmenter,
                &[(Side::Customer, "你好"), (Side::Other, "在的")]
            )
            .is_empty()
        );
    }

    #[test]
    fn words_of_a_text() {
        let segmenter = Segmenter::new();
        assert_eq!(
            keywords(&segmenter, "我想取消宽带，宽带太慢", 2),
            ["取消", "宽带"]
        );
        assert!(keywords(&segmenter, "你好 😀", 5).is_empty());
    }
}
