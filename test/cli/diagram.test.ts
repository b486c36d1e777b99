import { describe, expect, it } from 'vitest'
import { mermaid } from '../../cli/diagram/mermaid.ts'
import { loadFlow } from '../../dsl/load.ts'
import type { Plan } from '../../dsl/plan.ts'
import { fnflow, folderWith, oneFunction } from './support.ts'

async function drawn(flow: object): Promise<string> {
  const { plan, diagnostics } = await loadFlow(flow)
  expect(diagnostics).toEqual([])
  return mermaid(plan as Plan)
}

describe('mermaid', () => {
  it('draws every kind of node with a shape of its own', async () => {
    expect(
      await drawn({
        flow: 'all',
        start: 'size',
        nodes: {
          size: {
            type: 'condition',
            branches: [
              { when: "$.n < 2 || $.name == 'a'", next: 'fork' },
              { default: true, next: 'each' },
            ],
          },
          fork: { type: 'parallel', complete: 'any', branches: ['left', 'right'] },
          left: { type: 'function', function: 'maths/plus2', label: 'Add "two"', next: 'join' },
          right: { type: 'callback', function: 'ask' },
          join: { type: 'pass' },
          each: {
            type: 'loop',
            items: '$.list',
            concurrency: 3,
            nodes: { end: { type: 'function', function: 'f', next: 'nap' }, nap: { type: 'wait', seconds: 5 } },
            onError: 'oops',
            next: 'svc',
          },
          oops: { type: 'error', retry: { max: 2, interval: 1 }, catch: [{ when: "$.errorType == 'X'", next: 'tell' }, { next: 'child' }] },
          tell: { type: 'event', channel: 'alarms' },
          child: { type: 'subflow', flow: 'other', wait: false },
          svc: {
            type: 'service',
            execution: 'serial',
            nodes: { a: { type: 'function', function: 'f', next: 'b' }, b: { type: 'function', function: 'g' } },
            next: 'done',
          },
          done: { type: 'end' },
        },
      }),
    ).toMatchInlineSnapshot(`
      "flowchart TD
        flow_start(("start"))
        n_size{"size"}
        n_fork{{"fork<br/>1 of 2 branches"}}
        n_left["Add #quot;two#quot;<br/>maths/plus2:latest"]
        n_right[/"right<br/>default/ask:latest<br/>callback within 1h"/]
        n_join("join")
        subgraph n_each ["each<br/>for each item of $.list, 3 at a time"]
          n_end["end<br/>default/f:latest"]
          n_nap(["nap<br/>wait 5s"])
          n_end --> n_nap
        end
        n_oops>"oops<br/>retry up to 2 times, every 1s"]
        n_tell[("tell<br/>event to alarms")]
        n_child[["child<br/>flow other, not waiting"]]
        subgraph n_svc ["svc<br/>serial"]
          n_a["a<br/>default/f:latest"]
          n_b["b<br/>default/g:latest"]
          n_a --> n_b
        end
        n_done(("done"))
        flow_start --> n_size
        n_size -->|"$.n #lt; 2 #124;#124; $.name == 'a'"| n_fork
        n_size -->|"default"| n_each
        n_fork --> n_left
        n_fork --> n_right
        n_left --> n_join
        n_right --> flow_end
        n_join --> flow_end
        n_each --> n_svc
        n_each -.->|"onError"| n_oops
        n_oops -.->|"$.errorType == 'X'"| n_tell
        n_oops -.->|"failed"| n_child
        n_tell --> flow_end
        n_child --> flow_end
        n_svc --> n_done
        flow_end(("end"))"
    `)
  })

  it('keeps ids apart that look alike, and escapes what Mermaid would read', async () => {
    const text = await drawn({
      flow: 'x',
      start: 'a-b',
      nodes: { 'a-b': { type: 'pass', label: 'a `b` #1 <i>|"\n', next: 'a_b' }, a_b: { type: 'pass', label: 'end' } },
    })
    expect(text).toContain('n_a_b("a #96;b#96; #35;1 #lt;i#gt;#124;#quot; ")')
    expect(text).toContain('n_a_b --> n_a_b_2')
  })
})

describe('fnflow diagram', () => {
  const folder = folderWith({ 'flow.json': oneFunction('hello'), 'bad.json': { flow: 'bad' } })

  it('prints it on stdout', async () => {
    const { code, stdout } = await fnflow(['diagram', 'flow.json'], { cwd: folder })
    expect(code).toBe(0)
    expect(stdout).toBe(
      'flowchart TD\n  flow_start(("start"))\n  n_a["a<br/>default/hello:latest"]\n  flow_start --> n_a\n  n_a --> flow_end\n  flow_end(("end"))\n',
    )
    expect(JSON.parse((await fnflow(['diagram', 'flow.json', '--json'], { cwd: folder })).stdout)).toEqual({
      format: 'mermaid',
      flow: 'calls-hello',
      diagram: stdout.trimEnd(),
    })
  })

  it('refuses an invalid flow with its diagnostics', async () => {
    const { code, stdout, stderr } = await fnflow(['diagram', 'bad.json'], { cwd: folder })
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(/^bad\.json:1:\d+ schema /)
  })
})
