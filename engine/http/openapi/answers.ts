/** Answers of the document: headers, and problems, which many routes share. */
import { STATUS_CODES } from 'node:http'
import { PROBLEM_STATUS, type ProblemCode } from '../problem.ts'
import { ANSWER_HEADERS, type AnswerHeader } from '../schemas/answers.ts'
import type { Route } from './document.ts'
import { operationsOf, type Answer, type Data, type MediaType, type OpenApiDocument } from './types.ts'

const PROBLEM_TYPE = 'application/problem+json'
/** Statuses whose answers may say when to come again. */
const LATER = new Set(['429', '503'])

interface SaidAnswer {
  readonly codes?: readonly ProblemCode[]
  readonly headers?: readonly AnswerHeader[]
  readonly isEmpty?: true
}

/** Adds the headers of answers, and makes problems components: one for each set of codes. */
export function addAnswers(document: OpenApiDocument, routes: readonly Route[]): void {
  const answers = new Map(routes.map(({ schema }) => [(schema as Data)['operationId'], (schema as Data)['response'] as Data]))
  const headers: { [id: string]: Data } = { RequestId: headerOf('Id of the request, for the log: that of the request, or a new one.') }
  for (const [name, description] of Object.entries(ANSWER_HEADERS)) headers[idOf(name)] = headerOf(description)
  const responses: { [id: string]: Answer } = {}
  for (const operation of operationsOf(document)) {
    const said = answers.get(operation.operationId) ?? {}
    for (const [status, answer] of Object.entries(operation.responses) as [string, Answer][]) {
      const { codes, headers: own = [], isEmpty } = said[status] as SaidAnswer
      answer.headers = Object.fromEntries(
        ['x-request-id', ...own, ...(LATER.has(status) ? ['retry-after'] : [])].map((name) => [
          titled(name),
          { $ref: `#/components/headers/${name === 'x-request-id' ? 'RequestId' : idOf(name)}` },
        ]),
      )
      if (isEmpty === true) delete answer.content
      if (codes === undefined) continue
      answer.content![PROBLEM_TYPE] = problemContent(answer.content![PROBLEM_TYPE]!, codes)
      // one that is not only problems is of this route alone
      if (Object.keys(answer.content!).length > 1) continue
      const id = codes.map(idOf).join('Or')
      responses[id] = answer
      operation.responses[status] = { $ref: `#/components/responses/${id}` }
    }
  }
  Object.assign(document.components, { responses, headers })
}

function problemContent({ schema }: MediaType, codes: readonly ProblemCode[]): MediaType {
  return {
    schema: { allOf: [schema, { type: 'object', properties: { code: { enum: codes } } }] },
    examples: Object.fromEntries(codes.map((code) => [code, { value: exampleOf(code) }])),
  }
}

function exampleOf(code: ProblemCode): Data {
  const status = PROBLEM_STATUS[code]
  return { type: `urn:fnflow:problem:${code}`, title: STATUS_CODES[status] ?? 'Error', status, detail: code.replaceAll('-', ' '), code }
}

function headerOf(description: string): Data {
  return { description, schema: { type: 'string' } }
}

/** `flow-not-found` -> `FlowNotFound`. */
function idOf(code: string): string {
  return code.replaceAll(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

/** `retry-after` -> `Retry-After`. */
function titled(header: string): string {
  return header === 'etag' ? 'ETag' : header.replaceAll(/\b[a-z]/g, (letter) => letter.toUpperCase())
}
