const onShelf = { tea: 500, pot: 40, cup: 120 }

/** Reserves what was ordered, or fails: an error thrown here is status 430 in the flow. */
export async function reserve(event, context) {
  for (const { item, count } of event.lines) {
    if (count > onShelf[item]) {
      const error = new Error(`only ${onShelf[item]} of ${item} left`)
      error.name = 'OutOfStock'
      throw error
    }
  }
  return { reservation: `r-${event.orderId}`, items: event.lines.length }
}
