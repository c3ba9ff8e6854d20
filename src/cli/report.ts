import { noiseForm, noiseWords } from '../core/noise.ts';
import { type Inspection, promptOnlyWarnings, type Verification } from '../run/index.ts';
import { bar, bytes, columns, count, integer, percent, safe } from './format.ts';

/** `prep inspect` for people. */
export function inspectionText(dir: string, i: Inspection): string {
  const windows = i.windows.train + i.windows.validation;
  const ids = Object.entries(i.tokenizer.specialIds).map(([name, id]) => `${name} ${id}`);
  const most = Math.max(1, ...i.lengths.map((bin) => bin.documents));
  const parts = [
    `${safe(i.name)}  ${dir}`,
    columns(
      [
        ['plan', `${i.plan.slice(0, 7)}, ultraprep ${i.version}`],
        ['policy', i.policy],
        ['tokenizer', `${i.tokenizer.sha256.slice(0, 7)}, ${integer(i.tokenizer.vocabSize)} ids (${ids.join(', ')})`],
        [
          'windows',
          `${integer(windows)} of ${integer(i.windowLength)} tokens: ${integer(i.windows.train)} training, ${integer(i.windows.validation)} validation`,
        ],
        ['fill', percent(i.fill)],
        [
          'documents',
          `${integer(i.documents.read)} read, ${integer(i.documents.packed)} packed (${integer(i.cutDocuments)} cut), ${integer(i.documents.rejected)} records rejected`,
        ],
        [
          'tokens',
          `${integer(i.tokens.read)} read + ${i.tokens.repeated > 0 ? `${integer(i.tokens.repeated)} repeated + ` : ''}${integer(i.tokens.inserted)} inserted = ${integer(i.tokens.packed)} packed + ${integer(i.tokens.dropped)} dropped`,
        ],
        ['segments', `${i.segmentsPerWindow.mean.toFixed(1)} a window, at most ${integer(i.segmentsPerWindow.max)}`],
        ...promptOnlyWarnings(i.promptOnly).map(({ message }) => ['prompts', message]),
        [
          'attention',
          `${percent(i.attentionShare)} of all pairs allowed, longest group ${integer(i.longestGroup)} tokens`,
        ],
        ['on disk', `${bytes(i.shardBytes)} in ${integer(i.shards)} shards, from ${bytes(i.textBytes)} of text`],
        ...i.noise.map((pass) => [
          `noise ${pass.pass}`,
          `${noiseWords(noiseForm(pass.settings))}${pass.bitsets ? ', with bitsets' : ''}`,
        ]),
        ...i.masks.map(({ name, windows: of }) => [
          `masks/${name}`,
          Object.entries(of)
            .map(([policy, n]) => `${count(n, 'window')} ${policy}`)
            .join(', '),
        ]),
        [
          'checks',
          i.checks.ok ? 'all files are there (`prep verify` checks what is in them)' : i.checks.problems.join('; '),
        ],
      ],
      '  ',
    ),
    'sources, as packed',
    columns(
      i.sources.map(({ source, documents: { read, packed }, tokens }) => [
        safe(source),
        count(packed, 'document'),
        count(tokens, 'token'),
        ...(read === packed ? [] : [`of ${count(read, 'document')} read`]),
      ]),
      '  ',
    ),
    'documents by tokens',
    columns(
      i.lengths.map((bin) => [
        integer(bin.from).padStart(9),
        integer(bin.documents).padStart(9),
        bar(bin.documents / most, 40),
      ]),
      '  ',
    ),
  ];
  return `${parts.join('\n')}\n`;
}

/** `prep verify` for people. */
export function verificationText(dir: string, v: Verification): string {
  const looked = `${integer(v.files)} files (${bytes(v.bytes)}), ${integer(v.windows)} windows, ${integer(v.documents)} documents, ${integer(v.tokens)} tokens, ${v.passes} noise passes${v.maskTables > 0 ? `, ${count(v.maskTables, 'table')} of masks` : ''}`;
  const again = v.deep
    ? `${integer(v.compared)} of ${count(v.documents, 'document')} read again from their sources`
    : 'no document read again from its source (--deep does)';
  if (v.problems.length === 0) return `${dir}: whole\n  ${looked}\n  ${again}\n`;
  return `${dir}: ${v.problems.length} problem(s)\n${v.problems.map((p) => `  ${safe(p)}\n`).join('')}  looked at ${looked}\n  ${again}\n`;
}
