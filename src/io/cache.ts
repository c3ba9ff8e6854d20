import { homedir } from 'node:os';
import { join } from 'node:path';

/** $ULTRAPREP_CACHE, or `ultraprep` in the user's cache folder. May be deleted at any time. */
export const cacheFolder = (): string =>
  process.env.ULTRAPREP_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'ultraprep');
