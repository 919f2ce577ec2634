import { readRun } from '../core/runs/runs.ts'
import { evidenceBlocks, summaryBlocks } from './evidence-blocks.ts'
import { exitCodes } from './fail.ts'
import { type FlowEvidence, readFlowEvidence, selectFlows } from './flow-evidence.ts'
import { withRecords } from './home.ts'
import type { Io } from './io.ts'
import { type Block, emit } from './report.ts'
import { type VerifiedFile, verifyRun } from './verify-files.ts'
import { plural } from './words.ts'

/** `sluice evidence verify`: the same as `--verify`. */
export async function verifyEvidence(io: Io, runId: string, dataflow: string | undefined): Promise<number> {
  return await evidence(io, runId, dataflow, { verify: true })
}

/** Shows the evidence of a run or of one dataflow; with `--verify` fails when a file is not what was written. */
export async function evidence(
  io: Io,
  runId: string,
  dataflow: string | undefined,
  options: { readonly verify?: boolean },
): Promise<number> {
  return await withRecords(io, runId, async (records) => {
    const run = await readRun(records, runId)
    const flows: FlowEvidence[] = []
    for (const flow of await selectFlows(records, runId, dataflow)) {
      flows.push(await readFlowEvidence(records, run, flow))
    }
    const verified = options.verify === true ? await verifyRun(records, run, flows) : undefined
    const files = verified === undefined ? [] : [...verified.run, ...[...verified.flows.values()].flat()]
    const wrong = files.filter((file) => file.state === 'changed' || file.state === 'missing')
    const data = {
      schema: 'sluice.evidence_report.v1',
      run_id: runId,
      project: run.project,
      verified: verified === undefined ? null : wrong.length === 0,
      ...(verified === undefined ? {} : { files: verified.run }),
      dataflows: flows.map((flow) => flowData(flow, verified?.flows.get(flow.flow.dataflow))),
    }
    const only = dataflow === undefined ? undefined : flows[0]
    const blocks: Block[] = [
      ...(only === undefined
        ? summaryBlocks(io, run, flows)
        : evidenceBlocks(only, verified?.flows.get(only.flow.dataflow))),
      ...(verified === undefined ? [] : verdictBlocks(files, wrong)),
    ]
    const damaged = flows.find((flow) => flow.damage !== undefined)?.damage
    if (damaged !== undefined && verified === undefined) throw damaged
    emit(io, data, blocks)
    return wrong.length === 0 ? exitCodes.success : exitCodes.failed
  })
}

function flowData(
  { flow, commit, gates, evidence, damage }: FlowEvidence,
  files: readonly VerifiedFile[] | undefined,
) {
  return {
    dataflow: flow.dataflow,
    status: flow.status,
    reason: flow.reason ?? null,
    attempt: commit?.attempt ?? flow.attempt,
    commit:
      commit === undefined
        ? null
        : {
            table: commit.table,
            snapshot_id: commit.snapshot_id,
            metadata_location: commit.metadata_location,
            committed_at: commit.committed_at,
          },
    gates: gates.map(({ record: _inTheEvidence, ...entry }) => entry),
    evidence_file: flow.evidence ?? null,
    evidence: evidence ?? null,
    ...(damage === undefined ? {} : { damage: { code: damage.code, message: damage.message } }),
    ...(files === undefined ? {} : { files }),
  }
}

function verdictBlocks(files: readonly VerifiedFile[], wrong: readonly VerifiedFile[]): Block[] {
  const removed = files.filter((file) => file.state === 'removed').length
  const rest =
    removed === 0 ? '' : `; ${plural(removed, 'file')} of attempts that did not commit had been removed`
  if (wrong.length === 0) {
    return [{ kind: 'text', text: `Verified: ${plural(files.length - removed, 'file')} as written${rest}` }]
  }
  const items = wrong.map(({ store, key, state, sha256, actual_sha256 }) =>
    state === 'missing'
      ? `${store}/${key} is missing (${sha256} was written)`
      : `${store}/${key} has SHA-256 ${actual_sha256}, but ${sha256} was written`,
  )
  return [
    { kind: 'list', title: `NOT as written: ${wrong.length} of ${plural(files.length, 'file')}`, items },
  ]
}
