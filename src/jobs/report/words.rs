//! What the report says, in Chinese and English.
//!
//! Invariants: every word of the page stands here in both languages; a metric without a name of its own is called
//! by its id.

/// A language of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// `zh-CN`
    Chinese,
    /// `en`
    English,
}

impl Language {
    /// By a BCP 47 tag: `zh…` or `en…`.
    #[must_use]
    pub fn of(tag: &str) -> Option<Self> {
        match tag.split('-').next()? {
            "zh" => Some(Self::Chinese),
            "en" => Some(Self::English),
            _ => None,
        }
    }

    /// The tag.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::Chinese => "zh-CN",
            Self::English => "en",
        }
    }

    fn pick((chinese, english): (&'static str, &'static str), of: Self) -> &'static str {
        match of {
            Self::Chinese => chinese,
            Self::English => english,
        }
    }

    pub(super) fn say(self, word: Word) -> &'static str {
        Self::pick(word.texts(), self)
    }

    /// The name of a metric.
    pub(super) fn metric(self, id: &str) -> String {
        let found = METRICS.iter().find(|(known, ..)| *known == id);
        found.map_or_else(
            || id.to_owned(),
            |&(_, chinese, english)| Self::pick((chinese, english), self).to_owned(),
        )
    }

    /// The name of a cause or kind of a query.
    pub(super) fn closed(self, word: &str) -> String {
        let found = CLOSED.iter().find(|(known, ..)| *known == word);
        found.map_or_else(
            || word.to_owned(),
            |&(_, chinese, english)| Self::pick((chinese, english), self).to_owned(),
        )
    }
}

macro_rules! words {
    ($($name:ident = $chinese:literal, $english:literal;)+) => {
        /// A word of the page.
        #[derive(Debug, Clone, Copy)]
        pub(super) enum Word { $($name),+ }

        impl Word {
            const fn texts(self) -> (&'static str, &'static str) {
                match self { $(Self::$name => ($chinese, $english)),+ }
            }
        }
    };
}

words! {
    Title = "服务月报", "Monthly service report";
    Zone = "时区", "time zone";
    Figures = "指标", "Figures";
    ByQueue = "分队列指标", "Figures by queue";
    Metric = "指标", "Metric";
    Queue = "队列", "Queue";
    Value = "数值", "Value";
    Interval = "95% 置信区间", "95 % interval";
    Before = "上月", "Month before";
    Change = "变化", "Change";
    Target = "目标", "Target";
    Counted = "样本数", "n";
    Coverage = "覆盖率", "Coverage";
    Definition = "口径", "Definition";
    Abandons = "放弃原因", "Why customers gave up";
    Cause = "原因", "Cause";
    Channel = "渠道", "Channel";
    Abandoned = "放弃数", "Abandons";
    Share = "占比", "Share";
    Topics = "热点问题", "What customers came for";
    Reason = "事由", "Reason";
    Contacts = "联系数", "Interactions";
    Ratio = "环比", "Against before";
    Negative = "负面情绪占比", "Negative";
    Repeats = "重复来电占比", "Repeats";
    Opportunities = "改进机会", "What could be better";
    Kind = "类型", "Kind";
    Prize = "每周可节省坐席分钟", "Agent minutes a week";
    Examples = "示例", "Examples";
    Unknown = "未分类", "not classified";
    All = "全部", "all";
}

const METRICS: [(&str, &str, &str); 20] = [
    ("interactions", "交互量", "Interactions"),
    ("offered", "进线量", "Offered"),
    ("answered", "接通量", "Answered"),
    ("abandoned", "放弃量", "Abandoned"),
    ("abandonment_rate_a", "放弃率", "Abandonment rate"),
    (
        "service_level_seed",
        "服务水平（30 秒）",
        "Service level (30 s)",
    ),
    (
        "average_speed_of_answer",
        "平均应答时长",
        "Average speed of answer",
    ),
    ("wait_p90", "等待时长 P90", "Wait, 90th percentile"),
    ("average_handle_time", "平均处理时长", "Average handle time"),
    ("transfer_rate_session", "转接率", "Transfer rate"),
    ("fcr_ours", "首次解决率", "First contact resolution"),
    ("self_service_rate", "自助服务使用率", "Self-service rate"),
    ("containment_rate", "自助拦截率", "Containment"),
    ("bot_to_human_rate", "转人工率", "Bot to human"),
    ("csat_mean", "满意度均分", "CSAT, mean"),
    ("nps", "净推荐值", "NPS"),
    ("complaint_rate", "投诉率", "Complaint rate"),
    ("sentiment_score", "客户情绪", "Sentiment"),
    ("occupancy", "坐席利用率", "Occupancy"),
    ("cost_per_interaction", "单次成本", "Cost per interaction"),
];

const CLOSED: [(&str, &str, &str); 13] = [
    ("own_patience", "等待超出耐心", "waited beyond patience"),
    ("ivr_depth", "菜单中离开", "left in the menu"),
    ("ivr_loop", "菜单循环", "lost in the menu"),
    ("wrong_menu", "进错队列", "wrong queue"),
    ("failed_bot", "机器人未解决", "bot failed"),
    ("after_hours", "非服务时间", "after hours"),
    ("technical", "技术故障", "technical"),
    ("repeat", "重复联系", "repeat"),
    ("repeats", "减少重复来电", "fewer repeats"),
    ("transfers", "减少转接", "fewer transfers"),
    ("to_self_service", "转向自助", "to self-service"),
    ("to_messages", "转向在线消息", "to messages"),
    ("other", "其他", "other"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_of_the_report_has_a_name() {
        for id in super::super::METRICS {
            assert_ne!(Language::Chinese.metric(id), id);
            assert_ne!(Language::English.metric(id), id);
        }
        assert_eq!(Language::of("zh-Hans"), Some(Language::Chinese));
        assert_eq!(Language::of("fr"), None);
    }
}
