// The part of an image that the model sees, with a heat map over it.

import { open } from "./decode.mjs";
import { placement } from "./preprocess.mjs";

const SIDE = 640; // longest side, in pixels

// Draws `file` as the model sees it, and a map {data, dims: [1, h, w]} if there is one.
export async function draw(canvas, file, facts, map) {
  const bitmap = await open(file);
  const { height, width } = facts.input;
  const scale = SIDE / Math.max(height, width);
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const context = canvas.getContext("2d");
  const { box, place } = placement(bitmap, facts);
  const [left, top, right, bottom] = box;
  const [x, y, w, h] = place.map((value) => value * scale);
  context.fillStyle = "white"; // behind transparent pixels
  context.fillRect(x, y, w, h);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, left, top, right - left, bottom - top, x, y, w, h);
  bitmap.close();
  if (map) context.drawImage(heat(map), 0, 0, canvas.width, canvas.height);
}

// From transparent blue over red to yellow; what lowers the answer stays transparent.
function heat({ data, dims: [, height, width] }) {
  const largest = Math.max(...data, 1e-12);
  const least = Math.max(0, Math.min(...data));
  const pixels = new ImageData(width, height);
  data.forEach((value, i) => {
    const share = Math.max(0, (value - least) / (largest - least || 1));
    const colour = [255 * Math.min(1, 2 * share), 255 * Math.max(0, 2 * share - 1), 255 * Math.max(0, 0.6 - share)];
    pixels.data.set([...colour, 200 * share], 4 * i);
  });
  const small = new OffscreenCanvas(width, height);
  small.getContext("2d").putImageData(pixels, 0, 0);
  return small;
}

// Where a map is largest, in words.
export function strongest({ data, dims: [, height, width] }) {
  const at = data.indexOf(Math.max(...data));
  const third = (place, count) => Math.min(2, Math.floor((3 * (place + 0.5)) / count));
  const row = ["top", "middle", "bottom"][third(Math.floor(at / width), height)];
  const column = ["left", "center", "right"][third(at % width, width)];
  return row === "middle" && column === "center" ? "center" : `${row} ${column}`;
}
