"""Ingest against peers: megabytes of NDJSON per CPU-second, same bytes in.

Ours writes one Delta table per kind of event, partitioned by day, redacted,
zstd, synced; the peers convert the same file to one Parquet file (zstd). Counts
and sums are read back by DuckDB from what each has written and must agree.
Prints one line per measurement; the ratio is ours to the better peer.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import time

import duckdb

SEED = 7
START = "2026-06-01T00:00:00Z"
THREADS = "2"


def cpu_of(command, env=None):
    """CPU seconds, wall seconds and peak memory (MB) of a child process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.monotonic()
    child = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)
    out = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.monotonic() - begun
    if status != 0:
        sys.exit(f"{command[0]} failed with status {status}: {out[-2000:]}")
    del before
    return usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024, out


def simulate(program, path, interactions, turns):
    if os.path.exists(path):
        return
    command = [program, "simulate", "--seed", str(SEED), "--interactions", str(interactions),
               "--days", "30", "--start", START, "--shuffle-within-day", "--out", path]
    subprocess.run(command + ([] if turns else ["--no-turns"]), check=True)


def facts_of_file(path):
    """Count of events and sum of wrap-up, by type, straight from the NDJSON."""
    rows = duckdb.sql(f"""
        select type, count(*), sum(cast(data->>'wrap_up_ms' as bigint))
        from read_json('{path}', format='newline_delimited',
                       columns={{type: 'varchar', data: 'json'}})
        group by 1 order by 1""").fetchall()
    return {name: (count, int(total or 0)) for name, count, total in rows}


def facts_of_lake(data):
    files = f"{data}/lake/interaction_events/dt=*/*.parquet"
    rows = duckdb.sql(f"""
        select type, count(*), sum(case when type in
            ('interaction.ended.v1', 'interaction.wrapped_up.v1') then wrap_up_ms end)
        from read_parquet('{files}', hive_partitioning=true) group by 1""").fetchall()
    return {name: (count, int(total or 0)) for name, count, total in rows}


def ours(program, source, work):
    data = f"{work}/data"
    shutil.rmtree(data, ignore_errors=True)
    for key in (f"{data}.token-key",):
        if os.path.exists(key):
            os.remove(key)
    env = dict(os.environ, TOKIO_WORKER_THREADS=THREADS)
    cpu, wall, memory, out = cpu_of([program, "--data", data, "import", "--json", source], env)
    return cpu, wall, memory, json.loads(out.strip().splitlines()[-1]), data


def polars_run(source, target):
    code = ("import polars as pl, sys\n"
            "pl.scan_ndjson(sys.argv[1], infer_schema_length=50000, ignore_errors=True)"
            ".sink_parquet(sys.argv[2], compression='zstd', compression_level=1)\n")
    env = dict(os.environ, POLARS_MAX_THREADS=THREADS)
    return cpu_of([sys.executable, "-c", code, source, target], env)


def duckdb_run(source, target):
    code = ("import duckdb, sys\n"
            f"duckdb.sql('set threads={THREADS}')\n"
            "duckdb.sql(f\"copy (select * from read_json('{sys.argv[1]}', "
            "format='newline_delimited', sample_size=50000, union_by_name=true)) "
            "to '{sys.argv[2]}' (format parquet, compression zstd)\")\n")
    return cpu_of([sys.executable, "-c", code, source, target])


def main():
    program, work, interactions = sys.argv[1], sys.argv[2], int(sys.argv[3])
    source = f"{work}/desk-{interactions}.ndjson"
    simulate(program, source, interactions, turns=False)
    megabytes = os.path.getsize(source) / 1e6
    rates = {}
    cpu, wall, memory, counts, data = ours(program, source, work)
    rates["tingchao"] = megabytes / cpu
    print(f"tingchao  {megabytes:.0f} MB  {cpu:.1f} s CPU  {wall:.1f} s  {memory:.0f} MB peak  {rates['tingchao']:.1f} MB/CPU-s")
    expected, stored = facts_of_file(source), facts_of_lake(data)
    wrong = {name: (expected[name], stored[name]) for name in stored if expected.get(name) != stored[name]
             and name in ("interaction.queued.v1", "interaction.ended.v1", "interaction.wrapped_up.v1", "interaction.started.v1")}
    if wrong or counts["refused"] or counts["accepted"] != sum(count for count, _ in expected.values()):
        sys.exit(f"what was stored is not what was in the file: {wrong} {counts}")
    for name, run in (("polars", polars_run), ("duckdb", duckdb_run)):
        target = f"{work}/{name}.parquet"
        cpu, wall, memory, _ = run(source, target)
        rows = duckdb.sql(f"select count(*) from read_parquet('{target}')").fetchone()[0]
        rates[name] = megabytes / cpu
        same = "same rows" if rows == counts["accepted"] else f"{rows} ROWS, NOT {counts['accepted']}"
        print(f"{name:<9} {megabytes:.0f} MB  {cpu:.1f} s CPU  {wall:.1f} s  {memory:.0f} MB peak  {rates[name]:.1f} MB/CPU-s  {same}")
    for name in ("polars", "duckdb"):
        print(f"ratio tingchao/{name}: {rates['tingchao'] / rates[name]:.2f}")
    turns = f"{work}/turns-{interactions // 4}.ndjson"
    simulate(program, turns, interactions // 4, turns=True)
    cpu, wall, memory, counts, data = ours(program, turns, work)
    files = f"{data}/lake/turns/dt=*/*.parquet"
    count, chars, distinct = duckdb.sql(f"select count(*), avg(length(text)), count(distinct text) * 1.0 / count(*) from read_parquet('{files}')").fetchone()
    print(f"turns     {count} turns of {chars:.0f} characters, {distinct:.0%} distinct, all events of the file in {wall:.1f} s: {count / wall:.0f} turns/s, {memory:.0f} MB peak")


if __name__ == "__main__":
    main()
