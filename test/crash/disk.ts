/**
 * A disk that remembers what is durable and what is not. A file's bytes are once it was synced, a name (a new file, a rename,
 * a removal, a folder) once the folder that holds it was. From there a crash takes what a crash may take: a kill nothing; a power
 * loss any of the bytes and any of the names that nobody asked to be kept. Operations on one name keep their order, as journals
 * do; those on different names do not.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Operation } from './trace.ts';

class File {
  durable: Buffer = Buffer.alloc(0);
  pending: Buffer[] = [];

  get whole(): Buffer {
    return Buffer.concat([this.durable, ...this.pending]);
  }
  sync(): void {
    this.durable = this.whole;
    this.pending = [];
  }
  /** Each piece that was not synced is there, or a hole of zeros; at the end, nothing. */
  left(stays: () => boolean): Buffer {
    if (this.pending.length === 0) return this.durable;
    const kept = this.pending.map((piece) => (stays() ? piece : null));
    while (kept.length > 0 && kept.at(-1) === null) kept.pop();
    return Buffer.concat([this.durable, ...kept.map((piece, i) => piece ?? Buffer.alloc(this.pending[i]!.length))]);
  }
}

type Node = File | Folder;
interface Change {
  readonly remove: string | null;
  readonly add: readonly [string, Node] | null;
}

class Folder {
  durable = new Map<string, Node>();
  pending: Change[] = [];

  get names(): Map<string, Node> {
    return this.with(() => true);
  }
  with(stays: () => boolean): Map<string, Node> {
    const names = new Map(this.durable);
    for (const { remove, add } of this.pending) {
      if (!stays()) continue;
      if (remove !== null) names.delete(remove);
      if (add) names.set(...add);
    }
    return names;
  }
  sync(): void {
    this.durable = this.names;
    this.pending = [];
  }
}

/** Paths to contents. */
export type Image = ReadonlyMap<string, Buffer>;

export class Disk {
  readonly #root = new Folder();
  readonly #files = new Map<number, File>();

  apply(operation: Operation): void {
    switch (operation.op) {
      case 'ack':
        return;
      case 'mkdir':
        // Two threads that found none both tell of it: the first has made it.
        return this.#has(operation.path) ? undefined : this.#change(operation.path, null, new Folder());
      case 'create': {
        const file = new File();
        this.#files.set(operation.file, file);
        return this.#change(operation.path, null, file);
      }
      case 'write':
        return void this.#files.get(operation.file)!.pending.push(Buffer.from(operation.data, 'base64'));
      case 'sync':
        return this.#files.get(operation.file)!.sync();
      case 'syncFolder':
        return this.#folder(operation.path).sync();
      case 'unlink':
      case 'rmdir':
      case 'rm':
        return this.#change(operation.path, operation.path, null);
      case 'rename':
      case 'link': {
        if (dirname(operation.path) !== dirname(operation.to))
          throw new Error(`${operation.path}: renamed across folders`);
        const node = this.#folder(dirname(operation.path)).names.get(nameOf(operation.path))!;
        return this.#change(operation.to, operation.op === 'rename' ? operation.path : null, node);
      }
    }
  }

  /** What is found after a kill: the system still has all that was given to it. */
  killed(): Image {
    return imageOf(
      this.#root,
      () => true,
      () => true,
    );
  }

  /** What is found after a power loss; `name` and `bytes` say of each thing that is not durable whether it stays. */
  powerLost(name: () => boolean, bytes: () => boolean): Image {
    return imageOf(this.#root, name, bytes);
  }

  #folder(path: string): Folder {
    let folder: Node | undefined = this.#root;
    for (const name of path === '.' || path === '' ? [] : path.split('/'))
      folder = folder instanceof Folder ? folder.names.get(name) : undefined;
    if (!(folder instanceof Folder)) throw new Error(`no folder ${path}`);
    return folder;
  }

  #has(path: string): boolean {
    return this.#folder(dirname(path)).names.get(nameOf(path)) instanceof Folder;
  }

  #change(path: string, remove: string | null, add: Node | null): void {
    const folder = this.#folder(dirname(path));
    folder.pending.push({ remove: remove && nameOf(remove), add: add && [nameOf(path), add] });
  }
}

const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

function imageOf(root: Folder, name: () => boolean, bytes: () => boolean): Image {
  const image = new Map<string, Buffer>();
  // Two names of one file (a rename that left the old one) show one content.
  const contents = new Map<File, Buffer>();
  const walk = (folder: Folder, prefix: string): void => {
    for (const [child, node] of folder.with(name))
      if (node instanceof Folder) walk(node, `${prefix}${child}/`);
      else {
        const content = contents.get(node) ?? node.left(bytes);
        contents.set(node, content);
        image.set(`${prefix}${child}`, content);
      }
  };
  walk(root, '');
  return image;
}

/** Lays an image out below a folder; folders that hold no file are not made. */
export function layOut(image: Image, dir: string): void {
  for (const [path, content] of image) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), content);
  }
}
