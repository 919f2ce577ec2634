import type { CheckSpec } from '../../contract/checks.ts'
import type { Severity } from '../../contract/types.ts'
import { namePattern } from '../grammar.ts'
import { note, type Part, type Reading, type Spot, saidText } from './reading.ts'

/** What a check of the contract has besides its kind. */
export interface CheckHead {
  /** Where the file says it. */
  readonly from: Spot
  readonly severity: Severity
  readonly description?: string
  /** Names that the file gives it, the best one first. */
  readonly names: readonly string[]
}

/** Of a quality rule. */
export function headOf(reading: Reading, part: Part, from: Spot, severity: Severity): CheckHead {
  const names = ['id', 'name'].flatMap((key) => saidText(reading, part, key)?.value ?? [])
  const description = saidText(reading, part, 'description')
  for (const key of ['id', 'name', 'description']) {
    const said = saidText(reading, part, key)
    if (said !== undefined) note(reading, said, 'words about the check')
  }
  return { from, severity, names, ...(description === undefined ? {} : { description: description.value }) }
}

/** Adds a check, under the first name of the file that can be one; names are unique. */
export function addCheck(
  reading: Reading,
  head: CheckHead,
  otherwise: string,
  kind: Partial<CheckSpec>,
): void {
  const wanted = [...head.names, otherwise].find((name) => namePattern.test(name)) ?? 'check'
  const taken = new Set(reading.checks.map(({ value }) => value.name))
  let name = wanted
  for (let number = 2; taken.has(name); number++) name = `${wanted}_${number}`
  const { severity, description } = head
  const value: CheckSpec = { name, severity, ...(description === undefined ? {} : { description }), ...kind }
  reading.checks.push({ value, at: head.from.at })
  note(
    reading,
    head.from,
    `checks.${name}: ${JSON.stringify(kind)}${severity === 'warn' ? ', a warning' : ''}`,
  )
}
