class BankBusy extends Error {
  name = 'BankBusy'
}
class CardDeclined extends Error {
  name = 'CardDeclined'
}

/** Takes the money. This bank is always busy at the first try, so that there is a retry to see. */
export async function pay(event, context) {
  console.log(`charging ${event.amount} ${context.getUserData('CURRENCY')} to card ${event.card}`)
  if (event.card.endsWith('0000')) throw new CardDeclined(`card ${event.card} was declined`)
  if (context.attempt === 1) throw new BankBusy('please try again')
  // A retry and a delivery after a crash must not charge twice: the id depends on the order alone.
  return { orderId: event.orderId, paymentId: `p-${event.orderId}` }
}
