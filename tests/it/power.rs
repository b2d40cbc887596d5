//! The power goes: what was answered is there all the same.
//!
//! The real binary keeps a journal of what it has synced and named (`journal=FILE` among its failure points). From
//! it a test checks the order of a flush, and rebuilds the data folder as a power cut would leave it: files have
//! the bytes of their last sync, folders the entries of theirs, and what no line of the journal vouches for is gone.
//! Every second cut keeps some of the rest by lot, since a disk may also have written more than it was asked to, in
//! any order.
//!
//! Not here: the operational store, which is carried over as it is (SQLite syncs its own files), and so are the
//! small objects beside the tables, on which no answer depends, but for the leases, which have run out by then; single bytes that rot; a disk that lies about
//! its syncs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rand::{Rng, RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde_json::{Value, json};

use crate::crash::Torture;
use crate::events::{events, time};
use crate::support::{Place, Server, setting, wait_for};

const CUTS: u64 = 8;
const POSTS_A_ROUND: usize = 40;
/// Steps of the disk: a flush takes some sixty, a first start some hundred.
const MOST_STEPS: i64 = 400;

/// The fingerprint of the token key, the leases and the like.
const BESIDE: &str = "lake/_tingchao";

/// The journal of a data folder.
struct Journal {
    path: PathBuf,
    kept: PathBuf,
}

/// What a folder's last sync vouches for: names with inodes, `None` for folders.
type Entries = BTreeMap<String, Option<u64>>;

impl Journal {
    fn of(place: &Place) -> Self {
        Self {
            path: place.path("disk.journal"),
            kept: place.path("disk.journal.kept"),
        }
    }

    /// The part of a plan of failures that keeps it.
    fn plan(&self) -> String {
        format!("journal={}", self.path.display())
    }

    fn lines(&self) -> Vec<Value> {
        let text = fs::read_to_string(&self.path).unwrap_or_default();
        // The last line of a process that died while it wrote is half a line, and nothing.
        let lines = text.lines();
        lines
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// Takes the data folder of `place` back to what is on the disk for sure; with `lot` also some of the rest.
    fn cut_power<R: Rng>(&self, place: &Place, mut lot: Option<&mut R>) {
        let (mut files, mut folders) = (BTreeMap::new(), BTreeMap::new());
        for line in self.lines() {
            match line["op"].as_str() {
                Some("file") => {
                    files.insert(
                        line["inode"].as_u64().unwrap(),
                        line["bytes"].as_u64().unwrap(),
                    );
                }
                Some("folder") => {
                    let path = PathBuf::from(line["path"].as_str().unwrap());
                    let entries: Entries = serde_json::from_value(line["entries"].clone()).unwrap();
                    folders.insert(path, entries);
                }
                _ => {}
            }
        }
        let data = place.data().canonicalize().unwrap();
        let rebuilt = place.path("rebuilt");
        let rewind = Rewind {
            journal: self,
            files,
            folders,
        };
        rewind.folder(&data, &rebuilt, &mut lot);
        for entry in fs::read_dir(&data).unwrap().flatten() {
            let name = entry.file_name();
            if name.to_string_lossy().starts_with("store.sqlite") {
                fs::copy(entry.path(), rebuilt.join(name)).unwrap();
            }
        }
        if rebuilt.join("lake").exists() {
            carry_over(&data.join(BESIDE), &rebuilt.join(BESIDE));
            // The power is away for longer than a lease lasts.
            let leases = rebuilt.join(BESIDE).join("maintenance");
            if leases.exists() {
                fs::remove_dir_all(leases).unwrap();
            }
        }
        fs::remove_dir_all(&data).unwrap();
        fs::rename(&rebuilt, &data).unwrap();
        self.begin(&data);
    }

    /// A new journal that vouches for everything below `data`.
    fn begin(&self, data: &Path) {
        if self.kept.exists() {
            fs::remove_dir_all(&self.kept).unwrap();
        }
        fs::create_dir(&self.kept).unwrap();
        let mut journal = File::create(&self.path).unwrap();
        let mut folders = vec![data.to_owned()];
        while let Some(folder) = folders.pop() {
            let mut entries = Entries::new();
            for entry in fs::read_dir(&folder).unwrap().flatten() {
                let (path, about) = (entry.path(), entry.metadata().unwrap());
                let name = entry.file_name().to_string_lossy().into_owned();
                if about.is_dir() {
                    folders.push(path);
                    entries.insert(name, None);
                    continue;
                }
                let inode = about.ino();
                fs::hard_link(&path, self.kept.join(inode.to_string())).unwrap();
                let line =
                    json!({"op": "file", "path": path, "inode": inode, "bytes": about.len()});
                writeln!(journal, "{line}").unwrap();
                entries.insert(name, Some(inode));
            }
            let line = json!({"op": "folder", "path": folder, "entries": entries});
            writeln!(journal, "{line}").unwrap();
        }
    }
}

/// Puts `from` as it is to `to`.
fn carry_over(from: &Path, to: &Path) {
    if to.exists() {
        fs::remove_dir_all(to).unwrap();
    }
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).into_iter().flatten().flatten() {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            carry_over(&from, &to);
        } else {
            fs::copy(from, to).unwrap();
        }
    }
}

/// What a journal vouches for.
struct Rewind<'j> {
    journal: &'j Journal,
    /// Synced bytes by inode.
    files: BTreeMap<u64, u64>,
    folders: BTreeMap<PathBuf, Entries>,
}

impl Rewind<'_> {
    fn folder<R: Rng>(&self, folder: &Path, rebuilt: &Path, lot: &mut Option<&mut R>) {
        fs::create_dir(rebuilt).unwrap();
        let mut entries = self.folders.get(folder).cloned().unwrap_or_default();
        if let Some(lot) = lot {
            let mut present = Entries::new();
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let about = entry.metadata().unwrap();
                let inode = (!about.is_dir()).then_some(about.ino());
                present.insert(entry.file_name().to_string_lossy().into_owned(), inode);
            }
            let gone = |name: &String| !present.contains_key(name);
            let removed: Vec<String> = entries.keys().filter(|name| gone(name)).cloned().collect();
            for name in removed {
                if lot.random_bool(0.5) {
                    entries.remove(&name);
                }
            }
            for (name, inode) in present {
                if lot.random_bool(0.5) {
                    entries.insert(name, inode);
                }
            }
        }
        for (name, inode) in entries {
            let (from, to) = (folder.join(&name), rebuilt.join(&name));
            match inode {
                None => self.folder(&from, &to, lot),
                Some(inode) => self.file(inode, &from, &to, lot),
            }
        }
    }

    fn file<R: Rng>(&self, inode: u64, path: &Path, rebuilt: &Path, lot: &mut Option<&mut R>) {
        let kept = self.journal.kept.join(inode.to_string());
        let content = fs::read(kept)
            .or_else(|_| fs::read(path))
            .unwrap_or_default();
        let synced = self.files.get(&inode).copied().unwrap_or(0);
        let synced = usize::try_from(synced).unwrap().min(content.len());
        let bytes = match lot {
            Some(lot) => lot.random_range(synced..=content.len()),
            None => synced,
        };
        fs::write(rebuilt, &content[..bytes]).unwrap();
    }
}

#[test]
fn power_cuts_lose_nothing_that_was_answered() {
    let cuts = setting("TINGCHAO_TEST_CUTS").unwrap_or(CUTS);
    let seed = setting("TINGCHAO_TEST_SEED").unwrap_or(20_261_121);
    println!("{cuts} power cuts, TINGCHAO_TEST_SEED={seed}");
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    // With maintenance at work: checkpoints and compactions must survive a cut too.
    let place = Place::new()
        .quick()
        .with("TINGCHAO__MAINTENANCE__INTERVAL_S", 1)
        .with("TINGCHAO__LAKE__COMPACT_MIN_FILES", 3)
        .with("TINGCHAO__LAKE__CHECKPOINT_EVERY_COMMITS", 5);
    let mut torture = Torture::within(place, "power");
    let journal = Journal::of(&torture.place);
    let mut cut = 0;
    while cut < cuts {
        let step = random.random_range(1..MOST_STEPS);
        let plan = format!("power_off_at={step},{}", journal.plan());
        let end = torture.round(&plan, POSTS_A_ROUND, &mut random);
        // Now and then the process dies alone, and the next one goes on with what the kernel still has.
        if random.random_bool(0.3) {
            println!("    the process dies before step {step}: {end:?}");
            continue;
        }
        let by_lot = cut % 2 == 1;
        journal.cut_power(&torture.place, by_lot.then_some(&mut random));
        println!(
            "{cut:3} the power goes before step {step}: {end:?}, some of the rest kept: {by_lot}"
        );
        cut += 1;
    }
    torture.verify();
}

/// Numbers of the lines for which `holds`.
fn places(lines: &[Value], holds: impl Fn(&Value) -> bool) -> Vec<usize> {
    let numbered = lines.iter().enumerate();
    numbered
        .filter(|(_, line)| holds(line))
        .map(|(number, _)| number)
        .collect()
}

/// The line at which `file` is on the disk for sure: its content is synced, then it gets its name, then its folder is
/// synced, each behind line `from`. The content is synced under another name, so the file is known by its inode.
fn durable_at(lines: &[Value], file: &Path, from: usize) -> Result<usize, String> {
    let inode = fs::metadata(file).unwrap().ino();
    let name = file.file_name().unwrap().to_string_lossy().into_owned();
    let is = |line: &Value, op: &str, path: &Path| {
        line["op"] == op && line["path"].as_str() == path.to_str()
    };
    let content = places(lines, |line| line["op"] == "file" && line["inode"] == inode);
    let named = places(lines, |line| is(line, "named", file));
    let folder = places(lines, |line| {
        is(line, "folder", file.parent().unwrap()) && line["entries"][&name] == inode
    });
    let mut last = from;
    for (step, found) in [
        ("sync of its content", content),
        ("name", named),
        ("sync of its folder", folder),
    ] {
        // The first of its kind counts: a later one does not heal what was wrong in between.
        let first = found.first().copied();
        last = match first {
            Some(number) if number >= last => number,
            Some(number) => {
                return Err(format!(
                    "{}: the {step} is line {number}, before line {last}",
                    file.display()
                ));
            }
            None => return Err(format!("{}: no {step}", file.display())),
        };
    }
    Ok(last)
}

/// Checks every log entry of a table: it begins to exist when its data files are on the disk, and the flush is
/// acknowledged when the entry is. Gives the data files.
fn check_table(table: &Path, lines: &[Value]) -> Result<BTreeSet<PathBuf>, String> {
    let acknowledged = places(lines, |line| line["name"] == "before_acknowledge");
    let mut data_files = BTreeSet::new();
    for entry in fs::read_dir(table.join("_delta_log"))
        .into_iter()
        .flatten()
        .flatten()
    {
        let entry = entry.path();
        if entry
            .extension()
            .is_none_or(|extension| extension != "json")
        {
            continue;
        }
        let text = fs::read_to_string(&entry).unwrap();
        let actions = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        let added: Vec<PathBuf> = actions
            .filter_map(|action| Some(table.join(action["add"]["path"].as_str()?)))
            .collect();
        let mut behind = 0;
        for file in &added {
            behind = behind.max(durable_at(lines, file, 0)?);
        }
        let safe = durable_at(lines, &entry, behind)?;
        // The flushes follow each other, so the next acknowledgement behind the last data file is this one's.
        let next = acknowledged.iter().find(|number| **number > behind);
        if !added.is_empty() && next.is_none_or(|number| *number < safe) {
            return Err(format!(
                "{}: safe at line {safe}, acknowledged at {next:?}",
                entry.display()
            ));
        }
        data_files.extend(added);
    }
    Ok(data_files)
}

#[test]
fn a_flush_is_on_the_disk_in_order_before_it_is_acknowledged() {
    let place = Place::new()
        .quick()
        .with("TINGCHAO__MAINTENANCE__ENABLED", false);
    let journal = Journal::of(&place);
    let key = crate::support::admin_key(&place);
    let Ok(server) = Server::launch(&place, Some(&journal.plan()), Some(key)) else {
        panic!("it does not start")
    };
    for round in 0..3 {
        let lines: Vec<String> = events(&format!("order{round}"), 0, 40, &time(0))
            .into_iter()
            .map(|event| event.line)
            .collect();
        server.take(lines.join("\n").as_bytes());
        let rows = || {
            let sql =
                format!("select count(*) from raw.turns where event_id like 'order{round}-%'");
            (server.number(&sql) > 0).then_some(())
        };
        wait_for("rows", Duration::from_secs(30), rows);
    }
    server.stop();
    let lines = journal.lines();
    let lake = place.data().canonicalize().unwrap().join("lake");
    let mut data_files = BTreeSet::new();
    for table in fs::read_dir(lake).unwrap().flatten() {
        data_files.extend(check_table(&table.path(), &lines).unwrap());
    }
    assert!(data_files.len() >= 9, "{} data files", data_files.len());
    inbox_is_synced_before_the_answer(&lines);
}

#[test]
fn the_check_of_the_order_sees_every_missing_and_every_late_step() {
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().canonicalize().unwrap();
    let (day, log) = (table.join("dt=2026-11-20"), table.join("_delta_log"));
    let (data, entry) = (day.join("part.parquet"), log.join("0.json"));
    fs::create_dir(&day).unwrap();
    fs::create_dir(&log).unwrap();
    fs::write(&data, "rows").unwrap();
    fs::write(&entry, r#"{"add":{"path":"dt=2026-11-20/part.parquet"}}"#).unwrap();
    let steps = |file: &Path| {
        let inode = fs::metadata(file).unwrap().ino();
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        [
            json!({"op": "file", "path": file.with_extension("staged"), "inode": inode, "bytes": 4}),
            json!({"op": "named", "path": file}),
            json!({"op": "folder", "path": file.parent(), "entries": {name: inode}}),
        ]
    };
    let mut lines = [steps(&data), steps(&entry)].concat();
    lines.push(json!({"op": "point", "name": "before_acknowledge"}));
    assert_eq!(check_table(&table, &lines).unwrap().len(), 1);
    for step in 0..lines.len() {
        let mut without = lines.clone();
        let moved = without.remove(step);
        assert!(check_table(&table, &without).is_err(), "without {moved}");
        for later in step + 1..lines.len() {
            let mut late = without.clone();
            late.insert(later, moved.clone());
            assert!(check_table(&table, &late).is_err(), "{moved} at {later}");
        }
    }
}

/// Behind every answer's point there is a sync of the inbox since the answer before.
fn inbox_is_synced_before_the_answer(lines: &[Value]) {
    let (mut synced, mut answers) = (false, 0);
    for line in lines {
        let of_inbox = line["path"]
            .as_str()
            .is_some_and(|path| path.contains("/inbox/"));
        match (line["op"].as_str(), line["name"].as_str()) {
            (Some("file"), _) if of_inbox => synced = true,
            (_, Some("before_inbox_sync")) => synced = false,
            (_, Some("after_inbox_sync")) => {
                assert!(synced, "an answer went out before the inbox was synced");
                answers += 1;
            }
            _ => {}
        }
    }
    assert!(answers >= 3, "{answers} answers");
}
