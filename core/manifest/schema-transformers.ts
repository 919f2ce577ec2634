import { z } from 'zod'
import { patternProblem } from '../contract/patterns.ts'
import { parseFormat } from '../transformers/formats.ts'
import { maxPatternLength } from '../transformers/values.ts'
import { columnName, refuse } from './schema-texts.ts'

const columns = z
  .array(columnName)
  .min(1)
  .describe('Columns, as the source or as `column_names` spells them.')
const scalar = z.union([z.string(), z.number(), z.boolean()])

const valueRule = z
  .discriminatedUnion('operation', [
    z.strictObject({
      operation: z
        .enum(['trim', 'upper', 'lower', 'empty_to_null'])
        .describe('`trim` takes ASCII spaces away at both ends, and nothing else.'),
      columns,
    }),
    z.strictObject({
      operation: z.literal('regex_replace').describe('Every match becomes another text.'),
      columns,
      pattern: z
        .string()
        .min(1)
        .max(maxPatternLength)
        .check(refuse(patternProblem))
        .describe('RE2; `.` is no line end.'),
      replacement: z.string().default('').describe('Taken as it is: `$1` and `\\1` have no meaning.'),
    }),
    z.strictObject({
      operation: z.literal('fill_null').describe('NULL becomes a value.'),
      columns,
      value: scalar.describe('A value of the type that the column has.'),
    }),
    z.strictObject({
      operation: z.literal('map').describe('A value becomes another one.'),
      columns,
      mapping: z
        .record(z.string(), z.string())
        .refine((mapping) => Object.keys(mapping).length > 0, 'it is empty, and would change nothing')
        .describe('New value by old one.'),
      on_unmapped: z
        .enum(['keep', 'null'])
        .default('keep')
        .describe('What becomes of a value that `mapping` has not.'),
    }),
  ])
  .describe('One change of the values of some columns. NULL stays NULL, except in `fill_null`.')

const maskingRule = z
  .discriminatedUnion('method', [
    z.strictObject({
      method: z.literal('redact').describe('Every value becomes one.'),
      columns,
      value: scalar.describe('A value of the type that the column has.'),
    }),
    z.strictObject({ method: z.literal('nullify').describe('Every value becomes NULL.'), columns }),
    z.strictObject({
      method: z.literal('partial').describe('The middle of a string becomes one character.'),
      columns,
      keep_start: z.int().min(0).max(1000).default(0).describe('Characters kept at the start.'),
      keep_end: z.int().min(0).max(1000).default(0).describe('Characters kept at the end.'),
      mask_char: z
        .string()
        .refine((text) => [...text].length === 1, 'it must be one character')
        .default('*')
        .describe('What stands for the rest; for all of a value that is no longer than what is kept.'),
    }),
    z.strictObject({
      method: z.literal('numeric_bucket').describe('A number becomes the multiple below it.'),
      columns,
      bucket_size: z.number().positive().describe('10 makes 37 to 30, and -1 to -10.'),
    }),
    z.strictObject({
      method: z
        .literal('date_truncate')
        .describe('A date or timestamp becomes the start of its period, in UTC.'),
      columns,
      unit: z.enum(['year', 'month', 'day', 'hour']).describe('`hour` for timestamps only.'),
    }),
  ])
  .describe('One way to hide the values of some columns. NULL stays NULL.')

export const transformersSchema = z
  .strictObject({
    values: z.array(valueRule).min(1).optional().describe('Changes of values, in this order.'),
    formats: nonEmpty(z.string().check(refuse(formatMistake)))
      .optional()
      .describe('How dates and timestamps are written, by column: `dd/MM/yyyy`, in the letters of Java.'),
    hash_columns: z
      .array(
        z.strictObject({
          name: columnName.describe('Name of the new column.'),
          columns: columns.describe('What is hashed, in this order: strings, integers, booleans, dates.'),
        }),
      )
      .min(1)
      .optional()
      .describe('New columns with SHA-256 of others, byte for byte as DataCoolie’s `dc_hash_v1`.'),
    deduplicate: z
      .strictObject({
        columns: columns.describe('What makes two rows one: rows that agree in all of these columns.'),
        latest_by: columns.describe(
          'Which of them stays: the greatest in the first column, then in the next.',
        ),
        keep_ties: z
          .boolean()
          .default(false)
          .describe('Whether all rows stay that are the latest alike; else one of them, always the same.'),
      })
      .optional()
      .describe('Of rows that are one the latest stays. Before rows are judged.'),
    computed: z
      .array(
        z.strictObject({
          name: columnName.describe('Name of the new column.'),
          expr: z.string().min(1).describe('SQL over the row: `price * quantity`.'),
        }),
      )
      .min(1)
      .optional()
      .describe('New columns, in this order; each may use those before it.'),
    filter: z
      .string()
      .min(1)
      .optional()
      .describe('SQL over the row. Rows for which it is not true are left out, and counted.'),
    masking: z.array(maskingRule).min(1).optional().describe('What is hidden, in this order.'),
    select: columns.optional().describe('The columns that stay, in this order. Not with `drop`.'),
    drop: columns.optional().describe('The columns that go. Not with `select`.'),
    rename: nonEmpty(columnName).optional().describe('New name by old one, all at once.'),
  })
  .refine((steps) => Object.keys(steps).length > 0, 'it is empty, and would change nothing')
  .describe('What becomes of the rows between reading and judging, in the order of these keys.')

function formatMistake(format: string): string | undefined {
  const parsed = parseFormat(format)
  return typeof parsed === 'string' ? parsed : undefined
}

function nonEmpty<T extends z.ZodType>(values: T) {
  return z
    .record(columnName, values)
    .refine((mapping) => Object.keys(mapping).length > 0, 'it is empty, and would change nothing')
}
