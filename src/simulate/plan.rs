//! What is planted in a run: topics and their ways, gaps, interventions.
//!
//! Drawn once from the seed, before the first day. Invariants: the same
//! options and library give the same plan; at most one intervention a topic;
//! an intervention without effect changes no rate. Not here: who asks when.

use super::Options;
use super::calendar::{Calendar, Kind, parts, weekday};
use super::dice::{Dice, Stream};
use super::scenario::{Intent, Library, Season};

/// How the knowledge base fails a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Gap {
    /// It answers.
    Answered,
    /// No article.
    NoContent,
    /// An article that searches do not show.
    NotFound,
    /// Two articles that disagree.
    Conflict,
    /// Right until a date, wrong since.
    Outdated,
    /// Shown, and of no use.
    Rejected,
    /// Not this house's business.
    OutOfScope,
}

impl Gap {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::NoContent => "no_content",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Outdated => "outdated",
            Self::Rejected => "rejected",
            Self::OutOfScope => "out_of_scope",
        }
    }

    pub(super) const fn is_gap(self) -> bool {
        !matches!(self, Self::Answered | Self::OutOfScope)
    }
}

/// Gaps of each type, when there are topics enough: 40.
const GAPS: [(Gap, usize); 5] = [
    (Gap::NoContent, 11),
    (Gap::NotFound, 8),
    (Gap::Conflict, 7),
    (Gap::Outdated, 7),
    (Gap::Rejected, 7),
];

/// How a topic's share moves over the run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Way {
    Steady,
    Rises,
    Falls,
    Appears,
    Dies,
    /// Until the date the other topic's wordings count as this one's.
    SplitsInto(usize),
    /// Begins at the date, out of the other one.
    SplitFrom(usize),
    /// From the date on this topic has the other one's customers too.
    MergesWith(usize),
    /// Ends at the date, in the other one.
    MergedInto(usize),
}

impl Way {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Steady => "steady",
            Self::Rises => "rises",
            Self::Falls => "falls",
            Self::Appears => "appears",
            Self::Dies => "dies",
            Self::SplitsInto(_) => "splits_into",
            Self::SplitFrom(_) => "split_from",
            Self::MergesWith(_) => "merges_with",
            Self::MergedInto(_) => "merged_into",
        }
    }

    pub(super) const fn other(self) -> Option<usize> {
        match self {
            Self::SplitsInto(other)
            | Self::SplitFrom(other)
            | Self::MergesWith(other)
            | Self::MergedInto(other) => Some(other),
            _ => None,
        }
    }
}

/// One topic of the run.
#[derive(Clone, Debug)]
pub(super) struct Topic {
    /// Index into the library's intents.
    pub intent: usize,
    pub share: f64,
    pub way: Way,
    /// Day of the change, counted from the first one.
    pub way_day: f64,
    pub gap: Gap,
    /// For [`Gap::Outdated`]: the day since which the article is wrong.
    pub outdated_day: f64,
    /// By day: the topic's own ups and downs, as a factor.
    pub drift: Vec<f32>,
}

/// A dated change.
#[derive(Clone, Debug)]
pub(super) struct Intervention {
    pub id: String,
    pub kind: &'static str,
    pub topic: usize,
    pub day: f64,
    /// Relative change of the contacts that people handle; 0 without effect.
    pub effect: f64,
    pub at_peak: bool,
    pub closes_gap: bool,
}

/// Everything planted.
pub(super) struct Plan {
    pub topics: Vec<Topic>,
    pub interventions: Vec<Intervention>,
    /// Windows in which search and bot fail: from, to, in days.
    pub failures: Vec<(f64, f64)>,
    calendar: Calendar,
    first_day: i32,
    days: f64,
}

/// Spread of the daily ups and downs (log), and how they last.
const DRIFT: (f64, f64) = (0.09, 0.8);

/// Shape of the gamma factor that all topics of a day share.
pub(super) const DAY_SHAPE: f64 = 260.0;

/// Shape of the gamma factor of one topic's day.
pub(super) const TOPIC_SHAPE: f64 = 45.0;

impl Plan {
    pub(super) fn new(options: &Options, library: &Library) -> Self {
        let mut dice = Dice::new(options.stream_seed(), Stream::Plan, 0);
        let days = f64::from(options.days.max(1));
        let is_in = |intent: &&Intent| options.judge || !intent.judge;
        let intents = library.intents.iter().enumerate();
        let mut topics: Vec<Topic> = intents
            .filter(|(_, intent)| is_in(intent))
            .map(|(index, intent)| Topic {
                intent: index,
                share: intent.share * (dice.normal() * 0.55).exp(),
                way: Way::Steady,
                way_day: days * (0.3 + 0.4 * dice.unit()),
                gap: if intent.in_scope {
                    Gap::Answered
                } else {
                    Gap::OutOfScope
                },
                outdated_day: days * (0.25 + 0.3 * dice.unit()),
                drift: Vec::new(),
            })
            .collect();
        ways(&mut topics, library, &mut dice);
        gaps(&mut topics, library, &mut dice);
        for topic in &mut topics {
            topic.drift = drift(options.days, &mut dice);
        }
        let mut plan = Self {
            topics,
            interventions: Vec::new(),
            failures: Vec::new(),
            calendar: Calendar::new(),
            first_day: options.first_day(),
            days,
        };
        plan.intervene(library, &mut dice);
        for decade in 0..options.days.div_ceil(10) {
            let from = f64::from(decade) * 10.0 + 9.0 * dice.unit();
            plan.failures.push((from, from + 0.06 + 0.06 * dice.unit()));
        }
        plan
    }

    /// How much of its share a topic has on a day of the run, without the
    /// calendar; 1 is ordinary.
    pub(super) fn level(&self, topic: usize, day: u32) -> f64 {
        let Some(planned) = self.topics.get(topic) else {
            return 0.0;
        };
        let at = f64::from(day) + 0.5;
        let past = at >= planned.way_day;
        let so_far = (at / self.days).min(1.0);
        let way = match planned.way {
            Way::Steady => 1.0,
            Way::Rises => 0.5 * (6.0_f64).powf(so_far),
            Way::Falls => 1.7 * (0.17_f64).powf(so_far),
            Way::Appears | Way::SplitFrom(_) => f64::from(u8::from(past)),
            Way::Dies | Way::MergedInto(_) => f64::from(u8::from(!past)),
            Way::SplitsInto(_) => {
                if past {
                    1.0
                } else {
                    2.0
                }
            }
            Way::MergesWith(_) => {
                if past {
                    2.0
                } else {
                    1.0
                }
            }
        };
        let drift = planned.drift.get(day as usize).copied().unwrap_or(1.0);
        way * f64::from(drift)
    }

    /// What the calendar does to an intent on a day of the run.
    pub(super) fn calendar_factor(&self, intent: &Intent, day: u32) -> f64 {
        let is_shop = intent.shop;
        let date = self.first_day + day as i32;
        let kind = self.calendar.kind(date);
        let week = [1.15, 1.05, 1.0, 0.99, 1.02, 0.8, 0.74];
        let weekday = match kind {
            Kind::Work if weekday(date) >= 5 => 1.0,
            _ => week.get(weekday(date) as usize).copied().unwrap_or(1.0),
        };
        let rest = match (kind, is_shop) {
            (Kind::SpringFestival, true) => 0.6,
            (Kind::SpringFestival, false) => 0.7,
            (Kind::Holiday, true) => 0.92,
            (Kind::Holiday, false) => 0.78,
            _ => 1.0,
        };
        let shopping = if is_shop {
            self.calendar.shopping(date)
        } else {
            1.0
        };
        weekday * rest * shopping * self.season(intent.season, date, kind)
    }

    fn season(&self, season: Season, date: i32, kind: Kind) -> f64 {
        let (_, month, of_month) = parts(date);
        match season {
            Season::None => 1.0,
            Season::MonthStart if of_month <= 5 => 2.2,
            Season::MonthStart => 0.76,
            Season::Double11 if month == 11 && (9..=16).contains(&of_month) => 2.6,
            Season::Double11 => 0.8,
            Season::SpringFestival if (-14..=8).contains(&self.calendar.days_to_new_year(date)) => {
                3.0
            }
            Season::SpringFestival => 0.8,
            Season::Holidays if matches!(kind, Kind::Holiday | Kind::SpringFestival) => 2.6,
            Season::Holidays => 0.85,
            Season::Workdays if kind == Kind::Work => 1.15,
            Season::Workdays => 0.55,
        }
    }

    /// Share of the contacts that an intervention leaves on a day.
    pub(super) fn left_by_interventions(&self, topic: usize, day: f64) -> f64 {
        let past = |change: &&Intervention| change.topic == topic && day >= change.day;
        let effects = self.interventions.iter().filter(past);
        effects.map(|change| 1.0 + change.effect).product()
    }

    /// How the knowledge base serves the topic at `day`.
    pub(super) fn gap_at(&self, topic: usize, day: f64) -> Gap {
        let Some(planned) = self.topics.get(topic) else {
            return Gap::Answered;
        };
        let closed = self
            .interventions
            .iter()
            .any(|change| change.topic == topic && change.closes_gap && day >= change.day);
        match planned.gap {
            gap if closed && gap.is_gap() => Gap::Answered,
            Gap::Outdated if day < planned.outdated_day => Gap::Answered,
            gap => gap,
        }
    }

    /// Whether search and bot are down at `day`.
    pub(super) fn is_failing(&self, day: f64) -> bool {
        self.failures
            .iter()
            .any(|(from, to)| (*from..*to).contains(&day))
    }

    /// Whose words a request of the topic may use: its own, or another topic's
    /// while the two are one.
    pub(super) fn wording_of(&self, topic: usize, day: f64, dice: &mut Dice) -> usize {
        let Some(planned) = self.topics.get(topic) else {
            return topic;
        };
        let past = day >= planned.way_day;
        match planned.way {
            Way::SplitsInto(other) if !past && dice.chance(0.5) => other,
            Way::MergesWith(other) if past && dice.chance(0.5) => other,
            _ => topic,
        }
    }

    /// Changes: some close a gap and help, some do nothing, one does harm, one
    /// comes when its topic is at a peak of its own.
    fn intervene(&mut self, library: &Library, dice: &mut Dice) {
        let middle = |dice: &mut Dice| self.days * (0.45 + 0.1 * dice.unit());
        let kinds = ["article", "ivr_menu", "app", "policy", "script", "training"];
        let steady = |topic: &Topic| topic.way == Way::Steady;
        let mut open: Vec<usize> = (0..self.topics.len())
            .filter(|index| self.topics.get(*index).is_some_and(steady))
            .collect();
        let peak = self.peak(&open, library);
        open.retain(|index| Some(*index) != peak);
        let mut planted = Vec::new();
        let effects = [
            -0.45, -0.35, -0.3, -0.2, -0.2, 0.0, 0.0, 0.0, 0.0, 0.0, 0.18,
        ];
        for (number, effect) in effects.into_iter().enumerate() {
            let wants_gap = number < 3;
            let fits = |index: &usize| {
                self.topics
                    .get(*index)
                    .is_some_and(|topic| topic.gap.is_gap() == wants_gap)
            };
            let fitting: Vec<usize> = open.iter().copied().filter(fits).collect();
            if fitting.is_empty() {
                continue;
            }
            let topic = *dice.pick(&fitting);
            open.retain(|index| *index != topic);
            let kind = if wants_gap {
                "article"
            } else {
                *dice.pick(&kinds)
            };
            planted.push((kind, topic, middle(dice), effect, false, wants_gap));
        }
        if let Some(topic) = peak {
            planted.push((
                "article",
                topic,
                self.peak_day(topic, library),
                0.0,
                true,
                false,
            ));
        }
        let change = |(number, planted): (usize, (&'static str, usize, f64, f64, bool, bool))| {
            let (kind, topic, day, effect, at_peak, closes_gap) = planted;
            Intervention {
                id: format!("change-{:02}", number + 1),
                kind,
                topic,
                day,
                effect,
                at_peak,
                closes_gap,
            }
        };
        self.interventions = planted.into_iter().enumerate().map(change).collect();
    }

    /// The topic whose best week in the middle of the run stands out most.
    fn peak(&self, open: &[usize], library: &Library) -> Option<usize> {
        let height = |topic: &usize| {
            let day = self.peak_day(*topic, library) as u32;
            self.week_before(*topic, day)
        };
        let candidates = open.iter().copied().filter(|topic| {
            let intent = self.topics.get(*topic).map(|topic| topic.intent);
            let season = intent.and_then(|intent| library.intents.get(intent));
            season.is_some_and(|intent| intent.season == Season::None)
        });
        candidates.max_by(|a, b| height(a).total_cmp(&height(b)))
    }

    fn peak_day(&self, topic: usize, _library: &Library) -> f64 {
        let from = (self.days * 0.3).max(7.0) as u32;
        let to = ((self.days * 0.6) as u32).max(from + 1);
        let best = (from..to).max_by(|a, b| {
            self.week_before(topic, *a)
                .total_cmp(&self.week_before(topic, *b))
        });
        f64::from(best.unwrap_or(from))
    }

    fn week_before(&self, topic: usize, day: u32) -> f64 {
        let days = day.saturating_sub(7)..day;
        days.map(|day| self.level(topic, day)).sum()
    }
}

/// Ups and downs that last some days.
fn drift(days: u32, dice: &mut Dice) -> Vec<f32> {
    let (spread, lasting) = DRIFT;
    let mut value = dice.normal() * spread / (1.0 - lasting * lasting).sqrt();
    (0..days)
        .map(|_| {
            value = value * lasting + dice.normal() * spread;
            value.exp() as f32
        })
        .collect()
}

/// Gives shares that move to two fifths of the topics.
fn ways(topics: &mut [Topic], library: &Library, dice: &mut Dice) {
    let mut order: Vec<usize> = (0..topics.len()).collect();
    shuffle(&mut order, dice);
    let tenth = topics.len() / 10;
    let mut next = order.into_iter();
    for way in [Way::Rises, Way::Falls] {
        for index in next.by_ref().take(tenth) {
            set(topics, index, way);
        }
    }
    for way in [Way::Appears, Way::Dies] {
        for index in next.by_ref().take(tenth / 2) {
            set(topics, index, way);
        }
    }
    let rest: Vec<usize> = next.collect();
    let home = |index: usize, topics: &[Topic]| {
        let intent = topics
            .get(index)
            .and_then(|topic| library.intents.get(topic.intent));
        intent.map(|intent| (intent.queue, intent.language))
    };
    let mut pairs = 0;
    for (place, a) in rest.iter().copied().enumerate() {
        if pairs >= tenth / 2 {
            break;
        }
        let is_free = |index: usize| topics.get(index).is_some_and(|t| t.way == Way::Steady);
        if !is_free(a) {
            continue;
        }
        let mate = rest
            .iter()
            .skip(place + 1)
            .copied()
            .find(|b| is_free(*b) && home(*b, topics) == home(a, topics));
        let Some(b) = mate else { continue };
        let same_share = topics.get(a).map_or(1.0, |topic| topic.share);
        let same_day = topics.get(a).map_or(0.0, |topic| topic.way_day);
        if let Some(topic) = topics.get_mut(b) {
            topic.share = same_share;
            topic.way_day = same_day;
        }
        let (left, right) = if pairs % 2 == 0 {
            (Way::SplitsInto(b), Way::SplitFrom(a))
        } else {
            (Way::MergesWith(b), Way::MergedInto(a))
        };
        set(topics, a, left);
        set(topics, b, right);
        pairs += 1;
    }
}

fn set(topics: &mut [Topic], index: usize, way: Way) {
    if let Some(topic) = topics.get_mut(index) {
        topic.way = way;
    }
}

/// Plants gaps in topics that are asked about often enough to be seen.
fn gaps(topics: &mut [Topic], library: &Library, dice: &mut Dice) {
    let fits = |topic: &Topic, gap: Gap| {
        let numbered = library
            .intents
            .get(topic.intent)
            .is_some_and(|intent| intent.answer.has_number());
        topic.gap == Gap::Answered
            && matches!(topic.way, Way::Steady | Way::Rises | Way::Falls)
            && (numbered || !matches!(gap, Gap::Conflict | Gap::Outdated))
    };
    let mut order: Vec<usize> = (0..topics.len()).collect();
    shuffle(&mut order, dice);
    let share = |index: &usize| topics.get(*index).map_or(0.0, |topic| topic.share);
    let mut shares: Vec<f64> = (0..topics.len()).map(|index| share(&index)).collect();
    shares.sort_by(f64::total_cmp);
    let common = shares.get(shares.len() / 3).copied().unwrap_or(0.0);
    order.retain(|index| share(index) >= common);
    // With few topics fewer gaps, of each type at least one.
    let most = topics.len() / 5;
    for (gap, count) in GAPS {
        let count = count.min((most * count / 40).max(1));
        let mut left = count;
        for index in order.iter().copied() {
            if left == 0 {
                break;
            }
            if let Some(topic) = topics.get_mut(index).filter(|topic| fits(topic, gap)) {
                topic.gap = gap;
                left -= 1;
            }
        }
    }
}

fn shuffle(order: &mut [usize], dice: &mut Dice) {
    for last in (1..order.len()).rev() {
        let other = dice.below(last as u64 + 1) as usize;
        order.swap(last, other);
    }
}
