import type { EvidenceRecord } from '../core/runs/commit-records.ts'
import { writeEvidence } from '../core/runs/evidence.ts'
import { type GateTask, gateHandler } from './gate-handler.ts'

/**
 * Gate 9: writes down what was read, judged and written, before anything of it becomes visible. Without
 * evidence there is no commit.
 */
export async function evidence(task: GateTask): Promise<EvidenceRecord> {
  const { run_id, manifest, attempt, round, evidence: previous } = task.ref
  const run = { run_id, manifest, project: task.project }
  const { dataflow, log, ports } = task
  return {
    evidence: await writeEvidence(ports, { run, dataflow, attempt, round, outcome: 'passed', log, previous }),
  }
}

export const handler = gateHandler('evidence', evidence)
