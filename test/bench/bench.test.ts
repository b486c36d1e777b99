import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const RUN = fileURLToPath(new URL('../../bench/run.ts', import.meta.url))

/** The tool as a user runs it; it measures `dist/`, which `pretest` builds. No figure is asserted: the bench is never a timed test. */
function bench(...args: string[]): { readonly code: number | null; readonly stdout: string; readonly stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [RUN, ...args], { encoding: 'utf8' })
  return { code: status, stdout, stderr }
}

const FIGURES = {
  ours: expect.any(Number) as number,
  reference: expect.any(Number) as number,
  ratio: expect.any(Number) as number,
  unit: expect.any(String) as string,
  better: expect.stringMatching(/^(higher|lower)$/) as string,
}

describe('the bench', () => {
  it('refuses a name that there is not, with the list', () => {
    const { code, stdout, stderr } = bench('durable-w9', '--json')
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain('durable-w9')
    for (const name of [
      'inprocess-w1-1',
      'inprocess-w4-1',
      'inprocess-w5-64',
      'durable-w1-64',
      'startup',
      'jsonpath-definite',
      'memory-loop-embedded',
      'store-million-list',
      'temporal-w1-64-cpu',
      'temporal-w5-events',
      'temporal-100k-lanes',
    ]) {
      expect(stderr).toMatch(new RegExp(`^ *${name}$`, 'm'))
    }
  })

  it.each([['--rounds', '0'], ['--rounds', 'x'], ['--fast']])('refuses %s %s', (...args) => {
    expect(bench(...args).code).toBe(2)
  })

  it('prints one JSON object on stdout, by name, and all else on stderr', () => {
    const { code, stdout, stderr } = bench('inprocess-w1-1', 'inprocess-w3', 'durable-w1-1', '--quick', '--rounds', '1', '--json')
    expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining('flows/s') as string })
    const results = JSON.parse(stdout) as Record<string, unknown>
    expect(Object.keys(results)).toEqual(['inprocess-w1-1', 'inprocess-w3-1', 'inprocess-w3-64', 'durable-w1-1'])
    for (const result of Object.values(results)) {
      expect(result).toMatchObject({
        ...FIGURES,
        latencyMs: { p50: { ours: expect.any(Number) as number }, p99: { ours: expect.any(Number) as number } },
      })
    }
  }, 30_000)

  it('takes a name for itself although others begin with it', () => {
    const { stdout } = bench('jsonpath-definite', '--quick', '--rounds', '1', '--json')
    expect(JSON.parse(stdout)).toMatchObject({ 'jsonpath-definite': FIGURES })
    expect(bench('inprocess-w4-1', '--quick', '--rounds', '1').stdout).not.toContain('w4-10')
  }, 30_000)
})
