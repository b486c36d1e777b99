/** What is left of a name's parts in `file.function`: the last dot separates. Undefined if there is none. */
export function splitHandler(handler: string): { readonly file: string; readonly name: string } | undefined {
  const dot = handler.lastIndexOf('.')
  return dot <= 0 || dot === handler.length - 1 ? undefined : { file: handler.slice(0, dot), name: handler.slice(dot + 1) }
}

/** CPU in millicores as FunctionGraph derives it from the memory: 300 at 128 MB. */
export function cpuOf(memoryMb: number): number {
  return Math.round((memoryMb / 128) * 100 + 200)
}
