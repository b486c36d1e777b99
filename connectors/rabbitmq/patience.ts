/** So long an answer may take that ends something. */
export const CLOSE_MS = 3_000

export function patience(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, CLOSE_MS).unref())
}
