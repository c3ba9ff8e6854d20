import { canonicalJson } from '../core/fingerprint.ts';
import { sha256 } from '../io/hash.ts';
import { maskReceiptPath, readMaskReceipt, type StoredCorpus } from '../shard/index.ts';
import { checkTokens } from './mask-rules.ts';
import { maskTables, tableFiles } from './masks.ts';
import { checkFiles } from './verify-split.ts';

/**
 * Whether a table of masks is that of its corpus: its files are as listed, and what their windows' boundaries make of them. The
 * masks are made again only where the windows can be `trusted`: a damaged table can send its decoder round forever.
 */
export async function checkMaskTable(
  corpus: StoredCorpus,
  name: string,
  trusted: boolean,
  note: (problem: string) => void,
): Promise<{ readonly files: number; readonly bytes: number }> {
  const { dir, manifest } = corpus;
  const receipt = (await readMaskReceipt(dir, name))!;
  const place = maskReceiptPath(name);
  const { policy, diffusionBlock, anneal, files } = receipt;
  const looked = await checkFiles(dir, files, note);
  const found = { files: files.length, bytes: looked.bytes };
  if (receipt.plan !== manifest.plan) note(`${place}: of another plan`);
  if (receipt.plan !== manifest.plan || !trusted) return found;
  const settings = { policy, diffusionBlock: diffusionBlock ?? 1, anneal } as Parameters<typeof maskTables>[0];
  for (const one of anneal ? [anneal.from, settings.policy] : [settings.policy]) checkTokens(dir, manifest, one);
  if (maskTables(settings)[anneal?.epoch ?? 0]?.name !== name) note(`${place}: \`name\` is not that of its settings`);
  const windows: Record<string, number> = {};
  let at = 0;
  for await (const { path, bytes, policies } of tableFiles(corpus, receipt)) {
    const listed = files[at++];
    if (listed?.path !== path) note(`${place}: lists ${listed?.path ?? 'nothing'} in place of ${path}`);
    else if (listed.sha256 !== sha256(bytes)) note(`${path}: its attention masks are not those of its boundaries`);
    for (const one of policies) windows[one] = (windows[one] ?? 0) + 1;
  }
  if (files.length > at) note(`${place}: lists ${files.length} files, the corpus has ${at} shards`);
  if (canonicalJson(windows) !== canonicalJson(receipt.windows))
    note(`${place}: \`windows\` are not those of its files`);
  return found;
}
