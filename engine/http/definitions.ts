/** Definitions in requests: texts, so that what is wrong with them has a position. */
import type { Diagnostic } from '../../dsl/diagnostics.ts'
import { PAYLOAD_LIMIT } from '../../dsl/json-copy.ts'
import { MAX_BYTES } from '../../dsl/parse/limits.ts'
import type { Plan, PlanNode } from '../../dsl/plan.ts'
import type { FlowText, PutOptions, PutResult } from '../catalogue/api.ts'
import type { Engine } from '../api.ts'
import { EngineError, FlowInvalid } from '../errors.ts'
import type { Access } from './access.ts'
import { mustBeUtf8, parseJson, textOf } from './json-body.ts'
import { Problem } from './problem.ts'

const NO_DEFINITION = 'the body must be a definition, as JSON or YAML'

/** A body as it came. */
export interface DefinitionRequest {
  readonly body: unknown
  readonly headers: { readonly 'content-type'?: string | undefined }
  readonly access: Access
}

/**
 * Puts the definition of a request into the catalogue. Throws Problem `malformed-json`, `malformed-yaml`, `payload-too-large`, `payload-too-deep`,
 * `forbidden`, and what `catalogue.put` rejects with.
 */
export async function putDefinition(
  engine: Engine,
  request: DefinitionRequest,
  options: Omit<PutOptions, 'format' | 'permit' | 'sees'>,
): Promise<PutResult> {
  const bytes = bytesOf(request)
  if (bytes.length === 0) throw new Problem('bad-request', NO_DEFINITION)
  const format = formatOf(request)
  // YAML takes nearly all JSON, and says less of what is wrong with it
  if (format === 'json') checkJson(bytes)
  try {
    const { access } = request
    return await engine.catalogue.put(bytes, {
      ...options,
      format,
      permit: (plan, reached) => permit(access, plan, reached),
      ...(access.flows === undefined ? {} : { sees: access.flows }),
    })
  } catch (error) {
    // whose the path is, is not for a key that sees some flows
    if (request.access.flows !== undefined && error instanceof EngineError && error.code === 'path-taken')
      throw new EngineError('path-taken', 'the path of a trigger is taken; give it another path or method')
    throw format === 'json' && error instanceof FlowInvalid ? jsonProblem(error, bytes.length) : error
  }
}

/** What deploying the definition of a request would say; what does not parse is a `syntax` diagnostic. Throws as {@link bytesOf}. */
export async function checkDefinition(engine: Engine, request: DefinitionRequest): Promise<readonly Diagnostic[]> {
  const bytes = bytesOf(request)
  if (bytes.length === 0) return [{ rule: 'syntax', severity: 'error', message: NO_DEFINITION, path: [], line: 1, column: 1 }]
  if (formatOf(request) === 'json') {
    try {
      checkJson(bytes)
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      const { detail: message, line = 1, column = 1 } = error.document
      return [{ rule: 'syntax', severity: 'error', message, path: [], line, column }]
    }
  }
  return (await engine.check(bytes)).diagnostics
}

/** Throws Problem `bad-request` where there is none, `unsupported-media-type`, EngineError `payload-too-large`. */
function bytesOf({ body, headers }: Pick<DefinitionRequest, 'body' | 'headers'>): Buffer {
  if (!Buffer.isBuffer(body)) throw new Problem('bad-request', NO_DEFINITION)
  mustBeUtf8(headers['content-type'])
  if (body.length > PAYLOAD_LIMIT) throw new EngineError('payload-too-large', 'the definition is larger than 6 MiB')
  return body
}

function formatOf({ headers }: DefinitionRequest): FlowText['format'] {
  return headers['content-type']?.toLowerCase().startsWith('application/json') === true ? 'json' : 'yaml'
}

/** Throws Problem `malformed-json`. */
function checkJson(bytes: Buffer): void {
  parseJson(textOf(bytes).replace(/^\ufeff/, ''))
}

/** What `JSON.parse` takes, and the language does not read. */
function jsonProblem(error: FlowInvalid, bytes: number): Error {
  // the text is JSON, and too long for a flow
  if (bytes > MAX_BYTES) return new Problem('flow-invalid', error.message, { diagnostics: error.diagnostics })
  const syntax = error.diagnostics.find(({ rule }) => rule === 'syntax')
  if (syntax === undefined) return error
  const { line = 1, column = 1, message } = syntax
  if (message.startsWith('nested over')) return new EngineError('payload-too-deep', message)
  return new Problem('malformed-json', message, { line, column })
}

/** Nobody defines flows, or starts them as subflows or by topics, that they do not see. Throws Problem `forbidden`. */
function permit(access: Access, plan: Plan, reached: readonly string[]): void {
  if (!access.sees(plan.flow)) throw new Problem('forbidden', `flow ${plan.flow} is not in the flow list of this key`)
  for (const name of subflowsOf(plan.nodes)) {
    if (!access.sees(name))
      throw new Problem('forbidden', `flow ${plan.flow} calls flow ${name}, which is not in the flow list of this key`)
  }
  // which flows they are is not for this key
  if (!reached.every((name) => access.sees(name)))
    throw new Problem('forbidden', `flow ${plan.flow} publishes to a topic that starts flows outside of the flow list of this key`)
}

function* subflowsOf(nodes: Readonly<Record<string, PlanNode>>): Generator<string, void, undefined> {
  for (const node of Object.values(nodes)) {
    if (node.type === 'subflow') yield node.flow.split(':', 1)[0]!
    if ('nodes' in node) yield* subflowsOf(node.nodes)
  }
}
