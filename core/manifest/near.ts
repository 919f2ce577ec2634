/**
 * The candidate that was most likely meant, or `undefined` where none is near: one edit for words of three
 * or four characters, two for longer ones; case and `-` against `_` do not count. Ties go to the first in code-point order.
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const wanted = fold(word)
  const limit = wanted.length <= 2 ? 0 : wanted.length <= 4 ? 1 : 2
  let best: string | undefined
  let bestDistance = limit + 1
  for (const candidate of candidates) {
    const folded = fold(candidate)
    if (Math.abs(folded.length - wanted.length) > limit) continue
    const distance = editDistance(wanted, folded, limit)
    if (distance < bestDistance || (distance === bestDistance && best !== undefined && candidate < best)) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** "Did you mean `x`?", or the known words, or what to say when there are none. */
export function suggest(word: string, known: Iterable<string>, label: string, none: string): string {
  const words = [...known].sort()
  const near = nearest(word, words)
  if (near !== undefined) return `Did you mean \`${near}\`?`
  return words.length === 0 ? none : `${label}: ${listWords(words)}`
}

/** At most twenty words, then how many more there are. */
export function listWords(words: readonly string[]): string {
  const shown = words.slice(0, 20).join(', ')
  return words.length > 20 ? `${shown} and ${words.length - 20} more` : shown
}

function fold(word: string): string {
  return word.toLowerCase().replaceAll('-', '_')
}

/** Optimal string alignment distance (a swap of neighbours is one edit); anything above `limit` is `limit + 1`. */
function editDistance(a: string, b: string, limit: number): number {
  let before: number[] = []
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    let smallest = i
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let cost = Math.min(previous[j]! + 1, row[j - 1]! + 1, previous[j - 1]! + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, before[j - 2]! + 1)
      }
      row.push(cost)
      smallest = Math.min(smallest, cost)
    }
    if (smallest > limit) return limit + 1
    before = previous
    previous = row
  }
  return previous[b.length]!
}
