// Buttons that play the sounds they carry: [data-sound] its own, [data-all] all of them one after the other. Only one
// sounds at a time, and no player at the same time. Pressing what plays stops it. `element` and `watch` are Gradio's.

const PAUSE_MILLISECONDS = 150; // between sounds played one after the other, as in the player

/** @typedef {{ button: HTMLElement, left: string[], audio?: HTMLAudioElement, timer?: number }} Stretches */

/** @type {Stretches | null} */
let playing = null; // its button, the sounds that are left, the one that sounds, or the pause before the next

/** What was clicked, if a selector names it or something around it. @param {Event} event @param {string} selector */
const clicked = ({ target }, selector) =>
  /** @type {HTMLElement | null} */ (/** @type {Element} */ (target).closest(selector));

/** @param {string} selector */
const buttons = (selector) => /** @type {NodeListOf<HTMLElement>} */ (element.querySelectorAll(selector));

function stopStretches() {
  if (!playing) return;
  clearTimeout(playing.timer);
  if (playing.audio) playing.audio.pause();
  playing.button.setAttribute("aria-pressed", "false");
  playing = null;
}

/** @param {Stretches} request */
function playNext(request) {
  if (playing !== request) return;
  const audio = new Audio(request.left.shift());
  request.audio = audio;
  audio.addEventListener("ended", () => {
    if (playing !== request) return;
    if (request.left.length) request.timer = setTimeout(() => playNext(request), PAUSE_MILLISECONDS);
    else stopStretches();
  });
  audio.play().catch(() => playing === request && stopStretches());
}

element.addEventListener("click", (event) => {
  const button = clicked(event, "button[data-sound], button[data-all]");
  if (!button) return;
  const again = playing && playing.button === button;
  stopStretches();
  if (again) return;
  const sources = "all" in button.dataset ? [...buttons("[data-sound]")] : [button];
  playing = { button, left: sources.map((each) => each.dataset.sound || "") };
  button.setAttribute("aria-pressed", "true");
  element.dispatchEvent(new CustomEvent("playitback:started", { bubbles: true, detail: { kind: "stretch" } }));
  playNext(playing);
});
document.addEventListener("playitback:started", (event) => event.target !== element && stopStretches());
watch("value", stopStretches);
