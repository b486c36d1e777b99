/** An embedded engine with a trigger of kind rabbitmq. `node rabbitmq-ours.mjs <store> <amqp URL> express|standard` */
import { createEngine } from '../../../dist/engine/index.js'
import { WORKLOADS } from '../../workloads.ts'
import { cpuMs, serveParent } from '../../http/programs/child.mjs'
import { memory, Watch } from './watch.mjs'

const [, , store, url, mode] = process.argv
const watch = new Watch()
const f1 = async (event) => {
  watch.handled(event.t)
  return { n: event.n + 1 }
}
const engine = await createEngine({
  store,
  functions: { f1, f2: f1 },
  connections: { mq: { kind: 'rabbitmq', url } },
})
const w3 = WORKLOADS.find(({ name }) => name === 'w3').definition(mode)

serveParent(async ({ what, queue, count }) => {
  switch (what) {
    case 'consume': {
      const done = watch.expect(count)
      const message = '$.records[0].messages[0]'
      const trigger = { type: 'rabbitmq', name: 'in', connection: 'mq', queue, input: { n: `${message}.n`, t: `${message}.t` } }
      await engine.deploy({ ...w3, flow: queue, triggers: [trigger] })
      return done
    }
    case 'expect':
      return watch.expect(count)
    case 'leave':
      await engine.triggers.disable(queue, 'in')
      return null
    case 'cpu':
      return cpuMs()
    case 'memory':
      return memory()
    case 'close':
      await engine.close()
      return null
  }
})
