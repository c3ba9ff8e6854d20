/** Static and dynamic imports, and exports from: quoted specifiers behind those words. */
export function importsOf(source: string): string[] {
  const pattern = /(?:^|[\s;}(=])(?:import|export)\s*(?:[\w*{][^'"`;]*?\sfrom\s*)?\(?\s*['"]([^'"]+)['"]/g;
  return [...source.matchAll(pattern)].map(([, specifier]) => specifier!);
}
