/** Which methods a path takes: for the answer 405, which fastify leaves to its users. */
export class RouteTable {
  private readonly routes: { readonly methods: readonly string[]; readonly pattern: RegExp }[] = []

  /** @param url As fastify has it: `/v1/flows/:name`, a literal colon written twice. */
  add(method: string | readonly string[], url: string): void {
    // what answers for all paths, preflights, makes none of them a path that is there
    if (url === '*') return
    const pattern = url
      .split(/(::|:[A-Za-z]+|\*$)/)
      .map((part) =>
        part === '::'
          ? ':'
          : part === '*'
            ? '.*'
            : part.startsWith(':')
              ? '[^/]+'
              : part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`),
      )
      .join('')
    this.routes.push({ methods: [method].flat() as string[], pattern: new RegExp(`^${pattern}$`) })
  }

  /** In alphabetical order; empty where there is no such path. */
  methodsOf(path: string): string[] {
    const plain = unescaped(path)
    const methods = this.routes.flatMap(({ methods, pattern }) => (pattern.test(plain) ? methods : []))
    return [...new Set(methods)].sort()
  }
}

/** As the router sees it; an escaped slash separates nothing. */
function unescaped(path: string): string {
  try {
    return decodeURI(path)
  } catch {
    return path
  }
}
