/** `--metrics`: a search's progress for Prometheus (text format 0.0.4), served while it runs. */
import { createServer } from 'node:http';
import { type DeviceLoad, occupancyOf, sampleRateOf } from '../study/device-load.ts';
import { UsageError } from './errors.ts';
import type { SearchProgress } from './search-progress.ts';

/** Where metrics are served. */
export interface MetricsAddress {
  readonly host: string;
  readonly port: number;
}

/**
 * Reads `PORT` or `ADDRESS:PORT`; without an address only this machine is served. Port 0 is any that is free.
 *
 * @throws {UsageError}
 */
export function parseMetricsAddress(text: string): MetricsAddress {
  const [, host = '127.0.0.1', digits = ''] = /^(?:(.+):)?(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === '' || port > 65_535) {
    throw new UsageError(
      `--metrics ${text} is no place to listen at: give a port such as 9464, or an address and a port such as 0.0.0.0:9464`,
    );
  }
  return { host: host.replace(/^\[(.*)\]$/, '$1'), port };
}

/** A server of metrics. */
export interface MetricsServer extends AsyncDisposable {
  readonly url: string;
}

/**
 * Serves `/metrics`.
 *
 * @throws {UsageError} when it can't listen there
 */
export async function serveMetrics(
  { host, port }: MetricsAddress,
  progress: () => SearchProgress,
): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    if (request.url !== '/metrics') {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('Metrics are at /metrics.\n');
      return;
    }
    response
      .writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' })
      .end(metricsText(progress()));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const why = cause.code === 'EADDRINUSE' ? 'the port is taken' : cause.message;
      reject(new UsageError(`--metrics: can't listen at ${host}:${port} (${why}): give another`, { cause }));
    });
    server.listen(port, host, resolve);
  });
  const address = server.address();
  const taken = typeof address === 'object' && address ? address.port : port;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${taken}/metrics`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
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
