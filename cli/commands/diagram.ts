import { loadFlow } from '../../dsl/load.ts'
import { CommandError } from '../command-error.ts'
import { diagnosticLine, isError } from '../diagnostics.ts'
import { EXIT } from '../exit-codes.ts'
import { readFlowFile } from '../flow-files.ts'
import { print, say } from '../output.ts'

export interface DiagramOptions {
  readonly format?: 'mermaid' | 'svg'
  readonly json?: boolean
}

/** `fnflow diagram`: the graph of a flow on stdout. Throws CommandError (exit code 2) for an invalid definition. */
export async function diagram(file: string, options: DiagramOptions): Promise<number> {
  const format = options.format ?? 'mermaid'
  const { bytes } = readFlowFile(file)
  const { plan, diagnostics } = await loadFlow(bytes)
  if (plan === undefined) {
    const found = diagnostics.filter(isError).map((diagnostic) => ({ ...diagnostic, file }))
    say(found.map(diagnosticLine).join('\n'))
    throw new CommandError(
      { status: 422, errorType: 'FlowInvalid', errorMessage: `${file} is invalid; a diagram needs a valid flow`, diagnostics: found },
      EXIT.usage,
    )
  }
  const text =
    format === 'svg' ? await (await import('../diagram/svg.ts')).svg(plan) : (await import('../diagram/mermaid.ts')).mermaid(plan)
  await print(options.json === true ? JSON.stringify({ format, flow: plan.flow, diagram: text }) : text)
  return EXIT.ok
}
