/** The other side of `processes.ts`: answers each message of the bench with what `handle` yields. Ends with the bench. */
export function serveParent(handle) {
  process.on('message', async ({ id, ask }) => {
    try {
      process.send({ id, answer: await handle(ask) })
    } catch (error) {
      process.send({ id, error: String(error?.stack ?? error) })
    }
  })
  process.on('disconnect', () => process.exit())
  process.send({ ready: true })
}

/** CPU that this process has used, ms. */
export function cpuMs() {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
