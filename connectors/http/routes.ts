/** Which trigger a request is for. */

/** A path as a trigger has it, ready to be compared: literals, and names of params. */
type Segment = { readonly literal: string } | { readonly param: string }

interface Route<Target> {
  readonly method: string
  readonly segments: readonly Segment[]
  readonly target: Target
}

export interface Match<Target> {
  readonly target: Target
  readonly params: ReadonlyMap<string, string>
}

/** The paths of all triggers. Where several fit a request, the one whose literals reach further counts; then the one with the method itself. */
export class HttpRoutes<Target> {
  private readonly byLength = new Map<number, Route<Target>[]>()

  /** @param path As in a definition: `/orders/{id}`. @param method An HTTP method, or `ANY`. */
  add(method: string, path: string, target: Target): void {
    const segments = path
      .slice(1)
      .split('/')
      .map((text): Segment => (text.startsWith('{') ? { param: text.slice(1, -1) } : { literal: text }))
    const routes = this.byLength.get(segments.length) ?? []
    this.byLength.set(segments.length, routes)
    routes.push({ method, segments, target })
    routes.sort(byPrecedence)
  }

  /** @param path As it came, percent signs and all. Throws URIError where those are wrong. */
  find(method: string, path: string): Match<Target> | undefined {
    const given = partsOf(path)
    const found = this.fitting(given).find((route) => route.method === method || route.method === 'ANY')
    if (found === undefined) return undefined
    const params = new Map<string, string>()
    for (const [index, segment] of found.segments.entries()) if ('param' in segment) params.set(segment.param, given[index]!)
    return { target: found.target, params }
  }

  /** The methods that a path takes. Throws URIError as {@link find}. */
  methodsOf(path: string): string[] {
    return [...new Set(this.fitting(partsOf(path)).map(({ method }) => method))].sort()
  }

  private fitting(given: readonly string[]): Route<Target>[] {
    const routes = this.byLength.get(given.length) ?? []
    return routes.filter(({ segments }) =>
      segments.every((segment, index) => ('literal' in segment ? segment.literal === given[index] : given[index] !== '')),
    )
  }
}

function partsOf(path: string): string[] {
  return path.slice(1).split('/').map(decodeURIComponent)
}

function byPrecedence<Target>(a: Route<Target>, b: Route<Target>): number {
  for (const [index, segment] of a.segments.entries()) {
    const difference = Number('param' in segment) - Number('param' in b.segments[index]!)
    if (difference !== 0) return difference
  }
  return Number(a.method === 'ANY') - Number(b.method === 'ANY')
}
