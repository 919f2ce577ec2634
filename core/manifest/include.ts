import { realpath } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { glob } from 'tinyglobby'
import { type Located, type LocatedMap, placeOf } from './located.ts'
import type { Problem } from './problems.ts'

/**
 * The files that `include` names: each once, in code-point order of their paths, without the main file
 * itself. A pattern that matches nothing is a problem, and so is one that is no relative path.
 * `node_modules` and names that begin with a dot are not searched.
 */
export async function includedFiles(
  file: string,
  root: LocatedMap,
): Promise<{ readonly files: readonly string[]; readonly problems: readonly Problem[] }> {
  const list = root.entries.get('include')?.value
  const files: string[] = []
  // By what links lead to, so that a file counts once by whatever ways it is reached.
  const seen = new Set([await realpath(file)])
  const problems: Problem[] = []
  const patterns = list?.kind === 'list' ? list.items : []
  for (const [index, item] of patterns.entries()) {
    const pattern = patternOf(item)
    if (pattern === undefined) continue
    const report = (message: string, hint: string): void => {
      problems.push({ ...placeOf(item, []), path: `include[${index}]`, message, hint })
    }
    if (/^[/\\]|^[a-z][a-z0-9+.-]*:|\\/i.test(pattern)) {
      report(`\`${pattern}\` is not a path relative to this file`, 'Write it like dataflows/*.yaml')
      continue
    }
    const matches = await match(dirname(file), pattern)
    if (matches.length === 0) {
      const hint = /[*?{[]/.test(pattern)
        ? 'Check the pattern'
        : 'Check the path; a directory is written as dir/*.yaml'
      report(`\`${pattern}\` matches no file`, hint)
    }
    for (const path of matches.sort()) {
      const included = join(dirname(file), path)
      const target = await realpath(included)
      if (seen.has(target)) continue
      seen.add(target)
      files.push(included)
    }
  }
  return { files: files.sort(), problems }
}

function patternOf(item: Located): string | undefined {
  return item.kind === 'scalar' && typeof item.value === 'string' && item.value !== ''
    ? item.value
    : undefined
}

async function match(directory: string, pattern: string): Promise<string[]> {
  const ignore = ['**/node_modules/**']
  return await glob(pattern, { cwd: directory, onlyFiles: true, expandDirectories: false, ignore })
}
