import { afterAll, beforeAll, describe, inject } from 'vitest'
import type { Lake } from './lake.ts'
import { openReader, type Reading, type Row } from './reader.ts'

/** The same cases for PyIceberg and for Iceberg's Java library, each in a process that is open for all of them. */
export function withEachReader(lake: Lake, cases: (ask: Reading['ask'], name: 'pyiceberg' | 'java') => void) {
  for (const name of ['pyiceberg', 'java'] as const) {
    const reader = inject(name)
    describe.skipIf('skipped' in reader)(name, () => {
      let reading: Reading
      beforeAll(() => {
        reading = openReader(reader, lake.catalog)
      })
      afterAll(() => reading.close())
      cases((question) => reading.ask(question), name)
    })
  }
}

/** Without the columns that Sluice adds, in an order of its own. */
export function sorted(rows: readonly Row[]): Row[] {
  return rows
    .map((row) => Object.fromEntries(Object.entries(row).filter(([name]) => !name.startsWith('_sluice_'))))
    .toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
}
