import { literalPrefix } from '../sources/files.ts'

/**
 * Which keys an event's object may have, in the words of EventBridge's patterns: the key itself, what it begins or
 * ends with, or both (`wildcard`, where `*` is any text and a backslash goes before what is meant as it is).
 */
export type KeyPattern =
  | string
  | { readonly prefix: string }
  | { readonly suffix: string }
  | { readonly wildcard: string }

/**
 * Every key that the glob under the prefix matches, and more: what stands between the glob's literal beginning and
 * its literal end is any text, slashes included. That costs a run that finds nothing new, where a finer pattern
 * would cost a rule that EventBridge may refuse as too complex. `undefined`: any key may match.
 */
export function keyPattern(prefix: string, glob: string): KeyPattern | undefined {
  const folder = prefix === '' ? '' : `${prefix}/`
  const beginning = literalPrefix(glob)
  if (beginning === glob) return folder + glob
  const start = folder + beginning
  const end = literalSuffix(glob)
  if (end === '') return start === '' ? undefined : { prefix: start }
  return start === '' ? { suffix: end } : { wildcard: `${escaped(start)}*${escaped(end)}` }
}

/** A text with which every match ends; empty where the glob's grammar leaves any doubt. */
function literalSuffix(glob: string): string {
  // A leading `!` negates the whole glob, `|` offers another ending, and quotes are taken out.
  if (/^!|[|"]/.test(glob)) return ''
  const magic = /[*?[\]{}()!+@\\]/g
  const last = [...glob.matchAll(magic)].at(-1)!.index
  const end = glob.slice(last + 1)
  // `**/` is also no folder at all.
  return glob.slice(0, last + 1).endsWith('**') && end.startsWith('/') ? end.slice(1) : end
}

function escaped(text: string): string {
  return text.replaceAll(/[*\\]/g, '\\$&')
}
