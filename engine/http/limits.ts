/** A whole body, bytes; what of it is data has the engine's own limits (6 MiB). */
export const BODY_LIMIT = 8 * 1024 * 1024
