//! Lists of phrases and words that come with the product, in Chinese and English.
//!
//! Invariants: every entry is in the form in which texts are compared (lower case, simplified characters).
//! They are a beginning: a rule may name words of its own instead of a list or beside it.

/// A list with its name.
pub struct List {
    /// Its name in a rule.
    pub name: &'static str,
    /// Its entries.
    pub words: &'static [&'static str],
}

/// What an agent is expected to say (`missing_phrase`, steps of `script_order`).
pub const PHRASES: &[List] = &[
    List {
        name: "greeting",
        words: &[
            "您好",
            "你好",
            "欢迎致电",
            "欢迎来电",
            "欢迎光临",
            "很高兴为您服务",
            "为您服务",
            "早上好",
            "上午好",
            "下午好",
            "晚上好",
            "hello",
            "hi",
            "good morning",
            "good afternoon",
            "good evening",
            "thank you for calling",
            "thanks for calling",
            "welcome to",
            "how can i help",
            "how may i help",
            "how can i assist",
            "how may i assist",
        ],
    },
    List {
        name: "disclosure",
        words: &[
            "通话将被录音",
            "通话会被录音",
            "通话可能被录音",
            "本次通话录音",
            "电话录音",
            "将会录音",
            "全程录音",
            "对话将被记录",
            "会被记录",
            "call is recorded",
            "call may be recorded",
            "call is being recorded",
            "calls are recorded",
            "recorded line",
            "recorded for quality",
            "conversation may be recorded",
            "chat may be recorded",
        ],
    },
    List {
        name: "closing",
        words: &[
            "感谢您的来电",
            "感谢来电",
            "谢谢您的来电",
            "感谢您的咨询",
            "感谢您的支持",
            "祝您生活愉快",
            "祝您工作顺利",
            "祝您愉快",
            "祝您一切顺利",
            "还有什么可以帮",
            "还有其他可以帮",
            "还有别的需要",
            "请问还有其他问题",
            "再见",
            "anything else i can help",
            "anything else i can do",
            "anything else i can assist",
            "is there anything else",
            "thank you for calling",
            "thanks for calling",
            "thank you for contacting",
            "thanks for contacting",
            "have a nice day",
            "have a good day",
            "have a great day",
            "goodbye",
            "bye",
        ],
    },
    List {
        name: "verification",
        words: &[
            "核实一下您的",
            "核对一下您的",
            "核实您的身份",
            "核实身份",
            "验证您的身份",
            "身份验证",
            "请提供您的姓名",
            "请提供身份证",
            "请报一下您的",
            "verify your identity",
            "verify your account",
            "confirm your name",
            "confirm your identity",
            "date of birth",
            "security question",
        ],
    },
    List {
        name: "apology",
        words: &[
            "抱歉",
            "对不起",
            "不好意思",
            "给您添麻烦",
            "给您带来不便",
            "sorry",
            "apologize",
            "apologise",
            "apologies",
            "regret the inconvenience",
        ],
    },
];

/// What is looked for (`sensitive_words`).
pub const GROUPS: &[List] = &[
    List {
        name: "insult",
        words: &[
            "傻逼",
            "傻b",
            "煞笔",
            "沙比",
            "脑残",
            "智障",
            "白痴",
            "蠢货",
            "废物",
            "混蛋",
            "王八蛋",
            "滚蛋",
            "去死",
            "他妈的",
            "妈的",
            "神经病",
            "有病吧",
            "不要脸",
            "idiot",
            "moron",
            "stupid",
            "shut up",
            "asshole",
            "bastard",
            "bullshit",
            "fuck",
            "fucking",
            "screw you",
            "damn you",
        ],
    },
    List {
        name: "threat",
        words: &[
            "弄死",
            "打死",
            "杀了你",
            "报复",
            "找人收拾",
            "走着瞧",
            "等着瞧",
            "砸了你们",
            "自杀",
            "跳楼",
            "不想活",
            "kill you",
            "hurt you",
            "kill myself",
            "bomb",
            "you will regret",
            "burn down",
        ],
    },
    List {
        name: "complaint",
        words: &[
            "投诉",
            "举报",
            "曝光",
            "12315",
            "消费者协会",
            "消协",
            "工信部",
            "银保监",
            "媒体",
            "起诉",
            "律师",
            "法院",
            "打官司",
            "complain",
            "complaint",
            "lawyer",
            "attorney",
            "sue you",
            "lawsuit",
            "regulator",
            "ombudsman",
            "consumer protection",
            "going to court",
        ],
    },
    List {
        name: "forbidden_promise",
        words: &[
            "保证收益",
            "保本",
            "稳赚",
            "零风险",
            "无风险",
            "绝对没问题",
            "百分之百",
            "百分百",
            "一定能批",
            "肯定能批",
            "永久免费",
            "guaranteed return",
            "guaranteed profit",
            "risk free",
            "risk-free",
            "no risk at all",
            "hundred percent sure",
            "i guarantee",
            "always free",
        ],
    },
    List {
        name: "shirking",
        words: &[
            "不归我管",
            "不关我事",
            "不是我的问题",
            "跟我没关系",
            "我也没办法",
            "你自己看着办",
            "自己想办法",
            "爱买不买",
            "随便你",
            "不知道别问我",
            "not my problem",
            "not my job",
            "nothing i can do",
            "deal with it yourself",
            "i don't care",
            "whatever you want",
        ],
    },
    List {
        name: "credential_request",
        words: &[
            "告诉我您的密码",
            "把密码发",
            "提供密码",
            "报一下密码",
            "您的密码是多少",
            "把验证码",
            "验证码发给",
            "验证码告诉",
            "报一下验证码",
            "提供验证码",
            "tell me your password",
            "what is your password",
            "send me the code",
            "read me the code",
            "give me your pin",
            "your full card number",
        ],
    },
    List {
        name: "leaving",
        words: &[
            "注销",
            "销户",
            "退订",
            "携号转网",
            "换一家",
            "不用你们",
            "取消会员",
            "解约",
            "cancel my account",
            "close my account",
            "switch to another",
            "cancel my subscription",
            "end my contract",
            "leave you for",
        ],
    },
];

/// The entries of the list `name`.
#[must_use]
pub fn entries(lists: &'static [List], name: &str) -> Option<&'static [&'static str]> {
    let list = lists.iter().find(|list| list.name == name)?;
    Some(list.words)
}

/// The names of the lists.
pub fn names(lists: &'static [List]) -> impl Iterator<Item = &'static str> {
    lists.iter().map(|list| list.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enrich::normalise::for_matching;

    #[test]
    fn entries_are_in_the_form_in_which_texts_are_compared() {
        for word in PHRASES.iter().chain(GROUPS).flat_map(|list| list.words) {
            assert_eq!(for_matching(word), *word);
        }
    }
}
