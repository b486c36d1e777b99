import type { Position } from '../../dsl/parse.ts'
import type { DocumentPath } from '../../dsl/diagnostics.ts'
import type { Finding } from '../../engine/estimate/scope.ts'

/** Where a flow was read from. */
export interface FlowSource {
  readonly file: string
  locate(path: DocumentPath): Position | undefined
}

/** A finding, with its place in a file. */
export interface LocatedFinding extends Omit<Finding, 'at'> {
  readonly file: string
  readonly line: number
  readonly column: number
}

/** Warnings first, then by place. `sources` has the flows by name. */
export function locatedFindings(findings: readonly Finding[], sources: ReadonlyMap<string, FlowSource>): LocatedFinding[] {
  const flows = [...sources.keys()]
  const located = findings.map(({ at = [], ...finding }) => {
    const source = sources.get(finding.flow)
    return { ...finding, file: source?.file ?? finding.flow, line: 1, column: 1, ...source?.locate(at) }
  })
  const rank = ({ severity, flow }: LocatedFinding): number => (severity === 'warning' ? 0 : 1) * flows.length + flows.indexOf(flow)
  return located.sort((a, b) => rank(a) - rank(b) || a.line - b.line || a.column - b.column)
}
