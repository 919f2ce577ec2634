import type { Colors, Io } from './io.ts'

export type Tone = 'good' | 'bad' | 'warn' | 'dim'
export type Cell = string | { readonly text: string; readonly tone: Tone }

export interface Column {
  readonly title: string
  readonly align?: 'right'
}

/** What a command tells people, once for the terminal and for Markdown. */
export type Block =
  | { readonly kind: 'title'; readonly text: string }
  | { readonly kind: 'text'; readonly text: string }
  | {
      readonly kind: 'table'
      readonly columns: readonly Column[]
      readonly rows: readonly (readonly Cell[])[]
    }
  | { readonly kind: 'list'; readonly title: string; readonly items: readonly string[] }
  /** Lines to copy; printed as they are. */
  | { readonly kind: 'code'; readonly title: string; readonly lines: readonly string[] }

/** Writes `data` under `--format json`, else the blocks. `data` has `snake_case` keys that stay as they are. */
export function emit(io: Io, data: unknown, blocks: readonly Block[]): void {
  if (io.format === 'json') io.out(JSON.stringify(data, null, 2))
  else io.out(formatBlocks(blocks, io.format, io.colors.out))
}

export function formatBlocks(blocks: readonly Block[], format: 'text' | 'md', colors: Colors): string {
  const shown = blocks.map((block) => (format === 'md' ? markdown(block) : plain(block, colors)))
  return `${shown
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`
}

function plain(block: Block, colors: Colors): string[] {
  switch (block.kind) {
    case 'title':
      return [colors.bold(visible(block.text))]
    case 'text':
      return block.text.split('\n').map(visible)
    case 'list':
      return [colors.bold(visible(block.title)), ...block.items.map((item) => `  ${visible(item)}`)]
    case 'code':
      return [colors.bold(visible(block.title)), ...block.lines.map((line) => `  ${visible(line)}`)]
    case 'table':
      return plainTable(block.columns, block.rows, colors)
  }
}

function plainTable(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  colors: Colors,
): string[] {
  const texts = rows.map((row) => row.map((cell) => visible(textOf(cell))))
  const widths = columns.map((column, i) =>
    texts.reduce((width, row) => Math.max(width, lengthOf(row[i] ?? '')), column.title.length),
  )
  const pad = (text: string, i: number): string => {
    const space = ' '.repeat(Math.max(0, (widths[i] as number) - lengthOf(text)))
    if (columns[i]?.align === 'right') return space + text
    return i === columns.length - 1 ? text : text + space
  }
  const paint = (cell: Cell, text: string): string =>
    typeof cell === 'string' ? text : toneOf(cell.tone, colors)(text)
  return [
    colors.dim(
      columns
        .map(({ title }, i) => pad(title, i))
        .join('  ')
        .trimEnd(),
    ),
    ...rows.map((row, r) =>
      row
        .map((cell, i) => paint(cell, pad(texts[r]?.[i] ?? '', i)))
        .join('  ')
        .trimEnd(),
    ),
  ]
}

export function toneOf(tone: Tone, colors: Colors): (text: string) => string {
  return { good: colors.green, bad: colors.red, warn: colors.yellow, dim: colors.dim }[tone]
}

function markdown(block: Block): string[] {
  switch (block.kind) {
    case 'title':
      return [`### ${markdownText(block.text)}`]
    case 'text':
      return block.text.split('\n').map(markdownText)
    case 'list':
      return [`**${markdownText(block.title)}**`, '', ...block.items.map((item) => `- ${markdownText(item)}`)]
    case 'code':
      return [`**${markdownText(block.title)}**`, '', '```', ...block.lines.map(visible), '```']
    case 'table':
      return [
        markdownRow(block.columns.map(({ title }) => title)),
        `|${block.columns.map(({ align }) => (align === 'right' ? '---:' : '---')).join('|')}|`,
        ...block.rows.map((row) => markdownRow(row.map(textOf))),
      ]
  }
}

function markdownRow(cells: readonly string[]): string {
  return `| ${cells.map(markdownText).join(' | ')} |`
}

function markdownText(text: string): string {
  return visible(text).replaceAll(/[\\|*`<]/g, (character) => `\\${character}`)
}

function textOf(cell: Cell): string {
  return typeof cell === 'string' ? cell : cell.text
}

/**
 * The text with its control characters written out: names and values come from sources, and a terminal would
 * obey what they hold.
 */
export function visible(text: string): string {
  return text.replaceAll(controls, (character) =>
    character === '\n' ? ' ' : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** C0 and C1 controls, line separators, and the marks that turn the direction of writing. */
const controls = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu

function lengthOf(text: string): number {
  return [...text].length
}
