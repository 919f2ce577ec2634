import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const compiled = fileURLToPath(new URL('../node_modules/.cache/compiled', import.meta.url))

/** What one process cost from its first instruction to its last, as the operating system accounts it. */
export interface Cost {
  /** User and system, seconds. */
  readonly cpu: number
  /** Seconds from spawn to exit. */
  readonly wall: number
  /** Largest resident set, MiB. */
  readonly rss: number
  /** What the case printed about itself. */
  readonly said: Readonly<Record<string, number>>
}

/**
 * Runs `bench/cases/<name>.ts` in a process of its own. Like the command line, it finds what was compiled before; without
 * that a start of Sluice from its sources costs 0.9 CPU s more.
 */
export async function measure(name: string, args: readonly string[]): Promise<Cost> {
  const script = fileURLToPath(new URL(`./cases/${name}.ts`, import.meta.url))
  const started = performance.now()
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', script, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { NODE_COMPILE_CACHE: compiled, ...process.env },
  })
  let output = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  if (code !== 0) throw new Error(`${name} ${args.join(' ')} ended with ${code}: ${output}`)
  const { usage, ...said } = JSON.parse(output.trim().split('\n').at(-1) as string)
  return { cpu: usage.cpu, rss: usage.rss, wall: (performance.now() - started) / 1000, said }
}

/** A case calls this last. */
export function report(said: Readonly<Record<string, number>> = {}): void {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage()
  const usage = { cpu: (userCPUTime + systemCPUTime) / 1e6, rss: maxRSS / 1024 }
  console.log(JSON.stringify({ ...said, usage }))
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length / 2
  return Number.isInteger(middle)
    ? ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2
    : (sorted[Math.floor(middle)] as number)
}

export function spread(values: readonly number[], digits = 2): string {
  const [low, high] = [Math.min(...values), Math.max(...values)]
  return `${median(values).toFixed(digits)} (${low.toFixed(digits)}–${high.toFixed(digits)})`
}
