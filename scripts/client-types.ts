/** The generated files of `client/`: types of the OpenAPI document's schemas, and its operations. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from '@hey-api/openapi-ts'
import { createEngine } from '../engine/create-engine.ts'
import { createServer } from '../engine/http/server.ts'
import type { OpenApiDocument, Operation } from '../engine/http/openapi/types.ts'

const HEAD = '// Written by scripts/generate.ts from the OpenAPI document; do not edit.\n'

/** Path in the repository -> text, not formatted yet. */
export async function clientFiles(): Promise<Record<string, string>> {
  const document = await documentOfServer()
  return { 'client/generated/types.ts': await typesOf(document), 'client/generated/operations.ts': operationsFile(document) }
}

async function documentOfServer(): Promise<OpenApiDocument> {
  const engine = await createEngine()
  const app = await createServer({ engine })
  try {
    const answer = await app.inject({ url: '/openapi.json', headers: { host: 'localhost' } })
    if (answer.statusCode !== 200) throw new Error(`there is no document: ${answer.body}`)
    return answer.json<OpenApiDocument>()
  } finally {
    await app.close()
    await engine.close()
  }
}

/** Problems are left out: the client throws them as one class. */
async function typesOf(document: OpenApiDocument): Promise<string> {
  const input = structuredClone(document)
  for (const methods of Object.values(input.paths))
    for (const operation of Object.values(methods))
      operation.responses = Object.fromEntries(Object.entries(operation.responses).filter(([status]) => status.startsWith('2')))
  delete input.components.responses
  const folder = await mkdtemp(join(tmpdir(), 'fnflow-client-'))
  try {
    const logs = { level: 'silent', file: false } as const
    await createClient({ input: input as never, output: { path: folder }, plugins: ['@hey-api/typescript'], logs })
    const text = await readFile(join(folder, 'types.gen.ts'), 'utf8')
    // URLs of servers are the client's own matter
    return HEAD + text.replace(/^\/\/ This file is auto-generated.*\n/, '').replace(/export type ClientOptions = \{[^}]*\};\n/, '')
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function operationsFile({ paths }: OpenApiDocument): string {
  const types: string[] = []
  const routes: string[] = []
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const { operationId: id, summary } = operation
      const type = id[0]!.toUpperCase() + id.slice(1)
      types.push(
        `/** ${summary} */\n${id}: { readonly data: ${dataType(operation, type)}; readonly answer: ${answerType(operation, type)} }`,
      )
      const [, textType] = Object.keys(operation.requestBody?.content ?? {})
      routes.push(`${id}: ['${method.toUpperCase()}', '${path}'${textType === undefined ? '' : `, '${textType}'`}]`)
    }
  }
  return `${HEAD}import type * as T from './types.ts'

/** What each operation takes and answers. */
export interface Operations {
  ${types.join('\n  ')}
}

export const OPERATIONS: { readonly [Id in keyof Operations]: readonly [method: string, path: string, textType?: string] } = {
  ${routes.join(',\n  ')},
}
`
}

/** Only the first media type of a body has a type; the others are texts. */
function dataType({ requestBody }: Operation, type: string): string {
  if (Object.keys(requestBody?.content ?? {}).length < 2) return `T.${type}Data`
  return `Omit<T.${type}Data, 'body'> & { readonly body: T.${type}Data['body'] | string }`
}

/** Of an answer, too. */
function answerType({ responses }: Operation, type: string): string {
  const isText = Object.entries(responses).some(
    ([status, answer]) =>
      status.startsWith('2') &&
      'content' in answer &&
      Object.keys(answer.content ?? {}).filter((type) => type !== 'text/event-stream').length > 1,
  )
  return `T.${type}Responses[keyof T.${type}Responses]${isText ? ' | string' : ''}`
}
