import { InvalidArgumentError, type Command } from 'commander'

/** The options of all commands that work with a cluster, below a heading of their own. */
export function withClusterFlags(command: Command): Command {
  return command
    .optionsGroup('Temporal:')
    .option('--address <host:port>', 'of the Temporal server (default: FNFLOW_TEMPORAL_ADDRESS, else localhost:7233)')
    .option('--namespace <name>', 'of Temporal (default: FNFLOW_TEMPORAL_NAMESPACE, else default)')
    .option('--scope <name>', 'keeps the flows of several applications in one database apart')
    .option('--payloads <folder>', 'large values lie there instead of in the database; all workers and clients share it')
    .option('--tls', 'TLS with the certificate authorities of this machine')
    .option('--tls-ca <file>', "TLS; the authority of the server's certificate, PEM")
    .option('--tls-cert <file>', 'the certificate of this client, PEM')
    .option('--tls-key <file>', 'its key, PEM')
    .option('--tls-server-name <name>', "what the server's certificate is made out to, if not to its address")
}

/** For commander: a whole number from 1. */
export function count(value: string): number {
  const number = Number(value)
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError('a whole number from 1 is expected')
  return number
}

/** For commander: a TCP port; 0 for whichever is free. */
export function portNumber(value: string): number {
  const number = Number(value)
  if (value.trim() === '' || !Number.isInteger(number) || number < 0 || number > 65_535)
    throw new InvalidArgumentError('a port from 0 to 65535 is expected')
  return number
}
