/**
 * Words that the field knows and this version does not do. They are refused by name, so that nobody takes
 * them for a spelling mistake, or worse, for done.
 */
const values: Readonly<Record<string, { readonly words: readonly string[]; readonly use: string }>> = {
  load_type: {
    words: ['merge_upsert', 'merge_overwrite', 'scd2', 'replace_partitions'],
    use: 'use append or overwrite',
  },
  mode: {
    words: ['freeze', 'ignore', 'quarantine'],
    use: 'use strict, additive or widening; it is a word of schema_evolution.columns and data_type',
  },
  data_type: { words: ['ignore', 'variant_column'], use: 'use evolve, freeze or quarantine' },
  format: { words: ['avro', 'excel', 'orc', 'delta', 'iceberg'], use: 'use parquet, csv, ndjson or json' },
  compression: { words: ['zstd', 'snappy', 'bz2', 'brotli', 'zip'], use: 'use auto, none or gzip' },
  type: {
    words: ['postgres', 'sql', 'database', 'http', 'api', 'kafka', 'streaming', 'function'],
    use: 'use files or lake',
  },
}

const columnTypes = ['interval', 'variant', 'union']

const keys: Readonly<Record<string, string>> = {
  merge_keys: 'load types append and overwrite need no keys',
  partition_columns: 'use sink.physical.partition_by',
  physical_design: 'use sink.physical',
  deduplicate_columns: 'use transformers.deduplicate',
  latest_data_columns: 'use transformers.deduplicate',
  additional_columns: 'use transformers.computed',
  value_rules: 'use transformers.values',
  schema_hints: 'types are the contract’s; formats of dates are transformers.formats',
  hash_columns: 'use transformers.hash_columns',
  masking_rules: 'use transformers.masking',
  select_columns: 'use transformers.select',
  drop_columns: 'use transformers.drop',
  rename_columns: 'use transformers.rename',
  filter_expression: 'use transformers.filter',
  secrets_ref: 'connections of this version need no secrets',
  sinks: 'a dataflow has one sink',
  object_metadata: 'objects’ metadata is not read; use against.sidecar or against.control_file',
  typed_hash_reconciliation: 'rows are counted, not hashed; use row_count_reconciliation',
  min_rows: 'use row_count: { min }',
  custom_sql: 'use sql',
}

/** Words that mean the same as one that is known. */
const synonyms: Readonly<Record<string, string>> = {
  full_load: 'overwrite',
  replace: 'overwrite',
  jsonl: 'ndjson',
  gz: 'gzip',
  file: 'files',
  lakehouse: 'lake',
  int: 'integer',
  int32: 'integer',
  int64: 'bigint',
  long: 'bigint',
  number: 'double',
  numeric: 'decimal',
  real: 'float',
  text: 'string',
  varchar: 'string',
  bool: 'boolean',
  datetime: 'timestamp',
  timestamptz: 'timestamp_tz',
  bytes: 'binary',
  blob: 'binary',
  guid: 'uuid',
  jsonb: 'json',
  array: 'list',
  object: 'struct',
  record: 'struct',
}

/** `enforcement: warn` → what to use instead; `undefined` for a word that nobody promised. */
export function unavailableValue(path: readonly (string | number)[], word: string): string | undefined {
  const key = String(path.at(-1))
  if (key === 'type' && path.includes('columns')) {
    return columnTypes.includes(word) ? 'use one of the types of this version' : undefined
  }
  return Object.hasOwn(values, key) && values[key]!.words.includes(word) ? values[key]!.use : undefined
}

export function unavailableKey(key: string): string | undefined {
  return Object.hasOwn(keys, key) ? keys[key] : undefined
}

/** The word among `allowed` that means the same. */
export function synonymOf(word: string, allowed: readonly string[]): string | undefined {
  const synonym = Object.hasOwn(synonyms, word.toLowerCase()) ? synonyms[word.toLowerCase()]! : undefined
  return synonym !== undefined && allowed.includes(synonym) ? synonym : undefined
}
