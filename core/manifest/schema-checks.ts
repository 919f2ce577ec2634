import { z } from 'zod'
import { rateMistake } from './cron.ts'
import { globMistake } from './grammar.ts'
import { columnName, name, refuse, table } from './schema-texts.ts'

const column = columnName.describe('A column of the load, as the source or as the table spells it.')
const rows = (end: string) => z.int().min(0).optional().describe(`The ${end} number of rows, inclusive.`)

function controlFileMistake(path: string): string | undefined {
  return /[*?[\]{}()!+@]/.test(path) ? 'it is the path of one object, without wildcards' : globMistake(path)
}

/** Exactly one kind is there: a rule across keys, which check-rules.ts holds. */
export const checkSchema = z
  .strictObject({
    name: name.describe('Unique in the contract.'),
    severity: z
      .enum(['error', 'warn'])
      .default('error')
      .describe(
        '`error`: a failing check stops the dataflow, whatever `enforcement` is. `warn`: it is recorded and shown.',
      ),
    description: z.string().optional().describe('For people.'),
    unique: z
      .array(column)
      .min(1)
      .optional()
      .describe(
        'No two rows have the same values in all of these columns, in the load and, where it appends, in the table.',
      ),
    row_count: z
      .strictObject({ min: rows('smallest'), max: rows('largest') })
      .optional()
      .describe('How many rows the load may have, inclusive.'),
    max_null_ratio: z
      .strictObject({ column, ratio: z.number().min(0).max(1).describe('0 is none, 1 is all.') })
      .optional()
      .describe('The share of NULL (0 to 1) that a column may have.'),
    freshness: z
      .strictObject({
        column,
        max_age: z
          .string()
          .check(refuse(rateMistake))
          .describe('A number of minutes, hours or days: `2 hours`. A day is 24 hours.'),
      })
      .optional()
      .describe('How long before the start of the run the largest value of a date or timestamp may lie.'),
    references: z
      .strictObject({
        columns: z.array(column).min(1).describe('Columns of the load.'),
        table: table('`namespace.name` of a table that a dataflow of the project writes; it draws an edge.'),
        to: z.array(columnName).min(1).describe('Columns of that table, one for each of `columns`.'),
      })
      .optional()
      .describe(
        'The values of the columns together occur in another table. NULL in one of them is no reference.',
      ),
    sql: z
      .string()
      .min(1)
      .optional()
      .describe(
        "One SELECT whose rows are the violations. `{{ load }}` is the accepted rows, `{{ ref('namespace.table') }}` a table of the lake.",
      ),
    row_count_reconciliation: z
      .strictObject({
        against: z
          .strictObject({
            sidecar: z
              .string()
              .regex(/^[A-Za-z0-9._-]+$/, 'the end of a name has letters, digits and . _ -')
              .optional()
              .describe(
                'End of the name of the object beside each object that holds its number of rows: `.count`.',
              ),
            control_file: z
              .string()
              .min(1)
              .check(refuse(controlFileMistake))
              .optional()
              .describe(
                'Path of a JSON object in the source’s connection with the number of all rows at `row_count`.',
              ),
            parquet_footers: z
              .literal(true)
              .optional()
              .describe('What the footers of the Parquet files say.'),
            table: table(
              '`namespace.name` of a table that a dataflow of the project writes: its rows.',
            ).optional(),
          })
          .describe('Exactly one independent count.'),
        rows: z
          .enum(['read', 'judged', 'accepted'])
          .default('read')
          .describe('Which rows of the load are compared; `judged` are those accepted and quarantined.'),
        tolerance: z
          .strictObject({
            mode: z.enum(['absolute', 'pct']).describe('Rows, or percent of the independent count.'),
            value: z.number().min(0).describe('By how much the counts may differ, inclusive.'),
          })
          .default({ mode: 'absolute', value: 0 })
          .describe('By how much the counts may differ. Default: not at all.'),
      })
      .optional()
      .describe('The rows of the load against an independent count of them.'),
  })
  .describe('One rule over the load: a name and exactly one kind of check.')
