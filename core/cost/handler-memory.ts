import type { GateName } from '../runs/gates.ts'

/** Every function of the stack, by the name that its handler has in records: the gates, and what is around them. */
export type HandlerId = GateName | 'contract_shard' | 'plan' | 'admit' | 'settle' | 'seal'

/**
 * MiB of the functions that a stack deploys when nobody says otherwise, and what an embedded run is priced with.
 * A function has one processor per 1,769 MiB, and below that the network shrinks too. Contract scans whole files
 * (3,008 is the most that a new account gets); lineage and stage read parts of them.
 */
export const defaultMemory: Readonly<Record<HandlerId, number>> = {
  plan: 1024,
  admit: 512,
  extract: 512,
  lineage: 1769,
  contract: 3008,
  contract_shard: 3008,
  evolution: 512,
  compatibility: 512,
  physical_ddl: 512,
  stage: 1769,
  finalize: 1024,
  evidence: 512,
  audit_commit: 512,
  source_state: 512,
  settle: 512,
  seal: 512,
}
