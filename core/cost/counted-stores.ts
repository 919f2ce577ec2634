import type { ObjectReader, ObjectStore } from '../stores/object-store.ts'
import type { Catalog, StateStore } from '../stores/state-store.ts'
import {
  downloadRequests,
  itemBytes,
  listRequests,
  readUnits,
  transactionUnits,
  uploadRequests,
} from './request-units.ts'

/** Requests so far, as the AWS adapters make them for the same calls. */
export interface RequestCounts {
  dynamodb_read_units: number
  dynamodb_write_units: number
  s3_puts: number
  s3_gets: number
  s3_lists: number
}

export function newCounts(): RequestCounts {
  return { dynamodb_read_units: 0, dynamodb_write_units: 0, s3_puts: 0, s3_gets: 0, s3_lists: 0 }
}

/**
 * The same store, counting. Nothing is awaited that was not before. A client's own repetitions, after throttling or
 * a broken connection, are not seen from here.
 */
export function countedObjects(store: ObjectStore, counts: RequestCounts): ObjectStore {
  const { get, read, head, list, download } = countedReads(store, counts)
  return {
    get uri() {
      return store.uri
    },
    get,
    read,
    head,
    list,
    download,
    // The adapter asks for the date of what it has stored.
    put: (key, body, condition) => {
      counts.s3_puts += 1
      counts.s3_gets += 1
      return store.put(key, body, condition)
    },
    upload: async (key, localPath, condition) => {
      counts.s3_puts += 1
      counts.s3_gets += 1
      const info = await store.upload(key, localPath, condition)
      counts.s3_puts += uploadRequests(info.size) - 1
      return info
    },
    // S3 does not bill deletions.
    delete: (keys) => store.delete(keys),
  }
}

/** As {@link countedObjects}, of a store that is only read. */
export function countedReads(store: ObjectReader, counts: RequestCounts): ObjectReader {
  return {
    get uri() {
      return store.uri
    },
    get: (key) => {
      counts.s3_gets += 1
      return store.get(key)
    },
    read: (pin, start, end) => {
      counts.s3_gets += 1
      return store.read(pin, start, end)
    },
    head: (key) => {
      counts.s3_gets += 1
      return store.head(key)
    },
    list: (prefix) => countedList(store, counts, prefix),
    download: (pin, directory) => {
      counts.s3_gets += downloadRequests(pin.size)
      return store.download(pin, directory)
    },
  }
}

async function* countedList(store: ObjectReader, counts: RequestCounts, prefix: string) {
  let keys = 0
  counts.s3_lists += 1
  for await (const info of store.list(prefix)) {
    keys += 1
    if (listRequests(keys) > listRequests(keys - 1)) counts.s3_lists += 1
    yield info
  }
}

export function countedState(store: StateStore, counts: RequestCounts): StateStore {
  return {
    get: async (pk, sk) => {
      const item = await store.get(pk, sk)
      counts.dynamodb_read_units += readUnits(item === undefined ? 0 : itemBytes(item))
      return item
    },
    query: (pk, skPrefix) => countedQuery(store, counts, pk, skPrefix),
    transact: (writes) => {
      const units = transactionUnits(writes)
      counts.dynamodb_read_units += units.reads
      counts.dynamodb_write_units += units.writes
      return store.transact(writes)
    },
    listRuns: (limit) => {
      counts.dynamodb_read_units += 1
      return store.listRuns(limit)
    },
    close: () => store.close(),
  }
}

async function* countedQuery(
  store: StateStore,
  counts: RequestCounts,
  pk: string,
  skPrefix: string | undefined,
) {
  let bytes = 0
  try {
    for await (const item of store.query(pk, skPrefix)) {
      bytes += itemBytes(item)
      yield item
    }
  } finally {
    counts.dynamodb_read_units += readUnits(bytes)
  }
}

export function countedCatalog(catalog: Catalog, counts: RequestCounts): Catalog {
  return {
    load: (table) => {
      counts.dynamodb_read_units += 1
      return catalog.load(table)
    },
    list: (namespace) => {
      counts.dynamodb_read_units += 1
      return catalog.list(namespace)
    },
  }
}
