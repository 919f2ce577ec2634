import { defineConfig } from 'vitest/config'

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
