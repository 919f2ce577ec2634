/**
 * Items under a partition key and a sort key, and one all-or-nothing conditional write over several of
 * them and over table pointers: DynamoDB on AWS, one SQLite file on a laptop.
 *
 * Reads are strongly consistent. Item attributes are JSON; numbers are safe integers or finite doubles.
 * Every adapter passes `state-store.suite.ts`.
 */
export interface StateStore extends StateReader {
  /**
   * Applies all writes or none, at most 100. A condition that does not hold throws `ConditionFailedError`
   * with the index of the first such write. An answer that never came throws `UnknownOutcomeError`
   * (`STATE_WRITE_UNKNOWN`): the caller reads back. Two writes to the same item in one call are refused
   * (`TerminalError`, `STATE_WRITE_DUPLICATE`), as DynamoDB does; so is what JSON or DynamoDB could not hold
   * (see `prepareWrites`).
   */
  transact(writes: readonly Write[]): Promise<void>
}

/** What of a {@link StateStore} only reads. */
export interface StateReader {
  get(pk: string, sk: string): Promise<Item | undefined>

  /**
   * All items of the partition whose sort key starts with `skPrefix`, in code-point order of `sk`. No snapshot:
   * what is written meanwhile may or may not show.
   */
  query(pk: string, skPrefix?: string): AsyncIterable<Item>

  /** Runs by start time, newest first: the items with `pk` = `RUN#…`, `sk` = `META` and a `started_at`. */
  listRuns(limit: number): Promise<readonly Item[]>

  close(): void
}

export interface Item {
  readonly pk: string
  readonly sk: string
  readonly [attribute: string]: unknown
}

/**
 * What must hold of the stored item before a write: it is absent, or it is there and these top-level
 * attributes have these values (`null`: the attribute is absent or null).
 */
export type Expectation = 'absent' | { readonly [attribute: string]: string | number | boolean | null }

/** Replaces the whole item. */
export interface Put {
  readonly kind: 'put'
  readonly item: Item
  readonly expect?: Expectation
}

export type Write =
  | Put
  | { readonly kind: 'delete'; readonly pk: string; readonly sk: string; readonly expect?: Expectation }
  /** Writes nothing; only its condition counts. */
  | { readonly kind: 'check'; readonly pk: string; readonly sk: string; readonly expect: Expectation }
  /** Compare-and-set of a table's metadata pointer; `base: undefined` creates the table's entry. */
  | {
      readonly kind: 'pointer'
      readonly table: TableIdentifier
      readonly base: string | undefined
      readonly next: string
    }

/** `bronze.flights` → namespace `bronze`, name `flights`. One level of namespace. */
export interface TableIdentifier {
  readonly namespace: string
  readonly name: string
}

/** Reads of the catalog; its writes are the `pointer` writes of {@link StateStore.transact}. */
export interface Catalog {
  /** The current metadata location, or `undefined` where the table does not exist. */
  load(table: TableIdentifier): Promise<string | undefined>
  /** In code-point order of namespace, then name. */
  list(namespace?: string): Promise<readonly TableIdentifier[]>
}
