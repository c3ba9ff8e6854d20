const [SCHEMA, DICTIONARY, BATCH] = [1, 2, 3];
const [TIMESTAMP, UNION] = [10, 14];
const MOST_DEPTH = 64;
/** Rows that have no byte of their own: a bit each, at the least. */
const ROWS_A_BYTE = 8;

/**
 * Walks a message's metadata (a FlatBuffer, Arrow's Message.fbs) before apache-arrow does, and throws on what lies outside of it
 * or repeats itself: the library trusts every count, and a turned bit made it loop for ever. `body` is what the message has
 * behind it, at the most. Returns the bytes of the body.
 */
export function checkMessage(bytes: Uint8Array, body: number): number {
  const check = new Check(new DataView(bytes.buffer, bytes.byteOffset, bytes.length));
  return check.message(body);
}

class Check {
  private readonly view: DataView;
  /** What may still be visited: tables may be shared, and a few bytes be a tree without end. */
  private left: number;

  constructor(view: DataView) {
    this.view = view;
    this.left = view.byteLength;
  }

  message(most: number): number {
    const table = this.view.getUint32(0, true);
    const at = this.field(table, 3);
    const body = at === 0 ? 0 : Number(this.view.getBigInt64(at, true));
    if (!(body >= 0 && body <= most)) throw new Error(`a body of ${body} bytes of ${most}`);
    const type = this.field(table, 1);
    const header = this.inner(table, 2);
    this.pairs(table, 4);
    if (type === 0 || header === 0) throw new Error('a message without a header');
    const kind = this.view.getUint8(type);
    if (kind === SCHEMA) this.schema(header);
    else if (kind === BATCH) this.batch(header, body);
    else if (kind === DICTIONARY) {
      const data = this.inner(header, 1);
      if (data === 0) throw new Error('a dictionary without values');
      this.batch(data, body);
    }
    return body;
  }

  private schema(table: number): void {
    this.each(table, 1, (field) => this.fieldTable(field, 0));
    this.pairs(table, 2);
    this.vector(table, 3, 8);
  }

  private fieldTable(table: number, depth: number): void {
    if (depth > MOST_DEPTH) throw new Error('fields in fields without end');
    this.vector(table, 0, 1); // its name
    const kind = this.field(table, 2);
    const type = this.inner(table, 3);
    if (kind === 0 || type === 0) throw new Error('a field without a type');
    const id = this.view.getUint8(kind);
    if (id === TIMESTAMP) this.vector(type, 1, 1);
    if (id === UNION) this.vector(type, 1, 4);
    const dictionary = this.inner(table, 4);
    if (dictionary !== 0) this.inner(dictionary, 1);
    this.each(table, 5, (child) => this.fieldTable(child, depth + 1));
    this.pairs(table, 6);
  }

  private batch(table: number, body: number): void {
    const most = body * ROWS_A_BYTE;
    const rowsAt = this.field(table, 0);
    const rows = rowsAt === 0 ? 0 : this.long(rowsAt);
    const nodes = this.vector(table, 1, 16);
    for (let i = 0; i < nodes.length; i++) {
      const [length, nulls] = [this.long(nodes.at + i * 16), this.long(nodes.at + i * 16 + 8)];
      if (!(length >= 0 && length <= most && nulls >= 0 && nulls <= length))
        throw new Error(`${length} values, ${nulls} of them null, in ${body} bytes`);
      if (i === 0 && length !== rows) throw new Error(`${rows} rows in all, ${length} in the first column`);
    }
    if (nodes.length === 0 && rows > 0) throw new Error(`${rows} rows without columns`);
    const buffers = this.vector(table, 2, 16);
    for (let i = 0; i < buffers.length; i++) {
      const [start, length] = [this.long(buffers.at + i * 16), this.long(buffers.at + i * 16 + 8)];
      if (!(start >= 0 && length >= 0 && start + length <= body))
        throw new Error(`a buffer of ${length} bytes at ${start} of ${body}`);
    }
    this.inner(table, 3);
    const views = this.vector(table, 4, 8);
    for (let i = 0; i < views.length; i++)
      if (!(this.long(views.at + i * 8) >= 0 && this.long(views.at + i * 8) <= buffers.length))
        throw new Error('more buffers of a view than there are');
  }

  private long(at: number): number {
    return Number(this.view.getBigInt64(at, true));
  }

  /** Keys and values. */
  private pairs(table: number, id: number): void {
    this.each(table, id, (pair) => {
      this.vector(pair, 0, 1);
      this.vector(pair, 1, 1);
    });
  }

  private each(table: number, id: number, see: (table: number) => void): void {
    const { at, length } = this.vector(table, id, 4);
    for (let i = 0; i < length; i++) see(at + i * 4 + this.view.getUint32(at + i * 4, true));
  }

  /** Where a field of a table is; 0 where it is not. A DataView throws on what lies outside. */
  private field(table: number, id: number): number {
    if ((this.left -= 1) < 0) throw new Error('tables in tables without end');
    const list = table - this.view.getInt32(table, true);
    const size = this.view.getUint16(list, true);
    if (4 + id * 2 >= size) return 0;
    const offset = this.view.getUint16(list + 4 + id * 2, true);
    return offset === 0 ? 0 : table + offset;
  }

  private inner(table: number, id: number): number {
    const at = this.field(table, id);
    if (at === 0) return 0;
    const inner = at + this.view.getUint32(at, true);
    this.field(inner, 0);
    return inner;
  }

  private vector(table: number, id: number, width: number): { at: number; length: number } {
    const at = this.field(table, id);
    if (at === 0) return { at: 0, length: 0 };
    const start = at + this.view.getUint32(at, true);
    const length = this.view.getUint32(start, true);
    if (start + 4 + length * width > this.view.byteLength) throw new Error(`a list of ${length}`);
    // Structs of 8 bytes are aligned to it behind the length; a list of them begins right there.
    return { at: start + 4, length };
  }
}
