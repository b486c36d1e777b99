import { defineConfig } from 'vitest/config'
import { SERVICE_PROJECTS } from './test/services/projects.ts'

export default defineConfig({
  test: {
    pool: 'forks',
    // Tests start processes of their own; more workers than this only make wall-clock bounds tight.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // What is built runs as Node runs it, not through the transformer.
    server: { deps: { external: [/\/dist\//, /functions\.mjs$/] } },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: Object.values(SERVICE_PROJECTS).flatMap(({ include }) => include),
        },
      },
      ...Object.entries(SERVICE_PROJECTS).map(([name, { include }]) => ({
        extends: true as const,
        test: {
          name,
          include: [...include],
          globalSetup: ['test/services/setup.ts'],
          runner: './test/services/runner.ts',
          testTimeout: 60_000,
          hookTimeout: 60_000,
          // Not beside the unit tests: servers that work hard would make their wall-clock bounds tight.
          sequence: { groupOrder: 1 },
        },
      })),
    ],
  },
})
