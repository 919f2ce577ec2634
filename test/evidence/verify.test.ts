import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { evidence } from '../../cli/evidence.ts'
import { createIo } from '../../cli/io.ts'
import { runChild } from '../support/children.ts'
import { intercepted, isCommit, makeBarrier } from '../support/faulty-ports.ts'
import { readStored } from '../support/invariants.ts'
import { makeProject, runProject } from '../support/project.ts'
import { deliverFile, flowOf, makeShardProject, shardsOf } from '../support/shard-project.ts'
import { filesBelow } from '../support/tables.ts'

interface Answer {
  readonly code: number
  readonly verified: boolean
  /** `store/key`, of every object that is not as it was written. */
  readonly wrong: readonly string[]
}

interface Listed {
  readonly store: string
  readonly key: string
  readonly state: string
}

/** `sluice evidence verify <run> [dataflow] --format json`, in this process. */
async function verify(directory: string, run: string, dataflow?: string): Promise<Answer> {
  const io = createIo({ project: directory, format: 'json', color: false })
  let told = ''
  const code = await evidence({ ...io, out: (text) => (told += text) }, run, dataflow, { verify: true })
  const { verified, files, dataflows } = JSON.parse(told)
  const listed: Listed[] = [...files, ...dataflows.flatMap((each: { files: Listed[] }) => each.files)]
  const wrong = listed.filter(({ state }) => state === 'changed' || state === 'missing')
  return { code, verified, wrong: wrong.map(({ store, key }) => `${store}/${key}`) }
}

const good: Answer = { code: 0, verified: true, wrong: [] }

/** Every object in lake and evidence but what the workflow's engine writes for itself, and locks. */
async function objects(directory: string): Promise<string[]> {
  const root = join(directory, '.sluice')
  const files = [...(await filesBelow(join(root, 'lake'))), ...(await filesBelow(join(root, 'evidence')))]
  return files
    .map((file) => relative(root, file))
    .filter((name) => !/^evidence\/(\.tmp\/|plans\/[^/]+\/map\/)|^lake\/\.tmp\//.test(name))
    .sort()
}

/** Flips one bit of the first, a middle and the last byte of every object, one after the other; what was not found. */
async function unfound(directory: string, run: string): Promise<string[]> {
  const missed: string[] = []
  for (const name of await objects(directory)) {
    const file = join(directory, '.sluice', name)
    const body = readFileSync(file)
    for (const at of new Set([0, body.length >> 1, body.length - 1])) {
      const changed = Buffer.from(body)
      changed[at] = (changed[at] as number) ^ 1
      writeFileSync(file, changed)
      const { code, wrong } = await verify(directory, run)
      if (code !== 1 || !wrong.includes(name)) missed.push(`byte ${at} of ${name}`)
    }
    writeFileSync(file, body)
  }
  return missed
}

const made: string[] = []
afterAll(() => {
  for (const directory of made) rmSync(directory, { recursive: true, force: true })
})

function project(dataflows: string): string {
  const directory = makeProject(`version: 1
project: proof
connections: { landing: { type: files, path: ./landing }, warehouse: { type: lake } }
defaults: { sink: { connection: warehouse } }
dataflows:
${dataflows}`)
  made.push(directory)
  return directory
}

describe('one changed byte anywhere is found and named', () => {
  it('in a run with quarantine, a resumed failure, many objects and a table that is overwritten', async () => {
    const directory = project(`
  - name: orders
    source: { connection: landing, path: "orders.csv", format: csv }
    contract:
      enforcement: quarantine
      quarantine: { pii_policy: preserve }
      columns: { id: { type: integer, nullable: false } }
    sink: { table: bronze.orders, load_type: append }
  - name: strictly
    source: { connection: landing, path: "strictly.csv", format: csv }
    contract: { columns: { id: { type: integer } } }
    sink: { table: bronze.strictly, load_type: append }
  - name: many
    source: { connection: landing, path: "many-*.ndjson", format: ndjson }
    contract: { columns: { id: { type: integer } } }
    sink: { table: bronze.many, load_type: append }
  - name: total
    transform: { sql: "SELECT count(*) AS n FROM {{ ref('bronze.orders') }}" }
    sink: { table: gold.total, load_type: overwrite }
`)
    deliverFile(directory, 'orders.csv', 'id,x\n1,a\nbad,b\n2,c\n')
    deliverFile(directory, 'strictly.csv', 'id\n1\nworse\n')
    for (let i = 0; i < 250; i++)
      deliverFile(directory, `many-${'0'.repeat(150)}${i}.ndjson`, `{"id":${i}}\n`)
    expect((await runProject(directory, { run_id: 'first' })).result.status).toBe('failed')
    expect(await verify(directory, 'first')).toEqual(good)
    deliverFile(directory, 'strictly.csv', 'id\n1\n3\n')
    const { result } = await runProject(directory, { run_id: 'first', resume: true })
    expect({ errors: result.errors, status: result.status }).toEqual({ errors: {}, status: 'succeeded' })
    const names = await objects(directory)
    for (const kind of [
      /^evidence\/evidence\/first\/strictly\/0001-0-failed\.json$/,
      /^evidence\/evidence\/first\/strictly\/0002-0-passed\.json$/,
      /^evidence\/manifests\//,
      /^evidence\/plans\/first\/plan\.json$/,
      /^evidence\/plans\/first\/records\/many\/.*-extract-/,
      /^evidence\/plans\/first\/wave-1\.jsonl$/,
      /^evidence\/quarantine\/first\/orders\//,
      /^evidence\/quarantine\/first\/strictly\/0001-0\.parquet$/,
      /^evidence\/state\/proof\/many\//,
      /^lake\/bronze\/orders\/data\/.*\.parquet$/,
      /^lake\/bronze\/orders\/metadata\/snap-.*\.avro$/,
      /^lake\/gold\/total\/metadata\/.*-m0\.avro$/,
      /^lake\/gold\/total\/metadata\/.*\.metadata\.json$/,
    ]) {
      expect(
        names.filter((name) => kind.test(name)),
        String(kind),
      ).not.toEqual([])
    }
    expect(names.filter((name) => /\/result-/.test(name))).toHaveLength(2)
    expect(await unfound(directory, 'first')).toEqual([])
    expect(await verify(directory, 'first')).toEqual(good)
  })

  it('in a round whose base another writer moved, and the round that committed', async () => {
    const directory = project(`
  - name: a
    source: { connection: landing, path: "a.csv", format: csv }
    contract: { enforcement: quarantine, columns: { id: { type: integer } } }
    sink: { table: bronze.shared, load_type: append }
  - name: b
    source: { connection: landing, path: "a.csv", format: csv }
    contract: { enforcement: quarantine, columns: { id: { type: integer } } }
    sink: { table: bronze.shared, load_type: append }
`)
    deliverFile(directory, 'a.csv', 'id\n1\nx\n')
    const barrier = makeBarrier()
    let isFirst = true
    const paused = runProject(directory, {
      run_id: 'paused',
      options: { dataflows: ['a'] },
      decorate: (ports) =>
        intercepted(ports, async (call, perform) => {
          if (isCommit(call) && isFirst) {
            isFirst = false
            await barrier.pass()
          }
          return await perform()
        }),
    })
    await barrier.reached
    await runProject(directory, { run_id: 'between', options: { dataflows: ['b'] } })
    barrier.open()
    expect((await paused).result.status).toBe('succeeded')
    const mine = (await objects(directory)).filter((name) => name.includes('/paused/a/'))
    expect(mine.filter((name) => name.startsWith('evidence/evidence/'))).toHaveLength(2)
    const missedBy = async (run: string) =>
      (await unfound(directory, run)).map((each) => each.split(' of ')[1])
    const missed = await missedBy('paused')
    // Each run vouches for what it wrote, and for no more.
    expect((await missedBy('between')).filter((name) => missed.includes(name))).toEqual([])
  })

  it.each(['strict', 'quarantine'])('in a sharded run under %s', async (enforcement) => {
    const contract = `{ enforcement: ${enforcement}, columns: { n: { type: integer } } }`
    const directory = makeShardProject({ contract, max_shard_bytes: 30 })
    made.push(directory)
    for (let i = 0; i < 3; i++) deliverFile(directory, `${i}.csv`, `k,n\na${i},${i}\nb${i},x\nc${i},y\n`)
    await runProject(directory, { run_id: 'only' })
    const stored = readStored(directory)
    expect(shardsOf(stored, 'only')).toBe(3)
    expect(flowOf(stored, 'only').status).toBe(enforcement === 'strict' ? 'failed' : 'succeeded')
    expect(await verify(directory, 'only')).toEqual(good)
    expect(await unfound(directory, 'only')).toEqual([])
  })
})

it('an object that is gone is named, and so is the one that a dataflow alone is asked about', async () => {
  const directory = makeShardProject({ contract: '{ columns: { n: { type: integer } } }' })
  made.push(directory)
  deliverFile(directory, 'a.csv', 'k,n\na,1\n')
  await runProject(directory, { run_id: 'only' })
  const data = (await objects(directory)).find((name) => name.startsWith('lake/bronze/flow/data/')) as string
  const cli = async (...args: readonly string[]) =>
    await runChild('cli/main.ts', [...args, '--project', directory])
  const before = await cli('evidence', 'verify', 'only', 'flow')
  expect(before).toMatchObject({ code: 0 })
  expect(before.stdout).toMatch(/Verified: \d+ files as written/)
  rmSync(join(directory, '.sluice', data))
  for (const args of [
    ['verify', 'only'],
    ['verify', 'only', 'flow'],
    ['only', 'flow', '--verify'],
  ]) {
    const { code, stdout } = await cli('evidence', ...args)
    expect(code).toBe(1)
    expect(stdout).toContain(`${data} is missing`)
  }
})
