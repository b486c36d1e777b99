/** Which trigger of this engine reads for a consumer group: a record goes to one member of a group, so that two triggers would take them from each other. */
import type { KafkaConnection } from './connection.ts'
import { isSameCluster } from './connection.ts'

/** A trigger that is at work, or would be. */
export interface GroupUser {
  readonly flow: string
  readonly trigger: string
  readonly groupId: string
  readonly connection: KafkaConnection
  /** Epoch ms. The first one has the group, on every server alike. */
  readonly firstEnabledAt: number
  /** Called when others have come or gone. */
  changed(): void
}

export class Groups {
  private readonly users = new Set<GroupUser>()

  /** Returns how to leave. */
  enter(user: GroupUser): () => void {
    this.users.add(user)
    this.tell(user)
    return () => {
      if (this.users.delete(user)) this.tell(user)
    }
  }

  /** The trigger that has the group; undefined where that is this one. */
  before(user: GroupUser): GroupUser | undefined {
    return [...this.users].find((other) => isRival(other, user) && isFirst(other, user))
  }

  private tell(user: GroupUser): void {
    for (const other of this.users) if (isRival(other, user)) other.changed()
  }
}

/** Two sources of one trigger are no rivals: the next one begins while the last one ends. */
function isRival(one: GroupUser, other: GroupUser): boolean {
  if (one.flow === other.flow && one.trigger === other.trigger) return false
  return one.groupId === other.groupId && isSameCluster(one.connection, other.connection)
}

function isFirst(one: GroupUser, other: GroupUser): boolean {
  if (one.firstEnabledAt !== other.firstEnabledAt) return one.firstEnabledAt < other.firstEnabledAt
  return `${one.flow}/${one.trigger}` < `${other.flow}/${other.trigger}`
}
