import { readFile, stat } from 'node:fs/promises'
import type { Problem } from './problems.ts'

/** Bytes. 10,000 dataflows of ordinary length are about 4 MB; one file need not hold more. */
export const maxFileBytes = 8 * 1024 * 1024

export type TextOutcome = { readonly text: string } | { readonly problem: Problem }

/** The text of a manifest file as UTF-8, without its byte order mark, or the one reason why there is none. */
export async function readText(file: string): Promise<TextOutcome> {
  const fail = (message: string, hint: string): TextOutcome => ({
    problem: { file, path: '', message, hint },
  })
  try {
    const info = await stat(file)
    if (info.isDirectory()) return fail('this is a directory', 'Name the manifest file in it: sluice.yaml')
    if (!info.isFile()) return fail('this is not a regular file', 'Name a YAML file')
    if (info.size > maxFileBytes) {
      return fail(
        `the file has ${megabytes(info.size)} MB; a manifest file may have ${megabytes(maxFileBytes)} MB`,
        'Split it and list the parts under include',
      )
    }
    return decode(file, await readFile(file))
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      return fail('there is no such file', 'Check the path, or write a first manifest with `sluice init`')
    }
    return fail(`the file cannot be read (${code})`, 'Check its permissions')
  }
}

function decode(file: string, bytes: Uint8Array): TextOutcome {
  const mark = `${bytes[0]},${bytes[1]}`
  if (mark === '255,254' || mark === '254,255') {
    const message = 'the file is encoded in UTF-16'
    return { problem: { file, line: 1, column: 1, path: '', message, hint: 'Save it as UTF-8' } }
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    const control = text.search(forbidden)
    if (control === -1) return { text }
    const code = text.charCodeAt(control).toString(16).toUpperCase().padStart(4, '0')
    const message = `the character U+${code} has no place in a manifest`
    return { problem: { file, ...positionOf(text, control), path: '', message, hint: 'Remove it' } }
  } catch {
    const lossy = new TextDecoder('utf-8').decode(bytes)
    const position = positionOf(lossy, lossy.indexOf('\uFFFD'))
    const message = 'the bytes from here on are not UTF-8'
    return { problem: { file, ...position, path: '', message, hint: 'Save the file as UTF-8' } }
  }
}

/** What YAML 1.2 calls not printable, but for tab and line ends. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const forbidden = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F\uFFFE\uFFFF]/

function positionOf(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset)
  return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') }
}

function megabytes(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(bytes < 100 * 1024 * 1024 ? 1 : 0).replace(/\.0$/, '')
}
