import { describe, expect, it } from 'vitest'
import { beginOf } from '../../../connectors/kafka/beginnings.ts'
import { commitMetadata, type Committer } from '../../../connectors/kafka/commit-metadata.ts'

const range = { partition: 0, low: 0, high: 100 }
const committer: Committer = { flow: 'f', trigger: 'orders', generation: 1, store: 'here' }

/** Where a partition begins whose place is 10, and whose group has committed 50. */
function beginAfter(changes: Partial<Committer>, next: number | { offset: number; sought: true } = 10): number {
  const metadata = commitMetadata({ ...committer, ...changes })
  return beginOf({ next }, range, { offset: 50, metadata }, committer).next
}

describe('what the group has committed', () => {
  it('counts where a server with another store was there, whatever was sought in either', () => {
    expect(beginAfter({ store: 'there', generation: 0 })).toBe(50)
    expect(beginAfter({ store: 'there', generation: 1 })).toBe(50)
    expect(beginAfter({ store: 'there', generation: 7 })).toBe(50)
  })

  it('counts where it is of this store, and not of before a seek', () => {
    expect(beginAfter({ generation: 0 })).toBe(10)
    expect(beginAfter({ generation: 1 })).toBe(50)
    expect(beginAfter({ generation: 2 })).toBe(50)
  })

  it('does not count over a place that was just sought', () => {
    for (const store of ['here', 'there']) expect(beginAfter({ store }, { offset: 10, sought: true })).toBe(10)
  })

  it('counts no other trigger, and no other program', () => {
    expect(beginAfter({ trigger: 'mails', store: 'there' })).toBe(10)
    expect(beginAfter({ flow: 'g', store: 'there' })).toBe(10)
    expect(beginOf({ next: 10 }, range, { offset: 50, metadata: '' }, committer).next).toBe(10)
    expect(beginOf({ next: 10 }, range, { offset: 50, metadata: `${commitMetadata(committer)}/more` }, committer).next).toBe(10)
  })

  it('may be of before stores were named', () => {
    for (const [generation, begin] of [
      [0, 10],
      [1, 50],
    ])
      // prettier-ignore
      expect(beginOf({ next: 10 }, range, { offset: 50, metadata: `fnflow/f/orders/${generation}` }, committer).next).toBe(begin)
  })
})
