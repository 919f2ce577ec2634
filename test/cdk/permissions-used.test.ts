import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { HandlerName } from '../../cdk/handlers.ts'
import { type Grant, permissions, type Target } from '../../cdk/permissions.ts'
import type { CsvOptions, Dataflow, RenderedManifest } from '../../core/manifest/types.ts'
import type { Ports } from '../../core/ports.ts'
import type { FlowItem } from '../../core/runs/items.ts'
import { flowKey, runKey } from '../../core/runs/keys.ts'
import { storeRenderedManifest } from '../../core/runs/manifest-store.ts'
import { readQuarantineIndex } from '../../core/runs/quarantine.ts'
import { planReplay } from '../../core/runs/replay.ts'
import { type ObjectRef, writeText } from '../../core/stores/object-ref.ts'
import type { ObjectPin } from '../../core/stores/object-store.ts'
import type { Write } from '../../core/stores/state-store.ts'
import { loadStateMachine, startExecution } from '../../local/asl/index.ts'
import { handlers } from '../../local/handlers.ts'
import { openWorkspace } from '../../local/workspace.ts'
import { readStored } from '../support/invariants.ts'
import { deliver, loadProject, makeProject } from '../support/project.ts'

/** One thing that a handler asked of a store, in the words of IAM; `key` where it is about an object. */
interface Use {
  readonly handler: HandlerName
  readonly on: Target
  readonly action: string
  readonly key?: string
  /** Of a write: an object that is there is left as it is. */
  readonly onlyNew?: boolean
}

const uses: Use[] = []
const directory = makeProject()

/** What `dirty` reads in the first run, so that it is read in shards, and both have rejected rows. */
const twoObjects = ['key,n\nk8,8\nbad8,x\n', 'key,n\nk9,9\nbad9,y\n'] as const

beforeAll(async () => {
  deliver(directory, 1)
  for (const [i, body] of twoObjects.entries())
    writeFileSync(join(directory, 'landing', `dirty-${8 + i}.csv`), body)
  // Its first try comes to no verdict, and what its shards have set aside is indexed all the same.
  await runOnce('first', { only: 'dirty', dies: ['ContractShard after'] })
  await runOnce('nothing-new')
  deliver(directory, 2)
  // The first try dies with its files written and the second one with its commit made.
  await runOnce('second', { dies: ['Finalize after', 'AuditCommit after'] })
  // This one dies with its commit made and is never settled; it is resumed, and a later run heals what is left.
  await runOnce('third', { only: 'totals', dies: ['AuditCommit after', 'Settle before'] })
  await runOnce('third', { resume: true, only: 'totals', dies: ['SourceState before', 'Settle before'] })
  await runOnce('fourth', { later: true })
  // `totals` reads `orders`, so it is withheld.
  await runOnce('fifth', { later: true, only: 'orders', dies: ['Extract before', 'Extract before'] })
  await replayDirty('second')
  namePathsWithoutWildcards()
  await runOnce('sixth', { later: true })
})

/** Corrected rows for what `dirty` has set aside in a run. */
async function replayDirty(of: string): Promise<void> {
  const workspace = openWorkspace({ projectDirectory: directory })
  const { evidence, state } = workspace.ports
  const manifest = await loadProject(directory)
  const dataflow = manifest.dataflows.find(({ name }) => name === 'dirty') as Dataflow
  const { quarantine } = (await state.get(runKey(of), flowKey('dirty'))) as FlowItem
  const ref = quarantine as ObjectRef
  const index = await readQuarantineIndex(evidence, ref)
  const object = await writeText(evidence, `quarantine/${of}/dirty/replay-1.csv`, 'key,n\nk3,3\n')
  const input = { object, format: 'csv', csv: dataflow.source?.csv as CsvOptions, origin: 'file' } as const
  const chosen = { covers: { all: true }, rows: index.rows, input } as const
  const plan = planReplay(manifest, dataflow, { ref, index, version: 0 }, chosen)
  await workspace.close()
  await runOnce('replay', { manifest: { ...manifest, replay: { plan, by: 'test' } } })
  const { status } = readStored(directory).items.get('RUN#replay FLOW#dirty') as FlowItem
  expect(status).toBe('succeeded')
}

/** A single object is looked up, where several are listed. */
function namePathsWithoutWildcards(): void {
  const file = join(directory, 'sluice.yaml')
  writeFileSync(file, readFileSync(file, 'utf8').replace('"dirty-*.csv"', 'dirty-3.csv'))
  writeFileSync(join(directory, 'landing', 'dirty-3.csv'), 'key,n\nk6,6\n')
}
afterAll(() => rmSync(directory, { recursive: true, force: true }))

interface Course {
  readonly resume?: boolean
  /** Handlers that are killed once for each dataflow, before or after their work, each as often as it is named. */
  readonly dies?: readonly string[]
  /** The dataflow whose handlers are killed; default: each. */
  readonly only?: string
  /** An hour from now, when all leases have expired. */
  readonly later?: boolean
  /** Default: the project's, with shards. */
  readonly manifest?: RenderedManifest
}

/** The workflow with every handler's ports watched. */
async function runOnce(
  run_id: string,
  { resume, dies = [], only, later, manifest: given }: Course = {},
): Promise<void> {
  const workspace = openWorkspace({
    projectDirectory: directory,
    ...(later ? { clock: () => new Date(Date.now() + 3_600_000) } : {}),
  })
  const { ports } = workspace
  const deaths = new Map<string, string[]>()
  const die = (moment: string, { dataflow = '', task = { dataflow } }: Input) => {
    if (only !== undefined && task.dataflow !== only) return
    const left = deaths.get(task.dataflow) ?? [...dies]
    deaths.set(task.dataflow, left)
    if (!left.includes(moment)) return
    left.splice(left.indexOf(moment), 1)
    throw new Error(`killed: ${moment}`)
  }
  try {
    const manifest = await storeRenderedManifest(
      ports.evidence,
      given ?? inShards(await loadProject(directory)),
    )
    const execution = startExecution(machine(), {
      name: run_id,
      input: resume
        ? { run_id, resume }
        : { run_id, manifest, ...(given && { dataflows: 'dirty' }), retry_count: 1, retry_delay_seconds: 0 },
      tasks:
        (name) =>
        async (input, { signal }) => {
          die(`${name} before`, input as Input)
          const result = await handlers[name]?.(input, { ports: watched(name as HandlerName, ports), signal })
          die(`${name} after`, input as Input)
          return result
        },
      objects: {
        getObject: async (_bucket, key) => (await ports.evidence.get(key)).body,
        putObject: async (_bucket, key, body) => void (await ports.evidence.put(key, body)),
        listObjects: (_bucket, prefix) => ports.evidence.list(prefix),
      },
    })
    await execution.result
    await execution.settled
  } finally {
    await workspace.close()
  }
}

function inShards(manifest: RenderedManifest): RenderedManifest {
  const dataflows = manifest.dataflows.map((dataflow) =>
    dataflow.name === 'dirty' && dataflow.source !== undefined
      ? { ...dataflow, source: { ...dataflow.source, max_shard_bytes: 60 } }
      : dataflow,
  )
  return { ...manifest, dataflows }
}

interface Input {
  readonly dataflow?: string
  readonly task?: { readonly dataflow: string }
}

function machine() {
  const names = Object.fromEntries(Object.keys(handlers).map((name) => [name, name]))
  return loadStateMachine(readFileSync('state-machines/run.asl.json', 'utf8'), {
    substitutions: { ...names, EvidenceBucket: 'evidence', ChildType: 'STANDARD', GateTimeoutSeconds: '60' },
  })
}

type Note = (on: Target, action: string, about?: Pick<Use, 'key' | 'onlyNew'>) => void

/** The same ports, of which every call is noted first. A method that nobody has thought of here is refused. */
function watched(handler: HandlerName, ports: Ports): Ports {
  const note: Note = (on, action, about) => void uses.push({ handler, on, action, ...about })
  const { clock, engines, worker } = ports
  // Nothing that the embedded engine keeps between handlers: on AWS each of them is a process of its own.
  return {
    clock,
    engines,
    worker,
    lake: watch(ports.lake, objectCalls('lake', note)),
    evidence: {
      ...watch(ports.evidence, objectCalls('evidence', note)),
      uri: `${ports.evidence.uri}#${handler}`,
    },
    openSource: (path) => watch(ports.openSource(path), objectCalls('source', note)),
    state: watch(ports.state, {
      get: () => note('state', 'dynamodb:GetItem'),
      query: () => note('state', 'dynamodb:Query'),
      transact: (writes) => {
        for (const write of writes as Write[]) for (const [on, action] of actionsOf(write)) note(on, action)
      },
    }),
    catalog: watch(ports.catalog, { load: () => note('catalog', 'dynamodb:GetItem') }),
  }
}

type Calls = Readonly<Record<string, (...args: unknown[]) => void>>

function watch<T extends object>(real: T, calls: Calls): T {
  const methods = Object.entries(real).map(([name, value]) => {
    if (typeof value !== 'function') return [name, value]
    const call = (...args: unknown[]) => {
      const noted = calls[name]
      if (noted === undefined) throw new Error(`a handler calls ${name}, for which no permission is known`)
      noted(...args)
      return value(...args)
    }
    return [name, call]
  })
  return Object.fromEntries(methods)
}

/** As core/stores/s3-*.ts has them done. */
function objectCalls(on: 'lake' | 'evidence' | 'source', note: Note): Calls {
  const read = (key: unknown) => {
    note(on, 's3:GetObject', { key: key as string })
    // Without it S3 does not tell that a key is not there.
    note(on, 's3:ListBucket')
  }
  const readPin = (pin: unknown) => read((pin as ObjectPin).key)
  const write = (key: string, condition: unknown) => {
    note(on, 's3:PutObject', { key, onlyNew: condition === 'absent' })
    // A write whose answer was lost is looked for.
    note(on, 's3:GetObject', { key })
  }
  return {
    get: read,
    head: read,
    read: readPin,
    download: readPin,
    list: () => note(on, 's3:ListBucket'),
    put: (key, _body, condition) => write(key as string, condition),
    upload: (key, _path, condition) => {
      write(key as string, condition)
      note(on, 's3:AbortMultipartUpload', { key: key as string })
    },
    delete: (keys) => {
      for (const key of keys as string[]) note(on, 's3:DeleteObject', { key })
    },
  }
}

/** As core/stores/dynamodb-*.ts has them done; a pointer's entry is read first, its namespace is updated. */
function actionsOf(write: Write): [Target, string][] {
  if (write.kind === 'put') return [['state', 'dynamodb:PutItem']]
  if (write.kind === 'delete') return [['state', 'dynamodb:DeleteItem']]
  if (write.kind === 'check') return [['state', 'dynamodb:ConditionCheckItem']]
  return [
    ['catalog', 'dynamodb:GetItem'],
    ['catalog', write.base === undefined ? 'dynamodb:PutItem' : 'dynamodb:UpdateItem'],
  ]
}

function covers(grant: Grant, pattern: string | undefined, use: Use): boolean {
  if (grant.on !== use.on || !grant.actions.includes(use.action)) return false
  if (pattern === undefined || use.key === undefined) return pattern === use.key
  // IAM's `*` stands for any characters, slashes too.
  return new RegExp(`^${pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`, 's').test(
    use.key,
  )
}

const patternsOf = (grant: Grant): readonly (string | undefined)[] => grant.keys ?? [undefined]

it('lets every handler do what it does in runs that load, find nothing, quarantine, fail and repeat', () => {
  const refused = uses.filter(
    (use) => !permissions[use.handler].some((grant) => patternsOf(grant).some((p) => covers(grant, p, use))),
  )
  expect(new Set(uses.map((use) => use.handler)).size).toBe(Object.keys(handlers).length)
  expect([
    ...new Set(refused.map(({ handler, on, action, key }) => [handler, action, on, key].join(' '))),
  ]).toEqual([])
})

/** What these runs do not come to, and why the handler needs it all the same. */
const rare: Readonly<Record<string, string>> = {
  'evidence s3:GetObject plans/*': 'a gate record over 32 KiB is kept as an object',
  'evidence s3:PutObject plans/*': 'a gate record over 32 KiB is kept as an object',
  'evidence s3:GetObject state/*': 'a list of loaded objects over 8 KiB is kept as an object',
  'evidence s3:PutObject state/*': 'a list of loaded objects over 8 KiB is kept as an object',
  'Stage lake s3:GetObject */data/*': 'unique columns are looked for in the files of the table',
}

it('lets no handler do what none of these runs, or one of the written reasons, asks for', () => {
  const unused = Object.entries(permissions).flatMap(([handler, grants]) =>
    grants.flatMap((grant) =>
      grant.actions.flatMap((action) =>
        patternsOf(grant).flatMap((pattern) => {
          const used = uses.some(
            (use) => use.handler === handler && use.action === action && covers(grant, pattern, use),
          )
          const line = [grant.on, action, pattern].filter((part) => part !== undefined).join(' ')
          return used || line in rare || `${handler} ${line}` in rare ? [] : [`${handler} ${line}`]
        }),
      ),
    ),
  )
  expect(unused).toEqual([])
})

it('replaces no object where the bucket policies let nobody replace one', () => {
  const isKept = ({ on, key = '' }: Use) =>
    (on === 'evidence' && key.startsWith('evidence/')) || (on === 'lake' && key.includes('/metadata/'))
  const writes = uses.filter((use) => use.action === 's3:PutObject' && isKept(use))
  expect(new Set(writes.map((use) => use.handler))).toContain('Finalize')
  const unconditional = writes.filter((use) => use.onlyNew !== true)
  expect([...new Set(unconditional.map(({ handler, key }) => `${handler} ${key}`))]).toEqual([])
})
