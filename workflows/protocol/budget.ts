/**
 * Bytes that this workflow run has put into its history, about. One per run: the sandbox gives each its own copy of this module, which is
 * why it must not be among the modules that are preloaded and shared. Outside of the sandbox it means nothing, and is kept at 0.
 */
export const budget = { used: 0 }
