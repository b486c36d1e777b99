/** `Idempotency-Key` in the document: every POST takes one. */
import type { ProblemCode } from '../problem.ts'
import { problems } from '../schemas/problems.ts'
import type { Route } from './document.ts'
import type { Data, OpenApiDocument } from './types.ts'

/** A POST may answer that its key was used for another request. */
export function withKeyProblem(route: Route): Route {
  if (!isPost(route.method)) return route
  const { response = {} } = (route.schema ?? {}) as {
    readonly response?: Readonly<Record<string, { readonly codes?: readonly ProblemCode[] }>>
  }
  const conflict = (problems('conflict', ...(response['409']?.codes ?? [])) as Data)['409']
  return { ...route, schema: { ...route.schema, response: { ...response, 409: conflict } } }
}

/** Adds the header to every POST of the document. */
export function addKeys(document: OpenApiDocument): void {
  for (const { post } of Object.values(document.paths)) {
    if (post === undefined) continue
    const description = 'The request is made once, however often it is sent with this key; its answer is given again for 7 days.'
    const schema = { type: 'string', minLength: 1, maxLength: 255, pattern: '^[!-~]+$' }
    const example = '8e03978e-40d5-43dd-bc93-6894a57f9324'
    post.parameters = [...(post.parameters ?? []), { name: 'Idempotency-Key', in: 'header', required: false, description, schema, example }]
  }
}

function isPost(method: Route['method']): boolean {
  return [method].flat().includes('POST')
}
