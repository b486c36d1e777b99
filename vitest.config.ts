import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    // Tests start processes of their own; more workers than this only make wall-clock bounds tight.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // What is built runs as Node runs it, not through the transformer.
    server: { deps: { external: [/\/dist\//, /functions\.mjs$/] } },
  },
})
