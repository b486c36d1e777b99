import { BrokerError } from './port.ts'

const LONGEST = 500

/**
 * What is wrong, as a person is to read it: `404 NOT_FOUND - no queue 'mail' in vhost '/'`. The broker's own words hold no password, and those of
 * the network neither; what else is thrown is cut to its first line.
 */
export function reasonOf(error: unknown): BrokerError {
  if (error instanceof BrokerError) return error
  if (!(error instanceof Error)) return new BrokerError(String(error).slice(0, LONGEST))
  const told = /(\d{3}) \([A-Z-]+\) with message "(.*)"$/s.exec(error.message)
  if (told !== null) return new BrokerError(`${told[1]} ${told[2]}`.slice(0, LONGEST), Number(told[1]))
  const code = codeOf(error)
  return new BrokerError(textOf(error), code)
}

function codeOf(error: Error): number | undefined {
  const { code } = error as { readonly code?: unknown }
  return typeof code === 'number' ? code : undefined
}

function textOf(error: Error): string {
  // one for each address of a name that has several, and no words of its own
  const [first] = error instanceof AggregateError ? (error.errors as Error[]) : []
  const message = error.message || first?.message || (error as NodeJS.ErrnoException).code || error.name
  return message.split('\n', 1)[0]!.slice(0, LONGEST)
}
