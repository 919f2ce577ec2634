/** Gate 5: one proof per column that the files can be read as the table. */
export interface CompatibilityRecord {
  readonly columns: readonly CompatibilityProof[]
}

export interface CompatibilityProof {
  readonly column: string
  /** Type of the judged values. */
  readonly incoming: string
  /** Type in which the files hold them. */
  readonly written: string
  readonly target: string
  readonly compatible: boolean
  readonly why: string
}
