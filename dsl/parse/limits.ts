/** Bytes of UTF-8 that a definition may have (flow-language.md, 3: `syntax`). */
export const MAX_BYTES = 1_048_576
/** Levels of lists and objects inside each other, the outermost being the first. */
export const MAX_DEPTH = 512
/** Values that all aliases of a document may stand for together. */
export const MAX_ALIASED = 100_000
/** Syntax errors reported per document: one slip can make thousands, and each costs time. */
export const MAX_SYNTAX_ERRORS = 20
/** Doubled keys reported per document. */
export const MAX_DUPLICATES = 10_000
