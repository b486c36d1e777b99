/** The OpenAPI document, made of the schemas that check the requests. Loaded when it is first asked for: it takes libraries that nothing else needs. */
import swagger from '@fastify/swagger'
import { fastify, type RouteOptions } from 'fastify'
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { components } from '../schemas/registry.ts'
import { addAnswers } from './answers.ts'
import { addExamples } from './examples.ts'
import { tidyComponents } from './components.ts'
import { addKeys, withKeyProblem } from './keys.ts'
import { operationsOf, type Data, type OpenApiDocument } from './types.ts'

const TAGS = {
  flows: 'Definitions, their versions and aliases.',
  executions: 'Starts, states, nodes, logs and events of executions; stop, retry and rerun.',
  callbacks: 'Answers to callback nodes.',
  functions: 'Functions and their invocations.',
  triggers: 'What starts executions by itself.',
  topics: 'Messages that start executions.',
  server: 'The server itself.',
}

/** A route as fastify tells it to `onRoute` hooks. */
export type Route = RouteOptions & { readonly prefix: string }

/**
 * The document of an API's routes.
 *
 * @param prefix Of the API in its application; the document's paths are without it, and its server has it.
 */
export async function openApiDocument(routes: readonly Route[], prefix: string): Promise<OpenApiDocument> {
  const shown = routes.filter(({ method }) => method !== 'HEAD').map(withKeyProblem)
  const schemaRegistry = registryOfComponents()
  const toJsonSchema = createJsonSchemaTransform({ schemaRegistry })
  // an application of its own: that of whoever embeds the API may have such a document too
  const app = fastify({ logger: false, exposeHeadRoutes: false })
  app.setValidatorCompiler(() => () => true)
  app.setSerializerCompiler(() => JSON.stringify)
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'fnflow',
        version: '1',
        description:
          'Flows of functions: definitions, executions, callbacks, triggers. Errors are problem documents (RFC 9457) with a `code`.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: prefix === '' ? '/' : prefix }],
      tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', description: 'An API key. Where the server has no keys, none is needed.' },
        },
      },
    },
    convertConstToEnum: false,
    transform: (input) => {
      const { body, ...schema } = (input.schema ?? {}) as Data & { readonly hide?: boolean }
      const { schema: made, url } = toJsonSchema({ ...input, schema })
      const bodyOf = (one: unknown): unknown => (toJsonSchema({ ...input, schema: { body: one } }).schema as Data)['body']
      return { url, schema: { ...made, ...(body === undefined ? {} : { body: convertBody(body, bodyOf) }) } }
    },
    transformObject: createJsonSchemaTransformObject({ schemaRegistry }),
  })
  await app.register(async (scope) => {
    for (const { method, url, schema, config } of shown) {
      const { role } = config ?? {}
      scope.route({
        method,
        url: url.slice(prefix.length),
        schema: { ...schema, security: role === null ? [] : [{ bearer: [] }] } as object,
        handler: async () => undefined,
      })
    }
  })
  await app.ready()
  // a copy without what is undefined
  const document = JSON.parse(JSON.stringify(app.swagger())) as OpenApiDocument
  await app.close()
  addAnswers(document, shown)
  addKeys(document)
  sayWhichBodiesMayLack(document, shown)
  tidyComponents(document)
  addExamples(document)
  return document
}

/** A body is a schema, or one for each media type; the provider of the conversion knows the first kind only. */
function convertBody(body: unknown, convert: (schema: unknown) => unknown): unknown {
  if (body instanceof z.ZodType) return convert(body)
  const { content } = body as { readonly content: Readonly<Record<string, { readonly schema: z.ZodType }>> }
  return { content: Object.fromEntries(Object.entries(content).map(([type, { schema }]) => [type, { schema: convert(schema) }])) }
}

function sayWhichBodiesMayLack(document: OpenApiDocument, routes: readonly Route[]): void {
  const optional = new Set(routes.flatMap(({ schema }) => (schema?.body instanceof z.ZodOptional ? [(schema as Data)['operationId']] : [])))
  for (const { operationId, requestBody } of operationsOf(document))
    if (requestBody !== undefined && optional.has(operationId)) requestBody.required = false
}

/** Our components, with descriptions and examples of zod's own registry, whose components are whoever else's. */
function registryOfComponents(): typeof components {
  const registry = z.registry<{ id: string }>()
  for (const [id, schema] of components._idmap) registry.add(schema, { ...z.globalRegistry.get(schema), id })
  const own = registry._map
  const described = new WeakMap() as typeof own
  described.get = (schema) => {
    const found = own.get(schema)
    if (found !== undefined) return found
    const { id: _, ...said } = z.globalRegistry._map.get(schema) ?? {}
    return said as { id: string }
  }
  described.has = (schema) => own.has(schema) || z.globalRegistry._map.has(schema)
  registry._map = described
  return registry
}
