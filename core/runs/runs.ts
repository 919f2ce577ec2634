import { IntegrityError, ManifestError } from '../errors.ts'
import type { ReadPorts } from '../ports.ts'
import type { FlowItem, RunItem } from './items.ts'
import { flowKey, flowPrefix, metaKey, runKey } from './keys.ts'
import { runIdPattern } from './run-input-schema.ts'

/** Throws `ManifestError` `RUN_UNKNOWN`. */
export async function readRun(ports: Pick<ReadPorts, 'state'>, runId: string): Promise<RunItem> {
  const run = await ports.state.get(runKey(runId), metaKey)
  if (run === undefined) throw unknownRun(runId)
  return run as RunItem
}

/** Every planned dataflow has an item from before the run began. */
export async function readFlow(
  ports: Pick<ReadPorts, 'state'>,
  runId: string,
  dataflow: string,
): Promise<FlowItem> {
  const flow = await ports.state.get(runKey(runId), flowKey(dataflow))
  if (flow === undefined) throw flowMissing(runId, dataflow)
  return flow as FlowItem
}

export function flowMissing(runId: string, dataflow: string): IntegrityError {
  return new IntegrityError({
    code: 'FLOW_MISSING',
    fact: `run ${runId} has no item for dataflow ${dataflow}`,
    consequence: 'It cannot be admitted or judged',
    next: 'The plan writes one for every dataflow; start a new run',
  })
}

/** In code-point order of the names. */
export async function readFlows(ports: Pick<ReadPorts, 'state'>, runId: string): Promise<FlowItem[]> {
  const flows: FlowItem[] = []
  for await (const item of ports.state.query(runKey(runId), flowPrefix)) flows.push(item as FlowItem)
  return flows
}

/** Whether a resumed run leaves the dataflow alone, and dataflows that depend on it may begin. */
export function isDone(flow: FlowItem): boolean {
  return flow.status === 'succeeded' || (flow.status === 'skipped' && flow.reason === 'nothing_new')
}

const runIdExpression = new RegExp(runIdPattern)

/** The id itself, where it can be one. Throws `ManifestError` `RUN_ID_INVALID`. */
export function checkRunId(runId: unknown): string {
  // `sluice evidence verify` is a command.
  if (typeof runId === 'string' && runId !== 'verify' && runIdExpression.test(runId)) return runId
  throw new ManifestError({
    code: 'RUN_ID_INVALID',
    fact: `${JSON.stringify(runId)} is not a run id`,
    consequence: 'Nothing was started',
    next: 'Use letters, digits, _ and -, at most 80, beginning with a letter or digit; or leave it out',
  })
}

export function unknownRun(runId: string): ManifestError {
  return new ManifestError({
    code: 'RUN_UNKNOWN',
    fact: `there is no run ${JSON.stringify(runId)}`,
    consequence: 'Nothing was started',
    next: 'List the runs with: sluice status',
  })
}

/** Going on with it would run its old plan, and call it a success where that was done before. */
export function runExists(runId: string): ManifestError {
  return new ManifestError({
    code: 'RUN_EXISTS',
    fact: `there is a run ${runId} already`,
    consequence: 'Nothing was started',
    next: `Resume it (sluice run --resume ${runId}), or choose another run id`,
  })
}
