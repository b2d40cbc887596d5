//! `turns`: utterances and messages, one row each; a recall is a row too.
//!
//! Invariants: a turn is known by (`interaction_id`, `turn_id`), whether it came
//! live or in a transcript; a row with `recalled` has no text and takes back
//! every other row of its turn; mood and topic are written as they are given.
//! `request_id` stays null: which turns a request has is known when it has
//! ended, and stands in `requests`.

use super::batch::Row;
use super::{Meta, Pending, Seen, TableId, table};
use crate::contract::Event;
use crate::contract::event::{Asr, Signals, SpeakerRef, Transcript, Turn, TurnRecalled};
use crate::domain::{Channel, ContentType, Micros, Redacted};
use crate::enrich::pii_of_redacted;

table!(SPEC, C, "turns", {
    InteractionId = "interaction_id": Text(required),
    TurnId = "turn_id": Text(required),
    Speaker = "speaker": Text,
    SpeakerId = "speaker_id": Text,
    Channel = "channel": Text,
    At = "at": Time(required),
    StartedAt = "started_at": Time,
    EndedAt = "ended_at": Time,
    ContentType = "content_type": Text,
    Language = "language": Text,
    Text = "text": Text,
    Pii = "pii": Text,
    AsrConfidence = "asr_confidence": Real,
    AsrEngine = "asr_engine": Text,
    Arousal = "arousal": Real,
    LoudnessDb = "loudness_db": Real,
    Emotion = "emotion": Text,
    SignalsConfidence = "signals_confidence": Real,
    SignalsEngine = "signals_engine": Text,
    SentimentLabel = "sentiment_label": Text,
    SentimentScore = "sentiment_score": Real,
    Dissatisfaction = "dissatisfaction": Real,
    TopicId = "topic_id": Text,
    RequestId = "request_id": Text,
    Recalled = "recalled": Bool(required),
    FromTranscript = "from_transcript": Bool(required),
    EventSource = "event_source": Text(required),
    EventId = "event_id": Text(required),
    Revision = "revision": Int(required),
    Source = "source": Text(required),
    Partition = "partition": Int(required),
    Offset = "offset": Long(required),
    Item = "item": Int(required),
    IngestedAt = "ingested_at": Time(required),
    Suspect = "suspect": Bool(required),
    SentimentModel = "sentiment_model": Text,
});

/// The parts that a live turn and a turn of a transcript have in common.
struct Said<'a> {
    turn_id: &'a Redacted<'a>,
    at: Micros,
    speaker: &'a SpeakerRef<Redacted<'a>>,
    text: &'a Redacted<'a>,
    started_at: Option<Micros>,
    ended_at: Option<Micros>,
    content_type: ContentType,
    asr: Option<&'a Asr<Redacted<'a>>>,
    signals: Option<&'a Signals<Redacted<'a>>>,
    language: Option<&'a Redacted<'a>>,
}

pub(super) fn append(
    pending: &mut Pending,
    event: &Event<Redacted<'_>>,
    turn: &Turn<Redacted<'_>>,
    meta: &Meta<'_>,
    seen: &mut dyn Seen,
) {
    let said = Said {
        turn_id: &turn.turn_id,
        at: event.time,
        speaker: &turn.speaker,
        text: &turn.text,
        started_at: turn.started_at,
        ended_at: turn.ended_at,
        content_type: turn.content_type,
        asr: turn.asr.as_ref(),
        signals: turn.signals.as_ref(),
        language: turn.language.as_ref(),
    };
    append_said(pending, event, &said, meta, (0, false), meta.channel, seen);
}

pub(super) fn append_transcript(
    pending: &mut Pending,
    event: &Event<Redacted<'_>>,
    whole: &Transcript<Redacted<'_>>,
    meta: &Meta<'_>,
    seen: &mut dyn Seen,
) {
    for (item, turn) in whole.turns.iter().flatten().enumerate() {
        let said = Said {
            turn_id: &turn.turn_id,
            at: turn.at,
            speaker: &turn.speaker,
            text: &turn.text,
            started_at: turn.started_at,
            ended_at: turn.ended_at,
            content_type: turn.content_type,
            asr: turn.asr.as_ref(),
            signals: turn.signals.as_ref(),
            language: turn.language.as_ref(),
        };
        let item = i32::try_from(item).unwrap_or(i32::MAX);
        append_said(
            pending,
            event,
            &said,
            meta,
            (item, true),
            Some(whole.channel),
            seen,
        );
    }
}

fn append_said(
    pending: &mut Pending,
    event: &Event<Redacted<'_>>,
    said: &Said<'_>,
    meta: &Meta<'_>,
    (item, from_transcript): (i32, bool),
    channel: Option<Channel>,
    seen: &mut dyn Seen,
) {
    let interaction_id = event.subject.as_ref().map_or("", Redacted::as_str);
    let day = event.time.day();
    let repeated = seen.seen(
        TableId::Turns,
        day,
        &[interaction_id, said.turn_id.as_str()],
    );
    // A transcript's turns after midnight stand under the day of its start, live
    // ones under their own: whether they meet is for the view to find out.
    let apart = from_transcript && said.at.day() != day;
    let suspect = repeated || event.revision > 0 || channel.is_none() || apart;
    let mut row = pending.batch(TableId::Turns, day).row();
    row.text(C::InteractionId as usize, Some(interaction_id));
    row.text(C::TurnId as usize, Some(said.turn_id.as_str()));
    row.text(C::Speaker as usize, Some(said.speaker.role.as_str()));
    row.text(
        C::SpeakerId as usize,
        said.speaker.id.as_ref().map(Redacted::as_str),
    );
    row.text(C::Channel as usize, channel.map(Channel::as_str));
    row.time(C::At as usize, Some(said.at));
    row.time(C::StartedAt as usize, said.started_at);
    row.time(C::EndedAt as usize, said.ended_at);
    row.text(C::ContentType as usize, Some(said.content_type.as_str()));
    row.text(C::Language as usize, said.language.map(Redacted::as_str));
    row.text(C::Text as usize, Some(said.text.as_str()));
    row.text(
        C::Pii as usize,
        pii_of_redacted(said.text.as_str()).as_deref(),
    );
    if let Some(asr) = said.asr {
        row.real(C::AsrConfidence as usize, Some(asr.confidence));
        row.text(
            C::AsrEngine as usize,
            asr.engine.as_ref().map(Redacted::as_str),
        );
    }
    if let Some(signals) = said.signals {
        append_signals(&mut row, signals);
    }
    append_mood(&mut row, meta, item);
    append_topic(&mut row, meta, item);
    row.bool(C::Recalled as usize, Some(false));
    row.bool(C::FromTranscript as usize, Some(from_transcript));
    append_meta(&mut row, event, meta, item, suspect);
}

fn append_mood(row: &mut Row<'_>, meta: &Meta<'_>, item: i32) {
    let mood = usize::try_from(item).ok().and_then(|i| meta.moods.get(i));
    let Some(mood) = mood else { return };
    if let Some(polarity) = &mood.polarity {
        row.text(C::SentimentLabel as usize, Some(polarity.label.as_str()));
        row.real(C::SentimentScore as usize, Some(polarity.score));
    }
    row.real(C::Dissatisfaction as usize, mood.dissatisfaction);
    row.text(C::SentimentModel as usize, mood.models.as_deref());
}

fn append_topic(row: &mut Row<'_>, meta: &Meta<'_>, item: i32) {
    let topic = usize::try_from(item).ok().and_then(|i| meta.topics.get(i));
    row.text(C::TopicId as usize, topic.and_then(Option::as_deref));
}

fn append_signals(row: &mut Row<'_>, signals: &Signals<Redacted<'_>>) {
    row.real(C::Arousal as usize, signals.arousal);
    row.real(C::LoudnessDb as usize, signals.loudness_db);
    row.text(
        C::Emotion as usize,
        signals.emotion.as_ref().map(Redacted::as_str),
    );
    row.real(C::SignalsConfidence as usize, signals.confidence);
    row.text(
        C::SignalsEngine as usize,
        signals.engine.as_ref().map(Redacted::as_str),
    );
}

fn append_meta(
    row: &mut Row<'_>,
    event: &Event<Redacted<'_>>,
    meta: &Meta<'_>,
    item: i32,
    suspect: bool,
) {
    row.text(C::EventSource as usize, Some(event.source.as_str()));
    row.text(C::EventId as usize, Some(event.id.as_str()));
    row.int(C::Revision as usize, Some(event.revision));
    row.text(C::Source as usize, Some(&meta.position.source));
    row.int(C::Partition as usize, Some(meta.position.partition));
    row.long(C::Offset as usize, Some(meta.position.offset));
    row.int(C::Item as usize, Some(item));
    row.time(C::IngestedAt as usize, Some(meta.ingested_at));
    row.bool(C::Suspect as usize, Some(suspect));
}

/// A recall is a row of its turn, so that views learn of it in the same commit.
pub(super) fn append_recall(
    pending: &mut Pending,
    event: &Event<Redacted<'_>>,
    recall: &TurnRecalled<Redacted<'_>>,
    meta: &Meta<'_>,
    seen: &mut dyn Seen,
) {
    let interaction_id = event.subject.as_ref().map_or("", Redacted::as_str);
    let day = event.time.day();
    seen.seen(
        TableId::Turns,
        day,
        &[interaction_id, recall.turn_id.as_str()],
    );
    let mut row = pending.batch(TableId::Turns, day).row();
    row.text(C::InteractionId as usize, Some(interaction_id));
    row.text(C::TurnId as usize, Some(recall.turn_id.as_str()));
    row.time(C::At as usize, Some(event.time));
    row.bool(C::Recalled as usize, Some(true));
    row.bool(C::FromTranscript as usize, Some(false));
    append_meta(&mut row, event, meta, 0, true);
}
