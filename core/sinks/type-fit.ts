import { canPromote } from '../tables/schema.ts'
import { type IcebergType, typeText } from '../tables/types.ts'

/**
 * How the values of one type stand to another type:
 * - `same`
 * - `widening`: files of the one are read as the other by any reader of format v2
 * - `lossless`: every value, cast, is one of the other and can be told from all others there
 * - `narrowing`: values of the same kind, of which some are lost
 * - `by_text`: a text may spell a value of the other
 * - `incompatible`: no value of the one is one of the other
 */
export type Fit = 'same' | 'widening' | 'lossless' | 'narrowing' | 'by_text' | 'incompatible'

type Family =
  | 'integer'
  | 'decimal'
  | 'float'
  | 'boolean'
  | 'date'
  | 'timestamp'
  | 'zoned'
  | 'string'
  | 'other'

/**
 * The matrix of families, with the digits that decide inside of a cell. Rows are what comes, columns the table:
 *
 * | | integer | decimal | float | boolean | date | timestamp | zoned | string |
 * |---|---|---|---|---|---|---|---|---|
 * | integer | digits | digits | digits | no | no | no | no | ok |
 * | decimal | narrowing | digits | digits | no | no | no | no | ok |
 * | float | narrowing | narrowing | digits | no | no | no | no | ok |
 * | boolean | no | no | no | ok | no | no | no | ok |
 * | date | no | no | no | no | ok | ok | no | ok |
 * | timestamp | no | no | no | no | narrowing | ok | no | ok |
 * | zoned | no | no | no | no | no | no | ok | ok |
 * | string | text | text | text | text | text | text | text | ok |
 *
 * A timestamp without a zone is no instant, so the two never meet. Types are told by what they are, not by what
 * their name contains; the others (uuid, binary, time) fit themselves alone, and nested ones place by place.
 */
export function typeFit(from: IcebergType, to: IcebergType): Fit {
  if (typeText(from) === typeText(to)) return 'same'
  if (canPromote(from, to)) return 'widening'
  if (isNested(from) || isNested(to)) return nestedFit(from, to)
  const [source, target] = [familyOf(from), familyOf(to)]
  if (source === 'other' || target === 'other') return 'incompatible'
  if (target === 'string') return 'lossless'
  if (source === 'string') return 'by_text'
  if (source === 'date' && target === 'timestamp') return 'lossless'
  if (source === 'timestamp' && target === 'date') return 'narrowing'
  const numbers: readonly Family[] = ['integer', 'decimal', 'float']
  if (!numbers.includes(source) || !numbers.includes(target)) return 'incompatible'
  return holdsAll(from, to) ? 'lossless' : 'narrowing'
}

function isNested({ kind }: IcebergType): boolean {
  return kind === 'list' || kind === 'struct' || kind === 'map'
}

/**
 * Nested types fit place by place, members by name; nothing inside is cast, so there is no fit between `widening` and
 * `incompatible`. A place that may be NULL fits none that is required, and a member that does not come is NULL.
 */
function nestedFit(from: IcebergType, to: IcebergType): Fit {
  const place = (type: IcebergType, required: boolean, target: IcebergType, wanted: boolean): Fit =>
    wanted && !required ? 'incompatible' : typeFit(type, target)
  if (from.kind === 'list' && to.kind === 'list')
    return all([place(from.element, from.elementRequired, to.element, to.elementRequired)])
  if (from.kind === 'map' && to.kind === 'map')
    return all([typeFit(from.key, to.key), place(from.value, from.valueRequired, to.value, to.valueRequired)])
  if (from.kind !== 'struct' || to.kind !== 'struct') return 'incompatible'
  const fits = from.fields.map(({ name, type, required }): Fit => {
    const target = to.fields.find((field) => field.name === name)
    return target === undefined ? 'incompatible' : place(type, required, target.type, target.required)
  })
  const lacking = to.fields.filter(({ name }) => !from.fields.some((field) => field.name === name))
  return all([...fits, ...lacking.map(({ required }): Fit => (required ? 'incompatible' : 'same'))])
}

function all(fits: readonly Fit[]): Fit {
  if (fits.every((fit) => fit === 'same')) return 'same'
  return fits.every((fit) => fit === 'same' || fit === 'widening') ? 'widening' : 'incompatible'
}

function familyOf({ kind }: IcebergType): Family {
  switch (kind) {
    case 'int':
    case 'long':
      return 'integer'
    case 'float':
    case 'double':
      return 'float'
    case 'timestamptz':
      return 'zoned'
    case 'decimal':
    case 'boolean':
    case 'date':
    case 'timestamp':
    case 'string':
      return kind
    default:
      return 'other'
  }
}

/** Whether every number of `from` comes back unchanged from `to`. A double keeps any 15 decimal digits, a float any 6. */
function holdsAll(from: IcebergType, to: IcebergType): boolean {
  const floatDigits = to.kind === 'double' ? 15 : 6
  if (from.kind === 'int' || from.kind === 'long') {
    const digits = from.kind === 'int' ? 10 : 19
    if (to.kind === 'decimal') return to.precision - to.scale >= digits
    return (to.kind === 'float' || to.kind === 'double') && digits <= floatDigits
  }
  if (from.kind === 'decimal') {
    if (to.kind === 'decimal') {
      return to.scale >= from.scale && to.precision - to.scale >= from.precision - from.scale
    }
    return (to.kind === 'float' || to.kind === 'double') && from.precision <= floatDigits
  }
  return false
}
