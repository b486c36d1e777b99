import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { CommandError } from '../../cli/command-error.ts'
import { readConfig } from '../../cli/config.ts'
import { rejection } from '../engine/calls.ts'
import { folderWith } from './support.ts'

const read = (yaml: string, env: NodeJS.ProcessEnv = {}) => readConfig(join(folderWith({ 'fnflow.yaml': yaml }), 'fnflow.yaml'), env)

describe('channels of fnflow.yaml', () => {
  it('are read, secrets from where they are', async () => {
    const yaml = `
channels:
  alarms: { kind: topic, topic: alarms }
  lines: { kind: log }
  billing:
    kind: http
    url: https://billing.example/events
    mode: structured
    secret: { from: env, name: SIGNING }
    headers: { authorization: { from: env, name: TOKEN } }
`
    expect((await read(yaml, { SIGNING: 'whsec_AAAA', TOKEN: 'Bearer x' })).channels).toEqual({
      alarms: { kind: 'topic', topic: 'alarms' },
      lines: { kind: 'log' },
      billing: {
        kind: 'http',
        url: 'https://billing.example/events',
        mode: 'structured',
        secret: 'whsec_AAAA',
        headers: { authorization: 'Bearer x' },
      },
    })
  })

  it.each([
    ['channels: []', '1:11'],
    ['channels: { a: 5 }', '1:16'],
    ['channels: { a: { kind: smoke } }', '1:24'],
    ['channels: { a: { kind: topic } }', '1:16'],
    ['channels: { a: { kind: log, url: "https://a.example" } }', '1:29'],
    ['channels: { a: { kind: http, url: "https://a.example", colour: red } }', '1:56'],
    ['channels: { a: { kind: http, url: "https://a.example", secret: { from: env, name: NONE } } }', '1:64'],
    ['channels: { "a b": { kind: log } }', '1:13'],
  ])('%s is refused, with its place', async (yaml, place) => {
    const { document } = (await rejection(read(yaml))) as CommandError
    expect(document.diagnostics?.map(({ line, column }) => `${line}:${column}`)).toEqual([place])
  })
})
