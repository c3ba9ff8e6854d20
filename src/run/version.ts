import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/** This package's version: part of every plan, so that a corpus is never finished by another version than began it. */
export const VERSION = (createRequire(import.meta.url)('../../package.json') as { version: string }).version;

/** The pipeline of the bundled sample. As all paths beside this package it is as far from src/run as from dist/bundle. */
export const QUICKSTART = fileURLToPath(new URL('../../pipelines/quickstart.yaml', import.meta.url));
