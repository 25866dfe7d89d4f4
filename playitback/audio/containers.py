"""What a container says of its sound, compared with the file: where the sound ends, and whether more recordings follow.

libsndfile believes a header that promises too little, and is silent about one that promises too much. So the length
that is written in the file is read here, and corrected for libsndfile where the file has more. Recordings that were
joined byte by byte, as ``cat`` joins them, are told apart: each is a Part.
"""

from __future__ import annotations

import io
import mmap
import re
import struct
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from playitback.audio import flac, mp3, ogg

UNKNOWN_BYTES = 0x7FFF0000  # programs that write to a pipe put this length or a larger one into a WAV header
#: Some programs count the header in, and some pad the file: so many bytes too many or too few are no sound.
_SLACK_BYTES = 64
_SLACK_SHARE = 1e-3
_TAGS = (b"TAG", b"ID3", b"APETAGEX", b"LYRICS")  # what programs write behind a sound of any kind
_MOST_CHUNKS = 1000  # nobody writes so many before the sound
_MOST_PARTS = 1000
_MOST_BLOCKS = 2**20  # of Creative Voice
_BLOCKS_OF_SOUND = {1: 2, 2: 0, 9: 12}  # kind of one -> bytes before its sound
CHUNK_BYTES = 2**16  # of what a chunk tells beside the sound
END_UNKNOWN = "tells no length that can be checked here: were its end missing, that might not show"
LONGER = "is longer than its header says; it was read to the end of the file"
_CUT_WITHIN = "is cut short: it ends in the middle of a stretch of sound; what is there was read"
_OVERLONG = "is cut short or damaged: it promises more at its end than there is; what is there was read"
_DAMAGED = "is damaged: a stretch cannot be decoded, and what follows may stand too early by its length"
_LARGEST_FRAMES_BYTES = 4096  # of MP3: two frames at least
_MORE_FRAMES = 3  # some programs count the first frame of an MP3, and some do not
_BEGIN_OF_FLAC = re.compile(rb"fLaC[\0\x80]\0\0\x22")


@dataclass(frozen=True)
class Part:
    """A recording that a file consists of, alone or among others."""

    begin: int  # first byte
    end: int  # the byte behind the last one
    corrections: Mapping[int, bytes] = field(default_factory=dict)  # at a byte of the file: what libsndfile is to see
    told: str | None = None  # what its header has wrong, as a sentence that begins with a verb
    tells_its_end: bool = True  # whether it would be known from the file, or its own frames, that some of it is missing
    in_blocks: bool = False  # whether its sound is cut into several, of which libsndfile would read the first
    guessed: bool = False  # whether the length that libsndfile is to see is a guess, and must be counted
    tracks: int = 1  # of sound, beside each other; libsndfile reads the first


@dataclass(frozen=True)
class _Length:
    """The length of the sound as a header gives it."""

    begin: int  # first byte of the sound
    count: int  # bytes
    unknown: bool = False  # whether it is the number of a program that could not know it
    at: int = 0  # byte of the file at which ``count`` is written
    form: str = ""  # how it is written; "" where libsndfile reads on to the end of the file anyway
    added: int = 0  # bytes that are counted there beside the sound

    def correction(self, size: int) -> dict[int, bytes]:
        """What libsndfile is to see instead, to read on to the end of a file of ``size`` bytes."""
        if not self.form:
            return {}
        largest = 0xFFFFFFFF if self.form[-1] == "I" else 2**62
        return {self.at: struct.pack(self.form, min(max(0, size - self.begin) + self.added, largest))}


@dataclass(frozen=True)
class _Chunks:
    """How a container is cut into chunks, one of which is the sound."""

    first: int  # byte of the first chunk
    form: str  # of a chunk's head: its name and length
    sound: bytes
    aligned: int = 2
    counts_head: bool = False  # whether a chunk's length includes its head

    @property
    def head_bytes(self) -> int:
        return struct.calcsize(self.form)

    def head(self, file: io.FileIO, at: int) -> tuple[bytes, int] | None:
        """Name and length of the chunk at a byte; None at the end of the file."""
        if at >= 2**63:  # no file is so long, and none can be told to go there
            return None
        file.seek(at)
        head = file.read(self.head_bytes)
        if len(head) < self.head_bytes:
            return None
        name, count = struct.unpack(self.form, head)
        return name, count - (self.head_bytes if self.counts_head else 0)

    def after(self, at: int, count: int) -> int:
        """Byte of the chunk after that at ``at``."""
        return at + self.head_bytes + count + -count % self.aligned


_W64_TAIL = bytes.fromhex("f3acd3118cd100c04f8edb8a")  # of the names of Wave64's chunks, after the four letters
_RIFF = _Chunks(12, "<4sI", b"data")
_CHUNKED = {
    b"RIFF": _RIFF,
    b"RIFX": replace(_RIFF, form=">4sI"),
    b"RF64": _RIFF,
    b"FORM": _Chunks(12, ">4sI", b"SSND"),
    b"caff": _Chunks(8, ">4sq", b"data", aligned=1),
    b"riff": _Chunks(40, "<16sq", b"data" + _W64_TAIL, aligned=8, counts_head=True),
}


def parts(file: io.FileIO) -> tuple[Part, ...]:
    """The recordings in a file that libsndfile may know, in order; most files are one."""
    size = file.seek(0, io.SEEK_END)
    found: list[Part] = []
    begin = 0
    while begin < size and len(found) < _MOST_PARTS:
        file.seek(begin)
        magic = file.read(4)
        finder = _FINDERS.get(magic)
        if finder is None:
            finder = _mp3 if magic[:3] == b"ID3" or mp3.begins_frame(magic) else _unknown
        found.append(finder(file, begin, size))
        begin = found[-1].end
    return tuple(found)


def riff_chunks(file: io.FileIO, names: Collection[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """The chunks of these names in a RIFF or RF64 file, at most CHUNK_BYTES of each; none of other files.

    What is told of a chunk that the file ends within is what is there.
    """
    file.seek(0)
    at, long_count = _RIFF.first, 0
    for _ in range(_MOST_CHUNKS if file.read(4) in (b"RIFF", b"RF64") else 0):
        head = _RIFF.head(file, at)
        if head is None:
            return
        name, count = head
        if name == b"ds64":
            long_count = struct.unpack("<QQ", file.read(16).ljust(16, b"\0"))[1]
        elif name == _RIFF.sound and count == 0xFFFFFFFF:
            count = long_count
        elif name in names:
            yield name, file.read(min(count, CHUNK_BYTES))
        at = _RIFF.after(at, count)


def _unknown(file: io.FileIO, begin: int, size: int) -> Part:
    return Part(begin, size, tells_its_end=False)


def _by_length(
    find: Callable[[io.FileIO, int], tuple[_Length | None, _Chunks | None]],
) -> Callable[[io.FileIO, int, int], Part]:
    """How the parts are found of a container that tells the length of its sound."""

    def finder(file: io.FileIO, begin: int, size: int) -> Part:
        length, chunks = find(file, begin)
        return _unknown(file, begin, size) if length is None else _checked(file, begin, size, length, chunks)

    return finder


def _checked(file: io.FileIO, begin: int, size: int, length: _Length, chunks: _Chunks | None) -> Part:
    corrections = length.correction(size)
    available = max(0, size - length.begin)
    if length.unknown:
        return Part(begin, size, corrections, "does not say how long it is; it was read to the end of the file")
    missing = length.count - available
    if missing > 0:
        return Part(begin, size, corrections, cut_short(length.count, available))
    end = length.begin + length.count
    joined, in_order = _behind(file, end, size, chunks)
    if joined:
        return Part(begin, joined)
    if size - end > _slack(available) and not in_order:
        return Part(begin, size, corrections, LONGER)
    return Part(begin, size)


def cut_short(promised: int, there: int) -> str | None:
    """That bytes are missing, if so many that it is no matter of rounding."""
    missing = promised - there
    return _share_missing(missing, promised) if missing > _slack(promised) else None


def _share_missing(missing: int, promised: int) -> str:
    share = min(99, max(1, round(100 * missing / promised)))
    return f"is cut short: {share} % of the sound that its header promises is missing; what is there was read"


def _slack(count: int) -> float:
    return max(_SLACK_BYTES, count * _SLACK_SHARE)


def _behind(file: io.FileIO, end: int, size: int, chunks: _Chunks | None) -> tuple[int, bool]:
    """What lies behind the sound: where another recording begins (0: nowhere), and whether it is no sound."""
    file.seek(end)
    start = file.read(65_536)
    if not start.strip(b"\0") or start.startswith(_TAGS):
        return 0, True
    at = end
    for _ in range(_MOST_CHUNKS):
        if at >= size:
            return 0, True
        if at == end and start[:1] == b"\0":  # a byte to make the length even, or the mark of the last block
            at += 1
        file.seek(at)
        if file.read(4) in _FINDERS:
            return at, True
        head = chunks.head(file, at) if chunks else None
        if head and chunks and head[0] == chunks.sound:  # of two, libsndfile would read the second
            return at, True
        if chunks is None or head is None or not _is_name(head[0]) or not 0 <= head[1] <= size - at:
            return 0, False
        at = chunks.after(at, head[1])
    return 0, True


def _is_name(name: bytes) -> bool:
    """Whether these bytes may be the name of a chunk: letters, and not samples."""
    return all(0x20 <= byte < 0x7F for byte in name[:4]) and (len(name) == 4 or name[4:] == _W64_TAIL)


def _chunked(file: io.FileIO, begin: int) -> tuple[_Length | None, _Chunks]:
    file.seek(begin)
    start = file.read(12)
    chunks = _CHUNKED[start[:4]]
    sound = b"BODY" if start[8:] in (b"8SVX", b"16SV") else chunks.sound
    at = begin + chunks.first
    long_at, long_count = 0, 0
    for _ in range(_MOST_CHUNKS):
        head = chunks.head(file, at)
        if head is None:
            break
        name, count = head
        inside = at + chunks.head_bytes
        if name == b"ds64":  # RF64 keeps lengths beyond 32 bits here: of the file, then of the sound
            file.seek(inside)
            _, long_count = struct.unpack("<QQ", file.read(16).ljust(16, b"\0"))
            long_at = inside + 8
        if name == sound:
            if long_at and count == 0xFFFFFFFF:
                return _Length(inside, long_count, long_count >= 2**62, long_at, "<Q"), chunks
            unknown = count < 0 or (chunks.form[-1] == "I" and count >= UNKNOWN_BYTES)
            form, added = chunks.form[0] + chunks.form[-1], chunks.head_bytes if chunks.counts_head else 0
            return _Length(inside, count, unknown, at + len(name), form, added), chunks
        if count < 0:
            break
        at = chunks.after(at, count)
    return None, chunks


def _au(file: io.FileIO, begin: int) -> tuple[_Length | None, None]:
    file.seek(begin)
    head = file.read(12)
    if len(head) < 12:
        return None, None
    order = ">" if head[:4] == b".snd" else "<"
    offset, count = struct.unpack(f"{order}II", head[4:])
    return _Length(begin + offset, count, count >= UNKNOWN_BYTES, begin + 8, f"{order}I"), None


def _nist(file: io.FileIO, begin: int) -> tuple[_Length | None, None]:
    """NIST SPHERE: a head of text."""
    file.seek(begin)
    head = file.read(1024)
    found = [
        re.search(pattern, head)
        for pattern in (rb"NIST_1A\n +(\d+)\n", rb"sample_count -i (\d+)", rb"sample_n_bytes -\w+ (\d+)")
    ]
    if not all(found):
        return None, None
    offset, frames, sample_bytes = (int(each[1]) for each in found if each)
    channels = re.search(rb"channel_count -i (\d+)", head)
    return _Length(begin + offset, frames * sample_bytes * (int(channels[1]) if channels else 1)), None


def _voc(file: io.FileIO, begin: int, size: int) -> Part:
    """Creative Voice: blocks of a kind and a length of three bytes; 0 is the end, and more are sound."""
    file.seek(begin + 20)
    at, last, blocks = begin + int.from_bytes(file.read(2), "little"), None, 0
    for _ in range(_MOST_BLOCKS):
        file.seek(at)
        head = file.read(4)
        if len(head) < 4 or head[0] == 0:
            break
        count = int.from_bytes(head[1:], "little")
        if (skipped := _BLOCKS_OF_SOUND.get(head[0])) is not None:
            last, blocks = _Length(at + 4 + skipped, count - skipped), blocks + 1
        at += 4 + count
    if last is None:
        return _unknown(file, begin, size)
    if blocks == 1:
        return _checked(file, begin, size, last, None)
    if at > size:
        return Part(begin, size, told=_CUT_WITHIN, in_blocks=True)
    return replace(_checked(file, begin, size, last, None), tells_its_end=at < size, in_blocks=True)


def _flac(file: io.FileIO, begin: int, size: int) -> Part:
    """FLAC does not tell its length in bytes; another stream begins with the same letters and its STREAMINFO.

    libsndfile stops at the number of samples that is told in front, though there be more.
    """
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        another = _BEGIN_OF_FLAC.search(content, begin + 4)
        end, start = another.start() if another else size, content[begin : begin + 42]
        last = flac.last_sample(start, content[max(begin, end - flac.TAIL_BYTES) : end])
    if 0 < flac.promised_samples(start) < last:
        corrections = {begin + at: correction for at, correction in flac.without_promise(start).items()}
        return Part(begin, end, corrections, LONGER)
    return Part(begin, end)


def _mp3(file: io.FileIO, begin: int, size: int) -> Part:
    """An MP3 ends where the bytes end that the tag in its first frame counts, if another MP3 begins there."""
    at, frame = mp3.first_frame(file, begin)
    counted = mp3.counted_bytes(frame)
    if counted is None:
        end, frames = mp3.end_of_frames(file, at, size)
        told = _CUT_WITHIN if end > size else _DAMAGED if mp3.goes_on(file, end, frame[:4]) else None
        return _of_frames(Part(begin, size, told=told, tells_its_end=False), at, frame, frames)
    promised, missing = mp3.promised_frames(frame), at + counted - size
    if missing > _SLACK_BYTES and not (promised and mp3.end_of_frames(file, at, size)[1] >= promised[0]):
        return Part(begin, size, told=_share_missing(missing, counted))
    end = min(size, at + counted)
    file.seek(end)
    behind = file.read(132)
    if behind[:3] == b"TAG":  # of 128 bytes, and old
        end, behind = end + 128, behind[128:]
    # Some programs do not count the first frame: a few frames more are no recording.
    joined = size - end > _LARGEST_FRAMES_BYTES and (behind[:3] == b"ID3" or mp3.begins_frame(behind))
    end = end if joined else size
    return _of_frames(Part(begin, end), at, frame, mp3.end_of_frames(file, at, end)[1])


def _of_frames(part: Part, at: int, frame: bytes, frames: int) -> Part:
    """The same MP3, read to its end where it has more frames than its first one, at a byte, says."""
    promised = mp3.promised_frames(frame)
    if promised is None or frames <= promised[0] + _MORE_FRAMES:
        return part
    return replace(part, corrections={at + promised[1]: frames.to_bytes(4, "big")}, told=part.told or LONGER)


def _ogg(file: io.FileIO, begin: int, size: int) -> Part:
    """A link of an OGG chain ends where pages come that begin a stream, behind others (RFC 3533, sections 4 and 6).

    libsndfile leaves damaged pages out without a word.
    """
    at, granule, per_second, tracks, first = begin, 0, 0, 0, b""
    numbers: dict[bytes, int] = {}  # of the next page of every stream, by the stream's own number
    damaged: list[str] = []
    before, last = 0, (begin, b"")
    while at < size:
        page, count = ogg.page_at(file, at)
        if not count:  # on to the next page; that its number is not the next one shows the damage
            at += page.find(b"OggS") if b"OggS" in page else max(1, len(page) - 3)
            continue
        if len(page) < count:
            return Part(begin, size, told=_CUT_WITHIN, tracks=tracks)
        begins_stream, stream = bool(page[5] & 2), page[14:18]
        if begins_stream and any(number > 1 for number in numbers.values()):
            break
        if begins_stream:
            packet = ogg.packet_in(page)
            per_second, tracks = per_second or ogg.granules_per_second(packet), tracks + ogg.begins_sound(packet)
            first = first or packet
        (found_granule,), (found_number,) = struct.unpack_from("<q", page, 6), struct.unpack_from("<I", page, 18)
        if not begins_stream and (found_number != numbers.get(stream) or not ogg.has_its_checksum(page)):
            where = f" near {granule / per_second:.2f} s" if per_second else ""
            damaged.append(_DAMAGED.replace(":", f"{where}:"))
        before, last = granule, (at, page)
        granule, numbers[stream] = max(granule, found_granule), found_number + 1
        at += count
    part = Part(begin, min(at, size), told=damaged[0] if damaged else None, tracks=tracks)
    return _of_pages(part, *last, before, first) if len(numbers) == 1 and last[1] else part


def _of_pages(part: Part, at: int, page: bytes, before: int, first: bytes) -> Part:
    """The same link, read to its end: libsndfile believes its last page, which stands at a byte, though that tell of an
    end before the one that was told ``before``, or further than its packets reach."""
    (told,), reach = struct.unpack_from("<q", page, 6), ogg.granules_in(page, first)
    if not reach or before <= told <= before + 2 * reach:
        return part
    wrong, seen = LONGER if told < before else _OVERLONG, {at: ogg.that_ends_at(page, before + reach)}
    return replace(part, corrections=seen, told=part.told or wrong, guessed=True)


_FINDERS: dict[bytes, Callable[[io.FileIO, int, int], Part]] = {
    **dict.fromkeys(_CHUNKED, _by_length(_chunked)),
    **dict.fromkeys((b".snd", b"dns."), _by_length(_au)),
    b"NIST": _by_length(_nist),
    b"Crea": _voc,
    b"fLaC": _flac,
    b"OggS": _ogg,
}
