import { maskTableExists, usageError } from '../core/errors.ts';
import { canonicalJson, type Json } from '../core/fingerprint.ts';
import { inTrainingOrder } from '../core/random.ts';
import { commitFile } from '../io/commit.ts';
import { stat } from '../io/files.ts';
import { sha256, sha256OfFile } from '../io/hash.ts';
import { sweepTemporaries } from '../io/temporary.ts';
import { type Annealing, blockMask, hasGoneOver, maskMetadata, type Policy } from '../mask/index.ts';
import {
  type FileEntry,
  type Manifest,
  maskBytes,
  maskPath,
  type MaskReceipt,
  maskReceiptPath,
  type NumberedMask,
  openCorpus,
  readMaskReceipt,
  segmentsOf,
  type ShardEntry,
  type StoredCorpus,
} from '../shard/index.ts';
import { checkTokens, separatorText } from './mask-rules.ts';
import { type PlanConfig, policiesOf } from './settings.ts';

/** What a table of masks is asked to be. */
export interface MaskSettings {
  readonly policy: Policy;
  readonly diffusionBlock: number;
  readonly anneal: Annealing | null;
}

/** What makes every bit of one table, with the corpus: a receipt has it. */
export type MaskTable = Pick<MaskReceipt, 'name' | 'policy' | 'diffusionBlock' | 'anneal'>;

/** The tables that settings ask for: one, or one an epoch. */
export function maskTables({ policy, diffusionBlock: size, anneal }: MaskSettings): MaskTable[] {
  const diffusionBlock = policy === 'block-diffusion' ? size : null;
  if (!anneal) {
    const name = diffusionBlock === null ? policy : `${policy}-${diffusionBlock}`;
    return [{ name, policy, diffusionBlock, anneal: null }];
  }
  return Array.from({ length: anneal.epochs }, (_, epoch) => ({
    name: `${anneal.from}-to-${policy}-${String(epoch).padStart(3, '0')}`,
    policy,
    diffusionBlock,
    anneal: { ...anneal, epoch },
  }));
}

/**
 * Writes the mask tables that are not there yet, beside shards that stay as they are: a folder in masks/ each, and its receipt
 * last. What a run left that was cut short is made again and compared, not trusted. POLICY_REFUSED where the tokens do not
 * allow a policy, FINGERPRINT_MISMATCH for a table of that name with other settings or of another plan. Returns the names written.
 */
export async function writeMasks(
  dir: string,
  settings: MaskSettings,
  onShard: (done: number, of: number) => void = () => {},
): Promise<string[]> {
  const corpus = await openCorpus(dir);
  try {
    const { manifest } = corpus;
    checkTokens(dir, manifest, settings.policy);
    if (settings.anneal) checkTokens(dir, manifest, settings.anneal.from);
    const { bySource } = policiesOf(manifest.config as unknown as PlanConfig);
    const tables = maskTables(settings);
    if (tables.some(({ name }) => name === manifest.policy)) {
      if (Object.keys(bySource).length === 0) return [];
      throw usageError(
        `${dir}: masks/${manifest.policy} is the corpus's own, in which sources have other policies; ask for another policy`,
      );
    }
    const shards = shardsOf(manifest);
    const written: string[] = [];
    for (const [at, table] of tables.entries()) {
      const done = (shard: number) => onShard(at * shards.length + shard, tables.length * shards.length);
      const made = await readMaskReceipt(dir, table.name);
      if (made && (await isThere(dir, made))) checkSame(`${dir}/${maskReceiptPath(table.name)}`, table, manifest, made);
      else {
        await writeTable(corpus, table, done);
        written.push(table.name);
      }
    }
    return written;
  } finally {
    await corpus.close();
  }
}

/** Shards in the order of their windows' global numbers, with the first of these. */
const shardsOf = ({ splits }: Manifest): { entry: ShardEntry; first: number }[] =>
  splits.flatMap(({ firstWindow, shards }) =>
    shards.map((entry) => ({ entry, first: firstWindow + entry.firstWindow })),
  );

async function isThere(dir: string, { files }: MaskReceipt): Promise<boolean> {
  for (const { path, bytes } of files) if ((await stat(`${dir}/${path}`))?.size !== bytes) return false;
  return true;
}

function checkSame(place: string, wanted: MaskTable, { plan }: Manifest, made: MaskReceipt): void {
  const differ = (field: string, found: unknown, expected: unknown) => {
    const [a, b] = [found, expected].map((value) => canonicalJson((value ?? null) as Json)) as [string, string];
    if (a !== b) throw maskTableExists(place, field, a, b);
  };
  differ('plan', plan, made.plan);
  for (const field of ['policy', 'diffusionBlock', 'anneal'] as const) differ(field, wanted[field], made[field]);
}

async function writeTable(corpus: StoredCorpus, table: MaskTable, onShard: (done: number) => void): Promise<void> {
  const { dir, manifest } = corpus;
  for (const folder of ['receipts', `masks/${table.name}`]) await sweepTemporaries(`${dir}/${folder}`);
  const files: FileEntry[] = [];
  const windows: Record<string, number> = {};
  for await (const { path, bytes, policies } of tableFiles(corpus, table)) {
    const found = await stat(`${dir}/${path}`);
    const same = found?.size === bytes.length && (await sha256OfFile(`${dir}/${path}`)) === sha256(bytes);
    files.push({
      path,
      ...(same ? { bytes: bytes.length, sha256: sha256(bytes) } : await commitFile(`${dir}/${path}`, bytes)),
    });
    for (const policy of policies) windows[policy] = (windows[policy] ?? 0) + 1;
    onShard(files.length);
  }
  const receipt: MaskReceipt = { plan: manifest.plan, ...table, windows, files };
  await commitFile(`${dir}/${maskReceiptPath(table.name)}`, `${canonicalJson(receipt as unknown as Json)}\n`);
}

/** The files of a table as they must be, one for each shard: made of the boundaries in the corpus, and of nothing else. */
export async function* tableFiles(
  corpus: StoredCorpus,
  table: MaskTable,
): AsyncGenerator<{ readonly path: string; readonly bytes: Uint8Array; readonly policies: readonly string[] }> {
  const { manifest } = corpus;
  const { windowLength, plan, tokenizer } = manifest;
  const policies = policiesOf(manifest.config as unknown as PlanConfig);
  const diffusionBlock = table.diffusionBlock ?? policies.diffusionBlock;
  const separator = separatorText(policies, tokenizer.specialIds.eos);
  const info = { ...maskMetadata(table.policy as Policy, separator, diffusionBlock), ...annealMetadata(table) };
  const policyOf = policiesInOrder(corpus, table);
  for (const { entry, first } of shardsOf(manifest)) {
    const masks: NumberedMask[] = [];
    for (let i = 0; i < entry.windows; i++) {
      const { columns, row } = await corpus.columns(first + i);
      const segments = segmentsOf(columns.segments, row);
      const policy = policyOf(first + i, entry);
      const mask = blockMask(segments, columns.numTokens[row]!, windowLength, policy, diffusionBlock);
      masks.push({ window: entry.firstWindow + i, mask });
    }
    const bytes = maskBytes(masks, { plan, policy: table.policy, tokenizer }, info);
    yield { path: maskPath(table.name, entry), bytes, policies: masks.map(({ mask }) => mask.policy) };
  }
}

/** The policy of each window: of the validation windows always the one that is gone over to. */
function policiesInOrder(
  corpus: StoredCorpus,
  { policy, anneal }: MaskTable,
): (window: number, shard: ShardEntry) => Policy {
  if (!anneal) return () => policy as Policy;
  const train = corpus.numbers('train');
  const { windows, order } = corpus.manifest;
  const positions = new Int32Array(windows.train + windows.validation);
  for (const [position, window] of inTrainingOrder(train, order.seed, anneal.epoch).entries())
    positions[window] = position;
  return (window, { subset }) =>
    subset === 'validation' || hasGoneOver(anneal, anneal.epoch, window, positions[window]!, train.length)
      ? (policy as Policy)
      : anneal.from;
}

const annealMetadata = ({ anneal }: MaskTable): Record<string, string> =>
  anneal
    ? {
        anneal_from: anneal.from,
        anneal_until: String(anneal.until),
        anneal_seed: String(anneal.seed),
        anneal_epochs: String(anneal.epochs),
        epoch: String(anneal.epoch),
      }
    : {};
