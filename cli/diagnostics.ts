import type { Diagnostic } from '../dsl/diagnostics.ts'
import { visible } from './visible.ts'

/** A finding, with the file that it is about. */
export interface FileDiagnostic extends Diagnostic {
  readonly file: string
}

export function isError(diagnostic: Diagnostic): boolean {
  return diagnostic.severity === 'error'
}

/** `file:line:column rule message`; warnings say so in front of the message. */
export function diagnosticLine({ file, line = 1, column = 1, rule, severity, message }: FileDiagnostic): string {
  return visible(`${file}:${line}:${column} ${rule} ${severity === 'warning' ? 'warning: ' : ''}${message}`)
}

/** For a terminal: each finding with its line of the source and a caret. `sources` has the texts by file. */
export async function diagnosticsWithFrames(
  diagnostics: readonly FileDiagnostic[],
  sources: ReadonlyMap<string, string>,
  style: (style: 'red' | 'yellow' | 'bold' | 'dim', text: string) => string,
): Promise<string> {
  const { codeFrameColumns } = await import('@babel/code-frame')
  return diagnostics
    .map((diagnostic) => {
      const { file, line = 1, column = 1, rule, severity, message } = diagnostic
      const head = `${style('bold', visible(`${file}:${line}:${column}`))} ${style(severity === 'error' ? 'red' : 'yellow', rule)} ${severity === 'warning' ? 'warning: ' : ''}${visible(message)}`
      const source = sources.get(file)
      // a giant line would fill the screen
      if (source === undefined || (source.split('\n', line)[line - 1]?.length ?? 0) > 1000) return head
      const frame = codeFrameColumns(
        visible(source.replaceAll('\r\n', '\n')),
        { start: { line, column } },
        { linesAbove: 1, linesBelow: 0 },
      )
      return `${head}\n${style('dim', frame)}\n`
    })
    .join('\n')
}
