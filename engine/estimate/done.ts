import type { Cost } from './cost.ts'
import type { Guess } from './guess.ts'
import type { Row } from './part.ts'

/** What a run of a node comes to. */
export interface Done {
  /** With all that is inside. */
  readonly cost: Cost
  /** Of a container: what of it is its own. */
  readonly own?: Cost
  readonly inside?: readonly Row[]
  /** In front of the output filter. */
  readonly output: Guess
  /** Where the path may go on, each as likely; null: it ends. By default the node's `next`. */
  readonly ways?: readonly (string | null)[]
  /** How a loop is dealt out. */
  readonly note?: string
}
