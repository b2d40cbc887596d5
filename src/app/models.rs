//! Which models a process uses: the shipped ones, what is published in the lake, what the settings name.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

#[cfg(feature = "onnx")]
use crate::config::PolarityClass;
use crate::config::{Config, Secret};
use crate::enrich::models::{Models, SharedModels};
#[cfg(feature = "onnx")]
use crate::enrich::sentiment::Label;
use crate::jobs::models::{LOOK_EVERY, PublishedError, heads, newest};
use crate::lake::{Lake, Storage};
use crate::model::endpoint::{Endpoint, EndpointSettings};
use crate::model::linear::BadModel;
use crate::model::replace::{Model, ModelError};

/// Pause after the first failure of an endpoint.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// Why the models of a process can't be had.
#[derive(Debug, thiserror::Error)]
pub enum ModelsError {
    /// An artefact of the build is damaged.
    #[error(transparent)]
    Shipped(#[from] BadModel),
    /// What is published can't be read.
    #[error(transparent)]
    Published(#[from] PublishedError),
    /// What the settings name can't be used.
    #[error(transparent)]
    Named(#[from] ModelError),
    /// The key of the endpoint can't be read.
    #[error("models.endpoint_key can't be read")]
    Key(#[source] std::io::Error),
    /// This build has no ONNX.
    #[cfg(not(feature = "onnx"))]
    #[error(
        "models.{0} is set, but this build can't run ONNX files; build it with `--features onnx`"
    )]
    NoOnnx(&'static str),
}

/// The models that texts meet.
pub(super) async fn load(config: &Config, storage: &Storage) -> Result<Models, ModelsError> {
    let models = match newest(storage).await? {
        Some(version) => Models::with(&heads(storage, &version).await?)?,
        None => Models::shipped()?,
    };
    classified(config, models)
}

#[cfg(feature = "onnx")]
fn classified(config: &Config, models: Models) -> Result<Models, ModelsError> {
    let Some(folder) = &config.models.polarity_onnx else {
        return Ok(models);
    };
    let classes: Vec<Label> = config
        .models
        .polarity_classes
        .iter()
        .map(|class| match class {
            PolarityClass::Negative => Label::Negative,
            PolarityClass::Neutral => Label::Neutral,
            PolarityClass::Positive => Label::Positive,
        })
        .collect();
    let model = crate::model::onnx::Onnx::open(folder, onnx(config, true), Some(classes.len()))?;
    Ok(models.with_classifier(Arc::new(model), classes))
}

#[cfg(not(feature = "onnx"))]
fn classified(config: &Config, models: Models) -> Result<Models, ModelsError> {
    match &config.models.polarity_onnx {
        Some(_) => Err(ModelsError::NoOnnx("polarity_onnx")),
        None => Ok(models),
    }
}

#[cfg(feature = "onnx")]
fn onnx(config: &Config, is_classifier: bool) -> crate::model::onnx::OnnxSettings {
    crate::model::onnx::OnnxSettings {
        max_pieces: usize::try_from(config.models.max_pieces.get()).unwrap_or(usize::MAX),
        lower_case: config.models.lower_case,
        is_classifier,
    }
}

/// The encoder of topics that the settings name; none for the built-in one.
pub(super) fn encoder(
    config: &Config,
    runtime: Handle,
) -> Result<Option<Arc<dyn Model>>, ModelsError> {
    let models = &config.models;
    #[cfg(feature = "onnx")]
    if let Some(folder) = &models.embedding_onnx {
        let model = crate::model::onnx::Onnx::open(folder, onnx(config, false), None)?;
        return Ok(Some(Arc::new(model)));
    }
    #[cfg(not(feature = "onnx"))]
    if models.embedding_onnx.is_some() {
        return Err(ModelsError::NoOnnx("embedding_onnx"));
    }
    let Some(url) = &models.endpoint_url else {
        return Ok(None);
    };
    let key = models.endpoint_key.as_ref().map(Secret::value).transpose();
    let settings = EndpointSettings {
        url: url.clone(),
        model: models.endpoint_model.clone(),
        key: key.map_err(ModelsError::Key)?,
        allowed_hosts: models.allowed_hosts.clone(),
        timeout: Duration::from_millis(models.endpoint_timeout_ms.get()),
        batch: usize::try_from(models.endpoint_batch.get()).unwrap_or(usize::MAX),
        attempts: models.endpoint_attempts.get(),
        pause: FIRST_PAUSE,
    };
    Ok(Some(Arc::new(Endpoint::new(settings, runtime)?)))
}

/// Uses what is published in the lake from then on, until `stop`.
pub(super) async fn follow(lake: Arc<Lake>, models: SharedModels, stop: CancellationToken) {
    let mut used = None;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        match next(lake.storage(), &models, used).await {
            Ok(number) => used = Some(number),
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "published models can't be read; those in use stay"
            ),
        }
    }
}

/// Looks once; gives the number of the version in use.
async fn next(
    storage: &Storage,
    models: &SharedModels,
    used: Option<u64>,
) -> Result<u64, ModelsError> {
    let Some(version) = newest(storage).await? else {
        return Ok(0);
    };
    if used == Some(version.number) {
        return Ok(version.number);
    }
    let present = models.get();
    let found = Models::with(&heads(storage, &version).await?)?.with_classifier_of(&present);
    if used.is_some() {
        tracing::info!(
            number = version.number,
            by = version.by,
            "other models are in use"
        );
    }
    models.set(found);
    Ok(version.number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::Faults;
    use crate::domain::Micros;
    use crate::enrich::models::HeadId;
    use crate::enrich::sentiment::Grams;
    use crate::jobs::models::{publish, roll_back};
    use crate::model::linear::Linear;

    #[tokio::test]
    async fn a_running_process_takes_up_what_is_published_and_taken_back() {
        let folder = tempfile::tempdir().unwrap();
        let storage =
            Storage::folder(&folder.path().join("lake"), Arc::new(Faults::none())).unwrap();
        let shared = SharedModels::new(load(&Config::default(), &storage).await.unwrap());
        let version = || {
            shared
                .get()
                .sentiment()
                .polarity_head(Grams::English)
                .version()
                .to_owned()
        };
        let shipped = version();
        assert_eq!(next(&storage, &shared, None).await.unwrap(), 0);
        let head = shared
            .get()
            .sentiment()
            .polarity_head(Grams::English)
            .clone();
        let other = Linear::quantise("polarity-en", 1.0, &[0.0; 256], head.calibration(), vec![]);
        let other = other.unwrap();
        let id = HeadId::PolarityEn;
        publish(
            &storage,
            (id, &other),
            "cli",
            Micros(1),
            serde_json::Value::Null,
        )
        .await
        .unwrap();
        assert_eq!(next(&storage, &shared, Some(0)).await.unwrap(), 1);
        assert_eq!(version(), other.version());
        let fresh = load(&Config::default(), &storage).await.unwrap();
        assert_eq!(
            fresh.sentiment().polarity_head(Grams::English).version(),
            other.version()
        );
        roll_back(&storage, "cli", Micros(2)).await.unwrap();
        assert_eq!(next(&storage, &shared, Some(1)).await.unwrap(), 2);
        assert_eq!(version(), shipped);
    }
}
