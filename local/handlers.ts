import { handler as admit } from '../lambdas/admit.ts'
import { handler as auditCommit } from '../lambdas/audit-commit.ts'
import { handler as compatibility } from '../lambdas/compatibility.ts'
import { handler as contract } from '../lambdas/contract.ts'
import { handler as contractShard } from '../lambdas/contract-shard.ts'
import type { Handler } from '../lambdas/control-handler.ts'
import { handler as evidence } from '../lambdas/evidence.ts'
import { handler as evolution } from '../lambdas/evolution.ts'
import { handler as extract } from '../lambdas/extract.ts'
import { handler as finalize } from '../lambdas/finalize.ts'
import { handler as lineage } from '../lambdas/lineage.ts'
import { handler as physicalDdl } from '../lambdas/physical-ddl.ts'
import { handler as plan } from '../lambdas/plan.ts'
import { handler as seal } from '../lambdas/seal.ts'
import { handler as settle } from '../lambdas/settle.ts'
import { handler as sourceState } from '../lambdas/source-state.ts'
import { handler as stage } from '../lambdas/stage.ts'

/** By the placeholder that `state-machines/run.asl.json` has for its function: `${Extract}`. */
export const handlers: Readonly<Record<string, Handler>> = {
  Plan: plan,
  Admit: admit,
  Extract: extract,
  Lineage: lineage,
  ContractShard: contractShard,
  Contract: contract,
  Evolution: evolution,
  Compatibility: compatibility,
  PhysicalDdl: physicalDdl,
  Stage: stage,
  Finalize: finalize,
  Evidence: evidence,
  AuditCommit: auditCommit,
  SourceState: sourceState,
  Settle: settle,
  Seal: seal,
}
