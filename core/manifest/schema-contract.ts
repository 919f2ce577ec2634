import { z } from 'zod'
import { typeNames } from '../contract/column-types.ts'
import { type MemberContract, maxChecks } from '../contract/types.ts'
import { tablePattern, tableRule } from './grammar.ts'
import { checkSchema } from './schema-checks.ts'
import { columnName, name } from './schema-texts.ts'

const ruleValue = z.union([z.string(), z.number(), z.boolean()])
const acceptedValue = z.union([z.string(), z.number(), z.boolean(), z.null()])
const severity = z.enum(['error', 'warn'])
const description = z.string().optional().describe('For people.')

/** The same without `readonly`, as zod's own output types are. */
export type Writable<T> = T extends (infer U)[] | readonly (infer U)[]
  ? Writable<U>[]
  : T extends object
    ? { -readonly [K in keyof T]: Writable<T[K]> }
    : T

const memberShape = {
  type: z
    .enum(typeNames as readonly [string, ...string[]] as typeof typeNames & [string, ...string[]])
    .describe('Every value must be one of this type, by its text; nothing is rounded or guessed.'),
  precision: z
    .int()
    .min(1)
    .max(38)
    .optional()
    .describe('Digits in all, 1 to 38. Decimals only, where it is required.'),
  scale: z
    .int()
    .min(0)
    .max(38)
    .optional()
    .describe('Digits after the point, at most `precision`. Decimals only; default 0.'),
  nullable: z.boolean().optional().describe('Whether a value may be missing. Default true.'),
  min: ruleValue.optional().describe('Smallest value allowed. Numbers, dates, times and timestamps.'),
  max: ruleValue.optional().describe('Largest value allowed. Numbers, dates, times and timestamps.'),
  min_length: z
    .int()
    .min(0)
    .optional()
    .describe('Fewest characters (Unicode code points) allowed. Strings only.'),
  max_length: z
    .int()
    .min(0)
    .optional()
    .describe('Most characters (Unicode code points) allowed. Strings only.'),
  pattern: z.string().optional().describe('RE2 expression that the whole value must match. Strings only.'),
  accepted_values: z
    .array(acceptedValue)
    .min(1)
    .optional()
    .describe('The only values allowed. `null` may be named among them; `nullable` decides about it.'),
  severity: severity
    .optional()
    .describe(
      'What follows where a value breaks a rule given here, besides its type and `unique`. `error` (default): the row is bad. `warn`: it is loaded and counted.',
    ),
  description,
}

const member: z.ZodType<Writable<MemberContract>> = z.lazy(() => memberSchema)

const nestedShape = {
  items: member.optional().describe('Each item of a list: its type and its rules. Lists only.'),
  fields: z
    .record(columnName, member)
    .optional()
    .describe('The members of a struct by name; a value with any other is refused. Structs only.'),
  keys: member.optional().describe('The keys of a map: type and rules. They are never NULL. Maps only.'),
  values: member.optional().describe('The values of a map: type and rules. Maps only.'),
}

const memberSchema = z
  .strictObject({ ...memberShape, ...nestedShape })
  .describe('What is nested in a column: its type and its rules.')

export const columnSchema = z
  .strictObject({
    ...memberShape,
    ...nestedShape,
    unique: z.boolean().optional().describe('Whether no value may come twice among the rows of one load.'),
    rename_from: columnName
      .optional()
      .describe('What the table calls this column so far. Its values stay; nothing is renamed by guessing.'),
  })
  .describe('One column: its type and its rules. NULL is judged by `nullable` alone.')

const rowRuleSchema = z
  .strictObject({
    name: name.describe('Unique in the contract; stands in quarantine and evidence.'),
    expr: z
      .string()
      .min(1)
      .describe(
        'SQL over the columns of one row, named as in the table: `arrival >= departure`. A row keeps the rule where it is true; NULL is not true.',
      ),
    severity: severity
      .optional()
      .describe('`error` (default): a row that breaks it is bad. `warn`: it is loaded and counted.'),
    description,
  })
  .describe('One rule over a row.')

export const contractSchema = z
  .strictObject({
    enforcement: z
      .enum(['strict', 'quarantine', 'warn', 'coerce'])
      .default('strict')
      .describe(
        '`strict`: one bad row stops the dataflow. `quarantine`: bad rows are set aside with their reasons. `warn`: they are loaded and counted, as far as they can be written. `coerce`: other spellings of a value become the value (docs/contracts.md lists them), and the rest is as under `strict`.',
      ),
    conflict_policy: z
      .enum(['fail', 'quarantine', 'variant_column'])
      .optional()
      .describe(
        'A value that is none of its column’s type. `fail` (default): as `enforcement` says, and under `warn` it stops the dataflow. `quarantine`: its row is set aside. `variant_column`: its row is loaded, with NULL in the column and the text of the value in the column `<name>__variant`.',
      ),
    columns: z
      .record(columnName, columnSchema)
      .default({})
      .describe('Columns by name, as `column_names` makes it.'),
    rules: z.array(rowRuleSchema).optional().describe('Rules over several columns of one row.'),
    quarantine: z
      .strictObject({
        pii_policy: z
          .enum(['reference_only', 'masked', 'preserve'])
          .default('reference_only')
          .describe(
            '`reference_only` keeps where a bad row stands, not its values. `masked` keeps its columns besides, with a token in place of each value. `preserve` keeps the row; refused in production.',
          ),
        max_rows: z.int().min(0).optional().describe('More bad rows than this fail the dataflow.'),
        max_ratio: z
          .number()
          .min(0)
          .max(1)
          .optional()
          .describe('A larger share of bad rows (0 to 1) fails the dataflow.'),
        max_bytes: z
          .int()
          .min(1)
          .optional()
          .describe('Larger files of bad rows, together, fail the dataflow.'),
        retention_days: z
          .int()
          .min(1)
          .max(3650)
          .default(30)
          .describe('Days after which bad rows that somebody has acknowledged may be removed.'),
      })
      .describe('What is kept of bad rows, and how many there may be.')
      .prefault({}),
    checks: z
      .array(checkSchema)
      .max(maxChecks)
      .optional()
      .describe('Rules over the load as a whole, judged on its accepted rows before any of them is stored.'),
  })
  .describe('What every row must be before any row becomes visible.')

export const odcsSchema = z
  .strictObject({
    file: z
      .string()
      .min(1)
      .describe('The file, relative to the one that names it: `contracts/orders.odcs.yaml`.'),
    schema: z.string().min(1).optional().describe('Which of its schemas, where it has several.'),
    tables: z
      .record(z.string().min(1), z.string().regex(tablePattern, tableRule))
      .optional()
      .describe('Tables of the lake (`namespace.name`) by the schema that its relationships lead to.'),
  })
  .describe(
    'A file of the Open Data Contract Standard 3.1. What it says stands in the contract as if it were written there.',
  )

/** As it is written; `odcs` is taken in while the manifest is read. */
export const writtenContractSchema = contractSchema
  .extend({ odcs: odcsSchema.optional() })
  .describe(contractSchema.description!)
