//! Models by the real binary: heads taught by what people say of turns, taken up by a running server and taken back;
//! an ONNX classifier in place of the polarity head.

use std::time::Duration;

use serde_json::{Value, json};

use crate::events::time;
use crate::support::{Place, Server, text, wait_for};

const TURNS: usize = 220;
const WITHIN: Duration = Duration::from_secs(60);

/// A turn of a customer.
fn turn(number: usize, text: &str, language: &str) -> String {
    json!({
        "specversion": "1.0", "id": format!("t{number}"), "source": "/test", "type": "interaction.turn.v1",
        "subject": format!("c-{number}"), "time": time(0),
        "data": {"turn_id": "1", "speaker": {"role": "customer"}, "text": text, "content_type": "text",
            "language": language}
    })
    .to_string()
}

/// Posts turns and waits until they can be asked for.
fn take(server: &Server, turns: &[String]) {
    let lines = turns.join("\n") + "\n";
    let taken = server.take(lines.as_bytes());
    assert_eq!(taken["accepted"], json!(turns.len()), "{taken}");
    let wanted = i64::try_from(turns.len()).unwrap();
    wait_for("the turns", WITHIN, || {
        (server.number("select count(*) from turns") == wanted).then_some(())
    });
}

fn post(server: &Server, path: &str, body: &Value) -> Value {
    let body = body.to_string();
    let answer = server
        .request("POST", path, "application/json", body.as_bytes())
        .unwrap();
    assert_eq!(answer.status, 200, "{}", text(&answer.body));
    answer.json()
}

/// Label and polarity model of a text.
fn told(server: &Server, said: &str) -> (String, String) {
    let asked = json!({"items": [{"id": "1", "text": said, "language": "en"}]});
    let answer = post(server, "/v1/analyze", &asked);
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (
        word(&answer["items"][0]["sentiment"]["label"]),
        word(&answer["models"]["sentiment"]),
    )
}

/// Turns with words that no shipped head knows, and what people say of them.
fn say_of_unknown_words(server: &Server) {
    let said = |n: usize| {
        if n.is_multiple_of(2) {
            "zorbly"
        } else {
            "quexish"
        }
    };
    let turns: Vec<String> = (0..TURNS)
        .map(|n| turn(n, &format!("my plan {n} feels {} today", said(n)), "en"))
        .collect();
    take(server, &turns);
    let labels: Vec<Value> = (0..TURNS)
        .map(|n| {
            let mood = if n % 2 == 0 { "positive" } else { "negative" };
            json!({"interaction_id": format!("c-{n}"), "turn_id": "1", "sentiment": mood})
        })
        .collect();
    let written = post(server, "/v1/labels", &json!({ "items": labels }));
    assert_eq!(written, json!({"written": TURNS, "withdrawn": 0}));
}

/// The head that labels teach, after a trial that replaces nothing.
fn teach(place: &Place) -> Value {
    let trial = place.done(&[
        "train",
        "sentiment",
        "--labels",
        "--language",
        "en",
        "--trial",
    ]);
    assert!(trial.contains("\"replaced\": false"), "{trial}");
    let taught = place.done(&["train", "sentiment", "--labels", "--language", "en"]);
    let taught: Value = serde_json::from_str(&taught).unwrap();
    assert_eq!(taught["replaced"], json!(true), "{taught}");
    assert_eq!(taught["published"], json!(1));
    taught
}

fn the_taught_head_answers(server: &Server, taught: &Value, shipped: &str) {
    let now = wait_for("the taught head", WITHIN, || {
        let (label, model) = told(server, "it feels zorbly");
        (model != shipped).then_some((label, model))
    });
    assert_eq!(now.0, "positive");
    assert!(
        now.1.contains(taught["version"].as_str().unwrap()),
        "{now:?}"
    );
    assert_eq!(told(server, "it feels quexish").0, "negative");
}

/// Turns from now on say which head told them.
fn new_turns_name_the_head(server: &Server, taught: &Value) {
    server.take((turn(TURNS, "all is zorbly", "en") + "\n").as_bytes());
    wait_for("the turn of the taught head", WITHIN, || {
        let rows = server.sql("select sentiment_model from turns where text = 'all is zorbly'");
        rows.first().map(|row| {
            assert!(
                row[0]
                    .to_string()
                    .contains(taught["version"].as_str().unwrap())
            )
        })
    });
}

fn people_agree_with_the_taught_head(place: &Place) {
    let again = place.done(&["eval", "labels"]);
    let again: Value = serde_json::from_str(&again).unwrap();
    assert!(
        again["report"]["sentiment_en"]["found"]["accuracy"]
            .as_f64()
            .unwrap()
            > 0.9,
        "{again}"
    );
}

fn one_rollback_gives_the_shipped_head_back(place: &Place, server: &Server, shipped: &str) {
    place.done(&["models", "rollback"]);
    wait_for("the head before", WITHIN, || {
        (told(server, "it feels zorbly").1 == shipped).then_some(())
    });
    let listed = place.done(&["models", "list"]);
    assert!(
        listed.contains("publish") && listed.contains("rollback"),
        "{listed}"
    );
    let refused = place.run(&["models", "rollback"], None);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        text(&refused.stderr).contains("nothing to take back"),
        "{}",
        text(&refused.stderr)
    );
}

#[test]
fn what_people_say_teaches_a_head_that_a_running_server_takes_up_and_gives_back() {
    let place = Place::new().quick();
    let server = Server::start(&place, None, false);
    say_of_unknown_words(&server);
    let (_, shipped) = told(&server, "it feels zorbly");
    let taught = teach(&place);
    the_taught_head_answers(&server, &taught, &shipped);
    new_turns_name_the_head(&server, &taught);
    people_agree_with_the_taught_head(&place);
    one_rollback_gives_the_shipped_head_back(&place, &server, &shipped);
    server.stop();
}

#[test]
fn too_few_labels_teach_nothing_and_say_so() {
    let place = Place::new().quick();
    let server = Server::start(&place, None, false);
    take(&server, &[turn(0, "my plan is zorbly", "en")]);
    server.stop();
    let refused = place.run(
        &["train", "sentiment", "--labels", "--language", "en"],
        None,
    );
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        text(&refused.stderr).contains("fewer than 20"),
        "{}",
        text(&refused.stderr)
    );
}

#[cfg(feature = "onnx")]
#[test]
fn an_onnx_classifier_tells_polarity_in_rows_and_answers() {
    use crate::support::repository;
    let folder = repository("tests/fixtures/onnx/polarity");
    let place = Place::new()
        .quick()
        .with("TINGCHAO__MODELS__POLARITY_ONNX", folder.display());
    let server = Server::start(&place, None, false);
    take(
        &server,
        &[
            turn(0, "the bill is broken", "en"),
            turn(1, "thanks, good", "en"),
        ],
    );
    let rows =
        server.sql("select sentiment_label, sentiment_model from turns order by interaction_id");
    let told: Vec<(&str, bool)> = rows
        .iter()
        .map(|row| {
            (
                row[0].as_str().unwrap(),
                row[1].as_str().unwrap().starts_with("onnx:polarity@"),
            )
        })
        .collect();
    assert_eq!(told, [("negative", true), ("positive", true)]);
    let (label, model) = crate::models::told(&server, "slow and bad");
    assert_eq!(label, "negative");
    assert!(model.starts_with("onnx:polarity@"), "{model}");
    server.stop();
}

#[cfg(not(feature = "onnx"))]
#[test]
fn a_build_without_onnx_says_so() {
    let place = Place::new().with("TINGCHAO__MODELS__POLARITY_ONNX", "polarity");
    let refused = place.run(&["query", "--sql", "select 1"], None);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        text(&refused.stderr).contains("--features onnx"),
        "{}",
        text(&refused.stderr)
    );
}

#[test]
fn an_endpoint_that_is_not_listed_is_refused_by_the_settings() {
    let place = Place::new()
        .with("TINGCHAO__MODELS__ENDPOINT_URL", "http://models.example/v1")
        .with("TINGCHAO__MODELS__ENDPOINT_MODEL", "m");
    let refused = place.run(&["check-config"], None);
    assert_ne!(refused.status.code(), Some(0));
    assert!(
        text(&refused.stderr).contains("models.allowed_hosts"),
        "{}",
        text(&refused.stderr)
    );
}
