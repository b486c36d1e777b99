import { dirname } from 'node:path'
import type { FlowSource } from '../plan/findings.ts'
import { EXIT } from '../exit-codes.ts'
import { flowFilesIn } from '../flow-files.ts'
import { readInput } from '../input.ts'
import { print } from '../output.ts'
import { planDocument } from '../plan/document.ts'
import { locatedFindings } from '../plan/findings.ts'
import { parseBytes, parseItems } from '../plan/options.ts'
import { planText } from '../plan/text.ts'
import { loadWorkspace, type Workspace } from '../workspace.ts'

export interface PlanOptions {
  readonly input?: string
  readonly items?: readonly string[]
  readonly bytes?: string
  readonly functions?: string
  readonly flows?: string
  readonly json?: boolean
}

/** `fnflow plan`: what a flow would cost, on stdout. Resolves to the exit code. Throws CommandError for bad usage and invalid definitions. */
export async function plan(file: string, options: PlanOptions): Promise<number> {
  const bytes = parseBytes(options.bytes)
  const input = options.input === undefined ? undefined : await readInput(options.input)
  const workspace = await loadWorkspace({ flow: file, functions: options.functions, flows: options.flows, mode: undefined })
  const plans = [workspace.main, ...workspace.others].map((loaded) => loaded.plan)
  const { all: items, byLoop } = parseItems(options.items ?? [], plans)
  const byName = new Map(plans.map((each) => [each.flow, each]))

  const { estimate } = await import('../../engine/estimate/estimate.ts')
  const { hintsFor } = await import('../../engine/estimate/hints.ts')
  const estimated = estimate(workspace.main.plan, {
    ...(input === undefined ? {} : { input }),
    bytes,
    items,
    itemsOf: byLoop,
    flow: (ref) => byName.get(ref.replace(/:.*$/s, '')),
    hints: hintsFor(Object.values(workspace.functions)),
    now: Date.now(),
  })

  const assumed = { input: input !== undefined, items, bytes }
  const findings = locatedFindings(estimated.findings, sourcesOf(workspace, file, options.flows ?? dirname(file)))
  await print(options.json === true ? JSON.stringify(planDocument(estimated, assumed, findings)) : planText(estimated, assumed, findings))
  return EXIT.ok
}

/** Where the flows were read from, by name; the flow itself first. */
function sourcesOf({ main, others }: Workspace, file: string, folder: string): Map<string, FlowSource> {
  const files = new Map(flowFilesIn(folder, { except: file }).map((found) => [found.name, found.file]))
  const sourceOf = ({ document }: Workspace['main'], from: string): FlowSource => ({
    file: from,
    locate: (path) => document.locate?.(path, 'value'),
  })
  return new Map([
    [main.plan.flow, sourceOf(main, file)],
    ...others.map((other) => [other.plan.flow, sourceOf(other, files.get(other.plan.flow) ?? other.plan.flow)] as const),
  ])
}
