import { isTerminal } from './output.ts'

/** Asks on a terminal, where only y and yes are a yes. Where nobody can be asked, the command itself is the answer: true. */
export async function confirmed(question: string, signal: AbortSignal): Promise<boolean> {
  if (!process.stdin.isTTY || !isTerminal(process.stderr)) return true
  const { createInterface } = await import('node:readline/promises')
  const asking = createInterface({ input: process.stdin, output: process.stderr })
  // it takes Ctrl-C from the process
  const leave = new AbortController()
  asking.once('SIGINT', () => process.kill(process.pid, 'SIGINT'))
  asking.once('close', () => leave.abort())
  try {
    const answer = await asking.question(`${question} [y/N] `, { signal: AbortSignal.any([signal, leave.signal]) })
    return /^y(?:es)?$/i.test(answer.trim())
  } catch (error) {
    signal.throwIfAborted()
    if ((error as Error).name === 'AbortError') return false
    throw error
  } finally {
    asking.close()
  }
}
