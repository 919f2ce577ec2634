import { TerminalError } from '../errors.ts'
import { canonicalJson, sha256 } from '../json.ts'
import type { Dataflow, RenderedManifest } from '../manifest/types.ts'
import { type ObjectRef, readJsonRef } from '../stores/object-ref.ts'
import type { ObjectReader, ObjectStore } from '../stores/object-store.ts'
import { replayedDataflow } from './replay.ts'

/** Rendered manifests are content-addressed and never change, so a process may keep those it has read. */
const cache = new Map<
  string,
  Promise<{ manifest: RenderedManifest; byName: ReadonlyMap<string, Dataflow> }>
>()
const cacheLimit = 8

/** Puts the manifest under its own digest; doing it again changes nothing. */
export async function storeRenderedManifest(
  store: ObjectStore,
  manifest: RenderedManifest,
): Promise<ObjectRef> {
  const body = Buffer.from(`${canonicalJson(manifest)}\n`, 'utf8')
  const digest = sha256(body)
  const ref = { key: `manifests/${digest}.json`, size: body.byteLength, sha256: digest }
  if ((await store.head(ref.key)) === undefined) await store.put(ref.key, body)
  return ref
}

export async function loadRenderedManifest(store: ObjectReader, ref: ObjectRef): Promise<RenderedManifest> {
  return (await load(store, ref)).manifest
}

export async function loadDataflow(store: ObjectReader, ref: ObjectRef, name: string): Promise<Dataflow> {
  const found = (await load(store, ref)).byName.get(name)
  if (found !== undefined) return found
  throw new TerminalError({
    code: 'DATAFLOW_UNKNOWN',
    fact: `the manifest ${ref.key} has no dataflow ${JSON.stringify(name)}`,
    consequence: 'Nothing was read or written for it',
    next: 'Plan the run again from the current manifest',
  })
}

function asReplayed(dataflow: Dataflow, { replay }: RenderedManifest): Dataflow {
  return replay?.plan.dataflow === dataflow.name ? replayedDataflow(dataflow, replay.plan) : dataflow
}

function load(store: ObjectReader, ref: ObjectRef) {
  const key = `${store.uri}/${ref.key} ${ref.sha256}`
  const known = cache.get(key)
  if (known !== undefined) return known
  const loading = readJsonRef<RenderedManifest>(store, ref).then((manifest) => ({
    manifest,
    byName: new Map(manifest.dataflows.map((dataflow) => [dataflow.name, asReplayed(dataflow, manifest)])),
  }))
  loading.catch(() => cache.delete(key))
  const oldest = cache.keys().next()
  if (cache.size >= cacheLimit && !oldest.done) cache.delete(oldest.value)
  cache.set(key, loading)
  return loading
}
