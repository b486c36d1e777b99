import { connect } from 'node:net'

/** What came back on a connection of its own, and whether the server has closed it. */
export interface Heard {
  readonly statuses: readonly number[]
  readonly text: string
  readonly closed: boolean
}

/** Sends bytes as they are; resolves when the server has closed, or has been silent for `silenceMs` after an answer. */
export function sendRaw(port: number, text: string, silenceMs = 300): Promise<Heard> {
  return new Promise((resolve) => {
    let heard = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(text, 'latin1'))
    const done = (closed: boolean): void => {
      clearTimeout(silent)
      socket.destroy()
      resolve({ statuses: [...heard.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status)), text: heard, closed })
    }
    let silent: NodeJS.Timeout | undefined
    socket.on('data', (data) => {
      heard += data.toString('latin1')
      clearTimeout(silent)
      silent = setTimeout(() => done(false), silenceMs)
    })
    socket.on('error', () => done(true))
    socket.on('close', () => done(true))
  })
}
