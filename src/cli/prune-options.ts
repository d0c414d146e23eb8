/** Options that `tacet prune` and `tacet prune compare` share. */
import { InvalidArgumentError, Option } from 'commander';

export function routeOption(): Option {
  return new Option('--route <route>', 'how exponents are had; docs/lyapunov.md tells them apart')
    .choices(['rate', 'surrogate', 'saltation'])
    .default('rate');
}

/** Reads a number above 0, up to 1. */
export function share(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value > 0 && value <= 1)) {
    throw new InvalidArgumentError('Give a share above 0, up to 1.');
  }
  return value;
}
