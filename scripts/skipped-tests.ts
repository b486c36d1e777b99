import { relative } from 'node:path'
import type { Reporter, TestModule, Vitest } from 'vitest/node'

/** A vitest reporter: names the tests that were skipped, with the notes that say why. The JSON report has no notes. */
export default class SkippedTests implements Reporter {
  private filtered = false

  onInit(vitest: Vitest): void {
    this.filtered = vitest.config.testNamePattern !== undefined
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    for (const module of modules) {
      for (const test of module.children.allTests('skipped')) {
        const result = test.result()
        const note = result.state === 'skipped' ? result.note : undefined
        // what a name filter leaves out is no news
        if (note !== undefined || !this.filtered)
          console.log(`skipped: ${relative('', module.moduleId)} > ${test.fullName}: ${note ?? 'no reason given'}`)
      }
    }
  }
}
