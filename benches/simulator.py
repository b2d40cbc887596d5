"""How hard the simulator's requests are to cluster, and how it compares with real desks.

    python benches/simulator.py requests BINARY          NMI of character TF-IDF + k-means, without and with the ASR layer
    python benches/simulator.py page BINARY DATA         rewrites the figures in docs/SIMULATOR.md

Needs numpy, pyarrow and scikit-learn. DATA holds `volume/technion_bank_calls_1999-02-01_14.csv.gz`,
`service_dialogue/stc3_train_zh.jsonl.gz` and `service_dialogue/csds_role_tagged_extracts_zh.txt.gz`; nothing of them is
part of the package, only figures leave this script.
"""

import csv
import gzip
import json
import pathlib
import random
import re
import subprocess
import sys
import tempfile

PAGE = pathlib.Path(__file__).resolve().parent.parent / "docs" / "SIMULATOR.md"
RUN = ["--start", "2026-10-20", "--seed", "1"]
MOST = 8000
SEEDS = 3


def requests(folder):
    """(text, topic, is voice) of every request that was said, by the truth tables."""
    import pyarrow.parquet

    turns = {}
    for path in sorted(pathlib.Path(folder, "events").glob("*.ndjson")):
        for line in open(path, encoding="utf-8"):
            event = json.loads(line)
            if event["type"] == "interaction.turn.v1":
                turns[event["subject"], event["data"]["turn_id"]] = event["data"]["text"]
            elif event["type"] == "interaction.transcript.v1":
                for turn in event["data"].get("turns", []):
                    turns[event["subject"], turn["turn_id"]] = turn["text"]
    table = pyarrow.parquet.read_table(pathlib.Path(folder, "truth", "interactions.parquet"))
    found = []
    for row in table.select(["interaction_id", "topic", "request_turn_id"]).to_pylist():
        text = turns.get((row["interaction_id"], row["request_turn_id"]))
        if text is not None:
            voice = row["interaction_id"].split("-")[0] in ("call", "video")
            found.append((text, row["topic"], voice))
    random.Random(0).shuffle(found)
    return found[:MOST]


def nmi(found):
    """Mean over some seeds of k-means on character 1- and 2-grams, k = number of topics."""
    from sklearn.cluster import KMeans
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.metrics import normalized_mutual_info_score

    topics = [topic for _, topic, _ in found]
    vectors = TfidfVectorizer(analyzer="char", ngram_range=(1, 2), min_df=2).fit_transform(text for text, _, _ in found)
    scores = []
    for seed in range(SEEDS):
        groups = KMeans(len(set(topics)), n_init=1, random_state=seed).fit_predict(vectors)
        scores.append(normalized_mutual_info_score(topics, groups))
    return sum(scores) / len(scores)


def clustering(binary):
    lines = ["| part | requests | NMI without ASR layer | NMI with it | drop | drop in calls |", "|---|---|---|---|---|---|"]
    for part in ([], ["--judge"]):
        scores = []
        for noise in (["--asr-noise", "0"], []):
            with tempfile.TemporaryDirectory() as folder:
                subprocess.run([binary, "simulate", "--months", "1", "--interactions-per-day", "300", *RUN, *part, *noise,
                                "--out", folder], check=True, stderr=subprocess.DEVNULL)
                found = requests(folder)
            scores.append((nmi(found), nmi([one for one in found if one[2]]), len(found)))
        (plain, plain_calls, count), (noisy, noisy_calls, _) = scores
        name = "judge" if part else "building"
        lines.append(f"| {name} | {count} | {plain:.3f} | {noisy:.3f} | {100 * (plain - noisy):.1f} points "
                     f"| {100 * (plain_calls - noisy_calls):.1f} points |")
    return "\n".join(lines)


def mean(values):
    return sum(values) / max(len(values), 1)


def quantile(values, at):
    values = sorted(values)
    return values[min(int(len(values) * at), len(values) - 1)]


def technion(data):
    """Waits, abandons, service and patience of a bank's call centre, two weeks."""
    with gzip.open(pathlib.Path(data, "volume", "technion_bank_calls_1999-02-01_14.csv.gz"), "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    queued = [row for row in rows if float(row["q_time_s"] or 0) > 0 or row["outcome"] == "HANG"]
    offered = [row for row in rows if row["outcome"] in ("AGENT", "HANG")]
    left = [row for row in offered if row["outcome"] == "HANG"]
    waits = [float(row["q_time_s"] or 0) for row in offered]
    talks = [float(row["ser_time_s"]) for row in offered if row["outcome"] == "AGENT" and float(row["ser_time_s"] or 0) > 0]
    hours = [0] * 24
    for row in rows:
        hours[int(row["vru_entry"].split(":")[0]) % 24] += 1
    # Kaplan and Meier: who was served would have waited longer than he did.
    ends = sorted((float(row["q_time_s"] or 0), row["outcome"] == "HANG") for row in queued)
    alive, last, lived, median = 1.0, 0.0, 0.0, None
    for index, (at, hung) in enumerate(ends):
        lived += alive * (at - last)
        last = at
        if hung:
            alive *= 1 - 1 / (len(ends) - index)
        if median is None and alive <= 0.5:
            median = at
    return {
        "queued calls abandoned": f"{100 * len(left) / len(offered):.1f} %",
        "wait of calls, s: mean, median, 90 %": f"{mean(waits):.0f}, {quantile(waits, .5):.0f}, {quantile(waits, .9):.0f}",
        "talk of calls, s: mean, median": f"{mean(talks):.0f}, {quantile(talks, .5):.0f}",
        "patience of calls, s: mean, median": f"{lived:.0f}, {median:.0f}" if median else f"{lived:.0f}, above {last:.0f}",
        "hours": [100 * count / len(rows) for count in hours],
    }


def words(dialogues):
    """Turn lengths, variety and growth of dialogues: lists of (is customer, text)."""
    customer = [text for dialogue in dialogues for mine, text in dialogue if mine]
    agent = [text for dialogue in dialogues for mine, text in dialogue if not mine]
    figures = {}
    for name, texts in (("customer", customer), ("agent", agent)):
        lengths = [len(text) for text in texts]
        figures[f"characters of a {name} turn: mean, median, 90 %"] = (
            f"{mean(lengths):.1f}, {quantile(lengths, .5)}, {quantile(lengths, .9)}")
    counts = [len(dialogue) for dialogue in dialogues]
    figures["turns of an interaction: mean, median"] = f"{mean(counts):.1f}, {quantile(counts, .5)}"
    figures["distinct customer turns"] = f"{100 * len(set(customer)) / len(customer):.1f} %"
    limits, pairs, read = [1_000, 10_000, 100_000, 1_000_000], set(), 0
    for text in customer:
        pairs.update(zip(" " + text, text))
        read += len(text)
        if limits and read >= limits[0]:
            figures[f"distinct character pairs in {limits.pop(0)} characters"] = str(len(pairs))
    return figures


def stc(data):
    with gzip.open(pathlib.Path(data, "service_dialogue", "stc3_train_zh.jsonl.gz"), "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return words([[(turn["sender"] == "customer", " ".join(turn["utterances"])) for turn in row["turns"]] for row in rows])


def csds(data):
    dialogues = []
    with gzip.open(pathlib.Path(data, "service_dialogue", "csds_role_tagged_extracts_zh.txt.gz"), "rt", encoding="utf-8") as file:
        for line in file:
            turns = re.findall(r"(用户|客服|商家):(.*?)(?=用户:|客服:|商家:|$)", line.strip())
            if turns:
                dialogues.append([(role != "客服", text.strip()) for role, text in turns])
    return words(dialogues)


def page(binary, data):
    told = subprocess.run([binary, "simulate", "--days", "30", "--interactions-per-day", "3000", *RUN, "--describe"],
                          check=True, capture_output=True, text=True).stdout
    real = {"Technion": technion(data), "STC-3": stc(data), "CSDS": csds(data)}
    lines = []
    for line in told.strip().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| figure |"):
            line = "| figure | simulated | Technion | STC-3 | CSDS |"
        elif cells[0] in ("figure", "---") and lines and lines[-1].startswith("| figure | simulated"):
            line = "|---|---|---|---|---|"
        elif line.startswith("| hour "):
            line = "| hour of the day | share of contacts | Technion |"
        elif lines and lines[-1].startswith("| hour of the day"):
            line = "|---|---|---|"
        elif len(cells) == 2 and cells[0].isdigit() and cells[1].endswith("%") and "CSAT" not in "".join(lines[-7:]):
            line = f"{line} {real['Technion']['hours'][int(cells[0])]:.1f} % |"
        elif len(cells) == 2 and any(cells[0] in figures for figures in real.values()):
            line += "".join(f" {figures.get(cells[0], '')} |" for figures in real.values())
        elif lines and len(cells) == 2 and any(row.startswith("| figure | simulated") for row in lines):
            line += " | | |"
        lines.append(line)
    text = PAGE.read_text(encoding="utf-8")
    begin, end = "<!-- figures -->\n", "<!-- end of figures -->"
    before, rest = text.split(begin)
    _, after = rest.split(end)
    body = "\n".join(lines) + "\n\n" + clustering(binary) + "\n"
    PAGE.write_text(before + begin + body + end + after, encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "requests":
        print(clustering(sys.argv[2]))
    elif len(sys.argv) == 4 and sys.argv[1] == "page":
        page(sys.argv[2], sys.argv[3])
    else:
        sys.exit(__doc__)
