import type { Json } from '../json.ts'
import { compilePath } from './compile.ts'

export { compilePath, type CompiledPath } from './compile.ts'
export { JsonPathSyntaxError } from './errors.ts'

/**
 * The values that a path finds in a document, in the order of RFC 9535. Compiles anew each time: keep what {@link compilePath}
 * gives where a path is used again.
 *
 * @throws JsonPathSyntaxError
 * @throws NodeError where the path explodes on the document (over 3,145,728 matches, over 100,000,000 values looked at)
 */
export function query(path: string, document: Json): Json[] {
  return compilePath(path).matches(document)
}
