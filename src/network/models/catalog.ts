/** The models that can be named on a command line, with the options that each takes there. */
import { z } from 'zod';
import type { Network } from '../network.ts';
import { brunel } from './brunel.ts';
import { chrsnn, hrsnn } from './hrsnn.ts';
import { coba, cuba } from './vogels-abbott.ts';

export interface CatalogModel {
  readonly name: string;
  /** One line for a list. */
  readonly about: string;
  /** A strict object. Every option may be left out. */
  readonly options: z.ZodObject;
  /** @throws {NetworkError} for options that can't be together */
  build(options: Readonly<Record<string, unknown>>): Network;
}

const seed = z.int().min(0).optional();
const dtMs = z.number().positive().optional();
const count = z.int().min(1).optional();
const number = z.number().optional();
const notNegative = z.number().min(0).optional();
const share = z.number().min(0).max(1).optional();

const balanced = {
  seed,
  dtMs,
  neurons: count,
  probability: share,
  excitatoryWeight: number,
  inhibitoryWeight: number,
};

const recurrent = {
  seed,
  dtMs,
  neurons: count,
  degree: z.int().min(0).optional(),
  rewire: share,
  gain: notNegative,
  balanceMv: number,
  backgroundHz: notNegative,
  backgroundMv: number,
};

/** @param build takes what its schema has let through */
function model<Shape extends z.ZodRawShape>(
  name: string,
  about: string,
  shape: Shape,
  build: (options: never) => Network,
): CatalogModel {
  const options = z.strictObject(shape);
  // A schema's optional values may be undefined; options that are parsed from text never are.
  return { name, about, options, build: (given) => build(options.parse(given) as never) };
}

export const MODELS: readonly CatalogModel[] = [
  model('cuba', 'balanced network with current synapses (Vogels and Abbott 2005)', balanced, cuba),
  model('coba', 'the same with conductances', balanced, coba),
  model(
    'brunel',
    'sparse excitatory and inhibitory neurons with Poisson input (Brunel 2000)',
    {
      seed,
      dtMs,
      g: number,
      eta: notNegative,
      excitatory: count,
      connectivity: share,
      inDegree: z.enum(['fixed', 'random']).optional(),
      weightMv: z.number().positive().optional(),
      delayMs: notNegative,
    },
    brunel,
  ),
  model(
    'hrsnn',
    'small world with gamma-distributed time constants; heterogeneous=false for its twin',
    { ...recurrent, heterogeneous: z.boolean().optional() },
    hrsnn,
  ),
  model('chrsnn', 'clusters with different time constants, a small world of small worlds', recurrent, chrsnn),
];
