import type { Ports, ReadPorts } from '../ports.ts'
import { readJsonRef } from '../stores/object-ref.ts'
import { uuidFrom } from '../tables/attempt.ts'
import { parseTable } from '../tables/identifier.ts'
import { tableRoot } from '../tables/locations.ts'
import type { Evidence } from './evidence.ts'
import type { CommitItem, FlowItem, RunItem } from './items.ts'

/** Rounds of one attempt, the first included: the workflow gives up after ten conflicts. */
const maxRounds = 12

/**
 * Data files have this at the beginning of their names, and metadata files a UUID made of `roundTag`, so that
 * what no commit refers to is found by name alone, even if the process died before it could record it.
 * Dataflow names and run ids hold no dot, so no tag is the beginning of another one.
 */
export function attemptTag(runId: string, dataflow: string, attempt: number): string {
  return `${dataflow}.${runId}.${String(attempt).padStart(4, '0')}`
}

/** Whether a data file was stored by a second call of its gate, beside that of the first one (see gate 3). */
export function isRepetition(key: string): boolean {
  return /\.\d+-\d{5}-\d+\.parquet$/.test(key)
}

/**
 * The part of a file's name behind its attempt: the round, and the shard where the load has some. Two shards, or two
 * rounds, can therefore never write under one name.
 */
export function portionTag(round: number, shard?: number): string {
  return shard === undefined ? `${round}` : `${round}.${String(shard).padStart(4, '0')}`
}

export function roundTag(runId: string, dataflow: string, attempt: number, round: number): string {
  return `${attemptTag(runId, dataflow, attempt)}.${round}`
}

/**
 * Removes what this run wrote for this dataflow into the table's folder, except what its commit refers to.
 * Only call it when no transaction of the run can still succeed: after the fence was raised, or after the
 * commit was found.
 */
export async function removeUncommitted(
  ports: Pick<Ports, 'lake' | 'evidence'>,
  run: Pick<RunItem, 'run_id'>,
  flow: Pick<FlowItem, 'dataflow' | 'table' | 'attempt'>,
  commit: CommitItem | undefined,
): Promise<void> {
  if (flow.attempt === 0) return
  const root = tableRoot(parseTable(flow.table as string))
  const keep = commit === undefined ? new Set<string>() : await committedKeys(ports, commit)
  const attempts = Array.from({ length: flow.attempt }, (_, i) => i + 1)
  const found: string[] = []
  for (const attempt of attempts) {
    const prefix = `${root}/data/${attemptTag(run.run_id, flow.dataflow, attempt)}.`
    for await (const { key } of ports.lake.list(prefix)) found.push(key)
  }
  const uuids = attempts.flatMap((attempt) =>
    Array.from({ length: maxRounds }, (_, round) =>
      uuidFrom(roundTag(run.run_id, flow.dataflow, attempt, round)),
    ),
  )
  for await (const { key } of ports.lake.list(`${root}/metadata/`)) {
    if (uuids.some((uuid) => key.includes(uuid))) found.push(key)
  }
  await ports.lake.delete(found.filter((key) => !keep.has(key)))
}

async function committedKeys(ports: Pick<ReadPorts, 'evidence'>, commit: CommitItem): Promise<Set<string>> {
  const evidence = await readJsonRef<Evidence>(ports.evidence, commit.evidence)
  return new Set(evidence.files.map((file) => file.key))
}
