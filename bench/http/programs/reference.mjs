/**
 * What the API is held against: a bare fastify server with
 * - `POST /write`, which answers the JSON that ours answers after one insert into SQLite, group-committed as in `reference-durable.ts`;
 * - `POST /awaits`, which awaits the three functions of W1 and answers what ours does.
 * `node reference.mjs <file> <answers as JSON>`
 */
import { fastify } from 'fastify'
import { HandWrittenStore } from '../../reference-durable.ts'
import { HANDLERS } from '../../workloads.ts'
import { cpuMs, serveParent } from './child.mjs'

const [, , file, answers] = process.argv
const { execution } = JSON.parse(answers)
const store = new HandWrittenStore(file)
const app = fastify()
app.post('/write', async ({ body }, reply) => {
  const id = store.newId()
  await store.start(id, 'w1', body.input)
  return reply.code(202).send(execution)
})
app.post('/awaits', async ({ body }) => {
  let value = body.input
  for (const name of ['f1', 'f2', 'f3']) value = await HANDLERS.get(name)({ n: value.n }, { name, attempt: 1 })
  return { execution, output: value }
})
const address = await app.listen({ host: '127.0.0.1', port: 0 })

serveParent(async ({ what }) => {
  switch (what) {
    case 'address':
      return { address, upMs: 0 }
    case 'cpu':
      return cpuMs()
    case 'close':
      await app.close()
      store.close()
      return null
  }
})
