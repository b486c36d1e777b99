import { fileURLToPath } from 'node:url'

/** Built files; sources that run unbuilt (tests) take those of the last build. An entry of the build, or the paths would be those of a chunk. */
const built = new URL(import.meta.url.endsWith('.ts') ? '../../dist/' : '../../', import.meta.url)

/** The workflows with the core, made by the build: no bundler at run time. */
export const WORKFLOW_BUNDLE = fileURLToPath(new URL('workflows/bundle.js', built))
/** Loaded by path by the SDK, here and in the sandbox. */
export const PAYLOAD_CONVERTER = fileURLToPath(new URL('workflows/protocol/converter.js', built))
