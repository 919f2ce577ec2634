import { describe, expect, test } from 'vitest'
import { problemsOf } from './test-project.suite.ts'

const head = `version: 1
project: shop
connections:
  landing: { type: files, path: ./landing }
  lake: { type: lake }
dataflows:
`
const source = 'source: { connection: landing, path: a.csv, format: csv }'
const sink = (table: string, load_type = 'overwrite'): string =>
  `sink: { connection: lake, table: ${table}, load_type: ${load_type} }`

function flow(name: string, ...lines: readonly string[]): string {
  return [`  - name: ${name}`, ...lines.map((line) => `    ${line}`), ''].join('\n')
}

async function problems(...flows: readonly string[]): Promise<string[]> {
  return (await problemsOf({ 'sluice.yaml': head + flows.join('') })).map((line) =>
    line.replace('sluice.yaml:', ''),
  )
}

test('changed_objects: append where it would do nothing', async () => {
  const changing = 'source: { connection: landing, path: a.csv, format: csv, changed_objects: append }'
  expect(
    await problems(flow('a', changing, sink('t.a')), flow('b', changing, sink('t.b', 'append'))),
  ).toEqual([
    '8:79: `changed_objects: append` has no meaning with `load_type: overwrite`, which reads changed objects anyhow. Remove it.',
  ])
})

test('two spellings of one column of the contract, of which one would be ignored', async () => {
  const contract = 'contract: { columns: { id: { type: integer, max: 1 }, ID: { type: integer } } }'
  const snake = 'contract: { columns: { orderId: { type: integer }, order_id: { type: integer } } }'
  expect(
    await problems(
      flow('a', source, contract, sink('t.a')),
      flow('b', source, snake, 'column_names: snake', sink('t.b')),
      flow('c', source, snake, sink('t.c')),
    ),
  ).toEqual([
    '9:59: `id` and `ID` are both column `id` of the table. Keep one of the two.',
    '13:56: `orderId` and `order_id` are both column `order_id` of the table. Keep one of the two.',
  ])
})

test('a column of the contract that no source may have', async () => {
  const contract = 'contract: { columns: { id: { type: integer }, _SLUICE_x: { type: integer } } }'
  expect(await problems(flow('a', source, contract, sink('t.a')))).toEqual([
    '9:51: `_SLUICE_x` begins with _sluice_, which Sluice keeps for its own columns. No source may have it: take it out.',
  ])
})

test('a watermark column that a file of text has without a type', async () => {
  const from = (format: string) =>
    `source: { connection: landing, path: a, format: ${format}, watermark_columns: [Day, n] }`
  const contract = 'contract: { columns: { day: { type: date } } }'
  expect(
    await problems(
      flow('a', from('csv'), contract, sink('t.a', 'append')),
      flow('b', from('ndjson'), contract, sink('t.b', 'append')),
      flow('c', from('parquet'), contract, sink('t.c', 'append')),
    ),
  ).toEqual([
    '8:83: watermark column `n` has no type in the contract, and in a csv file all is text, where 10 comes before 9. Add it to contract.columns (type: string where the order of texts is meant).',
    '12:86: watermark column `n` has no type in the contract, and in a ndjson file all is text, where 10 comes before 9. Add it to contract.columns (type: string where the order of texts is meant).',
  ])
})

describe('words and shapes', () => {
  test('unknown keys, at every depth, with what was meant', async () => {
    expect(
      await problems(
        flow(
          'a',
          'tag: [x]',
          'sorce: { connection: landing, path: a.csv, format: csv }',
          'contract: { enforcment: strict, columns: { id: { type: string, uniqe: true, zzz: 1 } } }',
          'sink: { connection: lake, table: t.a, loadtype: append }',
          'merge_keys: [id]',
        ),
      ),
    ).toEqual([
      '8:5: unknown key `tag`. Did you mean `tags`?',
      '9:5: unknown key `sorce`. Did you mean `source`?',
      '10:17: unknown key `enforcment`. Did you mean `enforcement`?',
      '10:68: unknown key `uniqe`. Did you mean `unique`?',
      '10:81: unknown key `zzz`. Known here: accepted_values, description, fields, items, keys, max, max_length, min, min_length, nullable, pattern, precision, rename_from, scale, severity, type, unique, values.',
      '11:43: unknown key `loadtype`. Did you mean `load_type`?',
      '12:5: `merge_keys` is not available in this version. Load types append and overwrite need no keys.',
    ])
  })

  test('words that this version does not do are refused by name, others with what was meant', async () => {
    expect(
      await problems(
        flow(
          'a',
          'source: { connection: landing, path: a, format: avro }',
          'schema_evolution: { mode: freeze }',
          sink('t.a', 'scd2'),
        ),
        flow(
          'b',
          'source: { connection: landing, path: a, format: jsonl }',
          'contract: { enforcement: strikt }',
          sink('t.b', 'full_load'),
        ),
        flow(
          'c',
          source,
          'contract: { columns: { x: { type: int }, y: { type: interval }, z: { type: blobs } } }',
          sink('t.c'),
        ),
      ),
    ).toEqual([
      '8:53: format: avro is not available in this version; use parquet, csv, ndjson or json.',
      '9:31: mode: freeze is not available in this version; use strict, additive or widening; it is a word of schema_evolution.columns and data_type.',
      '10:54: load_type: scd2 is not available in this version; use append or overwrite.',
      '12:53: `format` cannot be `jsonl`. Did you mean `ndjson`? Known: parquet, csv, ndjson, json.',
      '13:30: `enforcement` cannot be `strikt`. Did you mean `strict`? Known: strict, quarantine, warn, coerce.',
      '14:54: `load_type` cannot be `full_load`. Did you mean `overwrite`? Known: append, overwrite.',
      '17:39: `type` cannot be `int`. Did you mean `integer`? Known: string, boolean, tinyint, smallint, integer, bigint, float, double, date, timestamp, timestamp_tz, time, uuid, binary, json, decimal, list, struct, map.',
      '17:57: type: interval is not available in this version; use one of the types of this version.',
      '17:80: `type` cannot be `blobs`. Use string, boolean, tinyint, smallint, integer, bigint, float, double, date, timestamp, timestamp_tz, time, uuid, binary, json, decimal, list, struct, map.',
    ])
  })

  test('what is nested in a column, at its place', async () => {
    expect(
      await problems(
        flow(
          'a',
          source,
          'contract: { columns: { x: { type: list }, y: { type: list, items: { typ: date } }, z: { type: struct, fields: { a: { type: array }, b: { type: date, unique: true } } } } }',
          sink('t.a'),
        ),
        flow(
          'b',
          source.replace('}', ', watermark_columns: [x] }'),
          'contract: { columns: { x: { type: map, keys: { type: date }, values: { type: date, min: 1 } } }, checks: [{ name: n, max_null_ratio: { column: x, ratio: 0 } }] }',
          sink('t.b', 'append'),
        ),
      ),
    ).toEqual([
      '9:39: type list needs items. Add it: the type and the rules of its items, items: { type: … }.',
      '9:73: unknown key `typ`. Did you mean `type`?',
      '9:128: `type` cannot be `array`. Did you mean `list`? Known: string, boolean, tinyint, smallint, integer, bigint, float, double, date, timestamp, timestamp_tz, time, uuid, binary, json, decimal, list, struct, map.',
      '9:154: unknown key `unique`. Known here: accepted_values, description, fields, items, keys, max, max_length, min, min_length, nullable, pattern, precision, scale, severity, type, values.',
      '12:83: watermark column `x` is a map, which has no order. Load by a column of single values.',
      '13:93: min 1 is not a value of type date. docs/contracts.md has the spellings of each type.',
      '13:148: `x` is a map, and checks are of single values. Name another column.',
    ])
  })

  test('wrong kinds of values, missing ones and empty ones', async () => {
    expect(
      await problems(
        flow(
          'a',
          'is_active: yes',
          'tags: daily',
          'group_number: "1"',
          'description: 5',
          'stage:',
          'source: { connection: landing, path: a.csv, format: csv, csv: { delimiter: "||", header: on } }',
          'contract: { quarantine: { max_ratio: 2 }, columns: [id] }',
          'sink: { connection: lake, table: orders }',
        ),
      ),
    ).toEqual([
      '8:16: `is_active` must be true or false, and this is the text `yes`. Write true.',
      '9:11: `tags` must be a list, and this is the text `daily`. Write [daily].',
      '10:19: `group_number` must be a number, and this is the text `1`. Write it without quotes.',
      '11:18: `description` must be a text, and this is the number 5. Write it in quotes: "5".',
      '12:11: `stage` has no value. Give it one, or remove the line.',
      '13:80: `delimiter` has 2 characters. It must have exactly 1.',
      '13:94: `header` must be true or false, and this is the text `on`. Write true.',
      '14:42: `max_ratio` cannot be 2. It must be at most 1.',
      '14:56: `columns` must be a mapping, and this is a list.',
      '15:11: `load_type` is missing. Use append, overwrite.',
      '15:38: `table` cannot be `orders`. A table is `namespace.name`, each of letters, digits and _, and not a digit first.',
    ])
  })

  test('the top, sections of the wrong kind, and paths', async () => {
    const text = `version: 2
connections:
  a: { type: files, path: /data }
  b: { type: files, path: 's3://B/x' }
  c: { type: files, path: 'https://x' }
  d: { type: files, path: 'file://data' }
  e: { type: files, path: 'a//b' }
  f: { type: kafka }
  g: {}
  1h: { type: lake }
  i: { type: lake, path: x }
dataflows:
  - raw
  - name: 9lives
    source: { connection: ok, path: ../x, format: csv }
  - name: quoted
    source: { connection: ok, path: '"a"*', format: csv }
defaults: [x]
`
    expect(await problemsOf({ 'sluice.yaml': text })).toEqual([
      'sluice.yaml:1:1: `project` is missing. Add it.',
      'sluice.yaml:1:10: `version` cannot be `2`. Use 1.',
      'sluice.yaml:3:27: `path` cannot be `/data`. Write an absolute path as a URL: file:///data.',
      'sluice.yaml:4:27: `path` cannot be `s3://B/x`. There is no bucket with such a name.',
      'sluice.yaml:5:27: `path` cannot be `https://x`. Only a relative path, file:/// and s3:// can be read.',
      'sluice.yaml:6:27: `path` cannot be `file://data`. A file URL has three slashes: file:///data/landing.',
      'sluice.yaml:7:27: `path` cannot be `a//b`. A path has no empty part.',
      'sluice.yaml:8:14: type: kafka is not available in this version; use files or lake.',
      'sluice.yaml:9:6: `type` is missing. Use files, lake.',
      'sluice.yaml:10:3: `1h` cannot be the name of a connection: a name starts with a letter and goes on with letters, digits, _ and -. Choose another name.',
      'sluice.yaml:11:20: unknown key `path`. Known here: type.',
      'sluice.yaml:13:5: `dataflows[0]` must be a mapping that starts with `name:`. Check the indentation.',
      'sluice.yaml:14:11: `name` cannot be `9lives`. A name starts with a letter and goes on with letters, digits, _ and -.',
      'sluice.yaml:15:27: there is no connection `ok`. Connections: 1h, a, b, c, d, e, f, g, i.',
      'sluice.yaml:15:37: `path` cannot be `../x`. A path has no empty part, no . and no ..',
      'sluice.yaml:17:27: there is no connection `ok`. Connections: 1h, a, b, c, d, e, f, g, i.',
      'sluice.yaml:17:37: `path` cannot be `"a"*`. A path has no quotes: they match nothing, not even themselves.',
      'sluice.yaml:18:11: `defaults` must be a mapping, and this is a list.',
    ])
  })

  test('a mistake in defaults is one mistake, at its place', async () => {
    const text = head.replace(
      'dataflows:',
      'defaults: { sink: { conection: lake }, schema_evolution: { mode: freeze }, name: x }\ndataflows:',
    )
    const flows = ['a', 'b', 'c'].map((name) =>
      flow(name, source, `sink: { table: t.${name}, load_type: append }`),
    )
    expect(await problemsOf({ 'sluice.yaml': text + flows.join('') })).toEqual([
      'sluice.yaml:6:21: unknown key `conection`. Did you mean `connection`?',
      'sluice.yaml:6:66: mode: freeze is not available in this version; use strict, additive or widening; it is a word of schema_evolution.columns and data_type.',
      'sluice.yaml:6:76: unknown key `name`. Known here: column_names, contract, depends_on, description, execution_order, group_number, is_active, on, schedule, schema_evolution, sink, source, stage, tags, transform, transformers.',
    ])
  })
})

describe('rules across keys', () => {
  test('signs of CSV that no reader could tell apart', async () => {
    const csv = (keys: string) => source.replace('csv }', `csv, csv: { ${keys} } }`)
    expect(
      await problems(
        flow('a', csv("quote: '', null_values: ['', 'n/a']"), sink('t.a')),
        flow('b', csv('quote: "\'"'), sink('t.b')),
        flow('c', csv("quote: '', escape: '\\'"), sink('t.c')),
        flow('d', csv("quote: é, delimiter: ';', null_values: [x, 'a;b', 'é']"), sink('t.d')),
        flow('e', csv('null_values: ["a,b", "a\\"b", "a\\n"]'), sink('t.e')),
      ),
    ).toEqual([
      '14:88: `escape` has no meaning without `quote`. Remove it.',
      '17:76: `quote` must be one of ASCII, and `é` is not. Use another character.',
      '17:112: "a;b" has the `delimiter` in it, and no unquoted field can. Remove it: a quoted field is never NULL.',
      '17:119: "é" has the `quote` in it, and no unquoted field can. Remove it: a quoted field is never NULL.',
      '20:83: "a,b" has the `delimiter` in it, and no unquoted field can. Remove it: a quoted field is never NULL.',
      '20:90: "a\\"b" has the `quote` in it, and no unquoted field can. Remove it: a quoted field is never NULL.',
      '20:98: "a\\n" has a line end in it, and no unquoted field can. Remove it: a quoted field is never NULL.',
    ])
  })

  test('source and transform, csv, compression, watermarks, order', async () => {
    const sql = 'transform: { sql: SELECT 1 }'
    expect(
      await problems(
        flow('a', source, sql, sink('t.a')),
        flow('b', sink('t.b')),
        flow('c', sql, sink('t.c', 'append')),
        flow('d', source.replace('csv }', 'csv, watermark_columns: [day] }'), sink('t.d')),
        flow(
          'e',
          source.replace('format: csv }', 'format: parquet, compression: gzip, csv: { quote: "," } }'),
          sink('t.e'),
        ),
        flow('f', 'execution_order: 1', source, sink('t.f')),
        flow('g', source.replace('csv }', 'csv, csv: { delimiter: \'"\', escape: "\\n" } }'), sink('t.g')),
        flow(
          'h',
          'source: { connection: lake, path: x, format: csv }',
          'sink: { connection: landing, table: t.h, load_type: append }',
        ),
      ),
    ).toEqual([
      '9:5: `source` and `transform` are both given. A dataflow has one of them: make it two dataflows.',
      '11:5: a dataflow needs `source` or `transform`. Add source for files, or transform for SQL over tables.',
      '15:54: `load_type: append` of a transform without `watermark_columns` would add the same rows in every run. Add watermark_columns to the transform, or use load_type: overwrite.',
      '17:81: `watermark_columns` with `load_type: overwrite` would replace the table by its newest rows alone. Use load_type: append, or leave watermark_columns out.',
      '20:79: `compression: gzip` has no meaning with `format: parquet`, which is compressed inside. Use auto.',
      '20:85: `csv` has no meaning with `format: parquet`. Remove it, or use format: csv.',
      '20:99: `quote` and `delimiter` are the same character. Use another character.',
      '23:22: `execution_order` without `group_number` orders nothing. Add group_number: the order holds among the dataflows of one group.',
      '27:67: `quote` and `delimiter` are the same character. Use another character.',
      '27:93: `escape` cannot be a line end. Use another character.',
      '30:27: connection `lake` is of type lake, and files is needed here. Use landing.',
      '31:25: connection `landing` is of type files, and lake is needed here. Use lake.',
    ])
  })

  test('names are unique, and an overwritten table has one writer, active or not', async () => {
    expect(
      await problems(
        flow('a', source, sink('t.a', 'append')),
        flow('a', source, sink('t.b', 'append')),
        flow('A', source, sink('t.c', 'append')),
        flow('second', source, sink('t.a', 'append')),
        flow('third', 'is_active: false', source, sink('t.a')),
        flow('fourth', source, sink('T.c')),
      ),
    ).toEqual([
      '10:11: the name is taken by the dataflow at sluice.yaml:7. Choose another name.',
      '13:11: the name `a` differs by case only and is taken by the dataflow at sluice.yaml:7. Choose another name.',
      '22:38: a (sluice.yaml:7) writes t.a, too, and one of the two overwrites what the other wrote. Give each its own table, or let both append.',
      '25:38: A (sluice.yaml:13) writes `t.c`, which differs by case only. Spell the table the same way.',
    ])
  })
})

describe('the graph', () => {
  test('references to nothing, other templates and unknown dataflows, at their place in the SQL', async () => {
    expect(
      await problems(
        flow('orders', source, sink('bronze.orders')),
        flow(
          'b',
          'depends_on: [order]',
          'transform:',
          '  sql: |',
          '    SELECT *',
          "    FROM {{ ref('bronze.order') }} o",
          "    JOIN {{ var('x') }} USING (id)",
          sink('gold.b'),
        ),
        flow('c', `transform: { sql: "SELECT * FROM {{ ref('bronze.orders') " }`, sink('gold.c')),
      ),
    ).toEqual([
      '11:18: depends_on names `order`, and there is no such dataflow. Did you mean `orders`?',
      "15:14: `ref('bronze.order')` is a reference to nothing: no dataflow writes this table. Did you mean `bronze.orders`?",
      "16:14: `{{ var('x') }}` is not a reference. Write {{ ref('namespace.table') }}; nothing else is filled in.",
      "19:38: `{{` is not closed. Write {{ ref('namespace.table') }}, or { { where SQL itself needs two braces.",
    ])
  })

  test('a cycle names everybody, over files; an inactive dataflow does not break it', async () => {
    const query = (table: string): string => `transform: { sql: "SELECT * FROM {{ ref('${table}') }}" }`
    expect(
      await problemsOf({
        'sluice.yaml': `${head}${flow('a', query('t.c'), sink('t.a'))}${flow('b', query('t.a'), 'is_active: false', sink('t.b'))}include: [more.yaml]\n`,
        'more.yaml': `dataflows:\n${flow('c', 'depends_on: [b]', source, sink('t.c'))}${flow('d', query('t.d'), sink('t.d'))}`,
      }),
    ).toEqual([
      'sluice.yaml:8:23: these dataflows wait for each other: a -> b -> c -> a (a at sluice.yaml:7, b at sluice.yaml:10, c at more.yaml:2). Each one needs what the one before it writes: remove one of these references.',
      'more.yaml:7:23: `d` waits for itself: d -> d (reads t.d). Remove the reference.',
    ])
  })

  test('an order that contradicts the data names both', async () => {
    const query = `transform: { sql: "SELECT * FROM {{ ref('t.late') }}" }`
    expect(
      await problems(
        flow('early', 'group_number: 1', 'execution_order: 1', query, sink('t.early')),
        flow('late', 'group_number: 1', 'execution_order: 2', source, sink('t.late')),
      ),
    ).toEqual([
      '9:22: execution_order contradicts the data: early before late (group_number 1: execution_order 1 before 2), but late before early (which reads t.late). Change one of these numbers, or remove the reference.',
    ])
  })

  test('one broken dataflow is not a reference to nothing for the others', async () => {
    expect(
      await problems(
        flow('a', 'source: { connection: landing, path: a.csv, format: cvs }', sink('t.a')),
        flow('b', `transform: { sql: "SELECT * FROM {{ ref('t.a') }}" }`, sink('t.b')),
      ),
    ).toEqual(['8:57: `format` cannot be `cvs`. Did you mean `csv`? Known: parquet, csv, ndjson, json.'])
  })
})

describe('includes', () => {
  test('patterns that match nothing, keys of the main file, duplicates and broken files', async () => {
    const text = `${head}${flow('a', source, sink('t.a'))}include: [none/*.yaml, more, ../x.yaml, /abs.yaml, part.yaml, bad.yaml]\n`
    expect(
      await problemsOf({
        'sluice.yaml': text,
        'more/x.yaml': '',
        'part.yaml': 'project: x\npipelines: []\nconnections: { lake: { type: lake } }\ndataflows: {}\n',
        'bad.yaml': 'dataflows:\n  - name: b\n   sink: 1\n',
      }),
    ).toEqual([
      'sluice.yaml:10:11: `none/*.yaml` matches no file. Check the pattern.',
      'sluice.yaml:10:24: `more` matches no file. Check the path; a directory is written as dir/*.yaml.',
      'sluice.yaml:10:30: `../x.yaml` matches no file. Check the path; a directory is written as dir/*.yaml.',
      'sluice.yaml:10:41: `/abs.yaml` is not a path relative to this file. Write it like dataflows/*.yaml.',
      'bad.yaml:3:1: this is not valid YAML: sequence item without - indicator. Check indentation, brackets and quotes here.',
      'part.yaml:1:1: an included file may hold `connections` and `dataflows`, not `project`. Move it to the main file.',
      'part.yaml:2:1: unknown key `pipelines`. Known here: connections, dataflows.',
      'part.yaml:3:16: connection `lake` was defined before, at sluice.yaml:5. Keep one of the two.',
      'part.yaml:4:12: `dataflows` must be a list: each dataflow starts with `- name:`. Check the indentation.',
    ])
  })
})
