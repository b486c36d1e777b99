/**
 * The load: connections that are kept, each with one request at a time, written and read by hand, since a client library costs as much as the server
 * that it asks (undici some 35 µs a request, this some 12).
 */
import { connect } from 'node:net'
import { cpuMs, serveParent } from './child.mjs'

/** One kept connection. */
class Connection {
  #socket
  #text = ''
  #resolve
  #reject

  static open(port) {
    return new Promise((resolve, reject) => {
      const connection = new Connection()
      const socket = connect({ host: '127.0.0.1', port, noDelay: true }, () => resolve(connection))
      connection.#socket = socket
      socket.setEncoding('latin1')
      socket.on('data', (text) => connection.#take(text))
      socket.on('error', (error) => (connection.#reject ?? reject)(error))
      socket.on('close', () => connection.#reject?.(new Error('the server has closed the connection')))
    })
  }

  /** @returns status and body, of an answer that has a content-length */
  ask(request) {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
      this.#socket.write(request)
    })
  }

  close() {
    this.#reject = undefined
    this.#socket.destroy()
  }

  #take(text) {
    this.#text = this.#text === '' ? text : this.#text + text
    const end = this.#text.indexOf('\r\n\r\n')
    if (end === -1) return
    const head = this.#text.slice(0, end).toLowerCase()
    const at = head.indexOf('\r\ncontent-length: ')
    const length = at === -1 ? 0 : Number.parseInt(head.slice(at + 18), 10)
    if (this.#text.length < end + 4 + length) return
    const body = this.#text.slice(end + 4)
    this.#text = ''
    this.#resolve({ status: Number(head.slice(9, 12)), body })
  }
}

const post = (path, body) =>
  `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
const get = (path) => `GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`
const ID = /"id":"([^"]+)"/

/** What a lane does again and again. */
const ONCE = {
  post: ({ path, body, status }) => {
    const request = post(path, body)
    return async (connection) => expect(await connection.ask(request), status)
  },
  get: ({ paths }) => {
    const requests = paths.map(get)
    let at = 0
    return async (connection) => expect(await connection.ask(requests[at++ % requests.length]), 200)
  },
  /** Starts an execution, and waits until it has ended. */
  run: ({ path, body }) => {
    const request = post(path, body)
    return async (connection) => {
      const started = await connection.ask(request)
      expect(started, 202)
      const ended = await connection.ask(get(`/v1/executions/${ID.exec(started.body)[1]}?wait=30`))
      expect(ended, 200)
      if (!ended.body.includes('"status":"succeeded"')) throw new Error(ended.body)
    }
  },
}

function expect({ status, body }, wanted) {
  if (status !== wanted) throw new Error(`${status}: ${body}`)
}

const open = new Map()

serveParent(async ({ port, connections, ms, scenario }) => {
  const key = `${port} ${connections}`
  if (!open.has(key)) open.set(key, await Promise.all(Array.from({ length: connections }, () => Connection.open(port))))
  const once = ONCE[scenario.kind](scenario)
  const latencies = []
  const cpu = cpuMs()
  const start = performance.now()
  await Promise.all(
    open.get(key).map(async (connection) => {
      for (let now = performance.now(); now - start < ms;) {
        await once(connection)
        const then = now
        now = performance.now()
        latencies.push(now - then)
      }
    }),
  )
  return { count: latencies.length, ms: performance.now() - start, latencies, cpuMs: cpuMs() - cpu }
})
