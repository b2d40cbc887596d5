//! The simulator as its users run it: into a lake, a running server and the brokers, with scenario files of their own.
//!
//! Not here: what the desk does (the module's own tests).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use serde_json::Value;

use crate::broker::cluster;
use crate::events::TABLES;
use crate::support::{Place, Server, repository, text, wait_for};

const SOON: Duration = Duration::from_secs(60);

/// Runs `simulate` with these arguments; what it says at its end.
fn simulate(place: &Place, arguments: &[&str]) -> String {
    let output = place.run(&[&["simulate"], arguments].concat(), None);
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stderr)
}

/// The rows of a truth table.
fn truth(folder: &Path, table: &str) -> Vec<BTreeMap<String, Field>> {
    let path = folder.join("truth").join(format!("{table}.parquet"));
    let file = File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let reader = SerializedFileReader::new(file).expect("Parquet");
    let columns = |row: Row| {
        row.into_columns()
            .into_iter()
            .map(|(name, field)| (name.to_string(), field))
            .collect()
    };
    reader
        .get_row_iter(None)
        .expect("rows")
        .map(|row| columns(row.expect("a row")))
        .collect()
}

fn word(row: &BTreeMap<String, Field>, column: &str) -> String {
    match &row[column] {
        Field::Str(value) => value.clone(),
        other => panic!("{column} is {other:?}"),
    }
}

fn number(row: &BTreeMap<String, Field>, column: &str) -> usize {
    match &row[column] {
        Field::Long(value) => usize::try_from(*value).expect("not below 0"),
        other => panic!("{column} is {other:?}"),
    }
}

/// The lines of all event files.
fn lines(folder: &Path) -> Vec<String> {
    let files = event_files(folder);
    let all = files
        .iter()
        .map(|path| fs::read_to_string(path).expect("events"));
    all.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

fn event_files(folder: &Path) -> Vec<String> {
    let mut files: Vec<String> = fs::read_dir(folder.join("events"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path().display().to_string())
        .collect();
    files.sort();
    files
}

/// Texts of turns by interaction and turn, and the ids of interactions, as the events have them.
fn said(lines: &[String]) -> (HashMap<(String, String), String>, BTreeSet<String>) {
    let (mut turns, mut begun) = (HashMap::new(), BTreeSet::new());
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    for line in lines {
        let event: Value = serde_json::from_str(line).expect("an event");
        let (subject, data) = (word(&event["subject"]), &event["data"]);
        match event["type"].as_str().unwrap_or_default() {
            "interaction.started.v1" => {
                begun.insert(subject);
            }
            "interaction.turn.v1" => {
                turns.insert((subject, word(&data["turn_id"])), word(&data["text"]));
            }
            "interaction.transcript.v1" => {
                for turn in data["turns"].as_array().into_iter().flatten() {
                    let key = (subject.clone(), word(&turn["turn_id"]));
                    turns.insert(key, word(&turn["text"]));
                }
                begun.insert(subject);
            }
            _ => {}
        }
    }
    (turns, begun)
}

#[test]
fn planted_values_are_in_the_raw_output_and_nowhere_in_the_lake() {
    let place = Place::new();
    let folder = place.path("desk");
    let out = format!("{}/", folder.display());
    simulate(
        &place,
        &[
            "--interactions",
            "150",
            "--seed",
            "5",
            "--start",
            "2026-10-20",
            "--out",
            &out,
        ],
    );
    let lines = lines(&folder);
    let (turns, begun) = said(&lines);

    let rows = truth(&folder, "interactions");
    let told: BTreeSet<String> = rows.iter().map(|row| word(row, "interaction_id")).collect();
    assert_eq!((told.len(), &told), (150, &begun));
    for row in truth(&folder, "turns") {
        let key = (word(&row, "interaction_id"), word(&row, "turn_id"));
        assert!(turns.contains_key(&key), "{key:?}");
    }
    let mut planted: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in truth(&folder, "pii") {
        let text = &turns[&(word(&row, "interaction_id"), word(&row, "turn_id"))];
        let (start, end) = (number(&row, "start"), number(&row, "end"));
        let there: String = text.chars().skip(start).take(end - start).collect();
        assert_eq!(there, word(&row, "value"));
        planted.entry(word(&row, "kind")).or_default().insert(there);
    }
    assert_eq!(planted.len(), 6, "{planted:?}");

    let files = event_files(&folder);
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let summary = place.import(&files);
    assert_eq!(summary["refused"], serde_json::json!({}), "{summary}");
    let taken = summary["accepted"].as_u64().unwrap() + summary["repeated"].as_u64().unwrap();
    assert_eq!(taken, lines.len() as u64, "{summary}");
    let stored = place.query("select distinct interaction_id from interactions");
    let stored: BTreeSet<String> = stored
        .iter()
        .map(|row| text(row[0].as_str().unwrap().as_bytes()))
        .collect();
    assert_eq!(stored, told);
    nowhere(&place, &planted);
}

/// None of the values is in a file of the data folder or in a row of its tables.
fn nowhere(place: &Place, planted: &BTreeMap<String, BTreeSet<String>>) {
    let mut kept = String::new();
    for table in TABLES {
        let rows = place.query(&format!("select * from raw.{}", table.name));
        kept.push_str(&serde_json::to_string(&rows).expect("rows"));
    }
    let bytes = place.bytes();
    let mut left: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (kind, values) in planted {
        for value in values {
            // A name of two characters may be two characters of other words in packed bytes.
            let in_files = value.chars().count() > 3
                && bytes
                    .iter()
                    .any(|(_, content)| memchr::memmem::find(content, value.as_bytes()).is_some());
            if in_files || kept.contains(value.as_str()) {
                left.entry(kind).or_default().push(value);
            }
        }
    }
    assert!(left.is_empty(), "left in the lake: {left:?}");
}

const BANK: &str = r#"
industry = "bank"
brand = "海潮银行"
leaves_out = ["order", "parcel", "product", "plan"]
[[queues]]
name = "cards"
key = "1"
label = "银行卡"
[[intents]]
code = "card_lost"
name = "挂失"
queue = "cards"
asks = [
  "<want>挂失(信用卡|储蓄卡)，<how>办",
  "卡(丢了|被偷了)，<help>(停|挂失)",
  "<can>(马上|立刻)停卡，{city}(丢的|刷的)",
]
answer = "挂失后7天内可以补卡，工本费10元"
question = "怎么挂失？"
[[intents]]
code = "rate"
name = "利率"
queue = "cards"
asks = [
  "(存|定期){thing}<cost>，(利息|利率)(多少|怎么算)",
  "{thing}(到期|转存)<how>(办|弄)，<can>(网上|柜台)",
  "<ask>{thing}(涨|降)了吗，(现在|下月)(多少|几点)",
]
answer = "{thing}的年利率是1.35%，每季度20日结息"
question = "{thing}的利率是多少？"
[[intents.variants]]
code = "year"
things = ["一年期", "一年的存单"]
[[intents.variants]]
code = "large"
things = ["大额存单"]
"#;

#[test]
fn an_industry_of_ones_own_runs_and_wrong_files_are_told_line_by_line() {
    let place = Place::new();
    fs::create_dir_all(place.path("own")).expect("a folder");
    place.file("own/bank.toml", BANK);
    let own = place.path("own").display().to_string();
    let out = format!("{}/", place.path("desk").display());
    let few = [
        "--scenarios",
        &own,
        "--interactions",
        "40",
        "--start",
        "2026-10-20",
        "--out",
        &out,
    ];
    simulate(&place, &few);
    let topics: BTreeSet<String> = truth(&place.path("desk"), "topics")
        .iter()
        .map(|row| word(row, "topic"))
        .collect();
    assert_eq!(
        topics,
        ["card_lost", "rate_large", "rate_year"]
            .map(str::to_owned)
            .into()
    );
    let said = lines(&place.path("desk")).join("\n");
    assert!(said.contains("大额存单") && said.contains("海潮银行") && !said.contains("冰激凌169"));

    let wrong = BANK
        .replace(
            "queue = \"cards\"\nasks = [\n  \"<want>",
            "queue = \"card\"\nasks = [\n  \"<wish>",
        )
        .replace("\"plan\"]", "\"plane\"]");
    place.file("own/bank.toml", wrong);
    let refused = place.run(&[&["simulate"], &few[..]].concat(), None);
    assert_eq!(refused.status.code(), Some(1));
    let told = text(&refused.stderr);
    for part in [
        "3 mistakes",
        "bank.toml:4: `plane` can't be left out; allowed: order",
        "no queue `card`; [[queues]] has: cards",
        "bank.toml:14: no rule `wish`; known: ",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[test]
fn the_built_in_scenarios_are_a_folder_of_ones_own() {
    let place = Place::new();
    let built_in = repository("samples/scenarios").display().to_string();
    let run = ["--counts", "--days", "3", "--start", "2026-10-20"];
    let topics = |name: &str, more: &[&str]| -> BTreeSet<String> {
        let out = place.path(name).display().to_string();
        simulate(&place, &[&run[..], more, &["--out", &out]].concat());
        let rows = truth(&place.path(name), "topics");
        rows.iter().map(|row| word(row, "topic")).collect()
    };
    let inner = topics("inner", &[]);
    assert!(inner.len() >= 200, "{}", inner.len());
    assert_eq!(topics("own", &["--scenarios", &built_in]), inner);
}

/// A server that is busy twice before it takes events; gives the lines that it took and how often it was asked.
fn busy_server(listener: &TcpListener, lines: usize) -> (Vec<String>, usize) {
    let (mut taken, mut asked) = (Vec::new(), 0);
    while taken.len() < lines {
        let (mut stream, _) = listener.accept().expect("a request");
        let body = request(&mut stream);
        asked += 1;
        let answer = match asked {
            1 => "HTTP/1.1 503 Service Unavailable\r\nretry-after: 0\r\n".to_owned(),
            2 => "HTTP/1.1 429 Too Many Requests\r\nretry-after: 0\r\n".to_owned(),
            _ => {
                let new: Vec<String> = body.lines().map(str::to_owned).collect();
                let receipt = format!(
                    r#"{{"accepted":{},"repeated":0,"refused":0,"first_refusals":[]}}"#,
                    new.len()
                );
                taken.extend(new);
                let length = receipt.len();
                let answer = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{receipt}"
                );
                stream.write_all(answer.as_bytes()).expect("an answer");
                continue;
            }
        };
        let answer = format!("{answer}connection: close\r\ncontent-length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).expect("an answer");
    }
    (taken, asked)
}

/// Reads one request; its body.
fn request(stream: &mut TcpStream) -> String {
    let (mut bytes, mut part) = (Vec::new(), [0; 65_536]);
    loop {
        let read = stream.read(&mut part).expect("a request");
        bytes.extend_from_slice(part.get(..read).unwrap_or_default());
        let whole = text(&bytes);
        let Some((head, body)) = whole.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .filter_map(|line| {
                line.to_lowercase()
                    .strip_prefix("content-length:")?
                    .trim()
                    .parse::<usize>()
                    .ok()
            })
            .next();
        if body.len() >= length.expect("a length") {
            return body.to_owned();
        }
    }
}

#[test]
fn a_busy_server_gets_every_event_in_order_later() {
    let place = Place::new();
    let run = [
        "--interactions",
        "60",
        "--start",
        "2026-10-20",
        "--seed",
        "3",
    ];
    let expected = place.done(&[&["simulate"], &run[..]].concat());
    let expected: Vec<String> = expected.lines().map(str::to_owned).collect();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let (taken, asked) = std::thread::scope(|scope| {
        let server = scope.spawn(|| busy_server(&listener, expected.len()));
        simulate(
            &place,
            &[&run[..], &["--url", &url, "--key", "k", "--rate", "100000"]].concat(),
        );
        server.join().expect("the server")
    });
    assert!(asked > 3, "{asked}");
    assert!(taken == expected);
}

#[test]
fn events_reach_a_running_server() {
    let place = Place::new();
    let server = Server::start(&place, None, false);
    let url = format!("http://{}", server.address());
    let told = simulate(
        &place,
        &["--interactions", "40", "--url", &url, "--key", server.key()],
    );
    assert!(told.contains("40 interactions"), "{told}");
    wait_for("40 interactions", SOON, || {
        let rows = server.sql("select count(*) from interactions");
        (rows[0][0] == 40).then_some(())
    });
    server.stop();
}

#[test]
fn events_reach_the_tables_through_the_brokers() {
    let Some(cluster) = cluster() else { return };
    cluster.topics(&["simulated.desk"], 3);
    let place = Place::new()
        .with("TINGCHAO__KAFKA__BROKERS", &cluster.addresses)
        .with("TINGCHAO__KAFKA__GROUP", "simulated")
        .with_config(
            "[[sources]]\nname = \"desk\"\nkind = \"kafka\"\ntopics = [\"simulated.desk\"]\n",
        );
    let run = [
        "--interactions",
        "40",
        "--seed",
        "9",
        "--kafka",
        "--topic",
        "simulated.desk",
    ];
    let told = simulate(&place, &run);
    assert!(told.contains("40 interactions"), "{told}");
    let server = Server::start(&place, None, false);
    wait_for("40 interactions from the brokers", SOON * 2, || {
        let rows = server.sql("select count(*) from interactions where ended_at is not null");
        (rows[0][0].as_u64() >= Some(38)).then_some(())
    });
    let rows = server.sql("select count(*) from interactions");
    assert_eq!(rows[0][0], 40);
    let refused = server.sql("select code, reason from dead_letters limit 5");
    assert!(refused.is_empty(), "{refused:?}");
    server.stop();
}
