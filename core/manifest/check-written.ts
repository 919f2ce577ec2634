import { pathText } from './explain.ts'
import type { FoundDataflow } from './parts.ts'
import type { Problem } from './problems.ts'
import { valuePlace } from './together.ts'
import { type JudgeTexts, writtenTexts } from './written-texts.ts'

/**
 * What the engine says of the texts that are its to read. Each text is asked of once, however many dataflows inherit it,
 * and none at a place of which something is said already; where there is no text, `judge` is not called.
 */
export async function checkWritten(
  found: readonly FoundDataflow[],
  judge: JudgeTexts,
  problems: Problem[],
): Promise<void> {
  const told = new Set(problems.map(placeKey))
  const placed = found.flatMap((target) =>
    writtenTexts(target.draft).map(({ path, written, hint }) => {
      const problem = { ...valuePlace(target, path), path: pathText(target.label, path), hint }
      return { problem, written, key: JSON.stringify(written) }
    }),
  )
  const asked = new Map(
    placed.flatMap(({ problem, written, key }) => (told.has(placeKey(problem)) ? [] : [[key, written]])),
  )
  if (asked.size === 0) return
  const answers = await judge([...asked.values()])
  const answerOf = new Map([...asked.keys()].map((key, i) => [key, answers[i]]))
  for (const { problem, key } of placed) {
    const message = answerOf.get(key)
    if (message !== undefined && !told.has(placeKey(problem))) problems.push({ ...problem, message })
  }
}

function placeKey({ file, line, column }: Pick<Problem, 'file' | 'line' | 'column'>): string {
  return `${file}:${line}:${column}`
}
