import { afterAll, describe, expect, it } from 'vitest'
import { Client } from '../../../connectors/kafka/client.ts'
import { rejection, until } from '../../engine/calls.ts'
import { needServices } from '../../services/need.ts'
import { Lab, unique } from './lab.ts'

const { kafka } = needServices('kafka')
const lab = new Lab(kafka)
const client = new Client({ kind: 'kafka', brokers: [kafka] })
afterAll(() => client.close())

describe('a connection that many ask', () => {
  it('answers the others while one asks for a topic that there is not', async () => {
    const known = await lab.topic(2)
    for (let round = 0; round < 5; round++) {
      let isOver = false
      const refused = rejection(client.ranges(unique('unknown'))).finally(() => (isOver = true))
      while (!isOver) {
        const all = await Promise.all(Array.from({ length: 5 }, () => client.ranges(known)))
        for (const ranges of all) expect(ranges.map(({ low, high }) => [low, high])).toEqual([[0, 0], [0, 0]]) // prettier-ignore
      }
      expect(String(await refused)).toMatch(/does not host this topic/)
    }
  })

  it('forgets a topic that was deleted', async () => {
    const [one, other] = [await lab.topic(), await lab.topic()]
    await Promise.all([client.ranges(one), client.ranges(other)])
    await (await lab.admin()).deleteTopics({ topics: [other] })
    await until(async () => !(await (await lab.admin()).listTopics()).includes(other), 'the end of the topic')
    const third = await lab.topic()
    expect(await client.ranges(third)).toEqual([{ partition: 0, low: 0, high: 0 }])
    expect(await client.offsetsAt(one, 0)).toEqual(new Map([[0, 0]]))
    expect(String(await rejection(client.ranges(other)))).toMatch(/does not host this topic/)
  })
})
