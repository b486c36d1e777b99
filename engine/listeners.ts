/** A listener of the embedder's that throws must not tear a commit apart: it is reported, once, and the engine goes on. */
export function guarded<Value>(name: string, listener: ((value: Value) => void) | undefined): (value: Value) => void {
  if (listener === undefined) return () => undefined
  let told = false
  return (value) => {
    try {
      listener(value)
    } catch (error) {
      if (told) return
      told = true
      process.emitWarning(
        `${name} threw: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
        'FnflowListenerWarning',
      )
    }
  }
}
