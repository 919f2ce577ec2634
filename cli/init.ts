import { existsSync } from 'node:fs'
import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import { ManifestError } from '../core/errors.ts'
import { manifestName } from '../local/project.ts'
import { exitCodes } from './fail.ts'
import { landingCsv, landingName, manifestText } from './init-files.ts'
import { type Io, shellWord } from './io.ts'
import { emit } from './report.ts'

const ignored = '.sluice/'

/** Writes a first project that runs as it is, with a bad row in it to look at. Never writes over a file. */
export async function init(io: Io, dir: string | undefined): Promise<number> {
  if (dir !== undefined && io.project !== '.') throw twoDirectories()
  const given = dir ?? io.project
  const directory = resolve(given)
  const manifest = join(directory, manifestName)
  const landing = join(directory, 'landing', landingName)
  const existing = [manifest, landing].filter((file) => existsSync(file))
  if (existing.length > 0) throw alreadyThere(existing)
  await mkdir(dirname(landing), { recursive: true })
  // `wx`: a file that appeared since the look above stays as it is, too.
  await writeFile(landing, landingCsv, { flag: 'wx' })
  await writeFile(manifest, manifestText(projectName(directory), schemaPath(directory)), { flag: 'wx' })
  const ignore = await ignoreWorkspace(join(directory, '.gitignore'))
  const files = [manifest, landing, ...ignore].map((file) => join(given, relative(directory, file)))
  const home = io.home === undefined ? '' : ` --home ${shellWord(io.home)}`
  const next = [
    ...(directory === process.cwd() ? [] : [`cd ${shellWord(given)}`]),
    'sluice validate',
    'sluice plan',
    `sluice run${home}`,
  ]
  emit(io, { schema: 'sluice.init.v1', directory, files, next }, [
    { kind: 'list', title: 'Wrote', items: files },
    { kind: 'code', title: 'Next', lines: next },
  ])
  return exitCodes.success
}

/** Adds the workspace to what git ignores. Returns the file if it was touched. */
async function ignoreWorkspace(file: string): Promise<string[]> {
  const before = existsSync(file) ? await readFile(file, 'utf8') : ''
  const lines = before.split(/\r?\n/).map((line) => line.trim())
  if (lines.some((line) => ['.sluice', '.sluice/', '/.sluice', '/.sluice/'].includes(line))) return []
  await appendFile(file, `${before === '' || before.endsWith('\n') ? '' : '\n'}${ignored}\n`)
  return [file]
}

/** The directory's name as far as it can be a project's: letters, digits, _ and -, a letter first. */
function projectName(directory: string): string {
  const name = basename(directory)
    .replaceAll(/[^A-Za-z0-9_-]+/g, '_')
    .replace(/^[^A-Za-z]+/, '')
    .replace(/_+$/, '')
  return name === '' ? 'my_project' : name.slice(0, 128)
}

/** From the manifest to the schema of the nearest installed package; without one, where `npm install` would put it. */
function schemaPath(directory: string): string {
  const inside = join('node_modules', 'sluice', 'schema', 'sluice.schema.json')
  for (let at = directory; ; at = dirname(at)) {
    const found = existsSync(join(at, inside))
    if (!found && at !== dirname(at)) continue
    const path = relative(directory, join(found ? at : directory, inside))
      .split(sep)
      .join('/')
    return path.startsWith('.') ? path : `./${path}`
  }
}

function twoDirectories(): ManifestError {
  return new ManifestError({
    code: 'TWO_DIRECTORIES',
    fact: 'init was given a directory and a --project',
    consequence: 'Nothing was written',
    next: 'Give one of them',
  })
}

function alreadyThere(files: readonly string[]): ManifestError {
  return new ManifestError({
    code: 'INIT_WOULD_OVERWRITE',
    fact: `there is a ${files.join(' and a ')} already`,
    consequence: 'Nothing was written',
    next: 'Choose another directory, or remove them first',
  })
}
