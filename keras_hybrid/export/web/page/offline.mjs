// Keeps the page for use without a network, where the browser has service workers.

export async function keepOffline(urls) {
  if (!("serviceWorker" in navigator)) return;
  try {
    await navigator.serviceWorker.register("sw.js");
    const cache = await caches.open("page");
    for (const url of ["./", ...urls]) if (!(await cache.match(url))) await cache.add(url);
  } catch {
    // private windows and full disks: the page works, with a network
  }
}
