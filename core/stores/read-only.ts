import type { ObjectReader, ObjectStore } from './object-store.ts'
import type { StateReader, StateStore } from './state-store.ts'

/** The store without what writes: there is nothing to call, whatever its holder is told to do. */
export function readObjects(store: ObjectStore): ObjectReader {
  const { uri, get, read, head, list, download } = store
  return { uri, get, read, head, list, download }
}

/** As {@link readObjects}, of items. */
export function readState(store: StateStore): StateReader {
  const { get, query, listRuns, close } = store
  return { get, query, listRuns, close }
}
