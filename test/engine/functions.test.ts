import { afterAll, describe, expect, it } from 'vitest'
import { FunctionRegistry } from '../../engine/functions.ts'
import { createEngine, type EngineOptions } from '../../engine/index.ts'
import { normalizeSpec } from '../../executors/function-spec.ts'
import { ExecutorRegistry } from '../../executors/registry.ts'

const scale = normalizeSpec('scale', { inline: () => 'scaled', gpu: { type: 'nvidia-t4', memoryGiB: 4 } })
const flow = { flow: 'scaling', start: 'a', nodes: { a: { type: 'function', function: 'scale' } } }
const refusal = {
  status: 449,
  errorType: 'InsufficientResources',
  errorMessage: expect.stringMatching(
    /^function default\/scale needs 4 GiB of a card nvidia-t4, and no card nvidia-t4 is configured here; /,
  ) as unknown,
}

describe.each(['embedded', 'express'] as const)('a function with gpu (%s)', (engine) => {
  const mode = engine === 'express' ? 'express' : 'standard'
  const options: EngineOptions = { engine, functions: { 'default/scale': scale } }
  const opened = createEngine(options)
  afterAll(async () => (await opened).close())

  it('fails at once, naming the function, its card and the remedy', async () => {
    await (await opened).deploy({ ...flow, mode })
    await expect((await opened).run('scaling')).rejects.toMatchObject({
      error: { ...refusal, function: 'default/scale:latest', attempt: 1 },
    })
    await expect((await opened).invoke('scale', {})).rejects.toMatchObject({ error: refusal })
  })

  it('is known all the same: no warning when a flow is deployed, and the error can be caught', async () => {
    const caught = {
      flow: 'caught',
      mode,
      start: 'a',
      nodes: {
        a: { type: 'function', function: 'scale', onError: 'h' },
        h: { type: 'error', catch: [{ when: '$.status == 449', next: 'b' }] },
        b: { type: 'pass', params: { is: 'caught' } },
      },
    }
    expect((await (await opened).deploy(caught)).warnings).toEqual([])
    expect(await (await opened).run('caught')).toEqual({ is: 'caught' })
  })
})

it('a pool makes no difference on one machine', async () => {
  const engine = await createEngine({ functions: { 'default/load': normalizeSpec('load', { inline: () => 'loaded', pool: 'imports' }) } })
  expect(await engine.invoke('load', {})).toBe('loaded')
  await engine.close()
})

it('runs where the cards of that type are served, and only those', () => {
  const functions = new FunctionRegistry(new ExecutorRegistry())
  functions.add(scale)
  functions.add(normalizeSpec('train', { inline: () => null, gpu: { type: 'nvidia-h100', memoryGiB: 80 } }))
  expect(functions.resolve('default/scale:latest').error).toMatchObject({ status: 449 })
  functions.serveCards(['nvidia-t4'])
  expect(functions.resolve('default/scale:latest').error).toBeNull()
  expect(functions.resolve('default/train:latest').error).toMatchObject({ status: 449 })
  functions.serveCards([])
  expect(functions.resolve('default/scale:latest').error).toMatchObject({ status: 449 })
})
