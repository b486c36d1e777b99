/** What is written beside the offsets that a group commits: whose they are. */

export interface Committer {
  readonly flow: string
  readonly trigger: string
  /** Raised where a place was sought anew. */
  readonly generation: number
}

const PROGRAM = 'fnflow'

/** Of the commits of one trigger. */
export function commitMetadata({ flow, trigger, generation }: Committer): string {
  return [PROGRAM, flow, trigger, generation].join('/')
}

/**
 * Whether a commit says how far a trigger has come: one of its own, also of a server with another store. Not those of other programs and triggers, and not
 * those of before a seek, which a server that had not heard of it yet may have made.
 */
export function isOwnCommit(metadata: string, { flow, trigger, generation }: Committer): boolean {
  const [program, ofFlow, ofTrigger, number, ...more] = metadata.split('/')
  if (program !== PROGRAM || ofFlow !== flow || ofTrigger !== trigger || more.length > 0) return false
  return /^\d+$/.test(number ?? '') && Number(number) >= generation
}
