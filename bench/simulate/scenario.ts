import type { HandlerId } from '../../core/cost/handler-memory.ts'
import type { Measured } from '../../core/cost/measured.ts'
import { admitTransitions, gateTransitions, settleTransitions } from '../../core/cost/transitions.ts'
import { gateNames } from '../../core/runs/gates.ts'
import type { Scenario, Step } from './model.ts'
import { type Limits, published } from './quotas.ts'

export interface ScenarioOptions {
  readonly dataflows: number
  readonly waves: number
  readonly child_type: 'STANDARD' | 'EXPRESS'
  readonly max_workers: number
  readonly added_ms: number
  readonly cold_start_ms: number
  readonly limits?: Limits
}

/** Dataflows of 1,000 rows, each through all gates, in waves of equal size. */
export function scenarioOf(measured: Measured, options: ScenarioOptions): Scenario {
  const { dataflows, waves, limits = published, ...rest } = options
  const { usage } = measured.small
  const step = (handler: HandlerId, transitions: number): Step => {
    const used = usage.handlers[handler]
    if (used === undefined) throw new Error(`${handler} was not measured: run bench/measure-handlers.ts`)
    return { handler, transitions, milliseconds: used.milliseconds }
  }
  return {
    ...rest,
    limits,
    waves: Array.from(
      { length: waves },
      (_, i) => Math.floor((dataflows * (i + 1)) / waves) - Math.floor((dataflows * i) / waves),
    ),
    steps: [
      step('admit', admitTransitions('gates')),
      ...gateNames.map((gate) => step(gate, gateTransitions(gate, 0))),
      step('settle', settleTransitions),
    ],
    requests: usage,
    own: measured.own.usage,
  }
}
