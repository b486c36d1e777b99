import { TestRunner, type RunnerTestSuite } from 'vitest'

declare module 'vitest' {
  interface TaskMeta {
    /** Why all tests of the file are skipped. */
    skipped?: string
  }
}

/**
 * Skips the tests of files that have put the reason into their meta while they were read, and runs no hook of theirs. vitest has reasons
 * only for tests that skip themselves when they begin: so a hook in the place of all others does that.
 */
export default class ServicesRunner extends TestRunner {
  override async onBeforeRunSuite(suite: RunnerTestSuite): Promise<void> {
    const reason = suite.file.meta.skipped
    if (reason !== undefined) {
      const hooks = TestRunner.getSuiteHooks(suite)
      for (const list of Object.values(hooks)) list.length = 0
      hooks.beforeEach.push((context) => context.skip(reason))
    }
    await super.onBeforeRunSuite(suite)
  }
}
