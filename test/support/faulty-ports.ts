import { UnknownOutcomeError } from '../../core/errors.ts'
import type { Ports } from '../../core/ports.ts'
import type { ObjectStore } from '../../core/stores/object-store.ts'
import type { Write } from '../../core/stores/state-store.ts'

/** One call that changes something, as a test sees it before it is done. */
export interface Call {
  /** From 1, over all ports. */
  readonly number: number
  readonly port: 'lake' | 'evidence' | 'state'
  readonly method: 'put' | 'upload' | 'delete' | 'transact'
  /** The object key, or the keys of the writes. */
  readonly target: string
  readonly writes: readonly Write[]
}

/** Does the call (`perform`), or does not, or throws before or after. */
export type Intercept = (call: Call, perform: () => Promise<unknown>) => Promise<unknown>

/** Ports of which every changing call goes through `intercept`; reads go through `onRead`, where it is given. */
export function intercepted(
  ports: Ports,
  intercept: Intercept,
  onRead: () => Promise<void> = async () => undefined,
): Ports {
  let number = 0
  const through = async <T>(
    port: Call['port'],
    method: Call['method'],
    target: string,
    writes: readonly Write[],
    perform: () => Promise<T>,
  ): Promise<T> => {
    number += 1
    return (await intercept({ number, port, method, target, writes }, perform)) as T
  }
  const store = (port: 'lake' | 'evidence', real: ObjectStore): ObjectStore => ({
    uri: real.uri,
    get: async (key) => await onRead().then(() => real.get(key)),
    head: async (key) => await onRead().then(() => real.head(key)),
    list: (prefix) => real.list(prefix),
    read: async (pin, start, end) => await onRead().then(() => real.read(pin, start, end)),
    download: async (pin, directory) => await onRead().then(() => real.download(pin, directory)),
    put: async (key, body, condition) =>
      await through(port, 'put', key, [], () => real.put(key, body, condition)),
    upload: async (key, path, condition) =>
      await through(port, 'upload', key, [], () => real.upload(key, path, condition)),
    delete: async (keys) => await through(port, 'delete', keys.join(' '), [], () => real.delete(keys)),
  })
  const { state } = ports
  return {
    ...ports,
    lake: store('lake', ports.lake),
    evidence: store('evidence', ports.evidence),
    state: {
      get: async (pk, sk) => await onRead().then(() => state.get(pk, sk)),
      query: (pk, prefix) => state.query(pk, prefix),
      listRuns: async (limit) => await onRead().then(() => state.listRuns(limit)),
      close: () => state.close(),
      transact: async (writes) =>
        await through('state', 'transact', writes.map(nameOf).join(' '), writes, () =>
          state.transact(writes),
        ),
    },
    catalog: {
      load: async (table) => await onRead().then(() => ports.catalog.load(table)),
      list: async (namespace) => await onRead().then(() => ports.catalog.list(namespace)),
    },
  }
}

function nameOf(write: Write): string {
  if (write.kind === 'pointer') return `pointer:${write.table.namespace}.${write.table.name}`
  const { pk, sk } = write.kind === 'put' ? write.item : write
  return `${write.kind}:${pk}/${sk}`
}

/** The answer of a call that was done, or was not, and nobody knows. */
export function lostAnswer(): UnknownOutcomeError {
  return new UnknownOutcomeError({
    code: 'STATE_WRITE_UNKNOWN',
    fact: 'the answer was lost',
    consequence: 'It may have happened',
  })
}

/** Whether the call is the commit of a table. */
export function isCommit(call: Call): boolean {
  return call.writes.some((write) => write.kind === 'pointer')
}

/** A gate in a road: who comes to it waits until it is opened. */
export interface Barrier {
  /** Resolves when somebody waits at it. */
  readonly reached: Promise<void>
  /** Waits until it is open. */
  pass(): Promise<void>
  open(): void
}

export function makeBarrier(): Barrier {
  const reached = Promise.withResolvers<void>()
  const opened = Promise.withResolvers<void>()
  return {
    reached: reached.promise,
    pass: async () => {
      reached.resolve()
      await opened.promise
    },
    open: () => opened.resolve(),
  }
}
