//! Questions without an answer, clustered by their words.
//!
//! Invariants: as those of [`cluster`]: the same texts give the same clusters.

use super::form::Clusters;
use crate::enrich::segment::Segmenter;
use crate::enrich::topic::{Assigned, has_word};
use crate::insight::topics::{Settings, cluster};

/// Clusters by the method of topics.
#[derive(Debug, Clone, Copy)]
pub struct TextClusters {
    /// How texts are clustered.
    pub settings: Settings,
}

impl Clusters for TextClusters {
    fn find(&self, failed: &[&str], others: &[&str]) -> (Vec<Option<usize>>, Vec<Option<usize>>) {
        if !failed.iter().any(|text| has_word(text)) {
            return (vec![None; failed.len()], vec![None; others.len()]);
        }
        let segmenter = Segmenter::shared();
        let found = cluster(segmenter, failed, self.settings);
        let labels = found
            .assignments
            .iter()
            .map(|given| given.map(|given| given.topic as usize))
            .collect();
        let ids: Vec<String> = (0..found.topics.len())
            .map(|place| place.to_string())
            .collect();
        let mut model = found.model(segmenter, failed, "", &ids);
        model.index();
        let fallen = others
            .iter()
            .map(|text| match model.assign(segmenter, text) {
                Assigned::Topic(topic, _) => topic.id.parse().ok(),
                _ => None,
            })
            .collect();
        (labels, fallen)
    }
}
