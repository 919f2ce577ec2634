import type { ColumnType } from '../contract/column-types.ts'
import { quoteLiteral } from '../engine/sql.ts'

/** A column that goes into a hash: SQL of its typed value, and what it is. */
export interface Hashed {
  readonly value: string
  readonly type: ColumnType
  /** DuckDB's type, where no contract has said another one. */
  readonly input?: string
}

/**
 * SQL of DataCoolie's `dc_hash_v1`: SHA-256 in lower-case hexadecimal of `DCH1;` and, per column in order, a letter for
 * its type, the length of its text in bytes of UTF-8, a colon, the text, a semicolon; of NULL the letter and `N;`.
 *
 * | letter | types | text |
 * |---|---|---|
 * | `S` | string | as it is |
 * | `I` | tinyint to bigint | decimal, no sign but `-`, no leading zeros |
 * | `B` | boolean | `true`, `false` |
 * | `D` | date | `YYYY-MM-DD` |
 *
 * The format has no other types; see {@link hashLetter}.
 */
export function hashSql(columns: readonly Hashed[]): string {
  const parts = columns.map((column) => {
    const letter = hashLetter(column) as string
    const text = letter === 'S' ? column.value : `CAST(${column.value} AS VARCHAR)`
    const framed = `${quoteLiteral(letter)} || strlen(${text}) || ':' || ${text} || ';'`
    return `coalesce(${framed}, ${quoteLiteral(`${letter}N;`)})`
  })
  return `sha256('DCH1;' || ${parts.join(' || ')})`
}

const letters: Readonly<Partial<Record<ColumnType['type'], string>>> = {
  string: 'S',
  tinyint: 'I',
  smallint: 'I',
  integer: 'I',
  bigint: 'I',
  boolean: 'B',
  date: 'D',
}

/** `undefined` for a type that `dc_hash_v1` has no text for. */
export function hashLetter({ type, input }: Pick<Hashed, 'type' | 'input'>): string | undefined {
  if (input !== undefined && /^U?(TINYINT|SMALLINT|INTEGER|BIGINT)$/.test(input)) return 'I'
  return letters[type.type]
}
