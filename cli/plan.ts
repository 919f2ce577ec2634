import { ManifestError } from '../core/errors.ts'
import type { RenderedManifest } from '../core/manifest/types.ts'
import { formatPlan } from '../core/planning/format-plan.ts'
import { formatStarts, plannedStarts } from '../core/planning/format-triggers.ts'
import { buildPlan, plannedDataflows } from '../core/planning/plan.ts'
import { parseRunOptions } from '../core/planning/run-options.ts'
import type { RunOptions } from '../core/planning/types.ts'
import { checkPreserve, parseEnvironment } from '../core/runs/environments.ts'
import { loadProject } from '../local/project.ts'
import { exitCodes } from './fail.ts'
import type { Io } from './io.ts'
import { runOptionsOf, type SelectionOptions } from './run-options.ts'

export interface PlanCommandOptions extends SelectionOptions {
  readonly cost?: boolean
  readonly inputMb?: number
}

/** Prints what a run with the same options would do. */
export async function plan(io: Io, options: PlanCommandOptions): Promise<number> {
  const project = await loadProject(io.project)
  const parsed = parseRunOptions(runOptionsOf(options))
  if (options.cost !== true && options.inputMb !== undefined) throw inputWithoutCost()
  if (options.cost !== true) printPlan(io, project.rendered, parsed)
  else {
    const { printPlanCost } = await import('./plan-cost.ts')
    await printPlanCost(io, project.rendered, parsed, options.inputMb)
  }
  return exitCodes.success
}

function inputWithoutCost(): ManifestError {
  return new ManifestError({
    code: 'RUN_OPTIONS_INVALID',
    fact: '--input-mb is the size that an estimate of the cost is for, and none was asked for',
    consequence: 'Nothing was planned',
    next: 'Add --cost, or leave --input-mb out',
  })
}

export function printPlan(io: Io, manifest: RenderedManifest, options: RunOptions): void {
  const built = buildPlan(manifest, options)
  const environment = parseEnvironment(process.env.SLUICE_ENVIRONMENT, 'development')
  checkPreserve(environment, plannedDataflows(manifest, built))
  const names = built.waves.flatMap((wave) => wave.dataflows.map(({ name }) => name))
  const starts = plannedStarts(manifest, new Set(names))
  if (io.format === 'json') {
    io.out(JSON.stringify({ schema: 'sluice.plan.v1', ...built, starts, options }, null, 2))
    return
  }
  const { max_workers, stop_on_error, retry_count, retry_delay_seconds } = options
  const retries =
    retry_count === 0 ? 'no retries' : `retry_count ${retry_count} after ${retry_delay_seconds} s`
  const rest = [`max_workers ${max_workers}`, retries, ...(stop_on_error ? ['stop_on_error'] : [])]
  const planned = `${formatPlan(built, io.format)}${io.format === 'md' ? '\n' : ''}run with ${rest.join(', ')}`
  const started = formatStarts(starts, io.format).trimEnd()
  io.out(started === '' ? planned : `${planned}\n${started}`)
}
