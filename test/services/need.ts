import { inject, TestRunner } from 'vitest'
import type { ServiceName } from '../../scripts/services/table.ts'
import type { ServiceOutcome } from './setup.ts'

export type { ServiceOutcome }

/**
 * Declares, at the top of a test file, that all of its tests need these services, and returns their addresses. The file fails with one
 * line if one of them can't be had; it is skipped, and the addresses are empty, if the person who runs the tests says so.
 */
export function needServices<const Name extends ServiceName>(...names: readonly Name[]): Readonly<Record<Name, string>> {
  return Object.fromEntries(names.map((name) => [name, needed(name)])) as Record<Name, string>
}

/** What became of a service in this run. */
export function serviceOutcome(name: ServiceName): ServiceOutcome {
  const outcome = inject('services')?.[name]
  if (outcome === undefined)
    throw new Error(`this test needs ${name}, but its file belongs to no project with that service: enter it in test/services/projects.ts`)
  return outcome
}

function needed(name: ServiceName): string {
  const { address, skipped, problem } = serviceOutcome(name)
  if (problem !== undefined) {
    const error = new Error(problem)
    // The line says all; where it was thrown says nothing.
    error.stack = `${error.name}: ${problem}`
    throw error
  }
  if (skipped !== undefined) TestRunner.getCurrentSuite().file!.meta.skipped = skipped
  return address ?? ''
}
