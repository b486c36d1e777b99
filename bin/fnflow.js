#!/usr/bin/env node
// Plain old JavaScript without static imports: an old Node must get as far as the message below.
var wanted = 24
if (Number(process.versions.node.split('.')[0]) < wanted) {
  process.stderr.write(
    'fnflow needs Node ' +
      wanted +
      ' or later, this is ' +
      process.versions.node +
      '; try `npx -p node@' +
      wanted +
      ' -p fnflow fnflow ...`\n',
  )
  process.exitCode = 2
} else {
  limitHeap()
  import('node:module')
    .then(function (module) {
      module.enableCompileCache()
      return import('../dist/cli/main.js')
    })
    .then(function (program) {
      return program.main(process.argv.slice(2))
    })
    .then(function (exitCode) {
      process.exitCode = exitCode
    })
    .catch(function (error) {
      process.stderr.write('fnflow failed: ' + (error && error.stack ? error.stack : error) + '\n')
      process.exitCode = 1
    })
}

/**
 * Servers hold many small objects for as long as a commit takes: just long enough to outlive V8's young generation, which grows to 48 MB for them and
 * moves its overflow to an old one that is seldom collected. With half of it they need 100 MB less, and some more CPU. It can be said only where a process
 * begins, so this one begins anew, under its id; not where execve is missing (Windows), nor where somebody has said it himself.
 */
function limitHeap() {
  var isServer = process.argv[2] === 'serve' || process.argv[2] === 'worker'
  var said = process.execArgv.join(' ') + ' ' + (process.env.NODE_OPTIONS || '')
  if (!isServer || said.indexOf('semi-space-size') !== -1 || typeof process.execve !== 'function' || process.platform === 'win32') return
  var args = [process.execPath].concat(process.execArgv, '--max-semi-space-size=8', process.argv.slice(1))
  process.execve(process.execPath, args, process.env)
}
