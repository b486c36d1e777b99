import { expect, it } from 'vitest'
import { hideFolder } from '../../executors/code-folder.ts'

const engine = new URL('../../executors/module.ts', import.meta.url).pathname

const traceOf = (code: string | undefined, ...stackTrace: string[]) =>
  hideFolder({ status: 430, errorType: 'Error', errorMessage: 'no', stackTrace }, code).stackTrace

it('traces name files from the folder of the code, others by their base names, and none of the engine', () => {
  const frames = ['Error: no', `    at log (file://${engine}:3:1)`, '    at own (file:///nowhere/my%20code/lib/a.mjs:1:2)']
  const below = ['    at async /opt/other/b.js:3:4', `    at call (${engine}:71:14)`, '    at step (/srv/app/core.js:1:1)']
  expect(traceOf('/nowhere/my code', ...frames, ...below)).toEqual(['Error: no', '    at own (lib/a.mjs:1:2)', '    at async b.js:3:4'])
  const python = ['  File "/nowhere/code/f/py.py", line 2, in handler', '  File "/usr/lib/python3/json/decoder.py", line 9, in decode']
  expect(traceOf('/nowhere/code', ...python)).toEqual(['  File "f/py.py", line 2, in handler', '  File "decoder.py", line 9, in decode'])
})

it('an application’s own handler is named from the working directory', () => {
  expect(traceOf(undefined, `    at own (${process.cwd()}/src/a.ts:1:2)`, '    at /x/y.js:1:1')).toEqual([
    '    at own (src/a.ts:1:2)',
    '    at y.js:1:1',
  ])
})
