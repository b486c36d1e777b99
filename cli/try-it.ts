import type { Engine } from '../engine/api.ts'
import { EngineError } from '../engine/errors.ts'

/** Inputs that are longer make no line to copy. */
const LONGEST_INPUT = 1000

/** Lines for a shell that start the flows which have an input beside them, and look at what became of them. */
export async function tryIt(
  engine: Engine,
  url: string,
  flows: readonly { readonly flow: string; readonly input: string | undefined }[],
  needsKey: boolean,
): Promise<string[]> {
  const key = needsKey ? ` -H "Authorization: Bearer $FNFLOW_KEY"` : ''
  const lines: string[] = []
  for (const { flow, input } of flows) {
    const body = bodyOf(input)
    if (body === undefined) continue
    const kind = await kindOf(engine, flow)
    if (kind !== undefined)
      lines.push(`curl -s${key} ${url}/v1/flows/${flow}/${kind} -H 'content-type: application/json' -d ${quoted(body)}`)
  }
  return [...lines, `curl -s${key} '${url}/v1/executions?limit=5'`, `curl -s ${url}/readyz`]
}

/** Undefined for a flow that is not there: its file is broken. */
async function kindOf(engine: Engine, flow: string): Promise<string | undefined> {
  try {
    return (await engine.flow(flow)).mode === 'express' ? 'sync-executions' : 'executions'
  } catch (error) {
    if (error instanceof EngineError && error.code === 'flow-not-found') return undefined
    throw error
  }
}

function bodyOf(input: string | undefined): string | undefined {
  if (input === undefined) return undefined
  try {
    const body = JSON.stringify({ input: JSON.parse(input) as unknown })
    return body.length <= LONGEST_INPUT ? body : undefined
  } catch {
    return undefined
  }
}

/** For a shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`
}
