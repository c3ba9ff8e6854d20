import { commitFile } from '../../io/commit.ts';
import { type HeatMap, heatMapSvg } from './heat-map.ts';

/** Writes `NAME.json` to a folder and, of a grid, `NAME.svg`; each whole or not at all. Resolves to their paths. */
export async function recordEvaluation(out: string, name: string, result: object, map?: HeatMap): Promise<string[]> {
  const paths = [`${out}/${name}.json`];
  await commitFile(paths[0]!, `${JSON.stringify(result, null, 2)}\n`);
  if (map) {
    paths.push(`${out}/${name}.svg`);
    await commitFile(paths[1]!, heatMapSvg(map));
  }
  return paths;
}
