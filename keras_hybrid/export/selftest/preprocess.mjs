// What a program has to do with an image before the model, equal to Pillow's resize:
// antialiased, first the width and then the height, each rounded to 8 bits.

const ONE = 2 ** 22; // the weights are integers, this many times as large
const sinc = (x) => (x ? Math.sin(Math.PI * x) / (Math.PI * x) : 1);
const FILTERS = {
  box: { support: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  hamming: {
    support: 1,
    weight: (x) => (Math.abs(x) < 1 ? sinc(x) * (0.54 + 0.46 * Math.cos(Math.PI * x)) : 0),
  },
  bicubic: {
    support: 2,
    weight: (x) => {
      x = Math.abs(x);
      if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
      return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0;
    },
  },
  lanczos: { support: 3, weight: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

// For each of `size` output pixels: the first input pixel that it reads, and weights.
function coefficients(length, from, to, size, filter) {
  const scale = Math.fround(to - from) / size;
  if (filter === "nearest") {
    let place = from + scale * 0.5; // Pillow adds up, too
    return Array.from({ length: size }, () => {
      const first = Math.min(length - 1, Math.floor(place));
      place += scale;
      return { first, weights: [ONE] };
    });
  }
  if (!(filter in FILTERS)) throw new Error(`There is no filter ${filter}.`);
  const { support, weight } = FILTERS[filter];
  const stretch = Math.max(scale, 1);
  return Array.from({ length: size }, (_, i) => {
    const center = from + (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - support * stretch + 0.5));
    const end = Math.min(length, Math.trunc(center + support * stretch + 0.5));
    const weights = [];
    for (let x = first; x < end; x++) weights.push(weight((x - center + 0.5) * (1 / stretch)));
    const share = 1 / weights.reduce((a, b) => a + b, 0);
    return { first, weights: weights.map((w) => Math.round(w * share * ONE)) };
  });
}

// Weighted sums along each of `lines`, rounded to 8 bits. `from` and `to` are arrays of
// `values` with the steps to the next line and to the next pixel of a line.
function resample(from, to, lines, channels, taps) {
  for (let line = 0; line < lines; line++)
    for (let i = 0; i < taps.length; i++) {
      const { first, weights } = taps[i];
      for (let c = 0; c < channels; c++) {
        let at = line * from.line + first * from.pixel + c;
        let sum = ONE / 2;
        for (let k = 0; k < weights.length; k++, at += from.pixel) sum += weights[k] * from.values[at];
        to.values[line * to.line + i * to.pixel + c] = Math.min(255, Math.max(0, Math.floor(sum / ONE)));
      }
    }
}

export function resize({ pixels, width, height, channels }, newWidth, newHeight, filter, box = [0, 0, width, height]) {
  const [left, top, right, bottom] = box.map(Math.fround);
  const columns = coefficients(width, left, right, newWidth, filter);
  const rows = coefficients(height, top, bottom, newHeight, filter);
  const row = newWidth * channels;
  const wide = new Uint8Array(height * row);
  const result = new Uint8Array(newHeight * row);
  const source = { values: pixels, line: width * channels, pixel: channels };
  resample(source, { values: wide, line: row, pixel: channels }, height, channels, columns);
  const turned = (values) => ({ values, line: channels, pixel: row });
  resample(turned(wide), turned(result), newWidth, channels, rows);
  return result;
}

// Where an image goes: the box [left, top, right, bottom] of it that is resized, and the
// place [x, y, width, height] of the result in the model's input; the rest is black.
export function placement({ width: w, height: h }, { input: { width: W, height: H }, preprocessing: { fit, crop } }) {
  if (fit === "crop") {
    const left = (w - crop * Math.min(w, (h * W) / H)) / 2;
    const top = (h - crop * Math.min(h, (w * H) / W)) / 2;
    return { box: [left, top, w - left, h - top], place: [0, 0, W, H] };
  }
  if (fit === "stretch") return { box: [0, 0, w, h], place: [0, 0, W, H] };
  const scale = Math.min(W / w, H / h);
  const [iw, ih] = [w, h].map((side) => Math.max(1, Math.floor(side * scale + 0.5)));
  return { box: [0, 0, w, h], place: [Math.floor((W - iw) / 2), Math.floor((H - ih) / 2), iw, ih] };
}

// RGB pixels {pixels, width, height, channels: 3} -> Float32Array (H, W, C).
export function preprocess(image, golden) {
  const { width: W, height: H, channels, mean, std } = golden.input;
  if (channels === 1) image = grey(image);
  const { box, place } = placement(image, golden);
  const [x, y, w, h] = place;
  const inner = resize(image, w, h, golden.preprocessing.interpolation, box);
  const pixels = new Uint8Array(H * W * channels); // black
  for (let row = 0; row < h; row++)
    pixels.set(inner.subarray(row * w * channels, (row + 1) * w * channels), ((y + row) * W + x) * channels);
  return Float32Array.from(pixels, (value, i) => (value - mean[i % channels]) / std[i % channels]);
}

// Pillow's convert("L").
function grey({ pixels, width, height }) {
  const result = new Uint8Array(width * height);
  for (let i = 0; i < result.length; i++)
    result[i] = (19595 * pixels[3 * i] + 38470 * pixels[3 * i + 1] + 7471 * pixels[3 * i + 2] + 0x8000) >> 16;
  return { pixels: result, width, height, channels: 1 };
}
