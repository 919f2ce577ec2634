import type { TableIdentifier } from '../stores/state-store.ts'

/** `bronze.flights`; the manifest's grammar has made sure that there is exactly one dot. */
export function parseTable(table: string): TableIdentifier {
  const [namespace, name] = table.split('.') as [string, string]
  return { namespace, name }
}
