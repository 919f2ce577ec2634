import { counted } from '../words.ts'

/** One of the six fields of EventBridge's cron. */
interface Field {
  readonly name: string
  readonly min: number
  readonly max: number
  /** Three capital letters each; the first one is the number `min`. */
  readonly names: readonly string[]
  /** Whether `/` may stand in it. */
  readonly steps: boolean
  /** What only this field has, and how it is told to people. */
  readonly own?: { readonly pattern: RegExp; readonly words: string }
}

const months = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC']
const weekdays = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT']
const day = `(?:[1-7]|${weekdays.join('|')})`

/** EventBridge Scheduler User Guide, "Schedule types in EventBridge Scheduler", "Cron-based schedules". */
const fields: readonly Field[] = [
  { name: 'minutes', min: 0, max: 59, names: [], steps: true },
  { name: 'hours', min: 0, max: 23, names: [], steps: true },
  {
    name: 'day of month',
    min: 1,
    max: 31,
    names: [],
    steps: true,
    own: {
      pattern: /^(\?|L|([1-9]|[12]\d|3[01])W)$/,
      words: '?, L (the last day), 15W (the weekday nearest to the 15th)',
    },
  },
  { name: 'month', min: 1, max: 12, names: months, steps: true },
  {
    name: 'day of week',
    min: 1,
    max: 7,
    names: weekdays,
    steps: false,
    own: {
      pattern: new RegExp(`^(\\?|L|${day}L|${day}#[1-5])$`),
      words: '?, FRIL (the last Friday), TUE#2 (the second Tuesday)',
    },
  },
  { name: 'year', min: 1970, max: 2199, names: [], steps: true },
]

const [dayOfMonth, dayOfWeek] = [2, 4]

/**
 * Why EventBridge Scheduler would refuse `cron(<text>)`, and what to write instead; or `undefined`. Stricter than
 * the service where its documentation is silent: names are in capitals, ranges go upwards, `*` stands alone.
 */
export function cronMistake(text: string): string | undefined {
  if (/^cron\(/i.test(text)) return 'write the six fields alone, without cron( )'
  const given = text.trim().split(/\s+/)
  if (given.length === 5) return fiveFields(given)
  if (given.length !== fields.length) {
    return `it has ${counted(given.length, 'field')}, and six are needed: minutes hours day-of-month month day-of-week year, such as 0 6 * * ? *`
  }
  for (const [index, field] of fields.entries()) {
    const mistake = fieldMistake(field, given[index]!)
    if (mistake !== undefined) return `${field.name}: ${mistake}`
  }
  return dayMistake(given)
}

/** A crontab line. Its numbers of weekdays are not EventBridge's, so only one without them can be told exactly. */
function fiveFields(given: readonly string[]): string {
  const [minutes, hours, monthDay, month, weekday = ''] = given
  const reason = 'it has five fields, and EventBridge has a sixth one, the year'
  if (/^[*?]$/.test(weekday)) {
    return `${reason}: write ${minutes} ${hours} ${monthDay === '?' ? '*' : monthDay} ${month} ? *`
  }
  if (/^[*?]$/.test(monthDay!) && !/\d/.test(weekday)) {
    return `${reason}: write ${minutes} ${hours} ? ${month} ${weekday.toUpperCase()} *`
  }
  return `${reason}; write * for it, ? for the one of day-of-month and day-of-week that is not meant, and weekdays as SUN to SAT`
}

function fieldMistake(field: Field, text: string): string | undefined {
  if (text === '*' || field.own?.pattern.test(text) === true) return undefined
  for (const part of text.split(',')) {
    const mistake = partMistake(field, part, text)
    if (mistake !== undefined) return mistake
  }
  return undefined
}

/** `5`, `MON`, `1-5`, and one of them or `*` with a step: `0/15`, `8-18/2`. */
function partMistake(field: Field, part: string, whole: string): string | undefined {
  const [base = '', step, ...rest] = part.split('/')
  if (rest.length > 0) return `\`${part}\` has two steps; write one`
  if (step !== undefined) {
    if (!field.steps) return `\`${part}\` has a step, and there is none here; name the days: MON,WED,FRI`
    const largest = field.max - field.min
    if (!/^\d{1,4}$/.test(step) || Number(step) < 1 || Number(step) > largest) {
      return `the step of \`${part}\` must be a number from 1 to ${largest}`
    }
  }
  if (base === '*') {
    return part === whole
      ? undefined
      : '`*` is every value, so nothing can stand beside it; leave the rest out'
  }
  const ends = base.split('-')
  if (ends.length > 2) return `\`${base}\` is no range; write two values: ${field.min}-${field.max}`
  const values: number[] = []
  for (const end of ends) {
    const value = valueIn(field, end)
    if (typeof value === 'string') return value
    values.push(value)
  }
  const [from, to] = values
  if (to !== undefined && from! > to) {
    return `the range \`${base}\` goes backwards; write two: ${ends[0]}-${last(field)},${first(field)}-${ends[1]}`
  }
  return undefined
}

function valueIn(field: Field, text: string): number | string {
  const { min, max, names, own } = field
  if (/^\d{1,4}$/.test(text) && Number(text) >= min && Number(text) <= max) return Number(text)
  const named = names.indexOf(text)
  if (named !== -1) return min + named
  const capitals = text.slice(0, 3).toUpperCase()
  if (names.includes(capitals) && /^[a-z]+$/i.test(text)) return `\`${text}\` is written ${capitals}`
  const range = `${min} to ${max}${names.length === 0 ? '' : ` or ${first(field)} to ${last(field)}`}`
  const also = own === undefined ? '' : `; alone: ${own.words}`
  return `\`${text}\` is none of ${range}, of which , and - ${field.steps ? 'and / ' : ''}make lists and ranges${also}`
}

function first({ min, names }: Field): string {
  return names[0] ?? String(min)
}

function last({ max, names }: Field): string {
  return names.at(-1) ?? String(max)
}

/** Days are told by the month or by the week: `?` stands in exactly one of the two. */
function dayMistake(given: readonly string[]): string | undefined {
  const [ofMonth, ofWeek] = [given[dayOfMonth]!, given[dayOfWeek]!]
  if ((ofMonth === '?') !== (ofWeek === '?')) return undefined
  const rule = 'exactly one of day-of-month and day-of-week is ?'
  const with_ = (index: number, text: string): string => given.with(index, text).join(' ')
  if (ofMonth === '?') return `${rule}, and here both are: write ${with_(dayOfMonth, '*')}`
  if (ofWeek === '*') return `${rule}: write ${with_(dayOfWeek, '?')}`
  if (ofMonth === '*') return `${rule}: write ${with_(dayOfMonth, '?')}`
  return `${rule}, and here both name days: put ? for the one that is not meant`
}

/** Why EventBridge Scheduler would refuse `rate(<text>)`, and what to write instead; or `undefined`. */
export function rateMistake(text: string): string | undefined {
  if (/^rate\(/i.test(text)) return 'write the value and its unit alone, without rate( )'
  const match = /^(\d+) (minute|hour|day)(s?)$/.exec(text)
  if (match === null) {
    const loose = /^(\d+)\s*(m|h|d)[a-z]*$/i.exec(text)
    const unit = loose === null ? undefined : { m: 'minute', h: 'hour', d: 'day' }[loose[2]!.toLowerCase()]
    if (unit !== undefined && Number(loose![1]) > 0) return `write ${counted(Number(loose![1]), unit)}`
    return 'write a whole number and minute(s), hour(s) or day(s): 15 minutes, 1 hour, 2 days'
  }
  const value = Number(match[1])
  if (value < 1 || value > 999_999) return 'the number is from 1 to 999999'
  const wanted = counted(value, match[2]!)
  return wanted === text ? undefined : `write ${wanted}`
}
