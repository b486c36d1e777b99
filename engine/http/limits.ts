/** A whole body, bytes; what of it is data has the engine's own limits (6 MiB). */
export const BODY_LIMIT = 8 * 1024 * 1024

/** A body with the code of a function: 50 MiB as base64, and the rest of its definition. */
export const CODE_BODY_LIMIT = 68 * 1024 * 1024
