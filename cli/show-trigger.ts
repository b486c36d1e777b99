import { ApiError, type Client } from '../client/index.ts'
import { FLOW_NAME_PATTERN } from '../dsl/nodes/fields.ts'
import type { TriggerRecord } from '../engine/api.ts'
import { onStdout, print } from './output.ts'
import { visible } from './visible.ts'

const FLOW_NAME = new RegExp(FLOW_NAME_PATTERN)

/** Shows the trigger `flow/name`. Rejects with ApiError. */
export async function showTrigger(client: Client, path: string, json: boolean, signal: AbortSignal): Promise<void> {
  const slash = path.indexOf('/')
  const trigger = await triggerOf(client, path.slice(0, slash), path.slice(slash + 1), signal)
  await print(json ? JSON.stringify(trigger) : triggerText(trigger))
}

/** Shows a flow with its triggers; false, and nothing is shown, where there is none of that name. Rejects with ApiError. */
export async function showFlow(client: Client, name: string, json: boolean, signal: AbortSignal): Promise<boolean> {
  if (!FLOW_NAME.test(name)) return false
  let definition
  try {
    definition = await client.call('getFlow', { path: { name }, headers: { accept: 'application/json' }, signal })
  } catch (error) {
    if (error instanceof ApiError && error.code === 'flow-not-found') return false
    throw error
  }
  if (typeof definition === 'string') return false
  const { mode = 'standard', description, nodes, triggers: named = [] } = definition as FlowSummary
  const triggers = await Promise.all(named.map((trigger) => triggerOf(client, name, trigger.name, signal)))
  if (json) await print(JSON.stringify({ definition, triggers }))
  else {
    const count = Object.keys(nodes).length
    const head = `${onStdout('bold', visible(name))}  ${mode}, ${count} node${count === 1 ? '' : 's'}`
    const lines = description === undefined ? [head] : [head, visible(description)]
    await print([...lines, ...triggers.map(triggerText)].join('\n'))
  }
  return true
}

interface FlowSummary {
  readonly mode?: string
  readonly description?: string
  readonly nodes: object
  readonly triggers?: readonly { readonly name: string }[]
}

async function triggerOf(client: Client, flow: string, name: string, signal: AbortSignal): Promise<TriggerRecord> {
  return client.call('getTrigger', { path: { flow, name }, signal })
}

function triggerText({ flow, name, type, state, error, lag, inFlight, lastEventAt, nextFires, counts }: TriggerRecord): string {
  const counted = Object.entries(counts).flatMap(([what, count]) => (count === 0 ? [] : [`${count} ${what}`]))
  const facts: [string, string | undefined][] = [
    ['error', error && `${error.message} (since ${timeText(error.since)})`],
    ['next', nextFires && (nextFires.length === 0 ? 'never' : nextFires.map(timeText).join(' '))],
    ['last', lastEventAt === null ? undefined : timeText(lastEventAt)],
    ['running', inFlight === 0 ? undefined : String(inFlight)],
    ['waiting', lag === 0 ? undefined : String(lag)],
    ['counts', counted.length === 0 ? undefined : counted.join(', ')],
  ]
  const lines = [`${onStdout('bold', visible(`${flow}/${name}`))}  ${type}  ${onStdout(STYLES[state], state)}`]
  for (const [fact, value] of facts) if (value !== undefined) lines.push(`${onStdout('dim', fact.padEnd(9))} ${visible(value)}`)
  return lines.join('\n')
}

function timeText(time: number): string {
  return new Date(time).toISOString().replace('.000Z', 'Z')
}

const STYLES = {
  running: 'green',
  paused: 'yellow',
  connecting: 'cyan',
  reconnecting: 'yellow',
  failed: 'red',
  disabled: 'dim',
} as const
