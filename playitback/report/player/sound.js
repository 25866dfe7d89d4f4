// Sound through WebAudio: fetched and decoded once, played sample-exactly, one request at a time.

const START_LEAD_SECONDS = 0.02; // scheduled a little ahead, so that the first sample is never late
const PAUSE_SECONDS = 0.15; // between segments played one after the other
const PATIENCE_SECONDS = 3; // for the sound device

class NoSoundDevice extends Error {}

/** One audio context for the page, however many players: browsers allow only a few. */
function audioContext() {
  const name = Symbol.for("playitback.audio");
  window[name] = window[name] || new AudioContext({ latencyHint: "interactive" });
  return window[name];
}

/** Resolves when the context runs. Where there is no sound device, Firefox would wait for ever; this throws. */
function running(context) {
  if (context.state === "running") return Promise.resolve();
  const silence = new Promise((_, reject) => setTimeout(() => reject(new NoSoundDevice()), PATIENCE_SECONDS * 1000));
  return Promise.race([context.resume(), silence]);
}

async function fetchBytes(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`status ${response.status}`);
  return response.arrayBuffer();
}

/** Sounds of one run: fetched once, decoded once. */
function soundStore(resolve) {
  const bytes = new Map();
  const buffers = new Map();
  const once = (store, key, begin) => {
    if (!store.has(key)) {
      const promise = begin();
      store.set(key, promise);
      promise.catch(() => store.delete(key)); // so that pressing again tries again
    }
    return store.get(key);
  };
  const fetched = (file) => once(bytes, resolve(file), () => fetchBytes(resolve(file)));
  return {
    fetched,
    decoded: (file, context) =>
      once(buffers, resolve(file), async () => context.decodeAudioData((await fetched(file)).slice(0))),
  };
}

/** Starts the parts one after the other, sample-exactly; each part gets its place `when` on the audio clock. */
function schedule(context, parts, buffers) {
  let when = context.currentTime + START_LEAD_SECONDS;
  return parts.map((part, k) => {
    const source = context.createBufferSource();
    source.buffer = buffers[k];
    source.connect(context.destination);
    source.start(when, part.offset, part.duration);
    const started = { ...part, source, when };
    when += part.duration + PAUSE_SECONDS;
    return started;
  });
}

// Plays requests { key, sounds, goOn, ... }; a sound is { file, offset, duration, second(played) -> clip second }.
// While one sounds, its `parts` are what schedule returned. The deck tells what happens: asked(request), started(request),
// moved(second), ended(request, at, second), with `at` on the audio clock and no second where it was stopped, and
// failed(error); alive() says whether anybody still listens.
function makeDeck({ alive, asked, started, moved, ended, failed }) {
  let playing = null;
  let frameRequest = 0;

  const latency = (context) => Math.min(context.outputLatency || 0, 0.5);

  function tick() {
    frameRequest = 0;
    if (!playing || !playing.parts || !alive()) return;
    const context = audioContext();
    const heard = context.currentTime - latency(context);
    const begun = playing.parts.filter((part) => part.when <= heard);
    if (begun.length) {
      const part = begun[begun.length - 1];
      moved(part.second(Math.min(heard - part.when, part.duration)));
    }
    frameRequest = requestAnimationFrame(tick);
  }

  function settle(at, second) {
    const request = playing;
    playing = null;
    cancelAnimationFrame(frameRequest);
    frameRequest = 0;
    ended(request, at, second);
  }

  function stop() {
    if (!playing) return;
    const sounding = playing.parts || [];
    for (const part of sounding) {
      part.source.onended = null;
      part.source.stop();
    }
    settle(sounding.length ? audioContext().currentTime : 0, null);
  }

  /** The last sample is out: wait until it is heard, then stand at the end. */
  function finishAfter(request) {
    const last = request.parts[request.parts.length - 1];
    const at = last.when + last.duration;
    const finish = () => playing === request && settle(at, last.second(last.duration));
    last.source.onended = () => {
      const context = audioContext();
      const wait = at + latency(context) - context.currentTime;
      if (wait > 0.02) setTimeout(finish, wait * 1000);
      else finish();
    };
  }

  /** Plays a request; pressing what plays already stops it. Called from a gesture, which lets the context begin. */
  async function play(request, store) {
    const same = playing && playing.key === request.key && !request.goOn;
    stop();
    if (same) return;
    playing = request;
    asked(request);
    try {
      const context = audioContext();
      const decoded = request.sounds.map((part) => store.decoded(part.file, context));
      const [buffers] = await Promise.all([Promise.all(decoded), running(context)]);
      if (playing !== request) return;
      request.parts = schedule(context, request.sounds, buffers);
    } catch (error) {
      if (playing !== request) return;
      playing = null;
      failed(error);
      return;
    }
    finishAfter(request);
    started(request);
    if (!frameRequest) frameRequest = requestAnimationFrame(tick);
  }

  return { play, stop, current: () => playing };
}
