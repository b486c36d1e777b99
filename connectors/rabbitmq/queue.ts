import type { PlanRabbitmqTrigger } from '../../dsl/plan.ts'
import type { BrokerChannel, QueueState } from './port.ts'

/**
 * Sees to it that the trigger's queue is there and bound to its exchange. Rejects with BrokerError: 404 for what is not there, 406 for what is
 * declared otherwise, 403 for what the user may not do; the channel is closed then.
 */
export async function openQueue(channel: BrokerChannel, trigger: PlanRabbitmqTrigger): Promise<QueueState> {
  const { queue, exchange, exchangeType, declare, routingKey = '', bindingArguments = {}, arguments: args = {} } = trigger
  if (exchange !== undefined) await (declare ? channel.declareExchange(exchange, exchangeType) : channel.checkExchange(exchange))
  const state = await (declare ? channel.declareQueue(queue, args) : channel.checkQueue(queue))
  if (exchange !== undefined) await channel.bindQueue(queue, exchange, routingKey, bindingArguments)
  return state
}
