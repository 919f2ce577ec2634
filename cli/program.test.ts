import { describe, expect, test } from 'vitest'
import { sluice, temporaryProject } from './command-line.suite.ts'

const cwd = temporaryProject()

/** Says on standard error which of the large packages a process loads. */
const watchLoads = [
  '--import',
  `data:text/javascript,${encodeURIComponent(`
    import { registerHooks } from 'node:module'
    registerHooks({ load: (url, context, next) => {
      const name = /node_modules\\/((?:@[^/]+\\/)?[^/]+)/.exec(url)?.[1]
      if (name !== undefined) process.stderr.write('LOADED ' + name + '\\n')
      return next(url, context)
    } })`)}`,
]

const loaded = (stderr: string) => new Set([...stderr.matchAll(/LOADED (\S+)/g)].map((match) => match[1]))

describe('the command line itself', () => {
  test('--help lists what there is, on standard output, and nothing that is not built', async () => {
    const { code, stdout, stderr } = await sluice(['--help'], { cwd })
    expect(code).toBe(0)
    for (const name of [
      'init',
      'validate',
      'render',
      'plan',
      'run',
      'status',
      'evidence',
      'quarantine',
      'schema',
      'deploy',
      'cancel',
      'doctor',
    ]) {
      expect(stdout).toMatch(new RegExp(`^  ${name}\\b`, 'm'))
    }
    expect(stdout).not.toMatch(/replay|maintain/)
    expect(stderr).toBe('')
  })

  test('--version prints the version of package.json', async () => {
    const { default: manifest } = await import('../package.json', { with: { type: 'json' } })
    expect(await sluice(['--version'], { cwd })).toEqual({
      code: 0,
      stdout: `${manifest.version}\n`,
      stderr: '',
    })
  })

  test('help of a command shows its own options and the shared ones', async () => {
    const { code, stdout } = await sluice(['run', '--help'], { cwd })
    expect(code).toBe(0)
    expect(stdout).toContain('--resume <run_id>')
    expect(stdout).toContain('--format <format>')
  })

  test.each([
    [['rnu'], "unknown command 'rnu'", 'Did you mean run?'],
    [['run', '--stagee', 'x'], "unknown option '--stagee'", 'Did you mean --stage?'],
    [['plan', '--format', 'xml'], "argument 'xml' is invalid", 'Allowed choices are text, json, md'],
    [['run', '--max-workers', 'many'], "argument 'many' is invalid", 'It must be a number'],
    [['status', '--limit', '0'], "argument '0' is invalid", 'a whole number from 1'],
    [['run', '--resume', 'x', '--stage', 'bronze'], "'--resume <run_id>' cannot be used with", '--stage'],
    [
      ['run', '--resume', 'x', '--project-name', 'p'],
      "'--resume <run_id>' cannot be used with",
      '--project-name',
    ],
    [['evidence'], "missing required argument 'run_id'", 'Nothing was done'],
    [['validate', 'extra'], 'too many arguments', 'Nothing was done'],
    [['replay', '--from', 'x', 'y'], 'replay is not available in this version', 'Nothing was done'],
    [['replay', '--help'], 'replay is not available in this version', 'Nothing was done'],
    [['validate', '--stack', 'S'], 'error [USAGE]: validate does not work on a stack', 'Leave --stack out'],
    [['status', '--stack', 'S', '--home', 'h'], 'cannot be used with option', 'Nothing was done'],
  ])('%j is refused with exit code 2', async (args, fact, hint) => {
    const { code, stdout, stderr } = await sluice(args, { cwd })
    expect(code).toBe(2)
    expect(stdout).toBe('')
    expect(stderr).toContain('error [USAGE]: ')
    expect(stderr).toContain(fact)
    expect(stderr).toContain(hint)
  })

  test('deploy without a stack is refused', async () => {
    const { code, stderr } = await sluice(['deploy'], { cwd })
    expect(code).toBe(2)
    expect(stderr).toMatch(/^error \[STACK_REQUIRED\]: deploy works on a deployed stack.*Add --stack <name>/)
  })

  test('without a command it shows the help as an error', async () => {
    const { code, stdout, stderr } = await sluice([], { cwd })
    expect(code).toBe(2)
    expect(stdout).toBe('')
    expect(stderr).toContain('Usage: sluice')
  })

  test('a reader that leaves early is no error', async () => {
    const { code, stderr } = await sluice(['--help'], { cwd, node: ['--import', closeStdout] })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  })

  test('help, version and status load neither zod nor DuckDB nor what draws', async () => {
    for (const args of [['--help'], ['--version'], ['status', '--home', './nothing']]) {
      const { code, stderr } = await sluice(args, { cwd, node: watchLoads })
      expect(code).toBe(0)
      expect(loaded(stderr)).toEqual(new Set(['commander', 'picocolors']))
    }
    const { stderr } = await sluice(['validate'], { cwd, node: watchLoads })
    expect(loaded(stderr)).not.toContain('@duckdb/node-api')
  })
})

/** Makes every write to standard output fail as a closed pipe does. */
const closeStdout = `data:text/javascript,${encodeURIComponent(`
  process.stdout.write = () => {
    queueMicrotask(() => process.stdout.emit('error', Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })))
    return true
  }`)}`
