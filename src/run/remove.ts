import { notOurs } from '../core/errors.ts';
import { kindOf, listFolder, removeEmptyFolder, removeFile } from '../io/files.ts';
import { isOurName, MANIFEST, PLAN, planFormat, readChecked } from '../shard/index.ts';

/** Folders that only a corpus in the making has. */
const SURVEY = ['survey/claims', 'survey/receipts', 'survey/documents', 'survey', 'decision'];
/** Folders a run fills. */
export const FOLDERS = ['receipts', 'shards', 'masks', 'documents', 'noise', 'tails', 'rejects', 'claims', ...SURVEY];

/**
 * Removes a corpus for `--overwrite`: files with our names in our folders, and folders that are empty then. First what makes it
 * a corpus, the plan last, so that a kill halfway leaves an unfinished folder and not a broken one. A folder that holds
 * somebody else's plan.json, or receipts of no known form, is refused: FINGERPRINT_MISMATCH says what was found.
 */
export async function removeCorpus(dir: string): Promise<void> {
  const plan = await planFormat(dir);
  if (plan && !plan.ours) throw notOurs(`${dir}/${PLAN}`, plan.found);
  if (!plan && !(await haveReceipts(dir))) return;
  await removeFile(`${dir}/${MANIFEST}`);
  for (const folder of FOLDERS) await removeOurs(dir, folder);
  // Without a plan these two may be anybody's; a new plan writes its own.
  for (const name of plan ? ['local.json', 'tokenizer.json', PLAN] : []) await removeFile(`${dir}/${name}`);
}

/** True for a folder whose plan is gone and whose receipts are ours: all of them, since one that is not is somebody else's. */
async function haveReceipts(dir: string): Promise<boolean> {
  const names = await namesIn(`${dir}/receipts`);
  for (const name of names) {
    if (name.startsWith('.tmp-')) continue;
    const path = `${dir}/receipts/${name}`;
    if (!isOurName('receipts', name)) throw notOurs(path, 'no receipt by its name');
    await readChecked(name.startsWith('noise-') ? 'pass' : name.startsWith('mask-') ? 'masks' : 'receipt', path).catch(
      () => {
        throw notOurs(path, 'no receipt that can be read');
      },
    );
  }
  return names.length > 0;
}

/** Removes what was looked at and decided before packing: the tables of a merged corpus say it all. */
export async function removeSurvey(dir: string): Promise<void> {
  // What says that it is done first: a kill halfway leaves nothing that looks whole.
  await removeFile(`${dir}/decision/decision.json`);
  for (const folder of SURVEY) await removeOurs(dir, folder);
}

async function removeOurs(dir: string, folder: string): Promise<void> {
  for (const name of await namesIn(`${dir}/${folder}`)) {
    if (folder === 'masks') await removeOurs(dir, `masks/${name}`);
    else if (isOurName(folder, name)) await removeFile(`${dir}/${folder}/${name}`);
  }
  await removeEmptyFolder(`${dir}/${folder}`);
}

/** Names in a folder that is one itself: what lies behind a link is not in this corpus. */
const namesIn = async (path: string): Promise<string[]> => ((await kindOf(path)) === 'folder' ? listFolder(path) : []);
