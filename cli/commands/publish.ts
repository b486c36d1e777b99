import { EXIT } from '../exit-codes.ts'
import { print } from '../output.ts'
import { remotely, type RemoteFlags } from '../remote.ts'

export interface PublishOptions extends RemoteFlags {
  readonly as?: string
  readonly description?: string
  readonly alias?: string
}

/** `fnflow publish`: makes a version of a flow's definition as it is now, and lets an alias lead to it. Resolves to the exit code; throws CommandError. */
export async function publish(flow: string, { as, description, alias, ...flags }: PublishOptions): Promise<number> {
  const body = { ...(as === undefined ? {} : { version: as }), ...(description === undefined ? {} : { description }) }
  return remotely(flags, async (client, signal) => {
    const published = await client.call('publishFlow', { path: { name: flow }, body, signal })
    const { version } = published
    if (alias !== undefined) await client.call('putFlowAlias', { path: { name: flow, alias }, body: { version }, signal })
    await print(flags.json === true ? JSON.stringify(published) : `${flow}:${version}`)
    return EXIT.ok
  })
}
