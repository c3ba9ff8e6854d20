import { createRequire } from 'node:module';

/** This package's version: part of every plan, so that a corpus is never finished by another version than began it. */
export const VERSION = (createRequire(import.meta.url)('../../package.json') as { version: string }).version;
