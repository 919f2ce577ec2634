import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

// Hundreds of tests start the command line: what one process has compiled, the next one need not (half of its CPU).
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL('./node_modules/.cache/compiled', import.meta.url))

/** Processes that are killed, calls whose answer is lost, writers that race: minutes, most of them waiting. */
const faults = [
  'test/crash/**/*.test.ts',
  'test/race/**/*.test.ts',
  'test/shards/faults.test.ts',
  'test/quarantine/replay-faults.test.ts',
]
/** They synthesize the stack again and again, and bundle every handler. */
const cdk = ['test/cdk/**/*.test.ts']
const elsewhere = ['test/aws/**', 'test/readers/**', '**/node_modules/**']

/** `npm test` is the first project; CI runs all of them. */
export default defineConfig({
  test: {
    pool: 'forks',
    // Children that are killed and commands that are spawned wait more than they work: every core gets a file.
    maxWorkers: '100%',
    testTimeout: 60_000,
    hookTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'main',
          include: ['{core,lambdas,local,remote,cli}/**/*.test.ts', 'test/**/*.test.ts'],
          exclude: [...elsewhere, ...faults, ...cdk],
        },
      },
      { extends: true, test: { name: 'faults', include: faults, exclude: elsewhere } },
      { extends: true, test: { name: 'cdk', include: cdk, exclude: elsewhere } },
    ],
  },
})
