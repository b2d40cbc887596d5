"""The same questions to every engine, per table of a lake: counts, sums, ranges of times, lengths of texts, one
Chinese text to the letter. `expect` asks Tingchao and prints its answers; the other engines are compared with them.

    interop.py expect PROGRAM LAKE
    interop.py parquet|polars|chdb|duckdb|spark LAKE JARS
"""

import glob
import json
import math
import os
import subprocess
import sys
import sysconfig

WORD = "宽带"
MARTS = ("interactions", "legs")
# How each dialect says: microseconds of a time, characters of a text, a name.
DIALECTS = {
    "tingchao": ("cast({} as bigint)", "character_length({})", '"{}"'),
    "parquet": ("epoch_us({})", "length({})", '"{}"'),
    "duckdb": ("epoch_us({})", "length({})", '"{}"'),
    "polars": ("{}", "char_length({})", '"{}"'),
    "chdb": ("toUnixTimestamp64Micro({})", "lengthUTF8({})", "`{}`"),
    "spark": ("unix_micros({})", "length({})", "`{}`"),
}


def questions(engine, columns):
    """One expression a figure."""
    micros, length, quoted = DIALECTS[engine]
    asked = [("rows", "count(*)")]
    for column in columns:
        name, kind = column["name"], column["type"]
        value = quoted.format(name)
        if kind in ("integer", "bigint"):
            asked.append((f"{name} sum", "sum(" + ("toInt64({})" if engine == "chdb" else "cast({} as bigint)").format(value) + ")"))
        elif kind == "double precision":
            asked.append((f"{name} sum", f"sum({value})"))
        elif kind == "timestamptz":
            asked += [(f"{name} {end}", f"{end}({micros.format(value)})") for end in ("min", "max")]
        elif kind == "boolean":
            asked.append((f"{name} true", f"sum(case when {value} then 1 else 0 end)"))
        elif kind == "text":
            asked.append((f"{name} texts", f"count({value})"))
            asked.append((f"{name} characters", f"sum({length.format(value)})"))
        elif kind == "date":
            asked.append((f"{name} days", f"count(distinct {value})"))
    return asked


def statements(engine, columns, source):
    """Two statements: the figures, and the first text with the word."""
    asked = questions(engine, columns)
    figures = f"select {', '.join(f'{expression} as c{n}' for n, (_, expression) in enumerate(asked))} from {source}"
    names = [name for name, _ in asked]
    if not any(column["name"] == "text" for column in columns):
        return names, figures, None
    micros = DIALECTS[engine][0]
    value = DIALECTS[engine][2].format("at")
    return names, figures, (f"select text, {micros.format(value)} as c1 from {source} where text like '%{WORD}%' "
                            "order by event_id, turn_id limit 1")


def ours(program, lake):
    def ask(sql):
        command = [program, "--data", f"{lake}/data", "query", "--format", "json", "--sql", sql]
        return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    expected = {}
    for table in sorted(name for name in os.listdir(f"{lake}/data/lake") if not name.startswith("_")):
        source = table if table in MARTS else f"raw.{table}"
        columns = ask(f"select * from {source} limit 0")["columns"]
        # A view may add columns to what is stored.
        stored = stored_columns(f"{lake}/data/lake/{table}")
        columns = [column for column in columns if column["name"] in stored]
        names, figures, text = statements("tingchao", columns, source)
        answer = {"columns": columns, "figures": dict(zip(names, ask(figures)["rows"][0]))}
        if text:
            answer["text"] = ask(text)["rows"][0]
        expected[table] = answer
    return expected


def stored_columns(table):
    """Names by the newest schema of the log, and whether it was changed after the table was made."""
    names = []
    for entry in sorted(glob.glob(f"{table}/_delta_log/*.json")):
        with open(entry, encoding="utf-8") as lines:
            for line in lines:
                meta = json.loads(line).get("metaData")
                if meta:
                    names = [field["name"] for field in json.loads(meta["schemaString"])["fields"]]
    return names


def history(tables):
    """What the lake has been through: it proves little when nothing of it happened."""
    seen = {"column added": 0, "rows deleted": 0, "compacted": 0}
    for table in tables:
        metas = 0
        for entry in glob.glob(f"{table}/_delta_log/*.json"):
            with open(entry, encoding="utf-8") as lines:
                actions = [json.loads(line) for line in lines]
            metas += any("metaData" in action for action in actions)
            removed = [action["remove"] for action in actions if "remove" in action]
            seen["rows deleted"] += any(remove.get("dataChange") for remove in removed)
            seen["compacted"] += any(not remove.get("dataChange") for remove in removed)
        seen["column added"] += metas > 1
    return seen


def asker(engine, lake, jars):
    """A function of a table's path, and one that asks a statement and gives its first row."""
    if engine in ("parquet", "duckdb"):
        import duckdb
        connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
        connection.execute("set TimeZone='UTC'")
        if engine == "duckdb":
            folder = sysconfig.get_paths()["purelib"]
            extension = glob.glob(f"{folder}/duckdb_extension_delta/extensions/*/delta.duckdb_extension")[0]
            connection.execute(f"load '{extension}'")
            return (lambda path: f"delta_scan('{path}')"), (lambda sql: connection.execute(sql).fetchone())
        from deltalake import DeltaTable

        def files(path):
            uris = DeltaTable(path).file_uris()
            if not uris:
                return None
            return f"read_parquet({uris!r}, hive_partitioning=true, hive_types_autocast=0, union_by_name=true)"
        return files, lambda sql: connection.execute(sql).fetchone()
    if engine == "chdb":
        import chdb
        # It reads nothing outside the folder that it runs in.
        os.chdir(f"{lake}/data/lake")
        settings = " settings optimize_functions_to_subcolumns=0, output_format_json_quote_64bit_integers=0"

        def ask(sql):
            answer = json.loads(str(chdb.query(sql + settings, "JSONCompact")))
            return answer["data"][0]
        return (lambda path: f"deltaLakeLocal('{path}')"), ask
    from pyspark.sql import SparkSession
    session = (SparkSession.builder.master("local[1]").config("spark.jars", ",".join(glob.glob(f"{jars}/*.jar")))
               .config("spark.ui.enabled", "false").config("spark.driver.memory", "1g")
               .config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1")
               .config("spark.sql.session.timeZone", "UTC").config("spark.databricks.delta.snapshotPartitions", "1")
               .config("spark.sql.shuffle.partitions", "1")
               .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
               .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
               .getOrCreate())
    session.sparkContext.setLogLevel("ERROR")
    return (lambda path: f"delta.`{path}`"), lambda sql: list(session.sql(sql).first())


def polars_answer(path, columns, names):
    """The same by expressions: what Polars' SQL lacks is not what is tested."""
    import polars as pl
    frame = pl.scan_delta(path)
    figures = [pl.len().alias("rows")]
    for column in columns:
        name, kind = column["name"], column["type"]
        value = pl.col(name)
        if kind in ("integer", "bigint"):
            figures.append(value.cast(pl.Int64).sum().alias(f"{name} sum"))
        elif kind == "double precision":
            figures.append(value.sum().alias(f"{name} sum"))
        elif kind == "timestamptz":
            figures += [value.dt.epoch("us").min().alias(f"{name} min"), value.dt.epoch("us").max().alias(f"{name} max")]
        elif kind == "boolean":
            figures.append(value.cast(pl.Int64).sum().alias(f"{name} true"))
        elif kind == "text":
            figures += [value.count().alias(f"{name} texts"), value.str.len_chars().sum().alias(f"{name} characters")]
        elif kind == "date":
            figures.append(value.n_unique().alias(f"{name} days"))
    found = frame.select(figures).collect().row(0, named=True)
    text = None
    if any(column["name"] == "text" for column in columns):
        text = (frame.filter(pl.col("text").str.contains(WORD, literal=True)).sort("event_id", "turn_id")
                .select("text", pl.col("at").dt.epoch("us")).first().collect().row(0))
    return [found[name] for name in names], text


def same(ours_value, theirs):
    # Engines differ in the sum of no value at all: null or 0.
    ours_value, theirs = ours_value or 0, theirs or 0
    if isinstance(ours_value, str) or isinstance(theirs, str):
        return str(ours_value) == str(theirs)
    return math.isclose(float(ours_value), float(theirs), rel_tol=1e-9, abs_tol=1e-9)


def main():
    engine = sys.argv[1]
    if engine == "expect":
        print(json.dumps(ours(sys.argv[2], sys.argv[3]), ensure_ascii=False))
        return
    lake, jars = sys.argv[2], sys.argv[3]
    with open(f"{lake}/expected.json", encoding="utf-8") as file:
        expected = json.load(file)
    paths = {table: f"{lake}/data/lake/{table}" for table in expected}
    seen = history(paths.values())
    missing = [what for what, count in seen.items() if not count]
    if missing:
        sys.exit(f"this lake proves too little: no {', no '.join(missing)}")
    if engine != "polars":
        place, ask = asker(engine, lake, jars)
    figures_compared, wrong = 0, []
    for table, answer in expected.items():
        columns = answer["columns"]
        if engine == "polars":
            found, text = polars_answer(paths[table], columns, list(answer["figures"]))
        else:
            source = place(paths[table])
            if source is None:
                if answer["figures"]["rows"]:
                    wrong.append(f"{table}: no files, though it has rows")
                continue
            _, figures, text_asked = statements(engine, columns, source)
            found, text = ask(figures), text_asked and ask(text_asked)
        for (name, ours_value), theirs in zip(answer["figures"].items(), found, strict=True):
            figures_compared += 1
            if not same(ours_value, theirs):
                wrong.append(f"{table}.{name}: ours {ours_value}, theirs {theirs}")
        if text is not None and [str(value) for value in text] != [str(value) for value in answer["text"]]:
            wrong.append(f"{table}: ours {answer['text']}, theirs {list(text)}")
    print(f"{engine:<8} {len(expected)} tables, {figures_compared} figures: {'equal' if not wrong else 'DIFFERENT'}", flush=True)
    for line in wrong:
        print("   ", line)
    # Some engines abort while they are torn down; what was compared is printed.
    os._exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
