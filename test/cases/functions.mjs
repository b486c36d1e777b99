// The functions of the conformance cases, and what the cases of this folder need beside them.
export * from '../conformance/functions.mjs'

/** { value } -> value, of whatever type. */
export const give = ({ value = null }) => value
/** Any event -> its JSON type. */
export const kind = (event) => ({ kind: event === null ? 'null' : Array.isArray(event) ? 'array' : typeof event })
/** Fails with what is given as `name` and `message`. */
export const raise = ({ name = 'Error', message = 'raised' }) => {
  throw Object.assign(new Error(message), { name })
}
/** Fails on its first invocation, then gives its event. */
export const once = (event, context) => {
  if (context.attempt === 1) throw new Error('the first time')
  return event
}
/** Which attempt this is. */
export const attempt = (_event, context) => ({ attempt: context.attempt })
/** A business status that is good from the second attempt on. */
export const statusOnce = (_event, context) => ({ status: context.attempt === 1 ? 500 : 200 })
/** { levels } -> an array nested so deep. */
export const deep = ({ levels }) => {
  let value = []
  for (let level = 1; level < levels; level++) value = [value]
  return value
}
/** An object with members that look like an object's own machinery. */
export const hostile = () => JSON.parse('{"__proto__":{"a":1},"constructor":2,"toString":3}')
/** { bytes } -> a string that is so many bytes as JSON, quotes included. */
export const sized = ({ bytes }) => 'x'.repeat(bytes - 2)
/** Waits `ms`, then gives `value`. */
export const later = async ({ ms = 0, value = null }, context) => {
  await new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms)
    context.signal?.addEventListener('abort', () => {
      clearTimeout(timer)
      reject(new Error('aborted'))
    })
  })
  return value
}
/** Waits `ms`, then throws. */
export const lateFailure = async ({ ms = 0, name = 'Late' }) => {
  await new Promise((resolve) => setTimeout(resolve, ms))
  throw Object.assign(new Error('late'), { name })
}
