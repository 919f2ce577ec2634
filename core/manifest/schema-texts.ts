import { z } from 'zod'
import {
  labelPattern,
  labelRule,
  maxNameLength,
  namePattern,
  nameRule,
  tablePattern,
  tableRule,
} from './grammar.ts'

/** The texts that several parts of the manifest's schema hold, and how one is judged beyond its pattern. */

export const name = z.string().max(maxNameLength).regex(namePattern, nameRule)
export const label = z.string().max(maxNameLength).regex(labelPattern, labelRule)
export const columnName = z.string().min(1).max(maxNameLength)

/** `namespace.name`, described as what it is to the key. */
export function table(what: string) {
  return z
    .string()
    .max(2 * maxNameLength)
    .regex(tablePattern, tableRule)
    .describe(what)
}

/** A rule that only a function knows, which says what is wrong. */
export function refuse(mistakeOf: (value: string) => string | undefined): z.core.CheckFn<string> {
  return (context) => {
    const mistake = mistakeOf(context.value)
    if (mistake !== undefined) context.issues.push({ code: 'custom', input: context.value, message: mistake })
  }
}
