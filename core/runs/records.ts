import type { ErrorSummary } from '../errors.ts'
import type {
  AuditCommitRecord,
  EvidenceRecord,
  FinalizeRecord,
  SourceStateRecord,
  StageRecord,
} from './commit-records.ts'
import type { CompatibilityRecord } from './compatibility-record.ts'
import type { ContractRecord } from './contract-record.ts'
import type { EvolutionRecord } from './evolution-record.ts'
import type { ExtractRecord } from './extract-record.ts'
import type { GateName } from './gates.ts'
import type { LineageRecord } from './lineage-record.ts'
import type { PhysicalDdlRecord } from './physical-ddl-record.ts'

/** What each gate records: a module a gate, and commit-records.ts for those from 7 on. */
export interface GateRecords {
  extract: ExtractRecord
  lineage: LineageRecord
  contract: ContractRecord
  evolution: EvolutionRecord
  compatibility: CompatibilityRecord
  physical_ddl: PhysicalDdlRecord
  stage: StageRecord
  finalize: FinalizeRecord
  evidence: EvidenceRecord
  audit_commit: AuditCommitRecord
  source_state: SourceStateRecord
}

/** What the state table keeps of one passage through one gate; a later round replaces an earlier one. */
export interface GateEntry<N extends GateName = GateName> {
  readonly gate: N
  readonly round: number
  readonly outcome: 'passed' | 'stopped'
  /** ISO 8601, UTC. */
  readonly started_at: string
  /** Milliseconds. */
  readonly duration_ms: number
  /** Present where `outcome` is `passed`. */
  readonly record?: GateRecords[N]
  /** Present where `outcome` is `stopped`. */
  readonly error?: ErrorSummary
}
