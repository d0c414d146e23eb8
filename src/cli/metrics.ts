/** `--metrics`: a search's progress for Prometheus (text format 0.0.4), served while it runs. */
import { createServer } from 'node:http';
import { type DeviceLoad, occupancyOf, sampleRateOf } from '../study/device-load.ts';
import { type ListenAddress, type ListeningServer, listenAt } from './listen.ts';
import type { SearchProgress } from './search-progress.ts';

/**
 * Serves `/metrics`.
 *
 * @throws {UsageError} when it can't listen there
 */
export async function serveMetrics(
  address: ListenAddress,
  progress: () => SearchProgress,
): Promise<ListeningServer> {
  const server = createServer((request, response) => {
    if (request.url !== '/metrics') {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('Metrics are at /metrics.\n');
      return;
    }
    response
      .writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' })
      .end(metricsText(progress()));
  });
  return await listenAt(server, address, '--metrics', 'metrics');
}

/** The metrics of a search at the progress's own time. */
export function metricsText(progress: SearchProgress): string {
  const { study, budget, complete, silent, failed, running, best, devices, now } = progress;
  const ofStudy = { study };
  const states = { complete, silent, failed, running: running.size };
  const perDevice = (value: (load: DeviceLoad) => number | undefined): Sample[] =>
    devices.map((load, worker) => {
      const labels = { study, worker: String(worker), device: load.device?.name ?? load.spec };
      return [labels, value(load)];
    });
  return [
    metric(
      'tacet_trials',
      'gauge',
      'Trials of the study by state.',
      Object.entries(states).map(([state, count]): Sample => [{ study, state }, count]),
    ),
    metric('tacet_trials_budget', 'gauge', 'Trials that the study shall have.', [[ofStudy, budget]]),
    metric('tacet_incumbent_objective', 'gauge', 'Objective of the best feasible trial.', [
      [ofStudy, best?.outcome?.objective],
    ]),
    metric('tacet_incumbent_trial', 'gauge', 'Number of the best feasible trial.', [[ofStudy, best?.number]]),
    metric(
      'tacet_device_samples_total',
      'counter',
      'Samples run, summed over networks, in this run.',
      perDevice(({ samples }) => samples),
    ),
    metric(
      'tacet_device_samples_per_second',
      'gauge',
      'Samples x networks per second since the device was ready.',
      perDevice((load) => sampleRateOf(load, now)),
    ),
    metric(
      'tacet_device_occupancy_ratio',
      'gauge',
      "Share of its slots' time in which a launch with a trial of theirs was under way.",
      perDevice((load) => occupancyOf(load, now)),
    ),
    metric(
      'tacet_device_slots',
      'gauge',
      'Networks that run side by side.',
      perDevice(({ slots }) => slots),
    ),
    metric(
      'tacet_worker_restarts_total',
      'counter',
      'Workers of the device that went down.',
      perDevice(({ restarts }) => restarts),
    ),
  ].join('');
}

/** A value with its labels; undefined while there is none. */
type Sample = readonly [labels: Readonly<Record<string, string>>, value: number | undefined];

function metric(name: string, type: 'gauge' | 'counter', help: string, samples: readonly Sample[]): string {
  const lines = samples.flatMap(([labels, value]) => {
    if (value === undefined) return [];
    const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escaped(text)}"`);
    return [`${name}{${pairs.join(',')}} ${value}`];
  });
  return lines.length === 0 ? '' : `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('\n')}\n`;
}

function escaped(label: string): string {
  return label.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
