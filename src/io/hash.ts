import { createHash, hash } from 'node:crypto';
import { byteChunks } from './bytes.ts';

/** A running SHA-256 (node:crypto: 1.8 GB/s where the CPU has SHA instructions). */
export interface Hasher {
  update(bytes: Uint8Array): void;
  /** 64 hex digits; ends the hasher. */
  digest(): string;
}

export function hasher(): Hasher {
  const running = createHash('sha256');
  return {
    update: (bytes) => void running.update(bytes),
    digest: () => running.digest('hex'),
  };
}

/** SHA-256 of bytes, as 32 bytes. */
export const sha256Bytes = (bytes: Uint8Array): Uint8Array => hash('sha256', bytes, 'buffer');

/** SHA-256 of bytes, as 64 hex digits. */
export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** SHA-256 of a file, or of its bytes [start, end), streamed: a megabyte of memory whatever the size. */
export async function sha256OfFile(path: string, start?: number, end?: number): Promise<string> {
  const running = hasher();
  for await (const chunk of byteChunks(path, start, end)) running.update(chunk);
  return running.digest();
}
