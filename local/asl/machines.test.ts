import { createRequire } from 'node:module'
import { describe, expect, it } from 'vitest'
import { CASES } from './cases.ts'
import { flow, machine, play } from './test-kit.ts'

type Validate = (
  definition: unknown,
  options: { checkArn: boolean },
) => { isValid: boolean; errors: unknown[] }
const validate = createRequire(import.meta.url)('asl-validator') as Validate

/** The same flow with a prefix in front of every state name. */
function renamed(value: unknown, prefix: string): unknown {
  if (Array.isArray(value)) return value.map((item) => renamed(item, prefix))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => {
      if (['StartAt', 'Next', 'Default'].includes(key)) return [key, prefix + member]
      if (key !== 'States') return [key, renamed(member, prefix)]
      const states = Object.entries(member as object).map(([name, s]) => [prefix + name, renamed(s, prefix)])
      return [key, Object.fromEntries(states)]
    }),
  )
}

describe('small machines', () => {
  it.each(CASES.map((c) => [c.title, c] as const))('%s', async (_title, c) => {
    const handlers = c.handlers?.()
    const { outcome, types, clock } = await play(c.definition, {
      ...('input' in c ? { input: c.input } : {}),
      ...(handlers === undefined ? {} : { handlers }),
    })
    if ('output' in c) expect(outcome).toEqual({ status: 'SUCCEEDED', output: c.output })
    else expect(outcome.status).toBe('FAILED')
    expect(outcome.error).toBe(c.error)
    if (c.cause !== undefined) expect(outcome.cause).toBe(c.cause)
    if (c.history !== undefined) expect(types).toEqual(c.history)
    if (c.delays !== undefined) expect(clock.delays).toEqual(c.delays.map((s) => s * 1000))
  })

  it('are all accepted by an independent validator', () => {
    // One machine of all, because each call compiles the schemas anew; the validator writes into what it checks.
    const branches = CASES.map((c, i) => {
      const { QueryLanguage: _, ...branch } = structuredClone(c.definition)
      return renamed(branch, `${i}-`)
    })
    const all = machine({ All: { Type: 'Parallel', Branches: branches, End: true } })
    expect(validate(all, { checkArn: false }).errors).toEqual([])
    const broken = machine({ All: { Type: 'Parallel', Branches: [flow({ A: { Type: 'Nap' } })], End: true } })
    expect(validate(broken, { checkArn: false }).isValid).toBe(false)
  })
})
