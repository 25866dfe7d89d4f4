// Sound through WebAudio: fetched and decoded once, played sample-exactly, one request at a time.

const START_LEAD_SECONDS = 0.02; // scheduled a little ahead, so that the first sample is never late
const PAUSE_SECONDS = 0.15; // between segments played one after the other
const PATIENCE_SECONDS = 3; // for the sound device

class NoSoundDevice extends Error {}

/** One audio context for the page, however many players: browsers allow only a few. */
function audioContext() {
  const shared = /** @type {Record<symbol, AudioContext | undefined>} */ (/** @type {unknown} */ (window));
  const name = Symbol.for("playitback.audio");
  return (shared[name] ??= new AudioContext({ latencyHint: "interactive" }));
}

/**
 * Resolves when the context runs. Where there is no sound device, Firefox would wait for ever; this throws.
 * @param {AudioContext} context
 */
function running(context) {
  if (context.state === "running") return Promise.resolve();
  const silence = new Promise((_, reject) => setTimeout(() => reject(new NoSoundDevice()), PATIENCE_SECONDS * 1000));
  return Promise.race([context.resume(), silence]);
}

/** @param {string} address */
async function fetchBytes(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`status ${response.status}`);
  return response.arrayBuffer();
}

/**
 * What `begin` makes, made once for every key.
 * @template Made
 * @param {Map<string, Promise<Made>>} store @param {string} key @param {() => Promise<Made>} begin
 */
function once(store, key, begin) {
  const made = store.get(key) || begin();
  if (!store.has(key)) {
    store.set(key, made);
    made.catch(() => store.delete(key)); // so that pressing again tries again
  }
  return made;
}

/** Sounds of one run: fetched once, decoded once. @param {(file: FileName) => string} resolve */
function soundStore(resolve) {
  /** @type {Map<string, Promise<ArrayBuffer>>} */
  const bytes = new Map();
  /** @type {Map<string, Promise<AudioBuffer>>} */
  const buffers = new Map();
  /** @param {FileName} file */
  const fetched = (file) => once(bytes, resolve(file), () => fetchBytes(resolve(file)));
  return {
    fetched,
    /** @param {FileName} file @param {AudioContext} context */
    decoded: (file, context) =>
      once(buffers, resolve(file), async () => context.decodeAudioData((await fetched(file)).slice(0))),
  };
}

/**
 * Starts the sounds one after the other, sample-exactly; each gets its place `when` on the audio clock.
 * @param {AudioContext} context @param {Sound[]} sounds @param {AudioBuffer[]} buffers @returns {StartedSound[]}
 */
function schedule(context, sounds, buffers) {
  let when = context.currentTime + START_LEAD_SECONDS;
  return sounds.map((part, k) => {
    const source = context.createBufferSource();
    source.buffer = buffers[k];
    source.connect(context.destination);
    source.start(when, part.offset, part.duration);
    const started = { ...part, source, when };
    when += part.duration + PAUSE_SECONDS;
    return started;
  });
}

/**
 * Plays requests. While one sounds, its `parts` are what schedule returned. The deck tells what happens:
 * asked(request), started(request, at), moved(second), ended(request, at, second), with `at` on the audio clock and no
 * second where it was stopped, and failed(error); alive() says whether anybody still listens.
 * @param {DeckListener} listener
 */
function makeDeck({ alive, asked, started, moved, ended, failed }) {
  /** @type {PlayRequest | null} */
  let playing = null;
  let frameRequest = 0;

  /** @param {AudioContext} context */
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

  /** @param {PlayRequest} request @param {number} at @param {number | null} second */
  function settle(request, at, second) {
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
    settle(playing, sounding.length ? audioContext().currentTime : 0, null);
  }

  /**
   * The last sample is out: wait until it is heard, then stand at the end.
   * @param {PlayRequest} request @param {StartedSound} last
   */
  function finishAfter(request, last) {
    const at = last.when + last.duration;
    const finish = () => playing === request && settle(request, at, last.second(last.duration));
    last.source.onended = () => {
      const context = audioContext();
      const wait = at + latency(context) - context.currentTime;
      if (wait > 0.02) setTimeout(finish, wait * 1000);
      else finish();
    };
  }

  /**
   * Plays a request; pressing what plays already stops it. Called from a gesture, which lets the context begin.
   * @param {PlayRequest} request @param {SoundStore} store
   */
  async function play(request, store) {
    const same = playing && playing.key === request.key && !request.goOn;
    stop();
    if (same) return;
    playing = request;
    asked(request);
    let parts;
    try {
      const context = audioContext();
      const decoded = request.sounds.map((part) => store.decoded(part.file, context));
      const [buffers] = await Promise.all([Promise.all(decoded), running(context)]);
      if (playing !== request) return;
      parts = request.parts = schedule(context, request.sounds, buffers);
    } catch (error) {
      if (playing !== request) return;
      playing = null;
      failed(error);
      return;
    }
    finishAfter(request, parts[parts.length - 1]);
    started(request, parts[0].when);
    if (!frameRequest) frameRequest = requestAnimationFrame(tick);
  }

  return { play, stop, current: () => playing };
}
