/** A mistake in a contract; `path` leads to its place: `['columns', 'delay', 'min']`, `['rules', 0, 'name']`. */
export interface ContractProblem {
  readonly path: readonly (string | number)[]
  /** What is wrong. */
  readonly message: string
  /** What to write instead. */
  readonly hint: string
}
