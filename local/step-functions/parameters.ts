import { invalid } from './errors.ts'

export type Parameters = Readonly<Record<string, unknown>>

/** Reads a request's parameters and refuses those that nobody has asked for: they would be ignored. */
export function readParameters(body: Parameters, known: readonly string[]) {
  const unknown = Object.keys(body).find((key) => !known.includes(key))
  if (unknown !== undefined) throw invalid(`The parameter '${unknown}' is not supported here`)
  const optional = <T>(name: string, type: string): T | undefined => {
    const value = body[name]
    if (value === undefined || value === null) return undefined
    if (typeof value === type) return value as T
    throw invalid(`The parameter '${name}' must be a ${type}`)
  }
  const text = (name: string) => optional<string>(name, 'string')
  return {
    text,
    flag: (name: string) => optional<boolean>(name, 'boolean'),
    required: (name: string): string => {
      const value = text(name)
      if (value === undefined || value === '') throw invalid(`The parameter '${name}' is missing`)
      return value
    },
    /** How many to return: 1 to 1,000; 0 and absence mean 100 (API reference). */
    pageSize: (name: string): number => {
      const value = optional<number>(name, 'number') ?? 0
      if (Number.isInteger(value) && value >= 0 && value <= 1000) return value === 0 ? 100 : value
      throw invalid(`The parameter '${name}' must be a whole number from 0 to 1000`)
    },
  }
}
