import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Validator } from '@seriousme/openapi-schema-validator'
import { fastify, type FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { Engine } from '../../../engine/api.ts'
import { createEngine } from '../../../engine/create-engine.ts'
import { fnflowApi } from '../../../engine/http/api.ts'
import type { MediaType, OpenApiDocument, Operation } from '../../../engine/http/openapi/types.ts'
import { createServer } from '../../../engine/http/server.ts'
import { documentOf, type DocumentSchemas } from './document.ts'

describe('the OpenAPI document', () => {
  let engine: Engine
  let app: FastifyInstance
  let document: OpenApiDocument
  let schemas: DocumentSchemas
  const operations: { readonly path: string; readonly method: string; readonly operation: Operation }[] = []
  beforeAll(async () => {
    engine = await createEngine()
    app = await createServer({ engine })
    schemas = await documentOf(app)
    document = schemas.document
    for (const [path, methods] of Object.entries(document.paths))
      for (const [method, operation] of Object.entries(methods)) operations.push({ path, method, operation })
  })
  afterAll(async () => {
    await app?.close()
    await engine?.close()
  })

  it('is one of OpenAPI 3.1', async () => {
    const { valid, errors } = await new Validator().validate(structuredClone(document) as unknown as Record<string, unknown>)
    expect(errors).toBeUndefined()
    expect(valid).toBe(true)
    expect(document.openapi).toMatch(/^3\.1\./)
  })

  it('has no reference that leads nowhere', () => {
    const refs: string[] = []
    const look = (value: unknown): void => {
      if (typeof value !== 'object' || value === null) return
      for (const [key, member] of Object.entries(value)) {
        if (key === '$ref' && typeof member === 'string') refs.push(member)
        else look(member)
      }
    }
    look(document)
    expect(refs.length).toBeGreaterThan(100)
    for (const ref of refs) {
      expect(ref).toMatch(/^#\//)
      const found = ref
        .slice(2)
        .split('/')
        .reduce<any>((at, key) => at?.[key.replaceAll('~1', '/').replaceAll('~0', '~')], document)
      expect(found, ref).toBeTypeOf('object')
    }
  })

  it('names every route of the server, colons included, and each once', async () => {
    const other = fastify()
    const routes: string[] = []
    other.addHook('onRoute', ({ method, url, schema }) => {
      if (method === 'HEAD' || (schema as { hide?: boolean } | undefined)?.hide === true) return
      routes.push(
        `${String(method).toLowerCase()} ${url
          .replaceAll('::', '\0')
          .replaceAll(/:(\w+)/g, '{$1}')
          .replaceAll('\0', ':')}`,
      )
    })
    await other.register(fnflowApi, { engine })
    await other.ready()
    await other.close()
    expect(operations.map(({ method, path }) => `${method} ${path}`).sort()).toEqual(routes.sort())
    expect(routes).toContain('post /v1/flows:validate')
    const ids = operations.map(({ operation }) => operation.operationId)
    expect(new Set(ids).size).toBe(ids.length)
  })

  it('says of each operation what it is, whom it is for, and what it takes', () => {
    for (const { path, operation } of operations) {
      expect(operation, path).toMatchObject({
        operationId: expect.stringMatching(/^[a-z][A-Za-z]+$/),
        summary: expect.stringMatching(/^[A-Z]/),
      })
      expect(operation.security, path).toBeInstanceOf(Array)
      const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
      const params = (operation.parameters ?? []).filter((one) => one['in'] === 'path')
      expect(params.map((one) => one['name']).sort(), path).toEqual(names.sort())
      for (const one of operation.parameters ?? []) expect(one['description'], `${path} ${String(one['name'])}`).toBeTypeOf('string')
    }
    expect(document.paths['/healthz']!['get']!.security).toEqual([])
    expect(document.paths['/v1/executions']!['get']!.security).toEqual([{ bearer: [] }])
    expect(document.paths['/v1/flows']!['post']!.requestBody!.content).toHaveProperty(['application/yaml', 'schema', 'type'], 'string')
    expect(document.paths['/v1/executions/{id}/events']!['get']!.responses['200']).toHaveProperty(['content', 'text/event-stream'])
    expect(document.paths['/v1/flows/{name}/executions']!['post']!.responses['202']).toHaveProperty(['headers', 'Location'])
    expect(document.components.responses!['RateLimited']).toHaveProperty(['headers', 'Retry-After'])
  })

  it('has examples of every body and of every answer, which their schemas take', () => {
    const check = (media: MediaType | undefined, pointer: readonly string[]): void => {
      const place = pointer.join(' ')
      expect(media, place).toBeDefined()
      const examples = 'example' in media! ? [media.example] : Object.values(media!.examples ?? {}).map(({ value }) => value)
      expect(examples.length, `examples of ${place}`).toBeGreaterThan(0)
      for (const example of examples) expect(schemas.errors([...pointer, 'schema'], example), `example of ${place}`).toBeUndefined()
    }
    for (const { path, method, operation } of operations) {
      const pointer = ['paths', path, method]
      for (const [type, media] of Object.entries(operation.requestBody?.content ?? {}))
        check(media, [...pointer, 'requestBody', 'content', type])
      for (const status of Object.keys(operation.responses)) {
        const { answer, pointer: place } = schemas.answer(operation, pointer, Number(status))!
        for (const [type, media] of Object.entries(answer.content ?? {})) check(media, [...place, 'content', type])
      }
    }
  })

  it('has nothing of an application around the API, which keeps its own', async () => {
    const theirs = z.object({ theirs: z.string() }).meta({ id: 'Execution', description: 'of somebody else' })
    const outer = fastify()
    await outer.register(fnflowApi, { engine, prefix: '/flows' })
    outer.get('/theirs', async () => theirs.parse({ theirs: 'x' }))
    const made = (await outer.inject('/flows/openapi.json')).json<OpenApiDocument>()
    expect(made.servers).toEqual([{ url: '/flows' }])
    expect({ ...made, servers: document.servers }).toEqual(document)
    expect([...z.globalRegistry._idmap.keys()]).toEqual(['Execution'])
    z.globalRegistry.remove(theirs)
    await outer.close()
  })
})
