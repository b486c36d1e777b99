/** Control characters but tab and line feed, and the marks that break lines or override the direction of text. */
const CONTROL = /[\0-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g

/**
 * Text of others (functions' logs and errors, labels, file names) as it may be shown on a terminal: control characters become visible signs, so that
 * nobody's text moves the cursor, hides what stands there, or sends a command to the terminal. One sign for each: columns stay where they are.
 */
export function visible(text: string): string {
  return text.replace(CONTROL, (sign) => {
    const code = sign.charCodeAt(0)
    if (code === 0x7f) return '\u2421'
    return code < 0x20 ? String.fromCharCode(0x2400 + code) : '\ufffd'
  })
}

/** JSON text whose strings keep their values, with the control characters that `JSON.stringify` leaves as they are escaped. */
export function visibleJson(json: string): string {
  // outside of strings JSON.stringify writes none but line feeds, which stay
  return json.replace(CONTROL, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
