/** Exit codes of the program (docs/errors.md). */
export const EXIT = {
  ok: 0,
  /** The execution failed, timed out or was cancelled. */
  failed: 1,
  /** Bad usage, an input that cannot be read, an invalid definition. */
  usage: 2,
  /** A server, service or store could not be reached. */
  unreachable: 3,
  /** Ctrl-C or SIGTERM; the execution was stopped first. */
  interrupted: 130,
} as const
