"""Writes to a table with PyIceberg as another writer would: rows, a renamed column, a new one, another spec, a delete."""

import sys
from decimal import Decimal

import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.types import IntegerType


def append(table, **values):
    row = dict.fromkeys(field.name for field in table.schema().fields)
    table.append(pa.Table.from_pylist([row | values], schema=table.schema().as_arrow()))


def main():
    table = SqlCatalog("sluice", uri=f"sqlite:///{sys.argv[1]}").load_table(sys.argv[2])
    append(table, id=100, d=Decimal("-7.50"), s="gone")
    with table.update_schema() as change:
        change.add_column("extra", IntegerType())
        change.rename_column("s", "txt")
    append(table, id=101, d=Decimal("-7.50"), txt="renamed", extra=5)
    with table.update_spec() as change:
        change.remove_field("d")
        change.add_identity("id")
    append(table, id=102, d=Decimal("7.50"), txt="respecified", extra=6)
    table.delete("id = 100")


main()
