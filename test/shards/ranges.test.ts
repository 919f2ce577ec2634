import { rmSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { readStored, unreferenced } from '../support/invariants.ts'
import { runProject } from '../support/project.ts'
import {
  deliverFile,
  flowOf,
  makeShardProject,
  rejectedRows,
  type ShardProject,
  shardsOf,
  stateOf,
  storedRejects,
  tableRows,
} from '../support/shard-project.ts'

const unquoted = ", csv: { quote: '', escape: '' }"
const contract =
  '{ enforcement: quarantine, quarantine: { pii_policy: preserve }, columns: { k: { type: string }, n: { type: integer, nullable: false } } }'

/** The reader counts a blank line before a line that does not fit to that line's text. */
const rawOf = (raw: string) =>
  JSON.parse(raw, (_, value) => (typeof value === 'string' ? value.trimStart() : value))

/** What a run makes of one object, without what depends on where in it a row is said to stand. */
async function outcome(project: ShardProject, name: string, body: string | Uint8Array) {
  const directory = makeShardProject({ contract, ...project })
  try {
    deliverFile(directory, name, body)
    await runProject(directory, { run_id: 'only' })
    const stored = readStored(directory)
    const { status, rows, error } = flowOf(stored, 'only')
    const rejected = (await rejectedRows(directory, 'only')).map((row) => JSON.parse(row))
    return {
      shards: shardsOf(stored, 'only'),
      places: rejected.map(({ source_row, source_line }) => source_row ?? source_line),
      ids: (await storedRejects(directory, 'only')).map(({ row_id }) => row_id),
      seen: {
        flow: { status, rows, error: error?.code },
        kind: stateOf(stored)?.state.kind,
        rejected: rejected.map(({ raw, reasons }) => JSON.stringify({ raw: rawOf(raw), reasons })).sort(),
        rows: await tableRows(directory),
        left: await unreferenced(directory, stored),
      },
    }
  } finally {
    rmSync(directory, { recursive: true })
  }
}

const value = fc.oneof(
  { weight: 5, arbitrary: fc.nat(99).map(String) },
  fc.constantFrom('x', '', '7'.repeat(40)),
)
const cases = fc.record({
  format: fc.constantFrom('csv', 'headless', 'ndjson'),
  rows: fc.array(fc.record({ k: fc.stringMatching(/^[a-zé]{1,4}$/), n: value, own: fc.boolean() }), {
    minLength: 3,
    maxLength: 12,
  }),
  end: fc.constantFrom('\n', '\r\n'),
  isEnded: fc.boolean(),
  mark: fc.boolean(),
  blank: fc.boolean(),
  ragged: fc.boolean(),
  longHeader: fc.boolean(),
  limit: fc.integer({ min: 1, max: 60 }),
})
type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never

function bodyOf({ format, rows, end, isEnded, mark, blank, ragged, longHeader }: Case): string {
  const lines =
    format === 'ndjson'
      ? rows.map(({ k, n, own }) => JSON.stringify({ k, n: n === '' ? null : n, ...(own ? { own: 1 } : {}) }))
      : rows.map(({ k, n }) => `${k},${n}`)
  if (ragged && format !== 'ndjson') lines.splice(1, 0, 'a,1,too many')
  if (blank) lines.splice(2, 0, '')
  const header = format === 'csv' ? [longHeader ? `${' '.repeat(70)}k,n` : 'k,n'] : []
  const text = [...header, ...lines].join(end)
  return `${mark && format === 'csv' ? '\ufeff' : ''}${text}${isEnded ? end : ''}`
}

it('an object in ranges of its bytes comes to what it comes to in one piece', async () => {
  let divided = 0
  const check = async (given: Case) => {
    const { format, longHeader } = given
    const body = bodyOf(given)
    const source =
      format === 'ndjson' ? '' : format === 'csv' ? unquoted : unquoted.replace('{', '{ header: false,')
    const column = format === 'headless' ? ['column_1', 'column_2'] : ['k', 'n']
    const columns = `{ ${longHeader && format === 'csv' ? '' : `${column[0]}: { type: string },`} ${column[1]}: { type: integer, nullable: false } }`
    const project = {
      format: format === 'headless' ? 'csv' : format,
      source,
      contract: `{ enforcement: quarantine, quarantine: { pii_policy: preserve }, columns: ${columns} }`,
    }
    const whole = await outcome(project, `big.${project.format}`, body)
    const parts = await outcome({ ...project, max_shard_bytes: given.limit }, `big.${project.format}`, body)
    expect(whole.shards).toBe(0)
    if (parts.shards > 1) divided += 1
    expect(parts.seen).toEqual(whole.seen)
    if (parts.shards > 1) expect(parts.places.filter((place) => place !== null)).toEqual([])
    expect(new Set(parts.ids).size).toBe(parts.ids.length)
  }
  await fc.assert(fc.asyncProperty(cases, check), {
    numRuns: Number(process.env.SHARD_CASES ?? 12),
    endOnFailure: true,
  })
  expect(divided).toBeGreaterThan(5)
}, 300_000)

it('objects that fit go together as before, beside one that is cut', async () => {
  const directory = makeShardProject({ format: 'ndjson', max_shard_bytes: 40 })
  const line = (n: number) => `{"n":${n}}\n`
  deliverFile(directory, 'a.ndjson', line(1))
  deliverFile(directory, 'b.ndjson', Array.from({ length: 20 }, (_, i) => line(i)).join(''))
  deliverFile(directory, 'c.ndjson', line(3))
  deliverFile(directory, 'd.ndjson', line(4))
  await runProject(directory, { run_id: 'only' })
  const stored = readStored(directory)
  expect(flowOf(stored, 'only').rows).toMatchObject({ read: 23, accepted: 23 })
  // One of a, five of b's 170 bytes, one of c and d.
  expect(shardsOf(stored, 'only')).toBe(7)
  rmSync(directory, { recursive: true })
})

it.each([
  ['quoted CSV', { format: 'csv' }, 'big.csv', 'k,n\na,1\nb,2\n', 'a line end inside of quotes is none'],
  [
    'gzip',
    { format: 'ndjson' },
    'big.ndjson.gz',
    gzipSync('{"k":"a","n":1}\n'),
    'gzip can only be read from its beginning',
  ],
  ['a JSON array', { format: 'json' }, 'big.json', '[{"k":"a","n":1}]', 'are not told apart by lines'],
] as const)('%s is not cut, and says why', async (_, project, name, body, why) => {
  const directory = makeShardProject({ contract, ...project, max_shard_bytes: 5 })
  deliverFile(directory, name, body)
  await runProject(directory, { run_id: 'only' })
  const { error } = flowOf(readStored(directory), 'only')
  expect(error).toMatchObject({ code: 'SOURCE_OBJECT_TOO_LARGE' })
  expect(error?.message).toContain(why)
  rmSync(directory, { recursive: true })
})
