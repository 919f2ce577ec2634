import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['{core,lambdas,local,cli}/**/*.test.ts', 'test/**/*.test.ts'],
    exclude: ['test/aws/**', '**/node_modules/**'],
    pool: 'forks',
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
