import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Instants } from '../../workflows/protocol/instants.ts'

it('the earliest are on, whatever comes and goes', () => {
  const acts = fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 60 })), { maxLength: 200 })
  fc.assert(
    fc.property(acts, fc.integer({ min: 1, max: 5 }), (list, limit) => {
      const instants = new Instants(limit)
      const there = new Set<number>()
      const on = new Set<number>()
      for (const [adds, instant] of list) {
        if (adds && !there.has(instant)) {
          there.add(instant)
          const put = instants.add(instant)
          if (put.off !== undefined) on.delete(put.off)
          if (put.on) on.add(instant)
        } else if (!adds && there.has(instant)) {
          there.delete(instant)
          on.delete(instant)
          const next = instants.remove(instant)
          if (next !== undefined) on.add(next)
        }
        const earliest = [...there].sort((a, b) => a - b).slice(0, limit)
        expect([...on].sort((a, b) => a - b)).toEqual(earliest)
        for (const one of there) expect(instants.isOn(one)).toBe(on.has(one))
      }
    }),
  )
})
