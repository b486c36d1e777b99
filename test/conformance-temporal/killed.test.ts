import { expect, test } from 'vitest'
import { runSuite } from '../../scripts/conformance/run.ts'
import { temporalServices } from '../engine/temporal/services.ts'
import { CASES } from '../scripts/conformance/every-case.ts'
import { expectSameFolds } from './same-folds.ts'

const { address, postgresUrl } = temporalServices()
const MINUTES = 60_000
/** A loop's workflow task is taken for lost after 20 s only: with less between kills it might never end. */
const KILL_EVERY_SECONDS = 25

test(
  'every case, Temporal, with two workflows in memory and a worker that is killed again and again',
  { timeout: 10 * MINUTES },
  async () => {
    const lines: string[] = []
    let compared = 0
    const { passed, failed, kills } = await runSuite({
      names: [CASES],
      engines: ['temporal'],
      temporal: {
        address,
        postgresUrl,
        cached: 2,
        killEverySeconds: KILL_EVERY_SECONDS,
        inspect: async (...run) => void (compared += await expectSameFolds(...run)),
      },
      print: (line) => lines.push(line),
    })
    expect(failed, lines.join('\n')).toBe(0)
    expect(passed).toBeGreaterThan(0)
    expect(kills).toBeGreaterThan(0)
    console.log(`${passed} cases and vectors, workers killed ${kills} times, ${compared} records compared with their histories`)
  },
)
