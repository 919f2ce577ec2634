"""Answers questions about tables with PyIceberg: one JSON object per line in, one per line out.

A question: {"table": "bronze.flow", "snapshot": "<id>"?, "filter": [...]?}. An answer: {"columns", "rows", "files"},
or {"error"}. Values are in a form that every reader can give: numbers other than floats as decimal text, dates in days,
times in microseconds, bytes in hexadecimal, a map as a list of pairs.
"""

import json
import sys
from decimal import Decimal

import pyarrow as pa
from pyiceberg import expressions as e
from pyiceberg.catalog.sql import SqlCatalog

comparisons = {
    "=": e.EqualTo,
    "!=": e.NotEqualTo,
    "<": e.LessThan,
    "<=": e.LessThanOrEqual,
    ">": e.GreaterThan,
    ">=": e.GreaterThanOrEqual,
    "starts_with": e.StartsWith,
}
one = {"is_null": e.IsNull, "not_null": e.NotNull}


def literal(value):
    if isinstance(value, dict):
        return int(value["long"]) if "long" in value else bytes.fromhex(value["hex"])
    return value


def expression(node):
    operator, *rest = node
    if operator in ("and", "or"):
        return (e.And if operator == "and" else e.Or)(*map(expression, rest))
    if operator == "not":
        return e.Not(expression(rest[0]))
    if operator == "in":
        return e.In(rest[0], [literal(value) for value in rest[1]])
    if operator in one:
        return one[operator](rest[0])
    return comparisons[operator](rest[0], literal(rest[1]))


def plain(array):
    """The values of an Arrow array in the common form."""
    kind = array.type
    if pa.types.is_struct(kind):
        parts = [plain(part) for part in array.flatten()]
        names = [field.name for field in kind]
        rows = [dict(zip(names, values)) for values in zip(*parts)]
        return [row if scalar.is_valid else None for row, scalar in zip(rows, array)]
    if pa.types.is_map(kind):
        return [None if s.values is None else [[p["key"], p["value"]] for p in plain(s.values)] for s in array]
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return [None if s.values is None else plain(s.values) for s in array]
    if pa.types.is_floating(kind):
        return array.to_pylist()
    if pa.types.is_date(kind):
        array = array.cast(pa.int32())
    elif pa.types.is_timestamp(kind) or pa.types.is_time(kind):
        array = array.cast(pa.int64())
    return [None if value is None else text(value) for value in array.to_pylist()]


def text(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return value.hex()
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def columns(schema):
    return [
        {"id": f.field_id, "name": f.name, "type": str(f.field_type), "required": f.required} for f in schema.fields
    ]


def answer(catalog, question):
    table = catalog.load_table(question["table"])
    snapshot = question.get("snapshot")
    scan = table.scan(
        row_filter=expression(question["filter"]) if "filter" in question else e.AlwaysTrue(),
        snapshot_id=None if snapshot is None else int(snapshot),
    )
    rows = scan.to_arrow().combine_chunks()
    batches = rows.to_batches()
    found = [row for batch in batches for row in plain(batch.to_struct_array())]
    files = sorted(task.file.file_path for task in scan.plan_files())
    return {"columns": columns(scan.projection()), "rows": found, "files": files}


def main():
    catalog = SqlCatalog("sluice", uri=f"sqlite:///{sys.argv[1]}")
    for line in sys.stdin:
        try:
            reply = answer(catalog, json.loads(line))
        except Exception as error:  # what a reader cannot do is an answer, too
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)


main()
