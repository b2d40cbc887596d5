//! Imports of the committed samples, to the digit; and planted personal values, of which nothing stays.

use std::time::Duration;

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use serde_json::{Value, json};

use crate::events::time;
use crate::pii_planter::{Plant, into_turn, plants};
use crate::support::{Place, Server, repository, wait_for};

fn sample(place: &Place, name: &str, mapping: &str) -> Value {
    let [file, mapping] = [name, mapping].map(|name| {
        repository("samples/mappings")
            .join(name)
            .display()
            .to_string()
    });
    place.import(&["--mapping", &mapping, &file])
}

/// The rows of every table.
fn tables(place: &Place) -> Vec<Vec<Vec<Value>>> {
    ["turns", "interaction_events", "dead_letters"]
        .iter()
        .map(|table| {
            place.query(&format!(
                "select * from raw.{table} order by source, \"offset\""
            ))
        })
        .collect()
}

#[test]
fn the_call_log_gives_its_figures() {
    let place = Place::new();
    let summary = sample(&place, "call_log.csv", "call_log.toml");
    let counts =
        ["read", "accepted", "repeated", "skipped", "refused"].map(|count| summary[count].clone());
    assert_eq!(
        counts,
        [
            json!(10),
            json!(9),
            json!(0),
            json!({"phantom": 1}),
            json!({})
        ],
        "{summary}"
    );
    // By hand from the file: waits 0, 42, 48, 0, 81, 13 s answered and 75, 0, 40 s abandoned.
    let sql = "select count(*), count(*) filter (where outcome = 'answered'), \
        count(*) filter (where outcome = 'abandoned'), \
        sum(wait_ms) filter (where outcome = 'answered'), sum(wait_ms) filter (where outcome = 'abandoned'), \
        count(*) filter (where outcome = 'answered' and wait_ms <= 20000) from legs where handler = 'queue'";
    assert_eq!(
        place.query(sql),
        [[9, 6, 3, 184_000, 115_000, 3].map(|figure| json!(figure))]
    );
    // Service of known agents: 161, 220, 141, 261 s; the fifth has no times.
    let sql = "select count(*), sum(talk_ms) from legs where handler = 'agent' and agent_id is not null and talk_ms > 0";
    assert_eq!(place.query(sql), [[json!(4), json!(783_000)]]);
    // Clock times past midnight belong to the next day: 23:58:59 to 0:00:20 in Israel, UTC+2.
    let sql = "select enqueued_at, ended_at from legs where interaction_id = 'LN03-88' and handler = 'queue'";
    assert_eq!(
        place.query(sql),
        [[json!("2025-03-03T21:58:59Z"), json!("2025-03-03T22:00:20Z")]]
    );
    let sql = "select queue, count(*) from interactions group by 1 order by 1";
    assert_eq!(
        place.query(sql),
        [
            [json!("APP"), json!(2)],
            [json!("CARD"), json!(4)],
            [json!("LOAN"), json!(3)]
        ]
    );
    let before = tables(&place);
    let again = sample(&place, "call_log.csv", "call_log.toml");
    assert_eq!(
        [&again["accepted"], &again["repeated"]],
        [&json!(0), &json!(10)],
        "{again}"
    );
    assert_eq!(tables(&place), before);
}

#[test]
fn the_dialogues_give_their_turns() {
    let place = Place::new();
    let summary = sample(&place, "dialogue.jsonl", "dialogue_jsonl.toml");
    let counts =
        ["read", "accepted", "skipped_items", "refused"].map(|count| summary[count].clone());
    assert_eq!(
        counts,
        [json!(3), json!(3), json!(2), json!({})],
        "{summary}"
    );
    let sql = "select speaker, count(*) from turns group by 1 order by 1";
    assert_eq!(
        place.query(sql),
        [[json!("agent"), json!(4)], [json!("customer"), json!(6)]]
    );
    let sql = "select count(*), count(*) filter (where time_source = 'made'), sum(customer_turns), sum(agent_turns) \
        from interactions";
    assert_eq!(place.query(sql), [[3, 3, 6, 4].map(|figure| json!(figure))]);
    let sql = "select text from turns where interaction_id = 'd-0001' order by seq";
    let said: Vec<Value> = place.query(sql).into_iter().flatten().collect();
    assert_eq!(
        said,
        [
            "路由器红灯一直闪，网断了两天了",
            "有人管吗？",
            "您好，请问您的光猫型号是什么？",
            "重启以后好了，谢谢"
        ]
    );
    let before = tables(&place);
    let again = sample(&place, "dialogue.jsonl", "dialogue_jsonl.toml");
    assert_eq!(
        [&again["accepted"], &again["repeated"]],
        [&json!(0), &json!(3)],
        "{again}"
    );
    assert_eq!(tables(&place), before);
}

#[test]
fn wrong_rows_become_dead_letters_and_a_dry_run_stores_nothing() {
    let place = Place::new();
    let log =
        std::fs::read_to_string(repository("samples/mappings/call_log.csv")).expect("the sample");
    let file = place.file(
        "wrong.csv",
        log.replace(
            "LN01,502,K2201,2,CARD,2025-03-03",
            "LN01,502,K2201,2,CARD,soon",
        ),
    );
    let mapping = repository("samples/mappings/call_log.toml")
        .display()
        .to_string();
    let shown = place.done(&[
        "import",
        "--dry-run",
        "1",
        "--mapping",
        &mapping,
        &file.display().to_string(),
    ]);
    assert!(
        shown.contains("line 3: ") && shown.contains(" at /date: "),
        "{shown}"
    );
    assert_eq!(
        shown.lines().filter(|line| line.starts_with('{')).count(),
        1,
        "{shown}"
    );
    assert!(!place.data().join("lake").exists());
    let summary = place.import(&["--mapping", &mapping, &file.display().to_string()]);
    assert_eq!(
        summary["refused"],
        json!({"mapping_failed": 1}),
        "{summary}"
    );
    let letters = place.query("select code, pointer, reason from dead_letters");
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0][..2], [json!("mapping_failed"), json!("/date")]);
}

/// Lines with a planted value each; every sixth is one that is refused.
fn planted(plants: &[Plant], random: &mut Xoshiro256PlusPlus, first: usize) -> Vec<String> {
    let now = time(0);
    let lines = plants.iter().enumerate().map(|(number, plant)| {
        let said = into_turn(random, "您好，网络一直不好。请尽快处理！", plant).text;
        let id = format!("p-{}", first + number);
        let role = if number % 6 == 5 { "ghost" } else { "customer" };
        json!({"specversion": "1.0", "id": id, "source": "/made/up", "subject": id, "type": "interaction.turn.v1",
            "time": now, "data": {"turn_id": id, "speaker": {"role": role}, "content_type": "text", "text": said}})
        .to_string()
    });
    lines.collect()
}

#[test]
fn of_planted_personal_values_nothing_stays() {
    const HALF: usize = 150;
    let place = Place::new().quick();
    let mut random = Xoshiro256PlusPlus::seed_from_u64(11);
    let plants = plants(&mut random, 2 * HALF);
    let lines = planted(&plants, &mut random, 0);
    let (imported, posted) = lines.split_at(HALF);
    let file = place
        .file("planted.ndjson", imported.join("\n") + "\n")
        .display()
        .to_string();
    let died = place.run(&["import", &file], Some("after_data_file=2"));
    assert!(!died.status.success(), "the import did not die");
    search(&place, &plants, "after the import has died");
    place.import(&[&file]);
    let server = Server::start(&place, None, false);
    server.take(posted.join("\n").as_bytes());
    server.kill();
    search(&place, &plants, "after a SIGKILL");
    let server = Server::start(&place, None, false);
    let refused = i64::try_from((0..HALF).filter(|number| number % 6 == 5).count() * 2)
        .expect("a small number");
    let all = i64::try_from(2 * HALF).expect("a small number");
    wait_for("all rows", Duration::from_secs(60), || {
        let turns = server.number("select count(*) from turns");
        let letters = server.number("select count(*) from dead_letters");
        ((turns, letters) == (all - refused, refused)).then_some(())
    });
    // Data files are packed, so what they hold is read as rows.
    let mut kept = String::new();
    for table in ["raw.turns", "raw.dead_letters", "system.queries"] {
        for row in server.sql(&format!("select * from {table}")) {
            kept.push_str(&Value::Array(row).to_string());
        }
    }
    let left: Vec<&Plant> = plants
        .iter()
        .filter(|plant| kept.contains(&plant.value))
        .collect();
    assert!(
        left.is_empty(),
        "{} of {} values are readable: {left:#?}",
        left.len(),
        plants.len()
    );
    let orders: Vec<&String> = plants
        .iter()
        .filter_map(|plant| plant.order.as_ref())
        .collect();
    let gone: Vec<_> = orders
        .iter()
        .filter(|order| !kept.contains(order.as_str()))
        .collect();
    assert!(
        gone.len() * 100 <= orders.len(),
        "of {} order numbers are gone: {gone:?}",
        orders.len()
    );
    server.stop();
    search(&place, &plants, "at the end");
}

/// Looks for every planted value in every byte below the data folder.
fn search(place: &Place, plants: &[Plant], when: &str) {
    let files = place.bytes();
    assert!(
        files
            .iter()
            .any(|(path, _)| path.extension().is_some_and(|end| end == "parquet")),
        "{when}: no data"
    );
    let mut found = Vec::new();
    for (path, content) in &files {
        for plant in plants {
            // Shorter ones are found in any packed file by chance.
            let value = plant.value.as_bytes();
            if value.len() >= 8 && memchr::memmem::find(content, value).is_some() {
                found.push(format!(
                    "{} {} {:?} in {}",
                    plant.kind,
                    plant.value,
                    plant.phrase,
                    path.display()
                ));
            }
        }
    }
    assert!(found.is_empty(), "{when}: {found:#?}");
}
