import { expect, test } from 'vitest'
import type { FunctionSpec } from '../../executors/contract.ts'
import { ModuleExecutor } from '../../executors/module.ts'
import { maskSecrets, secretValues } from '../../executors/secrets.ts'
import { callFails, inlineSpec, specOf } from './helpers.ts'

const masked = (secret: string, text: string) => maskSecrets(text, secretValues(specOf('nodejs', 'i.h', { secrets: { S: secret } })))

test('a secret is hidden wherever it stands; a short one only where it stands alone', () => {
  expect(masked('sesame', 'a sesame, sesames')).toBe('a ***, ***s')
  expect(masked('7', 'try 7 of 17: 7')).toBe('try *** of 17: ***')
  expect(masked('$.', 'a $.b $. c')).toBe('a $.b *** c')
  expect(masked('', 'nothing')).toBe('nothing')
})

test('so are its form in JSON, and each line of one that has several', () => {
  expect(masked('say "no"', JSON.stringify({ A: 'say "no"' }))).toBe('{"A":"***"}')
  expect(masked('-----KEY-----\nMIIB4x\n-----END-----', 'line MIIB4x')).toBe('line ***')
})

test('errors of in-process handlers do not show secrets', async () => {
  const plain = inlineSpec(() => Promise.reject(new Error('key sesame-42 is bad')))
  const spec: FunctionSpec = { ...plain, environment: { variables: {}, secrets: { KEY: 'sesame-42' } } }
  const error = await callFails(new ModuleExecutor(), spec)
  expect(error.errorMessage).toBe('key *** is bad')
  expect(JSON.stringify(error)).not.toContain('sesame')
})
