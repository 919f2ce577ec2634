import type { ObjectInfo } from '../core/stores/object-store.ts'
import type { Records } from './home.ts'

/** What lies in quarantine, by `<run>/<dataflow>`. */
export type Places = ReadonlyMap<string, readonly ObjectInfo[]>

export async function listPlaces({ evidence }: Pick<Records, 'evidence'>): Promise<Places> {
  const objects: ObjectInfo[] = []
  for await (const info of evidence.list('quarantine/')) {
    if (/^quarantine\/[^/]+\/[^/]+\/[^/]+$/.test(info.key)) objects.push(info)
  }
  return Map.groupBy(objects, ({ key }) => key.split('/').slice(1, 3).join('/'))
}
