import type { GateName } from '../runs/gates.ts'

/**
 * State transitions of `state-machines/run.asl.json`, counted by the handlers as they end: each invocation is one
 * (a retry is billed as one), and so is each state without a handler that the workflow passes on its way to the
 * next. A test ties these numbers to the definition.
 */

/** The workflow stages again at most this often; then a conflict leads to `SettleFailure`. */
export const maxConflicts = 10

/** `Admitted` → a gate, or → `Done`. */
export function admitTransitions(go: 'gates' | 'source_state' | 'done'): number {
  return go === 'done' ? 3 : 2
}

/** `Again`, and then `Backoff` or `Done`. */
export const settleTransitions = 3

const choiceAfter: readonly GateName[] = ['extract', 'contract']
const catching: Readonly<Partial<Record<GateName, readonly string[]>>> = {
  stage: ['SchemaMovedError'],
  finalize: ['CommitConflictError', 'SchemaMovedError'],
  audit_commit: ['CommitConflictError', 'SchemaMovedError'],
}

/** Of one passage through a gate; `error`: the name of what stopped it. */
export function gateTransitions(gate: GateName, round: number, error?: string): number {
  if (error === undefined) return choiceAfter.includes(gate) ? 2 : 1
  if (!catching[gate]?.includes(error)) return 1
  // `BaseMoved`, and `StageAgain` where only the files are made again.
  const again = round + 1 <= maxConflicts && error === 'CommitConflictError'
  return again ? 3 : 2
}

/** The Map over the shards of a load; each shard's own state is counted by its handler. */
export const shardMapTransitions = 1

/**
 * Of the run's own execution: `Plan`, `AnyWave`, `Waves` with `Dataflows` and `WaveEnded` for each wave, `Seal`,
 * `Verdict`, and `Succeeded` or `Failed`.
 */
export function runTransitions(waves: number): number {
  return 5 + (waves === 0 ? 0 : 1 + 2 * waves)
}

/** What Step Functions itself asks of S3 for a wave: its items, and the results with their manifest. */
export const waveRequests = { s3_gets: 1, s3_puts: 2 } as const
