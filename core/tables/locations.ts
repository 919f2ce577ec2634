import { PolicyError } from '../errors.ts'
import type { ObjectReader } from '../stores/object-store.ts'
import type { TableIdentifier } from '../stores/state-store.ts'

/** `bronze/flights`: the prefix of the table's keys, `data/` and `metadata/` below it. */
export function tableRoot(table: TableIdentifier): string {
  return `${table.namespace}/${table.name}`
}

export function keyToUri(store: ObjectReader, key: string): string {
  return `${store.uri}/${key}`
}

/**
 * The store's key of a location in table metadata. Locations are compared as text, as all Iceberg writers
 * write them, without any percent-decoding; `s3a:` and `s3n:` (Hadoop) count as `s3:`, `file:/x` as `file:///x`.
 * Throws `PolicyError` `TABLE_FILE_OUTSIDE_STORE` for anything not below the store's root, `..` included.
 */
export function uriToKey(store: ObjectReader, location: string): string {
  const root = `${canonical(store.uri)}/`
  const uri = canonical(location)
  const key = uri.slice(root.length)
  const escapes = key.split('/').some((segment) => segment === '' || segment === '.' || segment === '..')
  if (uri.startsWith(root) && !escapes) return key
  throw new PolicyError({
    code: 'TABLE_FILE_OUTSIDE_STORE',
    fact: `The table refers to ${location}, which is not below ${store.uri}`,
    consequence: 'Nothing outside the store is read, so the table was not read',
    next: 'Move the file into the store and rewrite the table, or configure the store that holds it',
    details: { location },
  })
}

function canonical(uri: string): string {
  return uri.replace(/^s3[an]:/, 's3:').replace(/^file:\/+/, 'file:///')
}
