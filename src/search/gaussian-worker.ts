/** The thread behind `TypescriptEngine`: keeps conditioned processes by their number and answers requests in order. */
import { parentPort } from 'node:worker_threads';
import { GaussianModel, marginalLikelihood } from './matern.ts';
import type { EngineMessage, EngineReply, EngineRequest } from './typescript-engine.ts';

const models = new Map<number, GaussianModel>();

function modelOf(id: number): GaussianModel {
  const model = models.get(id);
  if (model === undefined) throw new RangeError(`process ${id} was released`);
  return model;
}

function answer(request: EngineRequest): Float64Array {
  switch (request.kind) {
    case 'likelihood':
      return marginalLikelihood(request.inputs, request.y, request.theta);
    case 'condition':
      models.set(request.id, new GaussianModel(request.inputs, request.y, request.theta));
      break;
    case 'means':
      return modelOf(request.id).means(request.points, request.count);
    case 'predict':
      return modelOf(request.id).predict(request.points, request.count);
    case 'draw':
      modelOf(request.id).drawPaths(
        request.y,
        request.features,
        request.weights,
        request.noise,
        request.paths,
      );
      break;
    case 'evaluate':
      return modelOf(request.id).evaluatePaths(request.points, request.count, request.shared);
    case 'release':
      models.delete(request.id);
      break;
  }
  return new Float64Array(0);
}

parentPort?.on('message', ({ ticket, request }: EngineMessage) => {
  let reply: EngineReply;
  try {
    reply = { ticket, values: answer(request) };
  } catch (error) {
    reply = { ticket, error: error instanceof Error ? error.message : String(error) };
  }
  parentPort?.postMessage(reply);
});
