// Checks an ONNX model and its preprocessing on ten images: node selftest.mjs [FILE]
// npm install onnxruntime-node pngjs   (in a browser: onnxruntime-web, and a canvas)
import fs from "node:fs";
import ort from "onnxruntime-node";
import { PNG } from "pngjs";
import { preprocess } from "./preprocess.mjs";

const here = (name) => new URL(name, import.meta.url);
const golden = JSON.parse(fs.readFileSync(here("golden.json")));
const name = process.argv[2] ?? "model.onnx";
const { tolerance, logits, batch = 1 } = golden.expected[name];
const { height, width, channels } = golden.input;
const session = await ort.InferenceSession.create(fs.readFileSync(here(`../${name}`)));
let passed = 0;
for (const [i, { file }] of golden.images.entries()) {
  const { data, width: w, height: h } = PNG.sync.read(fs.readFileSync(here(file)));
  const pixels = Uint8Array.from({ length: 3 * w * h }, (_, k) => data[4 * Math.floor(k / 3) + (k % 3)]); // no alpha
  const input = preprocess({ pixels, width: w, height: h, channels: 3 }, golden);
  const filled = Float32Array.from({ length: batch * input.length }, (_, k) => input[k % input.length]);
  const image = new ort.Tensor("float32", filled, [batch, height, width, channels]);
  const found = (await session.run({ image })).logits.data;
  const difference = Math.max(...logits[i].map((x, k) => Math.abs(x - found[k])));
  passed += difference <= tolerance;
  console.log(`${name} ${file}: logits differ by ${difference.toExponential(1)}`);
}
console.log(`${name}: ${passed} of ${golden.images.length} images pass`);
process.exit(passed === golden.images.length ? 0 : 1);
