/** vitest's global setup of the projects whose tests need services: starts them, once per run, and tells the tests where they are. */
import type { TestProject } from 'vitest/node'
import { skipReason } from '../../scripts/services/skip.ts'
import { startServices, type RunningServices } from '../../scripts/services/start.ts'
import type { ServiceName } from '../../scripts/services/table.ts'
import { SERVICE_PROJECTS } from './projects.ts'

/** What the tests get to know of a service. */
export interface ServiceOutcome {
  /** Where it answers. */
  readonly address?: string
  /** Whether a person gave it: it will still be there after the tests. */
  readonly given?: boolean
  /** Why its tests are skipped. */
  readonly skipped?: string
  /** Why its tests fail: it can't be had or does not start. */
  readonly problem?: string
}

declare module 'vitest' {
  interface ProvidedContext {
    services: Readonly<Partial<Record<ServiceName, ServiceOutcome>>>
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const names = SERVICE_PROJECTS[project.name]?.services ?? []
  const started: RunningServices[] = []
  // One by one: a service that can't be had fails its own tests, not those of others.
  const outcomes = await Promise.all(
    names.map(async (name): Promise<ServiceOutcome> => {
      const skipped = skipReason(name)
      if (skipped !== undefined) return { skipped }
      try {
        const services = await startServices([name])
        started.push(services)
        const { address, given } = services.services[name]
        return { address, given }
      } catch (error) {
        return { problem: (error as Error).message }
      }
    }),
  )
  project.provide('services', Object.fromEntries(names.map((name, index) => [name, outcomes[index]!])))
  return async () => {
    await Promise.all(started.map((services) => services.stop()))
  }
}
