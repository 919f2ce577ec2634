import type { Ports, ReadPorts } from '../ports.ts'
import { type ObjectRef, readJsonRef } from '../stores/object-ref.ts'
import type { Item } from '../stores/state-store.ts'
import type { QuarantineItem } from './acknowledgements.ts'
import { replacedKey, runKey } from './keys.ts'
import type { QuarantineIndex } from './quarantine.ts'

/**
 * Which indexes of a run's dataflow have lost their files after their time, because a later attempt or round has read the
 * same rows again. Nobody can list, acknowledge or replay the rows of such an index: what counts is the last one.
 */
export interface ReplacedItem extends Item {
  readonly version: number
  readonly removed: readonly { readonly index: ObjectRef; readonly by: string; readonly at: string }[]
}

type Stores = Pick<ReadPorts, 'state' | 'evidence'>

export async function readReplaced(
  { state }: Pick<ReadPorts, 'state'>,
  runId: string,
  dataflow: string,
): Promise<ReplacedItem | undefined> {
  return (await state.get(runKey(runId), replacedKey(dataflow))) as ReplacedItem | undefined
}

/** Before anything is removed. Throws `ConditionFailedError` where somebody else has recorded something meanwhile. */
export async function recordReplaced(
  ports: Pick<Ports, 'state'>,
  { run_id, dataflow }: Pick<QuarantineIndex, 'run_id' | 'dataflow'>,
  removal: ReplacedItem['removed'][number],
): Promise<void> {
  const known = await readReplaced(ports, run_id, dataflow)
  if (known?.removed.some(({ index }) => index.key === removal.index.key)) return
  const version = (known?.version ?? 0) + 1
  const removed = [...(known?.removed ?? []), removal]
  const item = { pk: runKey(run_id), sk: replacedKey(dataflow), version, removed }
  const expect = known === undefined ? 'absent' : { version: known.version }
  await ports.state.transact([{ kind: 'put', item, expect }])
}

/** Keys of the files of rejected rows that were removed after their time, or may have been: it is recorded first. */
export async function removedKeys(
  stores: Stores,
  item: QuarantineItem | undefined,
  replaced: ReplacedItem | undefined,
): Promise<ReadonlySet<string>> {
  const own = item?.removed === undefined ? [] : [item.index]
  const keys = new Set<string>()
  for (const ref of [...own, ...(replaced?.removed ?? []).map(({ index }) => index)]) {
    const { files } = await readJsonRef<QuarantineIndex>(stores.evidence, ref)
    for (const { key } of files) keys.add(key)
  }
  return keys
}
