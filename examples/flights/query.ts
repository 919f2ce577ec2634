/** `query.ts` lists the tables of the example's lake; `query.ts "SELECT …"` queries them. `--home` as in start.ts. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { openViews, readLake } from './lake.ts'
import { projectDirectory } from './landing.ts'

const { values, positionals } = parseArgs({ options: { home: { type: 'string' } }, allowPositionals: true })
const home = values.home ?? join(projectDirectory, '.sluice')
const [sql, ...more] = positionals

if (more.length > 0) refuse('The query is one argument: put it in quotes.')
if (!existsSync(join(home, 'state.db')))
  refuse(`There is no lake in ${home}. Nothing was queried. Run: npm start`)
const tables = await readLake(home)
if (sql === undefined) {
  print(
    tables.map(({ name, rows, snapshots, files }) => ({ table: name, rows, snapshots, files: files.length })),
  )
} else {
  const connection = await openViews(tables)
  const reader = await connection.runAndReadAll(sql).catch((error: Error) => refuse(error.message))
  print(reader.getRowObjectsJson())
}

function print(rows: readonly Readonly<Record<string, unknown>>[]): void {
  const names = Object.keys(rows[0] ?? {})
  const lines = [names, ...rows.map((row) => names.map((name) => String(row[name] ?? '')))]
  const widths = names.map((_, i) => Math.max(...lines.map((line) => line[i]?.length ?? 0)))
  for (const line of lines) {
    const cells = line.map((cell, i) => cell.padEnd(widths[i] ?? 0))
    process.stdout.write(`${cells.join('  ').trimEnd()}\n`)
  }
}

function refuse(message: string): never {
  process.stderr.write(`${message}\n`)
  process.exit(2)
}
