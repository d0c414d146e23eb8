/**
 * Colours of figures on light and on dark ground: Okabe and Ito (2008), which people with any colour vision tell apart.
 * No figure depends on colour alone: classes of trials have symbols too, lines have dashes or labels.
 */
import type { TrialClass } from './study-data.ts';

export interface Theme {
  readonly name: 'light' | 'dark';
  readonly ground: string;
  readonly text: string;
  readonly faint: string;
  readonly rule: string;
  /** For series, in order. */
  readonly series: readonly string[];
  readonly classes: Readonly<Record<TrialClass, string>>;
}

export const LIGHT: Theme = {
  name: 'light',
  ground: '#ffffff',
  text: '#1b1f24',
  faint: '#57606a',
  rule: '#d0d7de',
  series: ['#0072b2', '#d55e00', '#007a5a', '#b0559b', '#8a6100', '#3a8fc2', '#444444'],
  classes: {
    feasible: '#0072b2',
    infeasible: '#b86e00',
    silent: '#7a8087',
    failed: '#c23b00',
    running: '#3a8fc2',
  },
};

export const DARK: Theme = {
  name: 'dark',
  ground: '#14181d',
  text: '#e6e9ed',
  faint: '#a3abb5',
  rule: '#39424d',
  series: ['#56b4e9', '#f08a45', '#2fc79a', '#e09bcb', '#e6b53c', '#8fd0f5', '#c9ced4'],
  classes: {
    feasible: '#56b4e9',
    infeasible: '#e6b53c',
    silent: '#8b939c',
    failed: '#ff7f50',
    running: '#8fd0f5',
  },
};

/** ECharts symbols. */
export const SYMBOLS: Readonly<Record<TrialClass, string>> = {
  feasible: 'circle',
  infeasible: 'diamond',
  silent: 'path://M0,0 L2,0 L5,3 L8,0 L10,0 L6,5 L10,10 L8,10 L5,7 L2,10 L0,10 L4,5 Z',
  failed: 'triangle',
  running: 'emptyCircle',
};
