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
