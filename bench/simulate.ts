import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { Measured } from '../core/cost/measured.ts'
import { priceOf } from '../core/cost/price-of.ts'
import { usEast1 } from '../core/cost/prices.ts'
import { lambdaTotals } from '../core/cost/usage.ts'
import { playHistory } from './simulate/history.ts'
import { simulate } from './simulate/model.ts'
import { quotas } from './simulate/quotas.ts'
import { scenarioOf } from './simulate/scenario.ts'

/**
 * What a run of many dataflows would take on AWS: its time under the published quotas, its history, its payloads
 * and its cost. Prints Markdown, of which docs/simulation.md is made.
 */
const { values } = parseArgs({
  options: {
    dataflows: { type: 'string', default: '10000' },
    waves: { type: 'string', default: '1,4,20' },
    'max-workers': { type: 'string', default: '8,100,1000' },
    'added-ms': { type: 'string', default: '0,50,200' },
    'cold-start-ms': { type: 'string', default: '0' },
    upstreams: { type: 'string', default: '10' },
    measured: { type: 'string', default: new URL('../core/cost/measured.json', import.meta.url).pathname },
  },
})

const numbers = (name: keyof typeof values): number[] =>
  String(values[name])
    .split(',')
    .map((text) => {
      const value = Number(text)
      if (text.trim() !== '' && Number.isInteger(value) && value >= (name.endsWith('-ms') ? 0 : 1))
        return value
      throw new Error(`--${name} must be whole numbers with commas, and ${JSON.stringify(text)} is none`)
    })

const measured = JSON.parse(readFileSync(values.measured, 'utf8')) as Measured
const [dataflows = 0] = numbers('dataflows')
const [cold_start_ms = 0] = numbers('cold-start-ms')
const digits = (value: number, count = 0) =>
  value.toLocaleString('en-US', { minimumFractionDigits: count, maximumFractionDigits: count })
const row = (cells: readonly (string | number)[]) => console.log(`| ${cells.join(' | ')} |`)
const head = (cells: readonly string[]) => {
  row(cells)
  console.log(`|${cells.map((_, i) => (i === 0 ? '---' : '---:')).join('|')}|`)
}

console.log(`${digits(dataflows)} dataflows of ${digits(measured.small.rows)} rows; handlers measured on`)
console.log(`${measured.machine}, ${measured.measured_at}.\n`)
console.log('### Handlers\n')
head(['handler', 'ms', 'GB-s'])
for (const [handler, { milliseconds, gb_seconds }] of Object.entries(measured.small.usage.handlers))
  row([handler, milliseconds, gb_seconds])

console.log('\n### Time and cost\n')
head(
  'children,waves,max_workers,added ms,makespan s,at once,instances,refused,wait for transitions s,GB-s,cost $,of it Step Functions $'.split(
    ',',
  ),
)
for (const child_type of ['STANDARD', 'EXPRESS'] as const)
  for (const waves of numbers('waves'))
    for (const max_workers of numbers('max-workers'))
      for (const added_ms of numbers('added-ms')) {
        const options = { dataflows, waves, child_type, max_workers, added_ms, cold_start_ms }
        const outcome = simulate(scenarioOf(measured, options))
        const { usd, usd_by_service } = priceOf(outcome.usage, usEast1, { child_type, architecture: 'arm64' })
        row([
          child_type,
          waves,
          digits(max_workers),
          added_ms,
          digits(outcome.makespan, 1),
          digits(outcome.most_children),
          digits(outcome.instances),
          digits(outcome.throttled),
          digits(outcome.transition_wait, 1),
          digits(lambdaTotals(outcome.usage).gb_seconds),
          digits(usd, 2),
          digits(usd_by_service.step_functions, 2),
        ])
      }

console.log('\n### History, by the interpreter\n')
head('waves,seconds,children,parent events,parent transitions,events of a child,child transitions'.split(','))
const payloads = new Map<string, number>()
const perWave: { waves: number; events: number }[] = []
for (const count of numbers('waves')) {
  const sizes = scenarioOf(measured, {
    dataflows,
    waves: count,
    child_type: 'STANDARD',
    max_workers: 1000,
    added_ms: 0,
    cold_start_ms,
  }).waves
  const history = await playHistory(sizes, numbers('upstreams')[0] ?? 0)
  if (history.status !== 'SUCCEEDED') throw new Error(`the run ended as ${history.status}`)
  perWave.push({ waves: count, events: history.parent_events })
  for (const [boundary, bytes] of Object.entries(history.payloads))
    payloads.set(boundary, Math.max(payloads.get(boundary) ?? 0, bytes))
  payloads.set(
    'item file of a wave (S3)',
    Math.max(payloads.get('item file of a wave (S3)') ?? 0, history.item_file_bytes),
  )
  payloads.set(
    'result file of a wave (S3)',
    Math.max(payloads.get('result file of a wave (S3)') ?? 0, history.result_file_bytes),
  )
  row([
    count,
    history.seconds.toFixed(1),
    digits(history.children),
    digits(history.parent_events),
    digits(history.parent_transitions),
    history.child_events,
    digits(history.child_transitions),
  ])
}
const [first, last] = [perWave[0], perWave.at(-1)]
if (first !== undefined && last !== undefined && last.waves > first.waves) {
  const each = (last.events - first.events) / (last.waves - first.waves)
  const most = Math.floor((quotas.history.value - (first.events - each * first.waves)) / each)
  console.log(
    `\nA wave costs the parent ${each} events; ${digits(quotas.history.value)} are reached after ${digits(most)} waves.`,
  )
}

console.log(`\n### Largest payloads, against ${digits(quotas.payload.value)} bytes\n`)
head(['boundary', 'bytes'])
for (const [boundary, bytes] of payloads) row([boundary, digits(bytes)])
