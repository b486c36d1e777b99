/*
 * Which tests need which services. Each group is a project of vitest's, and a project's services are started once, before its first
 * test, in a run that has any of its tests: whoever runs unit tests does not wait.
 */
import type { ServiceName } from '../../scripts/services/table.ts'

interface ServiceProject {
  readonly services: readonly ServiceName[]
  readonly include: readonly string[]
}

export const SERVICE_PROJECTS: Readonly<Record<string, ServiceProject>> = {
  temporal: {
    services: ['temporal', 'postgres'],
    include: [
      'test/engine/temporal/**/*.test.ts',
      'test/workflows/**/*.temporal.test.ts',
      'test/conformance-temporal/**/*.test.ts',
      'test/cli/temporal*.test.ts',
      // They start their own, but what is built or installed for that must not count against a test's time.
      'test/scripts/services/**/*.test.ts',
    ],
  },
  'connectors-temporal': { services: ['temporal', 'postgres', 'kafka', 'rabbitmq'], include: ['test/connectors-temporal/**/*.test.ts'] },
  rabbitmq: { services: ['rabbitmq'], include: ['test/connectors/rabbitmq/**/*.test.ts'] },
  kafka: { services: ['kafka'], include: ['test/connectors/kafka/**/*.test.ts'] },
}
