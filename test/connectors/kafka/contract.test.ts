/** What every connector holds, on a broker of its own, which is restarted. */
import { afterAll, beforeAll } from 'vitest'
import { freePort } from '../../../scripts/services/ports.ts'
import { startServices, type RunningServices } from '../../../scripts/services/start.ts'
import { needServices } from '../../services/need.ts'
import { connectorContract, type Harness } from '../contract.ts'
import { Lab, unique } from './lab.ts'
import { Proxy } from '../proxy.ts'

needServices('kafka')

const START_MS = 180_000
let services: RunningServices<'kafka'>
let lab: Lab
let proxy: Proxy
const brokers: string[] = []

beforeAll(async () => {
  const [port, advertised] = [await freePort(), await freePort()]
  services = await startServices(['kafka'], { log: () => undefined, options: { kafka: { proxied: { port, advertised } } } })
  proxy = new Proxy(port)
  await proxy.listen(advertised)
  brokers.push(`127.0.0.1:${advertised}`)
  lab = new Lab(services.addresses.kafka)
}, START_MS)

afterAll(async () => {
  proxy?.close()
  await services?.stop()
}, START_MS)

const harness: Harness = {
  kind: 'kafka',
  hasOrder: true,
  canSeek: true,
  options: { connections: { main: { kind: 'kafka', brokers, sessionTimeout: '1s' } } },
  async stream() {
    const topic = await lab.topic()
    const groupId = unique('group')
    return {
      trigger: ({ batch } = {}) => ({
        ...{ type: 'kafka', connection: 'main', topics: [topic], groupId, from: 'earliest', format: 'json' },
        ...(batch === undefined ? {} : { batch: { size: batch, window: '100ms' } }),
      }),
      produce: (values) =>
        lab.write(
          topic,
          values.map((value) => ({ value: JSON.stringify(value) })),
        ),
      produceRaw: (bytes) => lab.write(topic, [{ value: Buffer.from(bytes) }]),
      path: { one: '$.records[0].messages[0]', batch: '$.records[0].messages' },
    }
  },
  restart: () => services.services.kafka.restart(),
  cut: async () => void proxy.cut(),
}

connectorContract(harness)
