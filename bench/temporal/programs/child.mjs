// A program of the bench's: it gets what it needs as JSON in its first argument, tells its parent of what it has, and ends with it.
import module from 'node:module'

// as the command line does
module.enableCompileCache()

export const given = JSON.parse(process.argv[2])

process.on('disconnect', () => process.exit())

/** Tells the parent that it may begin; runs `end` when the parent says that it is enough. */
export function ready(end) {
  process.on('message', async () => {
    await end()
    process.exit()
  })
  process.send('ready')
}
