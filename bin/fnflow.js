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
