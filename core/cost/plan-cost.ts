import type { Plan } from '../planning/types.ts'
import type { FlowItem, RunItem } from '../runs/items.ts'
import { flowKey } from '../runs/keys.ts'
import type { StateStore } from '../stores/state-store.ts'
import { measured, typicalUsage } from './measured.ts'
import { usEast1 } from './prices.ts'
import { type Cost, costOf, defaultBilling } from './run-cost.ts'
import { runTransitions, waveRequests } from './transitions.ts'
import { addUsage, lambdaTotals, noUsage, type Usage } from './usage.ts'

/** Where an estimate comes from: a run that is recorded, or the measurements that come with Sluice. */
export type EstimateBasis = 'recorded' | 'default'

export interface DataflowEstimate {
  readonly dataflow: string
  readonly basis: EstimateBasis
  /** The run whose records say so. */
  readonly run_id?: string
  /** Bytes of CSV that a default is for. */
  readonly input_bytes?: number
  /** Billed milliseconds by gate, admission and settling included. */
  readonly milliseconds: Readonly<Record<string, number>>
  readonly standard: Cost
  readonly express: Cost
}

/** Of all dataflows and the run's own execution. */
export interface PlanCost {
  readonly region: string
  readonly measured_on: string
  readonly dataflows: readonly DataflowEstimate[]
  readonly standard: Cost
  readonly express: Cost
}

/** How far back a dataflow is looked for. */
const runsToLookAt = 20

/**
 * What a run of this plan would cost, from the newest recorded run of each dataflow that succeeded; without one
 * from what was measured for an input of `inputBytes`. Reads the state store only. A run that retries, or that
 * finds more or less to load than the recorded one did, costs more or less.
 */
export async function planCost(
  plan: Plan,
  state: Pick<StateStore, 'get' | 'listRuns'> | undefined,
  inputBytes: number,
): Promise<PlanCost> {
  const runs = ((await state?.listRuns(runsToLookAt)) ?? []) as readonly RunItem[]
  const ours = runs.filter((run) => run.project === plan.project)
  const names = plan.waves.flatMap((wave) => wave.dataflows.map(({ name }) => name))
  const used: Usage[] = []
  const dataflows: DataflowEstimate[] = []
  for (const dataflow of names) {
    const recorded = state === undefined ? undefined : await lastUsage(state, ours, dataflow)
    const usage = recorded?.usage ?? typicalUsage(inputBytes)
    used.push(usage)
    dataflows.push({
      dataflow,
      ...(recorded === undefined
        ? { basis: 'default', input_bytes: inputBytes }
        : { basis: 'recorded', run_id: recorded.run_id }),
      milliseconds: Object.fromEntries(
        Object.entries(usage.handlers).map(([handler, { milliseconds }]) => [handler, milliseconds]),
      ),
      standard: costOf(usage, defaultBilling),
      express: costOf(usage, { ...defaultBilling, child_type: 'EXPRESS' }),
    })
  }
  const total = addUsage(ownUsage(plan, ours), ...used)
  return {
    region: usEast1.region,
    measured_on: measured.machine,
    dataflows,
    standard: costOf(total, defaultBilling),
    express: costOf(total, { ...defaultBilling, child_type: 'EXPRESS' }),
  }
}

/** The newest run in which the dataflow loaded something; one that found nothing new tells nothing of the next. */
async function lastUsage(state: Pick<StateStore, 'get'>, runs: readonly RunItem[], dataflow: string) {
  for (const run of runs) {
    const flow = (await state.get(run.pk, flowKey(dataflow))) as FlowItem | undefined
    if (flow?.status !== 'succeeded' || flow.usage === undefined) continue
    if (lambdaTotals(flow.usage).invocations > 0) return { run_id: run.run_id, usage: flow.usage }
  }
  return undefined
}

/** Exact in transitions; plan's and seal's own time is that of the last run, or left out: it is a second at most. */
function ownUsage(plan: Plan, runs: readonly RunItem[]): Usage {
  const recorded = runs.find((run) => run.usage !== undefined && run.result !== undefined)?.usage
  const waves = plan.waves.length
  return {
    ...noUsage,
    handlers: recorded?.handlers ?? {},
    transitions: runTransitions(waves),
    s3_puts: waves * waveRequests.s3_puts,
    s3_gets: waves * waveRequests.s3_gets,
  }
}
