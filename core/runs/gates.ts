/** In the order in which a dataflow passes them. */
export const gateNames = [
  'extract',
  'lineage',
  'contract',
  'evolution',
  'compatibility',
  'physical_ddl',
  'stage',
  'finalize',
  'evidence',
  'audit_commit',
  'source_state',
] as const

export type GateName = (typeof gateNames)[number]

/** `nothing_new`: the attempt ends here, successfully and without a commit. */
export type Verdict = 'passed' | 'nothing_new'
