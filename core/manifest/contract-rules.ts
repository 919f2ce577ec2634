import type { ColumnContract, TypeName } from '../contract/types.ts'
import type { Report } from './rules.ts'

const ordered: readonly TypeName[] = [
  'tinyint',
  'smallint',
  'integer',
  'bigint',
  'float',
  'double',
  'decimal',
  'date',
  'timestamp',
  'timestamp_tz',
]

type Column = Partial<ColumnContract>

/**
 * Which rules go with which column type. Judged are the words only; whether a rule's value is one of its
 * column's type is for core/contract, whose grammar that is. A column without a valid type is not judged.
 */
export function checkColumns(columns: Readonly<Record<string, Column | undefined>>, report: Report): void {
  for (const [name, column] of Object.entries(columns)) {
    if (column?.type !== undefined) checkColumn(column.type, column, ['contract', 'columns', name], report)
  }
}

function checkColumn(type: TypeName, column: Column, path: readonly string[], report: Report): void {
  const only = (key: keyof Column, wanted: string, hint: string): void => {
    if (column[key] !== undefined) {
      report([...path, key], `\`${key}\` has no meaning for \`type: ${type}\`, only for ${wanted}`, hint)
    }
  }
  if (type !== 'decimal') {
    only('precision', 'decimals', 'Remove it, or use type: decimal')
    only('scale', 'decimals', 'Remove it, or use type: decimal')
  } else if (column.precision === undefined) {
    report(path, '`type: decimal` needs `precision`', 'Add it: the number of digits in all, 1 to 38')
  } else if (column.scale !== undefined && column.scale > column.precision) {
    const message = `\`scale: ${column.scale}\` is larger than \`precision: ${column.precision}\``
    report([...path, 'scale'], message, 'precision counts all digits, those after the point, too')
  }
  if (type !== 'string') only('pattern', 'strings', 'Remove it')
  if (!ordered.includes(type)) {
    only('min', 'numbers, dates and timestamps', 'Remove it')
    only('max', 'numbers, dates and timestamps', 'Remove it')
  }
  const { min, max } = column
  if (typeof min === 'number' && typeof max === 'number' && min > max) {
    report([...path, 'max'], `\`max: ${max}\` is less than \`min: ${min}\``, 'No value can pass: swap them')
  }
}
