import { ManifestError } from '../errors.ts'
import { counted } from '../words.ts'

/** One thing that is wrong with a manifest, and where. Lines and columns count from 1; a whole file has none. */
export interface Problem {
  readonly file: string
  readonly line?: number
  readonly column?: number
  /** `dataflows.flights_raw.sink.table`; empty for a whole file. */
  readonly path: string
  /** Without a final full stop. */
  readonly message: string
  /** What to write instead. */
  readonly hint?: string
}

const shownProblems = 100

/** `file:line:column: message. What to write instead.` */
export function formatProblem(problem: Problem): string {
  const place = [problem.file, problem.line, problem.column].filter((part) => part !== undefined).join(':')
  const sentences = [problem.message, problem.hint].filter((text) => text !== undefined)
  return `${place}: ${sentences.map((text) => (/[.!?]$/.test(text) ? text : `${text}.`)).join(' ')}`
}

/** `MANIFEST_INVALID` with every problem in `details.problems`; the message shows the first hundred. */
export function manifestError(problems: readonly Problem[]): ManifestError {
  return problemsError('MANIFEST_INVALID', 'The manifest', problems)
}

/** The same for another file than a manifest: `what` is how the sentence begins. */
export function problemsError(code: string, what: string, problems: readonly Problem[]): ManifestError {
  const lines = problems.slice(0, shownProblems).map((problem) => `  ${formatProblem(problem)}`)
  if (problems.length > shownProblems) lines.push(`  … and ${problems.length - shownProblems} more.`)
  return new ManifestError({
    code,
    fact: `${what} has ${counted(problems.length, 'problem')}:\n${lines.join('\n')}\nNothing was read and nothing was written.`,
    details: { problems },
  })
}

/**
 * In the order of `files`, then by position. What several dataflows inherit from one place of `defaults` is
 * one problem there, not one for each of them.
 */
export function tidyProblems(problems: readonly Problem[], files: readonly string[]): Problem[] {
  const rank = new Map(files.map((file, index) => [file, index]))
  const rankOf = (problem: Problem): number => rank.get(problem.file) ?? files.length
  const unique = new Map<string, Problem>()
  for (const problem of problems) {
    const key = `${problem.file}:${problem.line}:${problem.column}:${problem.message}`
    if (!unique.has(key)) unique.set(key, problem)
  }
  return [...unique.values()].sort(
    (a, b) =>
      rankOf(a) - rankOf(b) || (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0) || 0,
  )
}
