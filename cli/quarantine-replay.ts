import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { ManifestError } from '../core/errors.ts'
import { digestOf } from '../core/json.ts'
import type { Dataflow, RenderedManifest } from '../core/manifest/types.ts'
import type { Acknowledgement } from '../core/runs/acknowledgements.ts'
import type { RunItem } from '../core/runs/items.ts'
import { metaKey, runKey } from '../core/runs/keys.ts'
import { loadRenderedManifest, storeRenderedManifest } from '../core/runs/manifest-store.ts'
import { requireProject } from '../core/runs/projects.ts'
import {
  checkReplayable,
  planReplay,
  type ReplayPlan,
  replayedBefore,
  replayRunId,
  storeReplayPlan,
} from '../core/runs/replay.ts'
import { findProject, loadProject } from '../local/project.ts'
import { exitCodes } from './fail.ts'
import { type Records, type WritableRecords, withWritableRecords } from './home.ts'
import type { Io } from './io.ts'
import { coversOf, pendingRows, type RowChoice } from './quarantine-ack.ts'
import { findQuarantine, type Quarantine } from './quarantine-files.ts'
import {
  copyOf,
  inputOf,
  inputRef,
  rawRows,
  refOf,
  refused,
  removeInput,
  sha256Of,
  storeInput,
} from './replay-input.ts'
import { checkRowIds } from './replay-row-ids.ts'
import { type Block, emit, formatBlocks } from './report.ts'
import { whoAsks } from './who.ts'
import { plural } from './words.ts'

export interface ReplayOptions extends RowChoice {
  /** Corrected rows; without it the rejected rows themselves, where they were kept. */
  readonly from?: string
  readonly yes?: boolean
  /** Carry out this plan and no other. */
  readonly plan?: string
}

/**
 * Plans the replay of rejected rows and, with `--yes` or `--plan`, carries it out: a run of that dataflow alone, through
 * all gates, whose commit acknowledges the rows. Doing it again changes nothing.
 */
export async function replayQuarantine(
  io: Io,
  runId: string,
  dataflow: string,
  options: ReplayOptions,
): Promise<number> {
  const scratch = await mkdtemp(join(tmpdir(), 'sluice-replay-'))
  try {
    const prepared = await withWritableRecords(io, runId, (records) =>
      prepare(io, records, { runId, dataflow, options, scratch }),
    )
    if (prepared.kind === 'done') {
      // Its rows are in the table; what follows the commit is ended here, as a resume does it.
      if (isWanted(options) && prepared.unfinished !== undefined) return await goOn(io, prepared.unfinished)
      emit(io, { schema: 'sluice.replay.v1', plan: null, ...prepared.data }, [
        { kind: 'text', text: prepared.text },
      ])
      return exitCodes.success
    }
    const { plan, id } = prepared
    if (!isWanted(options)) {
      emit(
        io,
        { schema: 'sluice.replay.v1', plan_sha256: id, replay_run_id: replayRunId(plan), plan },
        planBlocks(io, plan, id),
      )
      return exitCodes.success
    }
    if (io.format === 'text')
      io.err(formatBlocks(planBlocks(io, plan, id).slice(0, 2), 'text', io.colors.err))
    const code = await carryOut(io, plan, prepared.manifest).catch(async (error: unknown) => {
      await withWritableRecords(io, runId, (records) => removeUnused(records, plan))
      throw error
    })
    // On a stack the run goes on when its showing is interrupted. A replay that failed stores its input anew.
    if (code !== exitCodes.interrupted)
      await withWritableRecords(io, runId, (records) => removeInput(records, plan.input, prepared.keeps))
    return code
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

interface Wanted {
  readonly runId: string
  readonly dataflow: string
  readonly options: ReplayOptions
  /** A directory for files at work. */
  readonly scratch: string
}

type Prepared =
  | {
      readonly kind: 'done'
      readonly text: string
      readonly data: object
      /** The replay's run, where it was interrupted behind its commit. */
      readonly unfinished?: string
    }
  | {
      readonly kind: 'plan'
      readonly plan: ReplayPlan
      readonly id: string
      /** The project's, with the replay in it. */
      readonly manifest: RenderedManifest
      /** Whether the policy lets raw rows stay in the store. */
      readonly keeps: boolean
    }

function isWanted({ yes, plan }: ReplayOptions): boolean {
  return yes === true || plan !== undefined
}

async function prepare(
  io: Io,
  records: WritableRecords,
  { runId, dataflow, options, scratch }: Wanted,
): Promise<Prepared> {
  const found = await findQuarantine(records, runId, dataflow)
  const covers = coversOf(options)
  const manifest = await manifestOf(io, records, found)
  const flow = dataflowOf(manifest, dataflow)
  await checkReplayable(records, manifest, flow, runId)
  const file = options.from === undefined ? undefined : await copyOf(options.from, scratch)
  const keeps = found.index.pii_policy === 'preserve'
  const before = file === undefined ? undefined : replayedBefore(found.item, await sha256Of(file))
  if (before !== undefined && file !== undefined) {
    await removeInput(records, { object: inputRef(found, await refOf(file), extname(file)) }, keeps)
    return { ...already(runId, dataflow, before), ...(await unfinished(records, before.replay)) }
  }
  const rows = await pendingRows(records, found, covers)
  if (rows === 0) {
    const last = found.item?.acknowledged.findLast(({ replay }) => replay !== undefined)
    return { ...nothing(runId, dataflow, last), ...(await unfinished(records, last?.replay)) }
  }
  const local = file ?? (await rawRows(records, found, { covers, rows }, scratch))
  const input = inputOf(found, flow, local, await refOf(local), file === undefined ? 'raw' : 'file')
  if (file !== undefined) await checkRowIds(records, found, { covers, input, local })
  const version = found.item?.version ?? 0
  const plan = planReplay(manifest, flow, { ...found, version }, { covers, rows, input })
  const id = digestOf(plan)
  if (options.plan !== undefined && options.plan !== id) throw notThePlan(options.plan, id)
  await storeReplayPlan(records, plan)
  if (isWanted(options)) await storeInput(records, input, local, scratch)
  return { kind: 'plan', plan, id, keeps, manifest: { ...manifest, replay: { plan, by: whoAsks() } } }
}

/** The project as it is now: on a stack what is deployed there. */
async function manifestOf(io: Io, records: Records, { index }: Quarantine): Promise<RenderedManifest> {
  if (io.stack !== undefined) {
    const { manifest } = await requireProject(records, index.project)
    return await loadRenderedManifest(records.evidence, manifest)
  }
  const { rendered } = await loadProject(io.project)
  if (rendered.project === index.project) return rendered
  throw refused(
    `the run is of project ${index.project}, and ${io.project} is ${rendered.project}`,
    'Name the right one with --project',
  )
}

function dataflowOf({ dataflows }: RenderedManifest, name: string): Dataflow {
  const found = dataflows.find((dataflow) => dataflow.name === name)
  if (found !== undefined) return found
  throw new ManifestError({
    code: 'DATAFLOW_UNKNOWN',
    fact: `the manifest has no dataflow ${name} any more`,
    consequence: 'Nothing was planned',
    next: 'Acknowledge its rows, or bring it back',
  })
}

async function carryOut(io: Io, plan: ReplayPlan, manifest: RenderedManifest): Promise<number> {
  const run_id = replayRunId(plan)
  const options = { dataflows: [plan.dataflow] }
  const [begun, stored] = await withWritableRecords(io, plan.run_id, async (records) => [
    await isBegun(records, plan),
    await storeRenderedManifest(records.evidence, manifest),
  ])
  if (begun) return await goOn(io, run_id)
  if (io.stack !== undefined) {
    const { runOnStack } = await import('./run-stack.ts')
    return await runOnStack(io, io.stack, { runId: run_id }, { ...options, manifest: stored })
  }
  const { startRun } = await import('./run-execute.ts')
  return await startRun(io, findProject(io.project).directory, { run_id, manifest, options })
}

async function isBegun({ state }: Records, plan: ReplayPlan): Promise<boolean> {
  return (await state.get(runKey(replayRunId(plan)), metaKey)) !== undefined
}

/** Of a run that was refused before it began; one that did, here or in another process, reads its input. */
async function removeUnused(records: WritableRecords, plan: ReplayPlan): Promise<void> {
  if (!(await isBegun(records, plan))) await removeInput(records, plan.input, false)
}

async function goOn(io: Io, run_id: string): Promise<number> {
  if (io.stack !== undefined) {
    const { runOnStack } = await import('./run-stack.ts')
    return await runOnStack(io, io.stack, { resume: run_id }, {})
  }
  const { resumeRun } = await import('./run-execute.ts')
  return await resumeRun(io, findProject(io.project).directory, run_id)
}

async function unfinished(
  records: Records,
  replay: Acknowledgement['replay'],
): Promise<{ readonly unfinished?: string }> {
  if (replay === undefined) return {}
  const run = (await records.state.get(runKey(replay.run_id), metaKey)) as RunItem | undefined
  return run?.status === 'running' ? { unfinished: replay.run_id } : {}
}

function already(runId: string, dataflow: string, { rows, replay, by, at }: Acknowledgement): Prepared {
  const text = `Replayed already: ${plural(rows, 'row')} of ${dataflow} in run ${runId}, by ${by} at ${at} (run ${replay?.run_id})`
  return { kind: 'done', text, data: { run_id: runId, dataflow, rows: 0, replayed: replay ?? null } }
}

function nothing(runId: string, dataflow: string, last: Acknowledgement | undefined): Prepared {
  const said = last === undefined ? '' : `; ${plural(last.rows, 'row')} came with run ${last.replay?.run_id}`
  const text = `Nothing to replay: no such row of ${dataflow} in run ${runId} is pending${said}`
  return { kind: 'done', text, data: { run_id: runId, dataflow, rows: 0, replayed: last?.replay ?? null } }
}

function planBlocks(io: Io, plan: ReplayPlan, id: string): Block[] {
  const { contract, input, rows, dataflow, run_id, table } = plan
  const judged =
    contract.rejected_under === contract.judged_under
      ? `${contract.judged_under} (the one that rejected them)`
      : `${contract.judged_under} (they were rejected under ${contract.rejected_under})`
  const source =
    input.origin === 'raw' ? 'the rejected rows as they were' : `${input.format}, ${input.object.sha256}`
  return [
    { kind: 'title', text: `Replay of ${plural(rows, 'row')} of ${dataflow}, rejected in run ${run_id}` },
    {
      kind: 'list',
      title: 'What it does',
      items: [
        `plan       ${id}`,
        `run        ${replayRunId(plan)}, through all gates`,
        `into       ${table}, as rows of one commit`,
        `from       ${source}`,
        `contract   ${judged}`,
        'afterwards these rows are acknowledged; those that are rejected again are pending in the new run',
        'the source state of the dataflow stays as it is',
      ],
    },
    {
      kind: 'code',
      title: 'To carry it out',
      lines: [`${io.command(`quarantine replay ${run_id} ${dataflow}`)} … --plan ${id}`],
    },
  ]
}

function notThePlan(wanted: string, now: string): ManifestError {
  return new ManifestError({
    code: 'REPLAY_PLAN_UNKNOWN',
    fact: `${wanted} is not what would be replayed, which is ${now} now`,
    consequence: 'Nothing was replayed',
    next: 'Look at the plan of now: leave --plan out',
  })
}
