/** What is written beside the offsets that a group commits: whose they are. */

export interface Committer {
  readonly flow: string
  readonly trigger: string
  /** Raised where a place was sought anew, in one store. */
  readonly generation: number
  readonly store: string
}

const PROGRAM = 'fnflow'

/** Of the commits of one trigger. */
export function commitMetadata({ flow, trigger, generation, store }: Committer): string {
  return [PROGRAM, flow, trigger, generation, store].join('/')
}

/**
 * Whether a commit says how far a trigger has come: one of its own, also of a server with another store, whose generations are others.
 * Not those of other programs and triggers, and not those of before a seek, which a server on this store that had not heard of it yet may have made.
 */
export function isOwnCommit(metadata: string, { flow, trigger, generation, store }: Committer): boolean {
  const [program, ofFlow, ofTrigger, number = '', ofStore = store, ...more] = metadata.split('/')
  if (program !== PROGRAM || ofFlow !== flow || ofTrigger !== trigger || more.length > 0) return false
  return /^\d+$/.test(number) && (ofStore !== store || Number(number) >= generation)
}
