import { afterEach, beforeEach, expect, it } from 'vitest'
import { Journal, Store } from '../../../engine/internal.ts'

let store: Store
let journal: Journal
let commits: number
beforeEach(async () => {
  store = await Store.open(':memory:')
  journal = new Journal(store, () => undefined)
  commits = 0
  const commit = store.commit.bind(store)
  store.commit = () => {
    commits += 1
    commit()
  }
})
afterEach(() => {
  journal.abandon()
  store.close()
})

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const write = (writes: number): void => {
  for (let at = 0; at < writes; at++) journal.write(() => undefined)
}

it('what little is written in a turn is committed when the turn ends', async () => {
  write(1)
  await turn()
  expect(commits).toBe(1)
})

it('a crowd is let in for some turns, and no longer', async () => {
  for (let at = 0; at < 10; at++) {
    write(10)
    await turn()
  }
  // four turns each: the one that opens it, and three more
  expect(commits).toBe(2)
  write(10)
  await journal.settled()
  expect(commits).toBe(3)
})

it('a crowd that has gone is not waited for', async () => {
  write(10)
  await turn()
  expect(commits).toBe(0)
  await turn()
  expect(commits).toBe(1)
})
