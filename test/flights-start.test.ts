import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { expectedFailure, surprises } from '../examples/flights/verdict.ts'
import type { FlowResult } from '../index.ts'

const repository = fileURLToPath(new URL('..', import.meta.url))
const home = mkdtempSync(join(tmpdir(), 'sluice-start-'))
afterAll(() => rmSync(home, { recursive: true, force: true }))

async function node(...args: readonly string[]): Promise<{ readonly code: number; readonly stdout: string }> {
  const child = spawn(process.execPath, args, { cwd: repository, stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  child.stdout.on('data', (part: Buffer) => {
    stdout += part
  })
  child.stderr.resume()
  const code = await new Promise<number>((resolve) => child.on('close', (value) => resolve(value ?? -1)))
  return { code, stdout }
}

async function sluice(...args: readonly string[]): Promise<number> {
  return (await node('cli/main.ts', ...args, '--project', 'examples/flights', '--home', home)).code
}

describe('npm start', () => {
  test('exits 0 with the one failure that is meant, run after run, and shows what it did', async () => {
    const first = await node('examples/flights/start.ts', '--home', home)
    expect(first).toMatchObject({ code: 0 })
    expect(first.stdout).toMatch(/flights_raw +succeeded +3,000,000 +2,999,997 +3 /)
    expect(first.stdout).toMatch(/airports_strict +failed .*CONTRACT_REJECTED/)
    expect(first.stdout).toMatch(/quarantine/)
    expect(first.stdout).toMatch(/AZ +102966 +9\.61/)

    const second = await node('examples/flights/start.ts', '--home', home)
    expect(second).toMatchObject({ code: 0 })
    expect(second.stdout).toMatch(/flights_raw +skipped .*nothing new/)
    expect(second.stdout).toMatch(/AZ +102966 +9\.61/)
  })

  test('`sluice run` exits by what became of what was selected', async () => {
    expect(await sluice('run', '--tag', 'movies')).toBe(0)
    expect(await sluice('run', '--stage', 'audit')).toBe(1)
    expect(await sluice('run', '--stage', 'gold')).toBe(2)
  })
})

describe('surprises', () => {
  const flow = (
    dataflow: string,
    status: FlowResult['status'],
    more: Partial<FlowResult> = {},
  ): FlowResult => ({
    dataflow,
    status,
    attempts: 1,
    ...more,
  })
  const error = (code: string) => ({ error: { name: 'ContractError', code, message: '' } })
  const strict = flow(expectedFailure.dataflow, 'failed', error(expectedFailure.code))

  test('the expected failure alone is none', () => {
    const skipped = flow('flights', 'skipped', { reason: 'nothing_new' })
    expect(surprises({ dataflows: [strict, flow('movies', 'succeeded'), skipped] })).toEqual([])
  })

  test.each([
    ['it succeeds', [flow(expectedFailure.dataflow, 'succeeded')]],
    ['it fails otherwise', [flow(expectedFailure.dataflow, 'failed', error('SOURCE_MISSING'))]],
    ['it did not run', [flow('movies', 'succeeded')]],
    ['another fails, too', [strict, flow('movies', 'failed', error(expectedFailure.code))]],
    [
      'another is skipped for another reason',
      [strict, flow('movies', 'skipped', { reason: 'upstream_failed' })],
    ],
    ['another has no verdict', [strict, flow('movies', 'running')]],
  ])('%s', (_, dataflows) => {
    expect(surprises({ dataflows })).toHaveLength(1)
  })
})
