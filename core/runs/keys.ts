/**
 * Keys of the state table. Names and run ids hold no `#` (the manifest's grammar sees to it).
 *
 * | pk | sk | holds |
 * |---|---|---|
 * | `RUN#<run>` | `META` | {@link RunItem} |
 * | `RUN#<run>` | `FLOW#<dataflow>` | {@link FlowItem}: status and verdict |
 * | `RUN#<run>` | `GATE#<dataflow>#<attempt>#<gate>` | gate record; apart from `FLOW#` so that seal reads verdicts only |
 * | `RUN#<run>` | `SHARD#<dataflow>#<attempt>#<round>#<shard>` | {@link ShardRecord}; apart from `GATE#`, which every gate reads whole |
 * | `RUN#<run>` | `STOPPED#<dataflow>#<attempt>#<round>#<shard>` | {@link StoppedShard}; apart from `SHARD#`, whose items say that a shard is done |
 * | `RUN#<run>` | `QUARANTINE#<dataflow>` | {@link QuarantineItem}: what was said of the rows that were set aside |
 * | `DATAFLOW#<project>/<dataflow>` | `HEAD` | {@link HeadItem}: fence, lease, last commit |
 * | `DATAFLOW#<project>/<dataflow>` | `STATE` | {@link SourceStateItem} |
 * | `DATAFLOW#<project>/<dataflow>` | `COMMIT#<run>` | {@link CommitItem}; never expires |
 * | `DATAFLOW#<project>/<dataflow>` | `APPROVAL#<plan>` | {@link ApprovalItem}: that a change of the table was approved |
 * | `PROJECTS` | `<project>` | {@link ProjectItem}: the manifest that is deployed |
 */
export function runKey(runId: string): string {
  return `RUN#${runId}`
}

export function dataflowKey(project: string, dataflow: string): string {
  return `DATAFLOW#${project}/${dataflow}`
}

export const projectsKey = 'PROJECTS'
export const metaKey = 'META'
export const headKey = 'HEAD'
export const stateKey = 'STATE'
export const flowPrefix = 'FLOW#'

export function flowKey(dataflow: string): string {
  return `${flowPrefix}${dataflow}`
}

export function quarantineKey(dataflow: string): string {
  return `QUARANTINE#${dataflow}`
}

/** Of rejected rows of attempts and rounds that a later one has replaced. */
export function replacedKey(dataflow: string): string {
  return `REPLACED#${dataflow}`
}

/** Attempts are padded so that they sort; there are at most 9,999 in a run. */
export function gatePrefix(dataflow: string, attempt?: number): string {
  return attempt === undefined ? `GATE#${dataflow}#` : `GATE#${dataflow}#${String(attempt).padStart(4, '0')}#`
}

export function gateKey(dataflow: string, attempt: number, gate: string): string {
  return `${gatePrefix(dataflow, attempt)}${gate}`
}

/** Rounds and shards are padded so that they sort. A later round has shards of its own. */
export function shardPrefix(dataflow: string, attempt: number, round: number): string {
  return `${shardsPrefix(dataflow)}${String(attempt).padStart(4, '0')}#${String(round).padStart(2, '0')}#`
}

/** All shards of a dataflow in a run, of every attempt and round. */
export function shardsPrefix(dataflow: string): string {
  return `SHARD#${dataflow}#`
}

export function shardKey(dataflow: string, attempt: number, round: number, shard: number): string {
  return `${shardPrefix(dataflow, attempt, round)}${String(shard).padStart(4, '0')}`
}

export function stoppedShardPrefix(dataflow: string, attempt: number, round: number): string {
  return shardPrefix(dataflow, attempt, round).replace(/^SHARD#/, 'STOPPED#')
}

/** Of every attempt and round, as {@link shardsPrefix}. */
export function stoppedShardsPrefix(dataflow: string): string {
  return `STOPPED#${dataflow}#`
}

export function stoppedShardKey(dataflow: string, attempt: number, round: number, shard: number): string {
  return `${stoppedShardPrefix(dataflow, attempt, round)}${String(shard).padStart(4, '0')}`
}

/** `plan`: the digest of what is approved. */
export function approvalKey(plan: string): string {
  return `APPROVAL#${plan}`
}

export function commitKey(runId: string): string {
  return `COMMIT#${runId}`
}
