/**
 * The words of a physical design: `day(ts)`, `bucket(16, id)`, `origin`; for a sort order with `desc nulls last`
 * behind them. Transforms are Iceberg's (spec: "Partition Transforms"), as Spark's DDL writes them.
 */
export interface Term {
  readonly column: string
  /** As metadata files spell it: `identity`, `bucket[16]`, `truncate[4]`, `day`, `void`. */
  readonly transform: string
}

export interface SortTerm extends Term {
  readonly direction: 'asc' | 'desc'
  readonly nulls: 'first' | 'last'
}

const timeTransforms = ['year', 'month', 'day', 'hour']
const plural = new Map(timeTransforms.map((name) => [`${name}s`, name]))

/** A term, or what is wrong with it. */
export function parseTerm(text: string): Term | string {
  const plain = /^[A-Za-z_]\w*$/.exec(text.trim())
  if (plain !== null) return { column: plain[0], transform: 'identity' }
  const call = /^([A-Za-z]+)\s*\(\s*(?:(\d+)\s*,\s*)?([A-Za-z_]\w*)\s*\)$/.exec(text.trim())
  if (call === null)
    return `\`${text}\` is neither a column nor a transform of one, such as day(ts) or bucket(16, id)`
  const [, word = '', argument, column = ''] = call
  const name = plural.get(word.toLowerCase()) ?? word.toLowerCase()
  if (name === 'bucket' || name === 'truncate') {
    const count = Number(argument)
    if (argument === undefined || count < 1 || count > 2147483647)
      return `\`${name}\` needs a whole number from 1 before the column: ${name}(16, ${column})`
    return { column, transform: `${name}[${count}]` }
  }
  if (!['identity', 'void', ...timeTransforms].includes(name))
    return `there is no transform \`${word}\`: identity, year, month, day, hour, bucket, truncate and void are known`
  return argument === undefined ? { column, transform: name } : `\`${name}\` takes a column alone`
}

/** `term [asc|desc] [nulls first|last]`; NULL comes first where the order rises, as in Iceberg's own SQL. */
export function parseSortTerm(text: string): SortTerm | string {
  const match = /^(.*?)(?:\s+(asc|desc))?(?:\s+nulls\s+(first|last))?$/i.exec(text.trim())
  const term = parseTerm(match?.[1] ?? text)
  if (typeof term === 'string') return term
  if (term.transform === 'void') return '`void` is the same for every row and orders nothing'
  const direction = (match?.[2]?.toLowerCase() ?? 'asc') as SortTerm['direction']
  const nulls = (match?.[3]?.toLowerCase() ?? (direction === 'asc' ? 'first' : 'last')) as SortTerm['nulls']
  return { ...term, direction, nulls }
}

/** `128 MB`: bytes, in powers of 1,000 or (KiB, MiB, GiB) 1,024. `undefined` for what is no size. */
export function parseBytes(text: string): number | undefined {
  const match = /^(\d{1,9})\s*(B|kB|KB|MB|GB|KiB|MiB|GiB)$/.exec(text.trim())
  if (match === null) return undefined
  const [, count, unit = 'B'] = match
  const power = ['b', 'k', 'm', 'g'].indexOf(unit.charAt(0).toLowerCase())
  return Number(count) * (unit.includes('i') ? 1024 : 1000) ** power
}

/** What a person would write: `day(ts)`, `bucket(16, id)`. */
export function printTerm(transform: string, column: string): string {
  if (transform === 'identity') return column
  const match = /^(\w+)\[(\d+)\]$/.exec(transform)
  return match === null ? `${transform}(${column})` : `${match[1]}(${match[2]}, ${column})`
}
