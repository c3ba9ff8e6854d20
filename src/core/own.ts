/** A member by a name out of a file: one called `constructor` is not Object's. */
export const ownOf = <T>(object: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(object, name) ? object[name] : undefined;
