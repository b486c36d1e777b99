import { describe, expect, test } from 'vitest'
import { checkFlow, type CheckOptions } from '../../../dsl/check.ts'
import { loadFlow, loadFlowObject } from '../../../dsl/load.ts'
import type { PlanTrigger } from '../../../dsl/plan.ts'

const HOOK = { type: 'http', name: 'hook', path: '/orders/{id}' }
const TIMER = { type: 'timer', name: 'nightly', cron: '0 30 12 * * *', input: { input: 3 } }
const KAFKA = { type: 'kafka', name: 'orders', connection: 'main', topics: ['orders'], groupId: 'fnflow-orders' }
const RABBIT = { type: 'rabbitmq', name: 'mail', connection: 'mq', queue: 'fnflow-mail' }
const TOPIC = { type: 'topic', name: 'alarms', topic: 'alarms' }

function flow(triggers: unknown): object {
  return { flow: 'f', triggers, start: 'a', nodes: { a: { type: 'pass' } } }
}

/** `rule path` of everything found. */
function check(triggers: unknown[], options: CheckOptions = {}): string[] {
  return checkFlow({ value: flow(triggers) }, options)
    .diagnostics.map(({ rule, path }) => `${rule} ${path.join('.')}`)
    .sort()
}

function compiled(trigger: object): PlanTrigger {
  return loadFlowObject(flow([trigger])).plan!.triggers![0]!
}

describe('what the kinds take', () => {
  test.each([HOOK, TIMER, KAFKA, RABBIT, TOPIC])('the least of $type', (trigger) => expect(check([trigger])).toEqual([]))

  test('all of the specification, from YAML', async () => {
    const { diagnostics } = await loadFlow(`
flow: f
start: a
nodes: { a: { type: pass } }
triggers:
  - { type: timer, name: nightly, cron: "CRON_TZ=Asia/Shanghai 0 30 12 ? * MON-FRI", input: { input: 3 } }
  - { type: kafka, name: orders, connection: main, topics: [orders], groupId: fnflow-orders, batch: { size: 100 }, from: latest }
  - { type: rabbitmq, name: mail, connection: mq, vhost: /, exchange: mail, queue: fnflow-mail, prefetch: 100 }
  - { type: http, name: hook, path: "/orders/{id}", method: POST, auth: key, mode: async, timeout: 5s }
  - { type: topic, name: alarms, topic: alarms }
`)
    expect(diagnostics).toEqual([])
  })

  test.each([
    ['no name', { type: 'topic', topic: 'a' }, ['schema triggers.0']],
    ['a name that begins with a digit', { ...TOPIC, name: '1a' }, ['schema triggers.0.name']],
    ['an unknown key', { ...TOPIC, topik: 'a' }, ['schema triggers.0.topik']],
    ['a key of another kind', { ...TOPIC, cron: '* * * * * *' }, ['schema triggers.0.cron']],
    ['a timer without input', { type: 'timer', name: 't', cron: '@daily' }, ['schema triggers.0']],
    ['a filter that is no expression', { ...HOOK, filter: '$.body ==' }, ['expression-syntax triggers.0.filter']],
    ['an input with a broken path', { ...HOOK, input: { a: '$.[' } }, ['jsonpath-syntax triggers.0.input.a']],
    ['nothing in flight', { ...TOPIC, maxInFlight: 0 }, ['schema triggers.0.maxInFlight']],
    ['no topics', { ...KAFKA, topics: [] }, ['schema triggers.0.topics']],
    ['a topic with a slash', { ...TOPIC, topic: 'a/b' }, ['schema triggers.0.topic']],
    ['a batch for which the broker would not wait', { ...RABBIT, batch: { size: 5, window: '11m' } }, ['schema triggers.0.batch.window']],
    ['a binding without an exchange', { ...RABBIT, routingKey: 'a' }, ['schema triggers.0.routingKey']],
    ['an empty batch', { ...KAFKA, batch: {} }, ['schema triggers.0']],
    ['an unknown kind', { type: 'htpp', name: 'a' }, ['schema triggers.0.type']],
    ['__proto__ as name', JSON.parse('{"type":"topic","topic":"a","name":"__proto__"}'), []],
    ['__proto__ as key', JSON.parse('{"type":"topic","topic":"a","name":"a","__proto__":1}'), ['schema triggers.0.__proto__']],
  ])('%s', (_what, trigger, findings) => expect(check([trigger])).toEqual(findings))

  test('the nearest kind is named', () => {
    const [found] = checkFlow({ value: flow([{ type: 'kafak', name: 'a' }]) }).diagnostics
    expect(found?.message).toContain('did you mean "kafka"')
  })
})

describe('timer', () => {
  test.each(['0 0 12 * * ?', '@every 1h30m', '@daily', 'CRON_TZ=Asia/Shanghai 0 0 9-17/2 * * MON-FRI', '* * * * *'])(
    'the cron %s',
    (cron) => expect(check([{ ...TIMER, cron }])).toEqual([]),
  )
  test.each([
    '',
    '60 * * * * *',
    '* * * * * 7',
    '@every 1d',
    '@reboot',
    'CRON_TZ=+08:00 0 0 0 * * *',
    'TZ=Local @daily',
    `${'* '.repeat(9)}*`,
  ])('not the cron %j', (cron) => expect(check([{ ...TIMER, cron }])).toEqual(['cron-syntax triggers.0.cron']))
  test('what is no text is a matter of the schema', () => expect(check([{ ...TIMER, cron: 5 }])).toEqual(['schema triggers.0.cron']))

  test('says where, and what was expected', async () => {
    const { diagnostics } = await loadFlow(`
flow: f
start: a
nodes: { a: { type: pass } }
triggers:
  - type: timer
    name: nightly
    cron: 0 30 25 * * *
    input: {}
`)
    expect(diagnostics).toEqual([
      {
        rule: 'cron-syntax',
        severity: 'error',
        message: 'trigger "nightly": "cron" is no cron expression: hour: expected a number from 0 to 23, found "25" (character 6)',
        path: ['triggers', 0, 'cron'],
        line: 8,
        column: 11,
      },
    ])
  })

  test.each(['0 0 0 31 2 ?', '0 0 0 30,31 FEB *', '0 0 0 31 4,6,9,11 ?'])('%s never fires, which is a warning', (cron) => {
    const { diagnostics, definition } = checkFlow({ value: flow([{ ...TIMER, cron }]) })
    expect(diagnostics).toMatchObject([{ rule: 'cron-syntax', severity: 'warning', path: ['triggers', 0, 'cron'] }])
    expect(definition).toBeDefined()
  })
  test('of two days either is enough', () => expect(check([{ ...TIMER, cron: '0 0 0 31 2 MON' }])).toEqual([]))
})

describe('http', () => {
  test.each(['/', '/a', '/a/{id}/b/{name}', '/a.b-c_d~e', '/a/'])('the path %s', (path) => expect(check([{ ...HOOK, path }])).toEqual([]))
  test.each(['', 'a', '//', '/a//b', '/a?b', '/a b', '/{id', '/{id}x', '/{1}', '/a/../b', '/a/{x}/{x}', '/%2e', `/${'a'.repeat(512)}`, 5])(
    'not the path %s',
    (path) => expect(check([{ ...HOOK, path }])).toEqual(['schema triggers.0.path']),
  )
  test.each([0, '0ms', '61s', '1h', 'x', -1])('not the timeout %s', (timeout) =>
    expect(check([{ ...HOOK, timeout }])).toEqual(['schema triggers.0.timeout']),
  )
  test('a minute at most', () => expect(check([{ ...HOOK, timeout: '60s' }])).toEqual([]))
  test('jwt and its settings go together', () => {
    const jwt = { issuer: 'https://id.example', audience: 'fnflow', jwksUrl: 'https://id.example/keys' }
    expect(check([{ ...HOOK, auth: 'jwt', jwt }])).toEqual([])
    expect(check([{ ...HOOK, auth: 'jwt' }])).toEqual(['schema triggers.0.auth'])
    expect(check([{ ...HOOK, jwt }])).toEqual(['schema triggers.0.jwt'])
    expect(check([{ ...HOOK, auth: 'jwt', jwt: { ...jwt, jwksUrl: 'file:///etc/passwd' } }])).toEqual(['schema triggers.0.jwt.jwksUrl'])
  })
})

describe('rules between triggers', () => {
  test('names are unique', () => expect(check([TOPIC, { ...HOOK, name: 'alarms' }])).toEqual(['schema triggers.1.name']))
  test('path-taken: the same method and pattern, whatever the params are called', () => {
    const other = { ...HOOK, name: 'other', path: '/orders/{order}' }
    expect(check([HOOK, other])).toEqual(['path-taken triggers.1.path'])
    expect(check([HOOK, { ...other, method: 'ANY' }])).toEqual(['path-taken triggers.1.path'])
    expect(check([HOOK, { ...other, method: 'GET' }])).toEqual([])
    expect(check([HOOK, { ...other, path: '/orders/new' }])).toEqual([])
  })
  test('group-taken: a record goes to one member of a group, whatever the topics', () => {
    const one = { type: 'kafka', name: 'one', connection: 'main', topics: ['a'], groupId: 'g' }
    const other = { ...one, name: 'two', topics: ['b'] }
    expect(check([one, other])).toEqual(['group-taken triggers.1.groupId'])
    expect(check([one, { ...other, groupId: 'h' }])).toEqual([])
    expect(check([one, { ...other, connection: 'elsewhere' }])).toEqual([])
  })
  test('ten at most', () => {
    const many = (count: number): unknown[] => Array.from({ length: count }, (_, index) => ({ ...TOPIC, name: `t${index}` }))
    expect(check(many(10))).toEqual([])
    expect(check(many(11))).toEqual(['too-many-nodes triggers'])
  })
})

describe('what the registry does not know', () => {
  const registry = { hasChannel: () => false, hasConnection: (name: string) => name === 'main' }
  test('unknown-connection and unknown-channel', () => {
    const dead = { ...RABBIT, deadLetter: 'dead' }
    expect(check([KAFKA, dead], { registry })).toEqual([
      'unknown-channel triggers.1.deadLetter',
      'unknown-connection triggers.1.connection',
    ])
    const severity = (options: CheckOptions) => checkFlow({ value: flow([RABBIT]) }, options).diagnostics[0]?.severity
    expect(severity({ registry })).toBe('warning')
    expect(severity({ registry, deploy: true })).toBe('error')
  })
})

describe('the plan', () => {
  test('has defaults and milliseconds', () => {
    expect(compiled(HOOK)).toEqual({
      type: 'http',
      name: 'hook',
      maxInFlight: 100,
      path: '/orders/{id}',
      method: 'POST',
      auth: 'key',
      mode: 'async',
      timeoutMs: 5000,
      format: 'auto',
    })
    expect(compiled({ ...HOOK, timeout: '1500ms', version: 'live' })).toMatchObject({ timeoutMs: 1500, version: 'live' })
    expect(compiled(TIMER)).toMatchObject({ catchUpMs: 60_000, overlap: 'queue', input: { input: 3 } })
    expect(compiled({ ...KAFKA, batch: { size: 5, window: '2s' } })).toMatchObject({ from: 'latest', batch: { size: 5, windowMs: 2000 } })
    // fewer than a batch takes would never fill one
    expect(compiled({ ...RABBIT, prefetch: 10, batch: { size: 50 } })).toMatchObject({
      prefetch: 50,
      dedupeWindowMs: 604_800_000,
    })
    expect(compiled(RABBIT)).not.toHaveProperty('vhost')
  })
  test('is what it was where there are no triggers', () => {
    expect(loadFlowObject(flow([])).plan).not.toHaveProperty('triggers')
    expect(JSON.stringify(loadFlowObject(flow([])).plan)).toBe(
      JSON.stringify(loadFlowObject({ flow: 'f', start: 'a', nodes: { a: { type: 'pass' } } }).plan),
    )
  })
})
