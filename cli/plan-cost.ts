import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { planCost } from '../core/cost/plan-cost.ts'
import { ManifestError } from '../core/errors.ts'
import type { RenderedManifest } from '../core/manifest/types.ts'
import { buildPlan } from '../core/planning/plan.ts'
import type { RunOptions } from '../core/planning/types.ts'
import { dollars, usageText } from './cost-words.ts'
import { homeOf, openHome } from './home.ts'
import type { Io } from './io.ts'
import { type Block, type Cell, emit } from './report.ts'
import { number, plural } from './words.ts'

/** MB of CSV that a dataflow without a recorded run is taken to load. */
const defaultInputMb = 10

/**
 * Prints what a run with these options would cost, STANDARD and EXPRESS beside each other. Looks into the state of
 * the workspace where there is one, opens no connection, and writes nothing.
 */
export async function printPlanCost(
  io: Io,
  manifest: RenderedManifest,
  options: RunOptions,
  inputMb: number = defaultInputMb,
): Promise<void> {
  if (!(inputMb > 0)) throw inputInvalid(inputMb)
  const plan = buildPlan(manifest, options)
  const records = existsSync(join(homeOf(io), 'state.db')) ? openHome(io) : undefined
  try {
    const cost = await planCost(plan, records?.state, inputMb * 1_000_000)
    emit(io, { schema: 'sluice.plan-cost.v1', project: plan.project, ...cost }, [
      {
        kind: 'title',
        text: `Cost of a run of ${plan.project}: ${plural(cost.dataflows.length, 'dataflow')}`,
      },
      table(cost.dataflows),
      {
        kind: 'text',
        text: [
          `STANDARD  about ${dollars(cost.standard.usd)}: ${usageText(cost.standard)}`,
          `EXPRESS   about ${dollars(cost.express.usd)}: ${usageText(cost.express)}`,
        ].join('\n'),
      },
      { kind: 'text', text: caveat(cost, inputMb) },
    ])
  } finally {
    records?.close()
  }
}

function table(dataflows: Awaited<ReturnType<typeof planCost>>['dataflows']): Block {
  return {
    kind: 'table',
    columns: [
      { title: 'dataflow' },
      { title: 'STANDARD', align: 'right' },
      { title: 'EXPRESS', align: 'right' },
      { title: 'GB-s', align: 'right' },
      { title: 'longest gate' },
      { title: 'by' },
    ],
    rows: dataflows.map((flow): Cell[] => {
      const [gate = '', milliseconds = 0] =
        Object.entries(flow.milliseconds).sort(([, a], [, b]) => b - a)[0] ?? []
      return [
        flow.dataflow,
        dollars(flow.standard.usd),
        dollars(flow.express.usd),
        flow.standard.lambda_gb_seconds.toFixed(2),
        `${gate} ${number(Math.round(milliseconds))} ms`,
        flow.basis === 'recorded' ? `run ${flow.run_id}` : { text: 'default', tone: 'warn' },
      ]
    }),
  }
}

function caveat(
  { region, dataflows, measured_on }: Awaited<ReturnType<typeof planCost>>,
  inputMb: number,
): string {
  const guessed = dataflows.filter(({ basis }) => basis === 'default').length
  const prices = `List prices of ${region} without free tiers; an EXPRESS execution may take five minutes at most.`
  if (guessed === 0) return prices
  return `${prices}\n${plural(guessed, 'dataflow')} never succeeded here: taken as ${inputMb} MB of CSV each, as measured on ${measured_on}.`
}

function inputInvalid(inputMb: number): ManifestError {
  return new ManifestError({
    code: 'RUN_OPTIONS_INVALID',
    fact: `--input-mb must be above 0, and this is ${inputMb}`,
    consequence: 'Nothing was planned',
    next: 'Give the megabytes of CSV that one dataflow loads',
  })
}
