import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { CheckResult } from '../../core/contract/checks.ts'
import type { Evidence } from '../../core/runs/evidence.ts'
import type { ExtractRecord } from '../../core/runs/extract-record.ts'
import { emptyLog } from '../../core/runs/gate-log.ts'
import type { GateEntry } from '../../core/runs/records.ts'
import type { FlowResult } from '../../core/runs/result.ts'
import { checkResults } from '../../core/runs/warnings.ts'
import { readStored } from '../support/invariants.ts'
import { type ProjectRun, runProject } from '../support/project.ts'
import {
  deliverFile,
  flowOf,
  makeShardProject,
  type ShardProject,
  tableRows,
} from '../support/shard-project.ts'

/** As one piece, and with every file a shard of its own, if it has more than 32 bytes and at most 64. */
export const ways = [
  { way: 'in one piece', max_shard_bytes: undefined },
  { way: 'in shards', max_shard_bytes: 64 },
] as const

export const started = new Date('2024-03-05T12:00:00Z')

export interface Loaded {
  readonly flow: FlowResult
  readonly evidence: Evidence
  readonly results: readonly CheckResult[]
  readonly shards: number
  /** How many rows the table has afterwards. */
  readonly rows: number
}

/** A project of one dataflow whose contract has these checks; its files are CSV, each with a header of its own. */
export function checkedProject(options: {
  readonly checks: string
  readonly columns?: string
  readonly enforcement?: string
  readonly load_type?: ShardProject['load_type']
  readonly max_shard_bytes: number | undefined
  readonly path?: string
  /** Further keys of the source. */
  readonly source?: string
}): string {
  const { checks, columns = '', enforcement = 'quarantine', load_type, max_shard_bytes } = options
  const { path, source } = options
  const directory = makeShardProject({
    ...(path === undefined ? {} : { path }),
    ...(source === undefined ? {} : { source }),
    contract: `{ enforcement: ${enforcement}, columns: { ${columns} }, checks: ${checks} }`,
    ...(load_type === undefined ? {} : { load_type }),
    ...(max_shard_bytes === undefined ? {} : { max_shard_bytes }),
  })
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

export function deliverParts(directory: string, name: string, parts: readonly string[]): void {
  for (const [i, part] of parts.entries()) deliverFile(directory, `${name}-${i}.csv`, part)
}

/** Runs the project at {@link started}, and reads what it has left. */
export async function load(
  directory: string,
  run_id: string,
  run: Partial<ProjectRun> = {},
): Promise<Loaded> {
  const { result } = await runProject(directory, { run_id, clock: () => started, ...run })
  const flow = result.dataflows.find(({ dataflow }) => dataflow === 'flow') as FlowResult
  const rows = (await tableRows(directory)).length
  return { flow, ...evidenceOf(directory, flow.evidence), rows }
}

/** What a run of `flow` has left, whoever has started it. */
export function readEvidence(directory: string, run_id: string) {
  const flow = flowOf(readStored(directory), run_id)
  return { flow, ...evidenceOf(directory, flow.evidence) }
}

function evidenceOf(directory: string, ref: FlowResult['evidence']) {
  const path = join(directory, '.sluice', 'evidence', ref?.key as string)
  const evidence = JSON.parse(readFileSync(path, 'utf8')) as Evidence
  const entries = new Map(evidence.gates.map((entry) => [entry.gate, entry]))
  const log = { ...emptyLog, get: (gate: string) => entries.get(gate as GateEntry['gate']) as never }
  const shards = (entries.get('extract')?.record as ExtractRecord | undefined)?.shards.length ?? 0
  return { evidence, results: checkResults(log), shards }
}
