import { EngineError } from '../errors.ts'
import type { Cluster } from './cluster.ts'
import { statusOf, type Reader } from './reader.ts'
import type { Registry } from './registry/registry.ts'

/**
 * Deletes an ended execution: payloads first and the record last, so that whatever is interrupted is found again and done by the next call; then its
 * workflow, as far as Temporal still has it and lets us. Rejects with EngineError `execution-not-found`, `execution-running`.
 */
export async function deleteExecution(cluster: Cluster, registry: Registry, reader: Reader, id: string): Promise<void> {
  const description = await reader.describe(id)
  if (description !== undefined && statusOf(description) === 'running') throw running(`execution ${id} is still running; stop it first`)
  const row = await registry.recordRow(id)
  if (row === undefined && description === undefined) throw new EngineError('execution-not-found', `no execution ${id}`)
  const { parent } = row ?? (await reader.record(id, false))
  if (parent !== undefined) await releaseParent(registry, reader, id, parent.execution)
  const lanes = await registry.deletions.lanesOf(id)
  await registry.payloads.deleteOwner(id)
  await registry.deletions.delete(id, description?.runId ?? row?.runId ?? '')
  for (const workflowId of [...(description === undefined ? [] : [id]), ...lanes]) await deleteWorkflow(cluster, workflowId)
}

/**
 * What a child came to stands in its parent's history, as a reference to the child's payloads: while the parent runs the child stays, and of one that
 * has ended the journal must be here first.
 */
async function releaseParent(registry: Registry, reader: Reader, id: string, parent: string): Promise<void> {
  const status = await reader.state(parent)
  if (status === undefined) return
  if (status === 'running') throw running(`execution ${parent}, which has started execution ${id}, is still running; stop it first`)
  if ((await registry.journal(parent)) !== undefined) return
  if ((await registry.recordRow(parent)) === undefined) await reader.recordNow(parent)
  if ((await registry.journal(parent)) === undefined) await reader.archive(parent)
}

/** Without a word where there is none, or where this client may not: the record is gone, and Temporal forgets by itself. */
async function deleteWorkflow({ client, options: { namespace } }: Cluster, workflowId: string): Promise<void> {
  await client.workflowService.deleteWorkflowExecution({ namespace, workflowExecution: { workflowId } }).catch(() => undefined)
}

function running(message: string): EngineError {
  return new EngineError('execution-running', message)
}
