import { ServiceError } from './errors.ts'

export interface Page<T> {
  readonly items: readonly T[]
  readonly nextToken?: string
}

/**
 * One page of items in the order of their numbers, rising or falling: where the next one begins is a number, so
 * that no item is repeated or left out while others come and go. `query` is what the listing is of: a token of
 * another listing is refused with `InvalidToken`.
 */
export function page<T>(
  items: readonly T[],
  numberOf: (item: T) => number,
  options: {
    readonly query: string
    readonly falling: boolean
    readonly size: number
    readonly token: string | undefined
  },
): Page<T> {
  const after = options.token === undefined ? undefined : readToken(options.token, options.query)
  const isLeft = (item: T) =>
    after === undefined || (options.falling ? numberOf(item) < after : numberOf(item) > after)
  const left = items.filter(isLeft)
  const taken = left.slice(0, options.size)
  const last = taken.at(-1)
  if (last === undefined || taken.length === left.length) return { items: taken }
  return { items: taken, nextToken: makeToken(numberOf(last), options.query) }
}

function makeToken(after: number, query: string): string {
  return Buffer.from(JSON.stringify([after, query])).toString('base64url')
}

function readToken(token: string, query: string): number {
  try {
    const [after, of] = JSON.parse(Buffer.from(token, 'base64url').toString()) as [number, string]
    if (of === query && Number.isInteger(after)) return after
  } catch {
    // Reported below, like a token of another listing.
  }
  throw new ServiceError('InvalidToken', `Invalid Token: '${token}'`)
}
