// Replays histories, one behind the other, with one worker. Given: address, namespace, bundle, ids; plan and warmUp. With `side: ours` ours.
import { Client, Connection } from '@temporalio/client'
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker'
import { PAYLOAD_CONVERTER, WORKFLOW_BUNDLE } from '../../../dist/engine/temporal/paths.js'
import { given } from './child.mjs'

const { side, address, namespace, bundle, ids, warmUp, plan } = given
Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] })

const connection = await Connection.connect({ address })
const client = new Client({ connection, namespace })
const histories = []
for (const workflowId of ids) histories.push({ workflowId, history: await client.workflow.getHandle(workflowId).fetchHistory() })
await connection.close()

/** A plan stands in a history by its hash. */
const plans = {
  encode: async (payloads) => payloads,
  decode: async (payloads) =>
    payloads.map((payload) => (encodingOf(payload) === 'fnflow/plan' ? { ...payload, data: Buffer.from(plan) } : payload)),
}

/** Replays write no records. */
const sinks = { records: { ended: { fn: () => undefined }, lane: { fn: () => undefined } } }
const ours = { codePath: WORKFLOW_BUNDLE, sinks, dataConverter: { payloadConverterPath: PAYLOAD_CONVERTER, payloadCodecs: [plans] } }
const { codePath, ...more } = side === 'ours' ? ours : { codePath: bundle }
const options = { workflowBundle: { codePath }, ...more }
const began = performance.now()
const ends = []
for await (const { workflowId, error } of Worker.runReplayHistories(options, histories)) {
  if (error !== undefined) throw new Error(`the history of ${workflowId} can't be replayed`, { cause: error })
  ends.push({ ms: performance.now(), cpuMs: process.cpuUsage().user / 1000 + process.cpuUsage().system / 1000 })
}
const each = (what) => (ends.at(-1)[what] - ends[warmUp - 1][what]) / (ends.length - warmUp)
process.send({ firstMs: ends[0].ms - began, eachMs: each('ms'), cpuMs: each('cpuMs') }, () => process.exit())

function encodingOf({ metadata }) {
  return Buffer.from(metadata.encoding).toString()
}
