/** Static and dynamic imports, and exports from: quoted specifiers behind those words. */
export function importsOf(source: string): string[] {
  // A bare specifier may follow `import` alone: text that speaks of an export is none.
  const pattern = /(?:^|[\s;}(=])(?:import\s*\(?\s*|(?:import|export)\s*[\w*{][^'"`;]*?\sfrom\s*)['"]([^'"]+)['"]/g;
  return [...source.matchAll(pattern)].map(([, specifier]) => specifier!);
}
