import { createRequire } from 'node:module'
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify'
import { expect } from 'vitest'
import type { OpenApiDocument, Operation } from '../../../engine/http/openapi/types.ts'

// an independent validator of JSON Schema: the one of the validator of documents
const load = createRequire(createRequire(import.meta.url).resolve('@seriousme/openapi-schema-validator'))
const { default: Ajv2020 } = load('ajv/dist/2020.js') as { default: new (options: object) => Ajv }

interface Ajv {
  addSchema(schema: object, key: string): void
  getSchema(key: string): Validate | undefined
  errorsText(errors: unknown): string
}
type Validate = ((value: unknown) => boolean) & { errors?: unknown }

/** Checks values against schemas of a document, given by JSON pointers. */
export class DocumentSchemas {
  readonly document: OpenApiDocument
  private readonly ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false })

  constructor(document: OpenApiDocument) {
    this.document = document
    this.ajv.addSchema(document, 'document')
  }

  /** What is wrong with a value; undefined if nothing is. */
  errors(pointer: readonly string[], value: unknown): string | undefined {
    const place = pointer.map((key) => encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/')
    const validate = this.ajv.getSchema(`document#/${place}`)
    if (validate === undefined) throw new Error(`no schema at ${place}`)
    return validate(value) ? undefined : this.ajv.errorsText(validate.errors)
  }

  /** The operation of a request, with the pointer to it. */
  operation(method: string, url: string): { readonly operation: Operation; readonly pointer: readonly string[] } | undefined {
    const path = url.split('?')[0]!
    for (const [template, methods] of Object.entries(this.document.paths)) {
      const operation = methods[method.toLowerCase()]
      if (operation === undefined || !patternOf(template).test(path)) continue
      return { operation, pointer: ['paths', template, method.toLowerCase()] }
    }
    return undefined
  }

  /** An answer of an operation as the document has it, with the pointer to it. */
  answer(operation: Operation, pointer: readonly string[], status: number) {
    const said = operation.responses[String(status)]
    if (said === undefined) return undefined
    if (!('$ref' in said)) return { answer: said, pointer: [...pointer, 'responses', String(status)] }
    const place = said.$ref.slice(2).split('/')
    return { answer: this.document.components.responses![place.at(-1)!]!, pointer: place }
  }
}

function patternOf(template: string): RegExp {
  return new RegExp(`^${template.replaceAll(/[.*+?^$()|[\]\\]/g, String.raw`\$&`).replaceAll(/\{[^}]+\}/g, '[^/]+')}$`)
}

const known = new WeakMap<FastifyInstance, Promise<DocumentSchemas>>()

/** The document of a server of this machine's. */
export function documentOf(app: FastifyInstance): Promise<DocumentSchemas> {
  let found = known.get(app)
  if (found === undefined) {
    found = app
      .inject({ url: '/openapi.json', headers: { host: 'localhost' } })
      .then((answer) => new DocumentSchemas(answer.json<OpenApiDocument>()))
    known.set(app, found)
  }
  return found
}

/**
 * `app.inject`, which fails where the document does not say what was answered: status, media type, code and body; or would refuse a body that was
 * taken. Answers to what is no operation of the document are let through.
 */
export async function injectAsDocumented(
  app: FastifyInstance,
  request: InjectOptions & { readonly url: string },
): Promise<LightMyRequestResponse> {
  const schemas = await documentOf(app)
  const response = await app.inject(request)
  const method = request.method ?? 'GET'
  const found = schemas.operation(method, request.url)
  if (found === undefined) return response
  const { operation, pointer } = found
  const { statusCode: status } = response
  const title = `${method} ${request.url}: ${status}`
  const said = schemas.answer(operation, pointer, status)
  expect(said, `${title} is no answer of ${operation.operationId} in the document: ${response.body.slice(0, 300)}`).toBeDefined()
  const type = String(response.headers['content-type'] ?? '').split(';')[0]!
  const types = Object.keys(said!.answer.content ?? {})
  if (types.length === 0) expect(response.body, title).toBe('')
  else {
    expect(types, title).toContain(type)
    if (type.endsWith('json')) {
      const wrong = schemas.errors([...said!.pointer, 'content', type, 'schema'], response.json())
      expect(wrong, `${title} ${response.body.slice(0, 1000)}`).toBeUndefined()
    }
  }
  const sent = String(request.headers?.['content-type'] ?? '').split(';')[0]!
  // what is checked only need not even be JSON
  if (
    status < 300 &&
    operation.operationId !== 'validateFlow' &&
    sent === 'application/json' &&
    operation.requestBody?.content[sent] !== undefined
  ) {
    const body: unknown = JSON.parse(String(request.payload))
    expect(schemas.errors([...pointer, 'requestBody', 'content', sent, 'schema'], body), `body of ${title}`).toBeUndefined()
  }
  return response
}
