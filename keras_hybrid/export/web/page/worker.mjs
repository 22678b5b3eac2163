// The thread that reads images and runs the model, so that the page stays responsive.

import { decode } from "./decode.mjs";
import { occlusion } from "./occlusion.mjs";
import { preprocess } from "./preprocess.mjs";

const MODULES = { wasm: "./runtime/ort.wasm.min.mjs", webgpu: "./runtime/ort.webgpu.min.mjs" };
let ort, session, facts, task = 0;

// Opens the model file at `url` on `device`.
async function open({ model, url, device }) {
  facts = model;
  ort = await import(MODULES[device]);
  ort.env.wasm.wasmPaths = new URL("./runtime/", import.meta.url).href;
  ort.env.logLevel = "error";
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${answer.statusText}`);
  const options = { executionProviders: [device], logSeverityLevel: 3 };
  session = await ort.InferenceSession.create(new Uint8Array(await answer.arrayBuffer()), options);
  await run(new Float32Array(size())); // the first run prepares the others
  return { threads: device === "wasm" ? ort.env.wasm.numThreads : null };
}

const size = () => facts.input.height * facts.input.width * facts.input.channels;

async function run(pixels) {
  const { height, width, channels } = facts.input;
  const image = new ort.Tensor("float32", pixels, [1, height, width, channels]);
  const outputs = await session.run({ image });
  return Object.fromEntries(
    Object.entries(outputs).map(([name, { data, dims }]) => [name, { data: [...data], dims }]),
  );
}

// The outputs for an image file, and how many milliseconds reading and computing took.
async function classify({ file }) {
  const start = performance.now();
  const pixels = preprocess(await decode(file, facts.preprocessing.pixel_range), facts);
  const read = performance.now();
  const outputs = await run(pixels);
  return { outputs, reading: read - start, computing: performance.now() - read };
}

// How much output `index` falls while each part of the image is covered.
async function occlude({ file, output, index }, report) {
  const mine = ++task;
  const pixels = preprocess(await decode(file, facts.preprocessing.pixel_range), facts);
  const value = async (covered) => (await run(covered))[output].data[index];
  return occlusion(pixels, facts.input, value, (share) => {
    report(share);
    return mine === task; // another one has begun
  });
}

const actions = { open, classify, occlude };

onmessage = async ({ data: { id, action, options } }) => {
  try {
    const result = await actions[action](options, (progress) => postMessage({ id, progress }));
    postMessage({ id, result });
  } catch (error) {
    postMessage({ id, error: error.message });
  }
};
