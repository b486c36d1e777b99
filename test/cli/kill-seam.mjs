// Preloaded (NODE_OPTIONS=--import) by tests that need a process to die at one moment of a request with a key: when the file KILL_FILE is there,
// which names the moment, the process removes it and ends itself with SIGKILL.
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'

const { KILL_FILE = '' } = process.env
/** What the open transaction holds of a request: its effect, with the key, or its answer. */
let holds = null

function die(moment) {
  if (holds === null || !existsSync(KILL_FILE) || readFileSync(KILL_FILE, 'utf8') !== `${moment} ${holds}`) return
  rmSync(KILL_FILE)
  process.kill(process.pid, 'SIGKILL')
}

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
      die('before')
      const done = run()
      die('after')
      holds = null
      return done
    }
  }
  return statement
}
