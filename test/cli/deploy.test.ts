import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Client } from '../../client/index.ts'
import { json, scripted } from '../client/server.ts'
import { firstLine, fnflow, folderWith, FUNCTIONS, lastLine, type Running } from './support.ts'

const YAML = 'flow: order # ours\nstart: a\nnodes:\n  a: { type: function, function: hello }\n'
const place = folderWith({ ...FUNCTIONS })
const flows = folderWith({
  'order.yaml': YAML,
  'deep/json.json': '{"flow":"as-json","start":"a","nodes":{"a":{"type":"pass"}}}',
  'notes.yaml': 'nothing: of ours\n',
})

let serving: Running
let server: string
let client: Client
beforeAll(async () => {
  serving = fnflow(['serve', '--json', '--port', '0'], { cwd: place })
  server = (JSON.parse(await firstLine(serving)) as { address: string }).address
  client = new Client({ server })
})
afterAll(async () => {
  serving.child.kill('SIGTERM')
  await serving
})

const at = (...args: string[]): Running => fnflow([...args, '--server', server], { cwd: flows })

it('deploy shows what would change, and changes it', async () => {
  const dry = await at('deploy', '.', '--dry-run')
  expect(dry).toMatchObject({ code: 0, stderr: 'to deploy: 2 flows\n' })
  expect(dry.stdout).toBe('+ as-json  new  deep/json.json\n+ order  new  order.yaml\n')
  expect((await client.call('listFlows')).items).toEqual([])

  expect(await at('deploy', '.')).toMatchObject({ code: 0, stdout: dry.stdout, stderr: 'deployed 2 flows\n' })
  // as it was written
  expect(await client.call('getFlow', { path: { name: 'order' }, headers: { accept: 'application/yaml' } })).toBe(YAML)
  expect(await at('deploy', '.')).toMatchObject({
    code: 0,
    stdout: '= as-json  same  deep/json.json\n= order  same  order.yaml\n',
    stderr: 'nothing to deploy\n',
  })

  writeFileSync(join(flows, 'order.yaml'), YAML.replace('# ours', '# theirs').replace('function: hello', 'function: broken'))
  writeFileSync(join(flows, 'deep/json.json'), '{ "flow": "as-json",\n"start": "a", "nodes": { "a": { "type": "pass", "label": "A" } } }')
  const { stdout } = await at('deploy', '.', '--dry-run')
  expect(stdout).toContain(
    '~ order  changed  order.yaml\n  - flow: order # ours\n  + flow: order # theirs\n    start: a\n    nodes:\n  -   a: { type: function, function: hello }\n  +   a: { type: function, function: broken }\n',
  )
  expect(stdout).toMatch(/~ as-json {2}changed .*\n {2}…\n(?:.*\n)*? {2}\+ {7}"label": "A"\n/)
  const done = await at('deploy', 'order.yaml', '--json')
  expect(JSON.parse(done.stdout)).toEqual({
    flows: [{ flow: 'order', file: 'order.yaml', change: 'changed', revision: expect.stringMatching(/^\w{8,}/) as string }],
  })
})

it('deploy of a folder with errors deploys nothing, and says where they are', async () => {
  const folder = folderWith({
    'good.yaml': 'flow: good\nstart: a\nnodes:\n  a: { type: pass }\n',
    'bad.yaml': 'flow: bad\nstart: nowhere\nnodes:\n  a: { type: pass }\n',
  })
  const refused = await at('deploy', folder, '--json')
  expect([refused.code, refused.stdout]).toEqual([2, ''])
  expect(lastLine(refused)).toMatchObject({
    errorType: 'flow-invalid',
    diagnostics: [expect.objectContaining({ file: join(folder, 'bad.yaml'), line: 2 })],
  })
  expect((await at('deploy', folder)).stderr).toMatch(/bad\.yaml:2:8 /)
  expect((await client.call('listFlows')).items.map(({ flow }) => flow)).not.toContain('good')
  expect(await at('deploy', folderWith())).toMatchObject({ code: 2, stderr: expect.stringMatching(/no flow file in the folder/) as string })
  const twice = folderWith({ 'a.yaml': YAML, 'b.yaml': YAML })
  expect(await at('deploy', twice)).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/flow order is in .*a\.yaml and in .*b\.yaml/) as string,
  })
})

it('deploy replaces what it has shown, and nothing newer', async () => {
  const valid = { valid: true, diagnostics: [] }
  const changed = await scripted((request, response) => {
    if (request.url === '/v1/flows:validate') json(response, 200, valid)
    else if (request.method === 'GET') response.writeHead(200, { 'content-type': 'application/yaml', etag: '"old"' }).end('flow: order\n')
    else json(response, 412, { type: 'x', title: 'x', status: 412, detail: 'it has another', code: 'precondition-failed' })
  })
  const { code, stderr } = await fnflow(['deploy', join(flows, 'order.yaml'), '--server', changed.url])
  expect(code).toBe(2)
  expect(stderr).toMatch(/flow order was changed by somebody else meanwhile; deploy again/)
  const put = changed.seen.find(({ method }) => method === 'PUT')!
  expect(put.headers).toMatchObject({ 'if-match': '"old"', 'content-type': 'application/yaml' })
  await changed.close()
})

it('deploy puts the functions of functions.yaml with their code, before the flows that call them', async () => {
  const yaml = (more: string) => `greet:
  app: hi
  runtime: nodejs
  code: ./code
  handler: index.handler
  timeout: 30
  environment: { variables: { NUMBER: 1.10 } }
${more}inside: { runtime: module, code: ./code, handler: index.handler }
hello: { runtime: nodejs, code: ./code, handler: index.handler }
`
  const folder = folderWith({
    'functions.yaml': yaml(''),
    'code/index.mjs': 'export const handler = ({ name }) => `Hello, ${name} ${process.env.NUMBER}`\n',
    'code/.git/config': 'not for the server',
    'greets.yaml': 'flow: greets\nstart: a\nnodes:\n  a: { type: function, function: hi/greet }\n',
  })
  const here = (...args: string[]): Running => fnflow([...args, '--server', server], { cwd: folder })
  const dry = await here('deploy', '.', '--dry-run')
  expect(dry).toMatchObject({ code: 0, stderr: 'to deploy: 1 function and 1 flow\n' })
  expect(dry.stdout.split('\n')).toEqual([
    expect.stringMatching(/^! function default\/inside {2}not deployed {2}functions\.yaml: runtime module/),
    expect.stringMatching(/^! function default\/hello {2}not deployed {2}functions\.yaml: the server has it/),
    '+ function hi/greet  new  functions.yaml',
    '+ greets  new  greets.yaml',
    '',
  ])
  expect((await client.call('listFunctions')).items.map(({ app }) => app)).not.toContain('hi')

  expect(await here('deploy', '.')).toMatchObject({ code: 0, stdout: dry.stdout, stderr: 'deployed 1 function and 1 flow\n' })
  expect(await client.run('greets', { input: { name: 'Ada' } })).toBe('Hello, Ada 1.10')
  expect(await here('deploy', '.')).toMatchObject({ code: 0, stderr: 'nothing to deploy\n' })

  writeFileSync(join(folder, 'code/index.mjs'), 'export const handler = () => "Bye"\n')
  writeFileSync(join(folder, 'functions.yaml'), yaml('  memory: 256\n'))
  const changed = await here('deploy', 'functions.yaml', '--json')
  expect(JSON.parse(changed.stdout)).toEqual({
    flows: [],
    functions: [
      { function: 'hi/greet', file: 'functions.yaml', change: 'changed', codeHash: expect.stringMatching(/^[0-9a-f]{64}$/) as string },
    ],
  })
  expect(await client.run('greets', { input: {} })).toBe('Bye')

  writeFileSync(join(folder, 'functions.yaml'), yaml('  memory: 512\n'))
  const { stdout } = await here('deploy', '.', '--dry-run')
  expect(stdout).toContain('~ function hi/greet  changed  functions.yaml\n')
  expect(stdout).toMatch(/ {2}- {3}"memory": 256,\n {2}\+ {3}"memory": 512,\n/)
})

it('deploy of functions with errors deploys nothing', async () => {
  const folder = folderWith({
    'functions.yaml':
      'a: { runtime: nodejs, code: ./nowhere, handler: index.handler }\nb: { runtime: nodejs, code: ./code, handler: index.handler, environment: { secrets: { K: { from: file, name: k } } } }\n',
    'code/index.mjs': 'export const handler = () => 1\n',
    'good.yaml': 'flow: with-functions\nstart: a\nnodes:\n  a: { type: pass }\n',
  })
  const { code, stderr, stdout } = await fnflow(['deploy', folder, '--server', server, '--json'])
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).toMatch(/default\/a: the folder of its code is not there/)
  expect(stderr).toMatch(/default\/b: files of the machine can be named in functions\.yaml only/)
  expect((await client.call('listFlows')).items.map(({ flow }) => flow)).not.toContain('with-functions')

  writeFileSync(join(folder, 'functions.yaml'), 'a: { runtime: nodejs\n')
  expect(await fnflow(['deploy', folder, '--server', server])).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/functions\.yaml:\d/) as string,
  })
  const twice = folderWith({
    'functions.yaml': 'a: { runtime: nodejs, code: ./code, handler: index.handler }\n',
    'deep/functions.yaml': 'a: { runtime: nodejs, code: ../code, handler: index.handler }\n',
    'code/index.mjs': '',
  })
  expect(await fnflow(['deploy', twice, '--server', server])).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/function default\/a is in .* and in /) as string,
  })
})

it('publish makes a version, and lets an alias lead to it', async () => {
  await at('deploy', join(flows, 'order.yaml'))
  expect(await at('publish', 'order')).toMatchObject({ code: 0, stdout: 'order:1\n' })
  expect(await at('publish', 'order', '--as', 'v2', '--description', 'the second', '--alias', 'prod')).toMatchObject({
    code: 0,
    stdout: 'order:v2\n',
  })
  expect((await client.call('listFlowAliases', { path: { name: 'order' } })).items).toMatchObject([{ alias: 'prod', version: 'v2' }])
  expect(await at('publish', 'order', '--as', 'v2')).toMatchObject({ code: 2, stderr: expect.stringMatching(/conflict/) as string })
  expect(await at('publish', 'nobody')).toMatchObject({ code: 2, stderr: expect.stringMatching(/flow-not-found/) as string })
  expect(JSON.parse((await at('start', 'order:prod', '--json')).stdout)).toMatchObject({ flow: 'order', version: 'v2' })
})
