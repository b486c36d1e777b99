// Preloaded (NODE_OPTIONS=--import) by tests that need a process to die at one moment of a request with a key: when the file KILL_FILE is there,
// which names the moment, the process removes it and ends itself with SIGKILL.
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { DatabaseSync } from 'node:sqlite'

const { KILL_FILE = '' } = process.env

function die(moment) {
  if (!existsSync(KILL_FILE) || readFileSync(KILL_FILE, 'utf8') !== moment) return
  rmSync(KILL_FILE)
  process.kill(process.pid, 'SIGKILL')
}

/** What the open transaction of SQLite holds of a request: its effect, with the key, or its answer. */
let holds = 'nothing'
const { prepare } = DatabaseSync.prototype
DatabaseSync.prototype.prepare = function (sql) {
  const statement = prepare.call(this, sql)
  const run = statement.run.bind(statement)
  if (/INTO request_keys/.test(sql)) {
    statement.run = (...values) => {
      const done = run(...values)
      holds = values.at(-1) === null ? 'effect' : 'answer'
      return done
    }
  } else if (sql === 'COMMIT') {
    statement.run = () => {
      die(`before ${holds}`)
      const done = run()
      die(`after ${holds}`)
      holds = 'nothing'
      return done
    }
  }
  return statement
}

/** PostgreSQL: the row with the lease, and the answer. */
const STATEMENTS = { 'claim-key': 'claim', 'keep-answer': 'answer' }
const { Client } = createRequire(import.meta.url)('pg')
const { query } = Client.prototype
Client.prototype.query = function (config, ...rest) {
  const what = STATEMENTS[config?.name]
  if (what === undefined) return query.call(this, config, ...rest)
  die(`before ${what}`)
  const result = query.call(this, config, ...rest)
  return result.then((found) => {
    die(`after ${what}`)
    return found
  })
}
