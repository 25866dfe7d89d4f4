// The shapes that the player's files share, for the checker alone: no page loads this file.

// ---- what comes from Python: PlayerView and RowView of rows.py as JSON

/** Start and end, or two knots that belong together, in seconds. */
type Pair = [number, number];
/** A place along an axis, 0 to 1, and the second or the hertz there. */
type Tick = [fraction: number, value: number];
/** Names a sound or a picture; `resolve` makes an address of it. */
type FileName = unknown;

interface LaneData {
  name: string;
  values: number[]; // 0 to 1, one number a column
}

/** Of all classes, in the model's order. */
interface ActivityData {
  names: string[];
  peaks: number[]; // the greatest activity of each class, 0 to 1
  levels: string; // base64 of a byte for every class and column: 255 is the class's own peak
  shown: number[]; // classes that have a lane
  decided: number; // the class decided for
  asked: number; // the class that is explained
}

interface RowData {
  index: number;
  title: string;
  hop_ms: number | null; // null: the model takes no frames
  replayed_seconds: number;
  spectrogram: FileName;
  frames_spectrogram: FileName;
  frame_ticks: Tick[]; // seconds
  frequency_ticks: Tick[]; // hertz
  lane_seconds: number[];
  lanes: LaneData[];
  activity: ActivityData | null; // of the first hearing alone
  threshold: number;
  segments: Pair[];
  replayed: Pair[];
  tape_audio: FileName;
  tape_map: Pair[]; // second of the tape, second of the clip
  classes: [name: string, probability: number, change: number | null][];
  decided: number; // the place among them of the class decided for
  sentence: string;
  decision_changed: boolean;
  asked: string | null; // the class that relevance and segments are for; null where they are for none
}

interface ViewData {
  run_id: string;
  clip_name: string;
  clip_seconds: number;
  clip_audio: FileName;
  rows: RowData[];
  finished: boolean;
  expected_rows: number;
  start_seconds_in_file: number;
  axis_seconds: number | null;
  link: string | null;
  activity_lanes: number; // of the map that the first row will have; 0 for none
  note: string;
  held: Record<string, Pair[]>; // by the index of the row
}

// ---- what goes back: the questions of a player that can be edited

interface ReplayQuestion {
  held: Record<string, Pair[]>;
}

interface EditQuestion {
  action: "remove" | "keep";
  segments: Pair[];
  fill: string;
}

/** The number of a class, in the model's order. */
interface ExplainQuestion {
  place: number;
}

interface Questions {
  onReplay: (question: ReplayQuestion) => void;
  onEdit: (question: EditQuestion) => void;
}

interface PlayerOptions extends Partial<Questions> {
  resolve?: (file: any) => string;
  editable?: boolean;
  onExplain?: ((question: ExplainQuestion) => void) | null;
}

// ---- drawing

/** A row's time axis: place along the row, 0 to 1, <-> second of the clip. */
interface Axis {
  fraction: (second: number) => number;
  second: (fraction: number) => number;
}

type Activity = ReturnType<typeof activityOf>;
type Tape = ReturnType<typeof tapeOf>;
type DrawnRow = ReturnType<typeof makeRow>;
type DrawnRows = Map<number, DrawnRow>;
type Mode = "clip" | "frames";
type Frame = ReturnType<typeof makeFrame>;

// ---- playing

interface Sound {
  file: FileName;
  offset: number;
  duration: number;
  second: (played: number) => number; // of the clip
}

interface StartedSound extends Sound {
  source: AudioBufferSourceNode;
  when: number; // on the audio clock
}

/** What the deck plays. */
interface PlayRequest {
  key: string;
  kind: string;
  row?: number;
  segment?: number;
  start: number; // seconds of the clip
  end: number;
  sounds: Sound[];
  words: string;
  goOn?: boolean; // though the same plays already
  parts?: StartedSound[]; // while it sounds
}

type SoundStore = ReturnType<typeof soundStore>;

interface DeckListener {
  alive: () => boolean;
  asked: (request: PlayRequest) => void;
  started: (request: PlayRequest, at: number) => void;
  moved: (second: number) => void;
  ended: (request: PlayRequest, at: number, second: number | null) => void;
  failed: (error: unknown) => void;
}

// ---- editing

/** A segment that a person changes, in seconds of the clip. */
interface EditedSegment {
  id: number;
  start: number;
  end: number;
}

type Edge = "start" | "end";
/** How far a segment may reach, in seconds of the clip. */
type Room = [low: number, high: number];

interface EditedRow {
  original: EditedSegment[];
  drawn: EditedSegment[] | null; // null until something was changed
  held: boolean;
}

/** A press on a row's surface, which may become a drag. */
interface Gesture {
  pointer: number;
  kind: "draw" | "move" | "resize";
  id: number | null; // of the segment; null before one is drawn
  edge: Edge; // that follows the pointer
  from: number; // where the pointer was pressed, pixels
  patience: number; // pixels before it is a drag
  second: number; // where that lay, of the clip
  x: number; // of what follows the pointer, pixels
  before: EditedRow;
  dragged: boolean;
  room: Room | null; // to draw in
}

type Edits = ReturnType<typeof makeEdits>;
type Editor = ReturnType<typeof makeEditor>;
type RowEditor = ReturnType<typeof makeRowEditor>;
/** Where a drawn segment stands: the row, its number there, its seconds. */
type Found = { index: number; number: number; segment: EditedSegment };

// ---- events on the document

interface PlayingDetail {
  kind: string;
  row?: number;
  segment?: number;
  start: number;
  end: number;
  at: number;
  position?: number;
}

/** What linked players tell each other: a hover line, or a playhead. */
type LinkedMove = { hover: number | null } | { second: number; cued: boolean };
type LinkedDetail = { link: string } & LinkedMove;

interface DocumentEventMap {
  "playitback:started": CustomEvent<PlayingDetail>;
  "playitback:stopped": CustomEvent<PlayingDetail>;
  "playitback:linked": CustomEvent<LinkedDetail>;
}
