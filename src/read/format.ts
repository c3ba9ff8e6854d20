// The table is with io because listing a folder needs it too; reading is what it is for.
export { type FileFormat, formatOf, KNOWN_ENDINGS } from '../io/formats.ts';
