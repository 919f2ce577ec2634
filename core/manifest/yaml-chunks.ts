/** A long manifest in pieces that can be parsed one after the other. */
export interface Chunks {
  /** The whole text with the lines of the pieces emptied, so that every other line keeps its number. */
  readonly frame: string
  /** Some items of the list `dataflows` each; `skipped` lines of the text stand before it. */
  readonly pieces: readonly { readonly text: string; readonly skipped: number }[]
}

/**
 * Cuts the items of a top-level block list `dataflows` into pieces of about `pieceLength` characters. The YAML
 * library keeps a hundred bytes for every character that it parses at once: for 10,000 dataflows (3.4 MB) more
 * than 220 MB of heap, where pieces need less than 140 MB. A line that starts with `- ` at the indentation of the
 * list's first item can only be the next item, whatever stands before it, so the pieces mean what the whole means.
 * `undefined` where there is nothing to gain, or anything that reaches across items (anchors and aliases).
 */
export function cutChunks(text: string, pieceLength: number): Chunks | undefined {
  if (text.length < 2 * pieceLength || reachesAcross.test(text)) return undefined
  const lines = text.split('\n')
  const header = lines.findIndex((line) => /^dataflows:\s*(#.*)?$/.test(line))
  const first = lines.findIndex((line, i) => i > header && !/^\s*(#.*)?$/.test(line))
  const indent = /^( *)- /.exec(lines[first] ?? '')?.[1]
  if (header === -1 || indent === undefined) return undefined
  const itemStart = `${indent}-`
  const pieces: { text: string; skipped: number }[] = []
  let start = first
  let length = 0
  let end = first
  for (; end < lines.length; end++) {
    const line = lines[end]!
    const isItem = line.startsWith(itemStart) && /^(\s|$)/.test(line.slice(itemStart.length))
    if (/^[^\s#]/.test(line) && !(isItem && indent === '')) break
    if (isItem && length >= pieceLength) {
      pieces.push({ text: lines.slice(start, end).join('\n'), skipped: start })
      start = end
      length = 0
    }
    length += line.length + 1
  }
  pieces.push({ text: lines.slice(start, end).join('\n'), skipped: start })
  const frame = [...lines.slice(0, first), ...new Array<string>(end - first).fill(''), ...lines.slice(end)]
  return { frame: frame.join('\n'), pieces }
}

const reachesAcross = /(^|[\s[{,:-])[&*][\w-]|^%/m
