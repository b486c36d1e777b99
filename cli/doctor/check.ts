/** One finding of `fnflow doctor`. */
export interface Check {
  readonly group: 'machine' | 'configuration' | 'connections'
  readonly name: string
  /** `warning`: works, with less; `failed`: cannot be reached. */
  readonly state: 'ok' | 'warning' | 'failed'
  readonly detail: string
  /** What to do. */
  readonly remedy?: string
}
