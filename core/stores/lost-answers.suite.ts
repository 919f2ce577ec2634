import { UnknownOutcomeError } from '../errors.ts'
import type { StateStore, Write } from './state-store.ts'

/** `count` is 1 for the first transaction that the decorated store sees. */
export type LosesAnswer = (writes: readonly Write[], count: number) => boolean

/**
 * A store that performs the chosen transactions, or is refused them, and then behaves as a network that lost
 * the answer, whichever it was: `UnknownOutcomeError` `STATE_WRITE_UNKNOWN`.
 */
export function withLostAnswers(store: StateStore, loses: LosesAnswer): StateStore {
  return intercept(store, loses, async (writes) => {
    await store.transact(writes).catch(() => undefined)
  })
}

/** As {@link withLostAnswers}, but it is the request that is lost: the caller cannot tell the difference. */
export function withLostRequests(store: StateStore, loses: LosesAnswer): StateStore {
  return intercept(store, loses, async () => undefined)
}

function intercept(store: StateStore, loses: LosesAnswer, send: StateStore['transact']): StateStore {
  let count = 0
  return {
    ...store,
    transact: async (writes) => {
      count += 1
      if (!loses(writes, count)) return await store.transact(writes)
      await send(writes)
      throw new UnknownOutcomeError({
        code: 'STATE_WRITE_UNKNOWN',
        fact: 'The answer to a transaction never came',
        consequence: 'It may or may not have happened',
        next: 'Read back which it was',
      })
    },
  }
}
