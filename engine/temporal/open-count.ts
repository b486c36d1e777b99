import { ATTRIBUTES, LANE_TYPE, scopeAttribute } from '../../workflows/protocol/shapes.ts'
import type { Cluster } from './cluster.ts'

/** Temporal is asked no more often. */
const KEPT_MS = 5000

/** How many executions of a scope run, about: as visibility had it some seconds ago, and what was started here since. */
export class OpenCount {
  private readonly cluster: Cluster
  private readonly scope: string
  private count = 0
  private askedAt = 0

  constructor(cluster: Cluster, scope: string) {
    this.cluster = cluster
    this.scope = scope
  }

  started(): void {
    this.count += 1
  }

  async get(): Promise<number> {
    if (Date.now() - this.askedAt < KEPT_MS) return this.count
    this.askedAt = Date.now()
    const scope = scopeAttribute(this.scope).replaceAll('\\', '\\\\').replaceAll("'", "\\'")
    const query = `${ATTRIBUTES.version} IS NOT NULL AND ${ATTRIBUTES.scope} = '${scope}' AND WorkflowType != '${LANE_TYPE}' AND ExecutionStatus = 'Running'`
    this.count = (await this.cluster.ask(() => this.cluster.client.workflow.count(query))).count
    return this.count
  }
}
