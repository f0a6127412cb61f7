"""The picture: how long each way takes, and what distil's time and memory depend on."""

import math
import statistics

WIDTH, HEIGHT = 960, 420
INK, FAINT, OURS, THEIRS, MEMORY = "#1f2328", "#8c959f", "#0969da", "#afb8c1", "#bf3989"

BARS = (
    ("nothing changed", "distil, nothing changed", OURS),
    ("one package changed in trixie-security", "distil, one package updated", OURS),
    ("warm", "distil, full store", OURS),
    ("cold", "distil, empty store", OURS),
    ("floor", "dpkg-deb into pigz", THEIRS),
    ("mmdebstrap and docker", "mmdebstrap, docker import", THEIRS),
    ("mmdebstrap and umoci", "mmdebstrap, umoci", THEIRS),
    ("buildah", "buildah", THEIRS),
)


def drawn(measured, scale):
    """The picture as SVG. It is drawn on white, so that it can be read on any page."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="system-ui, sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        *bars(measured),
        *plot(scale),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def text(x, y, words, anchor="start", fill=INK, weight="normal"):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{fill}" font-weight="{weight}">{words}</text>'


def bars(measured):
    """Times as bars, the shortest above."""
    left, top, width, step = 190, 60, 260, 42
    medians = {name: statistics.median(run.seconds for run in runs) for name, runs in measured.runs.items()}
    longest = max(medians[name] for name, _, _ in BARS)
    yield text(20, 30, "Seconds for an image of Python (less is better)", weight="bold")
    for row, (name, title, colour) in enumerate(BARS):
        y = top + row * step
        length = max(width * medians[name] / longest, 1)
        yield text(left - 10, y + 17, title, anchor="end")
        yield f'<rect x="{left}" y="{y}" width="{length:.1f}" height="24" fill="{colour}"/>'
        yield text(left + length + 8, y + 17, f"{medians[name]:.3g}", fill=FAINT)


def plot(scale):
    """Time and memory against the number of packages, both axes logarithmic."""
    left, top, width, height = 590, 60, 320, 290
    numbers = sorted(scale)
    series = [
        ("seconds, empty store", OURS, [statistics.median(cold.seconds for cold, _ in scale[n]) for n in numbers]),
        ("seconds, full store", INK, [statistics.median(warm.seconds for _, warm in scale[n]) for n in numbers]),
        ("peak memory in 100 MiB", MEMORY, [statistics.median(cold.memory for cold, _ in scale[n]) / 2**20 / 100 for n in numbers]),
    ]
    values = [value for _, _, line in series for value in line]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    first, last = math.log10(numbers[0]), math.log10(numbers[-1])

    def place(number, value):
        x = left + width * (math.log10(number) - first) / (last - first)
        y = top + height * (high - math.log10(value)) / (high - low)
        return x, y

    yield text(left - 40, 30, "distil, by the number of packages", weight="bold")
    for power in range(low, high + 1):
        _, y = place(numbers[0], 10**power)
        yield f'<line x1="{left}" y1="{y:.1f}" x2="{left + width}" y2="{y:.1f}" stroke="#d0d7de"/>'
        yield text(left - 8, y + 4, f"{10.0**power:g}", anchor="end", fill=FAINT)
    for number in numbers:
        x, _ = place(number, values[0])
        yield text(x, top + height + 20, str(number), anchor="middle", fill=FAINT)
    for row, (name, colour, line) in enumerate(series):
        points = [place(number, value) for number, value in zip(numbers, line)]
        joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        yield f'<polyline points="{joined}" fill="none" stroke="{colour}" stroke-width="2"/>'
        yield from (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>' for x, y in points)
        y = top + 14 + row * 18
        yield f'<rect x="{left + 10}" y="{y - 10}" width="12" height="12" fill="{colour}"/>'
        yield text(left + 28, y, name)
