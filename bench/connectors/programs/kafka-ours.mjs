/** An embedded engine with a trigger of kind kafka. `node kafka-ours.mjs <store> <host:port> express|standard` */
import { createEngine } from '../../../dist/engine/index.js'
import { WORKLOADS } from '../../workloads.ts'
import { cpuMs, serveParent } from '../../http/programs/child.mjs'
import { memory, Watch } from './watch.mjs'

const [, , store, address, mode] = process.argv
/** The broker answers a commit of offsets after 5 ms and more, so that the default of 100 bounds a server to some 15,000 a second, however fast it is. */
const IN_FLIGHT = 1000
const watch = new Watch()
const f1 = async (event) => {
  watch.handled(event.t)
  return { n: event.n + 1 }
}
const engine = await createEngine({
  store,
  functions: { f1, f2: f1 },
  connections: { main: { kind: 'kafka', brokers: [address] } },
})
const w3 = WORKLOADS.find(({ name }) => name === 'w3').definition(mode)
let current = null

serveParent(async ({ what, topic, name, count }) => {
  switch (what) {
    case 'consume': {
      const done = watch.expect(count)
      const message = '$.records[0].messages[0]'
      const trigger = {
        type: 'kafka',
        name: 'in',
        connection: 'main',
        topics: [topic],
        groupId: name,
        from: 'earliest',
        maxInFlight: IN_FLIGHT,
      }
      await engine.deploy({ ...w3, flow: name, triggers: [{ ...trigger, input: { n: `${message}.n`, t: `${message}.t` } }] })
      current = name
      return done
    }
    case 'expect':
      return watch.expect(count)
    case 'leave':
      await engine.triggers.disable(current, 'in')
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
