import { z } from 'zod'
import { globMistake } from './grammar.ts'
import { columnName, name, refuse } from './schema-texts.ts'

export const csvSchema = z
  .strictObject({
    delimiter: z.string().length(1).default(',').describe('One character between fields.'),
    quote: z.string().max(1).default('"').describe('One character around fields; empty for none.'),
    escape: z
      .string()
      .max(1)
      .default('"')
      .describe('One character before a quote inside of quotes; empty for none. Default: what `quote` is.'),
    header: z.boolean().default(true).describe('Whether the first line names the columns.'),
    null_values: z
      .array(z.string())
      .default([''])
      .describe('Unquoted spellings of NULL. Give [] to read every empty field as an empty text.'),
  })
  .describe('How the CSV is written. Only with `format: csv`.')

export const sourceSchema = z
  .strictObject({
    connection: name.describe('Name of a connection of type `files`.'),
    path: z
      .string()
      .min(1)
      .check(refuse(globMistake))
      .describe('Glob relative to the connection: `orders/*.csv`, `**/*.parquet`.'),
    format: z
      .enum(['parquet', 'csv', 'ndjson', 'json'])
      .describe('`json` is one array of objects, `ndjson` one object a line.'),
    compression: z
      .enum(['auto', 'none', 'gzip'])
      .default('auto')
      .describe('`auto`: gzip where the file name ends in `.gz`.'),
    csv: csvSchema.optional(),
    watermark_columns: z
      .array(columnName)
      .default([])
      .describe('Columns by which a run reads only what is newer than the last run’s rows.'),
    changed_objects: z
      .enum(['fail', 'append'])
      .default('fail')
      .describe('When an object that was loaded is another one now: `fail`, or `append` all its rows again.'),
    allow_missing: z
      .boolean()
      .default(false)
      .describe(
        'Whether a path that matches nothing means that there is nothing new; the table stays as it is.',
      ),
    max_shard_bytes: z
      .int()
      .min(1)
      .optional()
      .describe(
        "Bytes that one call of the contract gate reads: sources beyond it are read in shards, side by side, and committed at once; one object beyond it in parts, where it is uncompressed NDJSON or CSV with `quote: ''`. Default: what the environment’s disk holds.",
      ),
  })
  .describe('Files to read. A dataflow has either `source` or `transform`.')

export const transformSchema = z
  .strictObject({
    sql: z
      .string()
      .min(1)
      .describe(
        "One SELECT. `{{ ref('namespace.table') }}` names a table of the lake and draws an edge of the graph.",
      ),
    watermark_columns: z
      .array(columnName)
      .default([])
      .describe('Columns of the result by which a run appends only what is newer than the last run’s rows.'),
  })
  .describe('A query over tables of the lake. A dataflow has either `source` or `transform`.')
