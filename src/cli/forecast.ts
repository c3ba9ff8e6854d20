import type { Forecast } from '../run/index.ts';
import { bar, bytes, columns, count, integer, percent, safe } from './format.ts';

const sum = (counts: Readonly<Record<string, number>>): number => Object.values(counts).reduce((a, b) => a + b, 0);

/** `prep --dry-run` for people. */
export function forecastText(f: Forecast): string {
  const { ledger } = f;
  const { documents, tokens } = ledger;
  const windows = f.windows.train + f.windows.validation;
  const { shards, masks, noise, files } = f.disk;
  const repeated = tokens.repeated > 0 ? `${integer(tokens.repeated)} repeated + ` : '';
  const rows = [
    [
      'documents',
      `${integer(documents.read)} read, ${integer(documents.packed)} packed (${integer(f.cutDocuments)} cut), ${integer(sum(ledger.rejected))} records rejected`,
    ],
    [
      'tokens',
      `${integer(tokens.read)} read + ${repeated}${integer(tokens.inserted)} inserted = ${integer(tokens.packed)} packed + ${integer(sum(tokens.dropped))} dropped`,
    ],
    [
      'windows',
      `${integer(windows)} of ${integer(f.windowLength)} tokens: ${integer(f.windows.train)} training, ${integer(f.windows.validation)} validation`,
    ],
    ['fill', `${percent(f.fill)}, ${f.segmentsPerWindow.toFixed(1)} segments a window`],
    [
      'on disk',
      `${bytes(shards + masks + noise)}: ${count(files, 'shard')} ${bytes(shards)}, masks ${bytes(masks)}, noise ${bytes(noise)}`,
    ],
  ];
  const parts = [`${safe(f.name)}  plan ${f.plan.slice(0, 7)}, ${f.policy}: ${certainty(f)}`, columns(rows, '  ')];
  const dropped = Object.entries(documents.dropped);
  const rejected = Object.entries(ledger.rejected);
  if (dropped.length + rejected.length > 0)
    parts.push(
      'left out',
      columns(
        [
          ...dropped.map(([reason, n]) => [
            safe(reason),
            count(n, 'document'),
            count(tokens.dropped[reason] ?? 0, 'token'),
          ]),
          ...Object.entries(tokens.dropped).flatMap(([reason, n]) =>
            reason in documents.dropped ? [] : [[safe(reason), '', count(n, 'token')]],
          ),
          ...rejected.map(([reason, n]) => [reason, count(n, 'record'), '']),
        ],
        '  ',
      ),
    );
  parts.push('sources', sourcesTable(f), 'attention, had all sources one policy', costsTable(f));
  parts.push('positions that see each other, by distance', coverageTable(f));
  if (f.longer)
    parts.push(
      `  ${percent(f.longer.share)} of windows have a group of more than ${integer(f.longer.trainLength)} tokens`,
    );
  return `${parts.join('\n')}\n`;
}

function certainty({ exact, share, looked, duplicatesMissed }: Forecast): string {
  const more = duplicatesMissed ? '; there are more duplicates than it shows' : '';
  if (share < 1) return `an estimate, from ${percent(share)} of the input (${lookedAt(looked)})${more}`;
  return exact ? 'exact' : 'exact but for where long documents are cut, which goes by their text';
}

function lookedAt({ splits, of, begun }: Forecast['looked']): string {
  const whole = splits > 0 || begun === 0 ? [`${integer(splits)} of ${count(of, 'split')}`] : [];
  return [...whole, ...(begun > 0 ? [`the beginning of ${count(begun, 'file')}`] : [])].join(' and ');
}

function sourcesTable({ ledger, ledgerBySource }: Forecast): string {
  return columns(
    Object.entries(ledgerBySource).map(([source, { documents, tokens }]) => [
      safe(source),
      count(documents.packed, 'document'),
      count(tokens.packed, 'token'),
      `${percent(ledger.tokens.packed === 0 ? 0 : tokens.packed / ledger.tokens.packed)} of all`,
    ]),
    '  ',
  );
}

/** Compared with the cheapest: pairs are what attention costs. */
function costsTable({ costs }: Forecast): string {
  const least = Math.max(1, Math.min(...costs.map(({ pairs }) => pairs)));
  return columns(
    costs.map(({ policy, windows, fill, pairs }) => [
      policy,
      count(windows, 'window'),
      `fill ${percent(fill)}`,
      `${pairs.toExponential(2)} pairs`,
      `${(pairs / least).toFixed(1)}x`,
    ]),
    '  ',
  );
}

function coverageTable({ coverage }: Forecast): string {
  const most = Math.max(...coverage.map(({ share }) => share), Number.MIN_VALUE);
  return columns(
    coverage.map(({ from, share }) => [integer(from).padStart(9), percent(share).padStart(7), bar(share / most, 40)]),
    '  ',
  );
}
