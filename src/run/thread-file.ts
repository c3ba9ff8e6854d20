/** Node 20 cannot load TypeScript: from sources (tests) the compiled file of a thread is used. */
export const threadFile = (name: string): URL =>
  new URL(import.meta.url.endsWith('.ts') ? `../../dist/run/${name}.js` : `./${name}.js`, import.meta.url);
