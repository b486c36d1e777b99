/** An engine behind the HTTP API, for suites that run on every engine. */
import { expect } from 'vitest'
import type { FastifyInstance } from 'fastify'
import type { Engine, EngineOptions } from '../../../engine/api.ts'
import { createServer, type ServerOptions } from '../../../engine/http/server.ts'
import { callsOf, type Call } from './inject.ts'

export type OpenEngine = (options: Omit<EngineOptions, 'engine' | 'store' | 'temporal'>) => Promise<Engine>

export class HttpLab {
  readonly engine: Engine
  readonly app: FastifyInstance

  /** Held to the OpenAPI document. */
  readonly call: Call

  private constructor(engine: Engine, app: FastifyInstance) {
    this.engine = engine
    this.app = app
    this.call = callsOf(() => app)
  }

  static async open(open: OpenEngine, options: Parameters<OpenEngine>[0], server: Partial<ServerOptions> = {}): Promise<HttpLab> {
    const engine = await open(options)
    return new HttpLab(engine, await createServer({ engine, ...server }))
  }

  async close(): Promise<void> {
    await this.app.close()
    await this.engine.close()
  }

  /** Deploys a flow of one function node `a`. */
  async put(flow: string, functionName: string, more: object = {}): Promise<void> {
    const definition = { flow, ...more, start: 'a', nodes: { a: { type: 'function', function: functionName } } }
    await this.putWhole(definition)
  }

  async putWhole(definition: { readonly flow: string; readonly [key: string]: unknown }): Promise<void> {
    const { status, body } = await this.call('PUT', `/v1/flows/${definition.flow}`, definition)
    expect([200, 201], JSON.stringify(body)).toContain(status)
  }

  /** Starts one; its id. */
  async start(flow: string, body: object = {}): Promise<string> {
    const answer = await this.call('POST', `/v1/flows/${flow}/executions`, body)
    expect(answer).toMatchObject({ status: 202 })
    return answer.body.id as string
  }

  /** The execution when it has ended, which it must have as expected. */
  async ended(id: string, status: string): Promise<any> {
    const { body } = await this.call('GET', `/v1/executions/${id}?wait=20`)
    expect(body).toMatchObject({ status })
    return body
  }

  /** Ids of a list, as soon as they are the expected ones. */
  async lists(query: string, expected: readonly string[]): Promise<void> {
    const ids = async (): Promise<string[]> => (await this.call('GET', `/v1/executions?${query}`)).body.items?.map(({ id }: any) => id)
    await expect.poll(ids, { timeout: 20_000, message: query }).toEqual(expected)
  }
}
