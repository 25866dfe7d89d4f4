// What the page's scripts share with Gradio and with Python, for the checker alone: no page loads this file.

// ---- of gr.HTML, in its js_on_load

declare const element: HTMLElement;
declare const props: { value: any };
declare function trigger(event: string, detail?: object): void;
declare function watch(prop: string, changed: () => void): void;

/** A file that Gradio serves. */
interface ServedFile {
  url: string;
}

// ---- player/variant_list.py: ListData

interface VariantListData {
  html: string;
  sounds: ServedFile[];
}

// ---- timeline/component.py: TimelineView as JSON, and the words that go with it

interface TimelineData {
  run_id: string;
  seconds: number;
  clip_seconds: number;
  hop_seconds: number;
  expected_windows: number;
  classes: TimelineClass[];
  windows: HeardWindow[];
  lanes: TimelineLane[];
  events: TimelineEvent[];
}

type TimelineClass = [name: string, colour: string | null, share: number];
/** The number of a class in `classes`, and the confidence in it, 0 to 1. */
type HeardWindow = [number: number, confidence: number];
type TimelineLane = [name: string, colour: string];
/** The number of a lane in `lanes`, start and stop in seconds of the recording, confidence 0 to 1, second of the peak. */
type TimelineEvent = [lane: number, start: number, stop: number, confidence: number, peak: number];
type Words = Record<string, string>;

// ---- uploads/component.py

interface UploadOptions {
  words: Words;
  suffixes: string[];
  send: (file: File) => Promise<{ path: string; url: string }>;
  done: (files: object[] | null) => void;
}
