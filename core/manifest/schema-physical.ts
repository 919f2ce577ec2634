import { z } from 'zod'
import { propertyMistake } from '../tables/properties.ts'
import { parseBytes, parseSortTerm, parseTerm } from '../tables/terms.ts'
import { refuse } from './schema-texts.ts'

const textOf = (parsed: unknown) => (typeof parsed === 'string' ? parsed : undefined)
const term = z.string().check(refuse((text) => textOf(parseTerm(text))))
const sortTerm = z.string().check(refuse((text) => textOf(parseSortTerm(text))))
const clock = z
  .string()
  .regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'a time of the day is `HH:MM`, from 00:00 to 23:59')

/** Smaller files than a row group cannot be had. */
const leastFileBytes = 1_000_000

function sizeMistake(text: string): string | undefined {
  const bytes = parseBytes(text)
  if (bytes === undefined) return `\`${text}\` is no size: write a number and B, kB, MB, GB, KiB, MiB or GiB`
  return bytes < leastFileBytes || bytes > 100 * 1000 ** 3
    ? 'a target size lies between 1 MB and 100 GB'
    : undefined
}

function zoneMistake(name: string): string | undefined {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return undefined
  } catch {
    return `there is no time zone \`${name}\`: write an IANA name such as Europe/Berlin`
  }
}

const windowSchema = z
  .strictObject({
    days: z
      .array(z.enum(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']))
      .min(1)
      .default(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'])
      .describe('Days on which the window opens. Default: every day.'),
    from: clock.describe('When it opens, `HH:MM`.'),
    to: clock.describe('When it closes, `HH:MM`; before `from` means on the next day.'),
    time_zone: z.string().check(refuse(zoneMistake)).describe('IANA name: `Europe/Berlin`, `UTC`.'),
  })
  .check((context) => {
    const { from, to } = context.value
    if (from !== to) return
    const message = 'the window opens and closes at the same time'
    context.issues.push({ code: 'custom', input: context.value, path: ['to'], message })
  })
  .describe('When the table’s definition may change. Only with `apply: safe_window`.')

const propertiesSchema = z
  .record(z.string().min(1).max(256), z.string())
  .check((context) => {
    for (const [key, value] of Object.entries(context.value)) {
      const message = propertyMistake(key, value)
      if (message !== undefined)
        context.issues.push({
          code: 'custom',
          input: value,
          path: [key],
          message: `\`${key}\` cannot be set: ${message}`,
        })
    }
  })
  .describe('Table properties to set. Those that decide how files are written are Sluice’s own.')

export const physicalSchema = z
  .strictObject({
    partition_by: z
      .array(term)
      .optional()
      .describe(
        'Columns or transforms: `origin`, `day(ts)`, `bucket(16, id)`, `truncate(4, name)`. A change holds for new files; `[]` ends partitioning.',
      ),
    sort_by: z
      .array(sortTerm)
      .optional()
      .describe('Order of the rows in each new file: `origin`, `ts desc nulls last`. `[]` ends sorting.'),
    properties: propertiesSchema.default({}),
    target_file_size: z
      .string()
      .check(refuse(sizeMistake))
      .optional()
      .describe('About how large files get: `128 MB`. Whole row groups of 122,880 rows decide.'),
    apply: z
      .enum(['online', 'safe_window', 'plan_only', 'manual_approval'])
      .default('online')
      .describe(
        '`online`: changes of metadata happen in the commit. `safe_window`: only then. `plan_only`: the dataflow stops with the plan. `manual_approval`: it stops until `sluice schema approve`.',
      ),
    window: windowSchema.optional(),
  })
  .describe('How the table is laid out, and when its definition may change.')
