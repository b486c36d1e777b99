import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { ExecutorRegistry, promiseExecutor } from '../../executors/registry.ts'
import { call, callFails, invoke, specOf } from './helpers.ts'

test('an executor of the user’s is made once, when first asked for', async () => {
  const registry = new ExecutorRegistry()
  let made = 0
  let stopped = 0
  registry.registerExecutor('lambda', (host) => {
    made++
    expect(host.now()).toBeGreaterThan(0)
    return { invoke: (invocation) => invocation.succeed('ok'), stop: async () => void stopped++ }
  })
  expect(made).toBe(0)
  expect(await call(registry.get('lambda')!, specOf('lambda', 'x'))).toBe('ok')
  expect(registry.get('lambda')).toBe(registry.get('lambda'))
  expect(made).toBe(1)
  expect(() => registry.registerExecutor('lambda', () => registry.get('lambda')!)).toThrow(/in use already/)
  expect(registry.get('nope')).toBeUndefined()
  expect(registry.names()).toEqual(['module', 'nodejs', 'python', 'lambda'])
  await registry.stopAll()
  await registry.stopAll()
  expect(stopped).toBe(1)
})

test('promise executors: results are copied, what is thrown becomes an error document', async () => {
  const registry = new ExecutorRegistry()
  const kept = { a: 1 }
  const outcomes: Record<string, () => any> = {
    kept: async () => kept,
    bad: async () => ({ big: 1n }),
    throws: async () => {
      throw new RangeError('no')
    },
    throwsAtOnce: () => {
      throw new RangeError('at once')
    },
    document: async () => {
      throw { status: 432, errorType: 'ResourceLimitReached', errorMessage: 'full' }
    },
  }
  registry.registerExecutor('own', promiseExecutor({ invoke: (invocation) => outcomes[invocation.spec.handler]!() }))
  const own = registry.get('own')!
  const result = await call(own, specOf('own', 'kept'))
  kept.a = 2
  expect(result).toEqual({ a: 1 })
  expect(await callFails(own, specOf('own', 'bad'))).toMatchObject({ status: 403 })
  expect(await callFails(own, specOf('own', 'throws'))).toMatchObject({ status: 430, errorType: 'RangeError', errorMessage: 'no' })
  expect(await callFails(own, specOf('own', 'throwsAtOnce'))).toMatchObject({ status: 430, errorMessage: 'at once' })
  expect(await callFails(own, specOf('own', 'document'))).toEqual({ status: 432, errorType: 'ResourceLimitReached', errorMessage: 'full' })
  await registry.stopAll()
})

test('a cancellation before the executor’s code is there is heard', async () => {
  const registry = new ExecutorRegistry()
  const invocation = invoke(registry.get('nodejs')!, specOf('nodejs', 'contract.echo'), 1)
  invocation.cancel()
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(invocation.settlements).toBe(0)
  await registry.stopAll()
})

test('stopping leaves what runs unsettled, and ends the processes', async () => {
  const registry = new ExecutorRegistry()
  const executor = registry.get('nodejs')!
  await call(executor, specOf('nodejs', 'contract.echo'))
  const running = invoke(executor, specOf('nodejs', 'contract.never'))
  await new Promise((resolve) => setTimeout(resolve, 200))
  await registry.stopAll()
  expect(running.settlements).toBe(0)
})

test('importing the registry loads nothing for child processes, YAML or schemas', () => {
  const loadedBy = (file: string): string => {
    const url = new URL(`../../executors/${file}`, import.meta.url).href
    const script = `await import(${JSON.stringify(url)}); console.log(process.moduleLoadList.filter((name) => / (child_process|net|fs\\/promises)$/.test(name)).join())`
    return execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
  }
  // The other file imports nothing: what Node itself needs for TypeScript.
  expect(loadedBy('registry.ts')).toBe(loadedBy('names.ts'))
})
