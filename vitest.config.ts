import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

// Hundreds of tests start the command line: what one process has compiled, the next one need not (half of its CPU).
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL('./node_modules/.cache/compiled', import.meta.url))

export default defineConfig({
  test: {
    include: ['{core,lambdas,local,remote,cli}/**/*.test.ts', 'test/**/*.test.ts'],
    exclude: ['test/aws/**', '**/node_modules/**'],
    pool: 'forks',
    // Children that are killed and commands that are spawned wait more than they work: every core gets a file.
    maxWorkers: '100%',
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
