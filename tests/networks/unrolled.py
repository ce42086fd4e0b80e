"""A network executed the plain way: Python integers, one point, every repeated block really run again."""

import math
from contextlib import nullcontext

# What the simple peak looks at.
COMPUTES = ("conv", "depthwise", "linear", "attention", "embedding", "pool")


class Buffer:
    def __init__(self, features, positions, side=None, across=None, frames=1):
        self.features, self.positions, self.side, self.across, self.frames = features, positions, side, across, frames
        self.size = features * positions
        # A view has the buffer of another one.
        self.base = self

    def like(self, features):
        return Buffer(features, self.positions, self.side, self.across, self.frames)


class Unrolled:
    """Takes the calls of a builder; `run` records (reads, writes, rule, counts) for each execution."""

    def __init__(self):
        self.run, self.repeated = [], []
        # Parameters of blocks that are stored and do not run.
        self.kept = 0

    def _do(
        self, reads, writes, rule="fresh", *, moved=None, produced=0, macs=0, params=0, active=None, kind="",
        cache=(0, 0), window=(1, 1, 0),
    ):  # fmt: skip
        moved = reads if moved is None else moved
        self.run.append(
            {
                "reads": tuple(t.base for t in reads), "writes": writes, "rule": rule, "kind": kind, "macs": macs,
                "params": params,
                "active_params": params if active is None else active, "activations": produced,
                "window": window, "cache_read": cache[0], "cache_written": cache[1],
                "traffic": sum(t.size for t in moved) + writes.size,
            }
        )  # fmt: skip
        return writes

    def scope(self, name, tower=""):
        return nullcontext()

    part = scope

    def in_patches(self, patches):
        assert patches == 1

    def require(self, axis, holds, problem):
        assert holds

    def image(self, channels, resolution, across=None, frames=1, present=1):
        side, across = int(resolution), int(resolution if across is None else across)
        return Buffer(int(channels), side * across * int(frames) * int(present), side, across, int(frames))

    def given(self, features, positions=1):
        return Buffer(int(features), int(positions))

    def embedding(self, tokens, entries, features, name="", stored=1):
        params = int(entries) * int(features) if stored else 0
        return self._do((), Buffer(int(features), int(tokens)), params=params, kind="embedding")

    def encoding(self, features, positions=1, name=""):
        return self._do((), Buffer(int(features), int(positions)), kind="embedding")

    def vectors(self, features, positions=1, name=""):
        return self.embedding(positions, positions, features)

    def upsample(self, x, factor=2, name=""):
        side = x.side * factor
        return self._do((x,), Buffer(x.features, side * side, side), kind="resize")

    def merge_pixels(self, x, side=2, name=""):
        merged = math.ceil(x.side / side)
        return self._do((x,), Buffer(x.features * side * side, merged * merged, merged), kind="concat")

    def view(self, x, positions=None, features=None, side=None):
        positions = x.positions if positions is None else int(positions)
        view = Buffer(x.features if features is None else int(features), positions, side)
        view.base = x.base
        return view

    def linear_attention(self, q, k, v, kv_heads, cached=True, resumed=1, name=""):
        y, kv_heads = Buffer(q.features, q.positions), int(kv_heads)
        d_head = v.features // kv_heads
        state = sum((k.features // kv_heads) * d_head for _ in range(kv_heads))
        read = sum(d_head * d_head for _ in range(q.features // d_head))
        return self._do(
            (q, k, v), y, macs=(state + read) * q.positions, produced=y.size, kind="attention",
            cache=(state if resumed else 0, state) if cached else (0, 0),
        )  # fmt: skip

    def gather(self, x, positions, reads=1, name=""):
        read = self.view(x, positions * reads)
        return self._do((read,), Buffer(x.features, int(positions)), kind="gather")

    def reduce(self, x, positions, name=""):
        return self._do((x,), Buffer(x.features, positions), kind="gather")

    def apply_matrix(self, x, matrix, name=""):
        assert matrix.size == x.features**2
        y = Buffer(x.features, x.positions)
        return self._do((x, matrix), y, macs=x.features**2 * x.positions, produced=y.size, kind="linear")

    def voxel_conv(self, x, channels, positions=None, kernel=3, occupied=None, bias=0, norm=1, name=""):
        y = Buffer(int(channels), x.positions if positions is None else positions)
        params = x.features * y.features * kernel**3 + (y.features if bias else 0) + (2 * y.features if norm else 0)
        macs = x.features * y.features * (kernel**3 if occupied is None else occupied) * y.positions
        return self._do((x,), y, macs=macs, params=params, produced=y.size, kind="conv")

    def _window(self, x, channels, stride, kernel=None, padding=None, ceil=False):
        def windows(side):
            """How many windows fit, tried one after the other."""
            if padding is None:
                return len(range(0, side, stride))
            starts = range(-padding, side + padding, stride)
            full = [start for start in starts if start + kernel <= side + padding]
            partial = [start for start in starts if start + kernel > side + padding and start < side]
            return len(full) + (1 if ceil and partial and full[-1] + kernel < side + padding else 0)

        if stride == 1 and padding is None:
            return x.like(int(channels))
        side, across = windows(x.side), windows(x.side if x.across is None else x.across)
        return Buffer(int(channels), side * across * x.frames, side, across, x.frames)

    def conv(self, x, channels, kernel=1, stride=1, groups=1, bias=0, norm=1, padding=None, name=""):
        y = self._window(x, channels, stride, kernel, padding)
        taps = math.prod(kernel) if isinstance(kernel, tuple) else kernel**2
        per_output = x.features // int(groups) * taps
        params = per_output * y.features + (y.features if bias else 0) + (2 * y.features if norm else 0)
        window = (max(kernel) if isinstance(kernel, tuple) else kernel, stride, padding)
        return self._do((x,), y, macs=per_output * y.size, params=params, produced=y.size, kind="conv", window=window)

    def depthwise(self, x, kernel=3, stride=1, bias=0, norm=1, name=""):
        y = self._window(x, x.features, stride)
        params = kernel**2 * y.features + (y.features if bias else 0) + (2 * y.features if norm else 0)
        return self._do(
            (x,), y, "depthwise", macs=kernel**2 * y.size, params=params, produced=y.size, kind="depthwise",
            window=(kernel, stride, None),
        )  # fmt: skip

    def patches(self, x, features, patch, bias=1, name=""):
        side = x.side // int(patch)
        y = Buffer(int(features), side * side, side)
        weights = x.features * y.features * int(patch) ** 2
        return self._do(
            (x,), y, macs=weights * side * side, params=weights + (y.features if bias else 0), produced=y.size,
            kind="conv",
        )  # fmt: skip

    def linear(self, x, features, bias=1, stored=1, copies=None, norm=0, name=""):
        y = x.like(int(features))
        params = (x.features * y.features if stored else 0) + (y.features if bias else 0)
        params += 2 * y.features if norm else 0
        stored_sets, active_sets = (1, 1) if copies is None else (int(copies.stored), int(copies.active))
        return self._do(
            (x,), y, macs=x.features * y.size, params=params * stored_sets, active=params * active_sets,
            produced=y.size, kind="linear",
        )  # fmt: skip

    def linear_by_head(self, x, heads, d_in, d_out, d_kept=0, adapted=None, name=""):
        assert x.features == heads * (d_in + d_kept)
        y = Buffer(sum(d_out + int(d_kept) for _ in range(heads)), x.positions)
        params = sum(d_in * d_out for _ in range(heads))
        return self._do((x,), y, macs=params * x.positions, params=params, produced=y.size, kind="linear")

    def attention(self, q, k, v, span, heads, sinks=0, cached=True, biases=0, name=""):
        y, span, heads = Buffer(q.features, q.positions), int(span), int(heads)
        macs = sum(2 * span * (q.features // heads) for _ in range(heads)) * q.positions
        return self._do(
            (q, k, v), y, moved=(q,) if cached else (q, k, v), macs=macs, produced=heads * span * q.positions + y.size,
            params=(heads if sinks else 0) + int(biases), kind="attention",
            cache=(span * (k.features + v.features), k.size + v.size) if cached else (0, 0),
        )  # fmt: skip

    def latent_attention(self, q, latent, expanded, features, span, heads, name=""):
        y, span = Buffer(int(features), q.positions), int(span)
        macs = sum(span * (q.features // heads + y.features // heads) for _ in range(heads)) * q.positions
        reading = 0 if expanded.positions else span * latent.features
        return self._do(
            (q, latent, expanded), y, moved=(q, expanded), macs=macs, kind="attention",
            produced=heads * span * q.positions + y.size, cache=(reading, latent.size),
        )  # fmt: skip

    def norm(self, x, shift=1, features=None, name=""):
        params = int(x.features if features is None else features) * (2 if shift else 1)
        return self._do((x,), x.like(x.features), "in place", params=params, kind="norm")

    def batch_norm(self, x, name=""):
        return self.norm(x)

    def add(self, x, y, name=""):
        return self._do((x, y), x.like(x.features), "in place", kind="add")

    multiply = add

    def scale(self, x, gate, name=""):
        assert gate.features == x.features and gate.positions == x.frames
        return self._do((x, gate), x.like(x.features), "first", kind="multiply")

    def learned_scale(self, x, entries=None, name=""):
        params = x.features if entries is None else int(entries)
        return self._do((x,), x.like(x.features), "first", params=params, kind="multiply")

    def shift(self, x, share, name=""):
        moving, moved = (Buffer(x.features * share, x.positions) for _ in range(2))
        self._do((x,), moved, moved=(moving,), kind="shift")
        y = x.like(x.features)
        y.base = moved
        return y

    def unused(self, kind, weights, biases, affine, name):
        self._do((), Buffer(0, 0), params=int(weights + biases + affine), active=0, kind=kind)

    def weighted_sum(self, x, weights, name=""):
        return self._do((x, weights), Buffer(x.features, weights.positions), kind="add")

    def concat(self, x, y, name=""):
        assert x.features == y.features
        return self._do((x, y), Buffer(x.features, x.positions + y.positions), kind="concat")

    def concat_features(self, *parts, name=""):
        if len(parts) == 1:
            return parts[0]
        assert len({part.positions for part in parts}) == 1
        return self._do(parts, parts[0].like(sum(part.features for part in parts)), kind="concat")

    def pool(self, x, stride, kernel=None, padding=None, ceil=False, name=""):
        y = self._window(x, x.features, stride, kernel, padding, ceil)
        return self._do((x,), y, kind="pool", window=(kernel or 3, stride, padding))

    def pool_to(self, x, side, name=""):
        return self._do((x,), Buffer(x.features, side * side, side), kind="pool")

    def global_pool(self, x, name=""):
        return self._do((x,), Buffer(x.features, x.frames), kind="pool")

    def pool_positions(self, x, name=""):
        return self._do((x,), Buffer(x.features, 1), kind="pool")

    def flatten(self, x):
        view = Buffer(x.size, 1)
        view.base = x.base
        return view

    def select(self, x, positions=None, features=None):
        if positions is not None:
            return self.view(x, positions, features)
        kept = x.like(x.features if features is None else int(features))
        kept.base = x.base
        return kept

    def optional(self, present, block, x):
        return block(x) if present else x

    def repeat(self, count, block, x, shared=False):
        if shared:
            return self.call(count, block, x)
        for _ in range(int(count)):
            x = block(x)
        return x

    def collect(self, features, positions, name=""):
        out = Buffer(int(features), int(positions))
        return self._do((), out, moved=(out,), kind="concat")

    def call(self, count, block, x):
        start = len(self.run)
        if not count:
            block(x)
            self.kept += sum(op["params"] for op in self.run[start:])
            del self.run[start:]
            return x
        result = block(x)
        if (result.features, result.positions) != (x.features, x.positions):
            # Other inputs of the same size, which hold as much again.
            again = {"params": 0, "active_params": 0}
            self.repeated += [op | again for op in self.run[start:]] * (int(count) - 1)
            return result
        kept = self.kept
        for _ in range(int(count) - 1):
            start = len(self.run)
            # Each on the result of the one before.
            result = block(self.view(result, x.positions, x.features, x.side))
            # The same weights again.
            for op in self.run[start:]:
                op["params"] = op["active_params"] = 0
        self.kept = kept
        return result

    # What the trace must agree with.

    def total(self, quantity):
        kept = self.kept if quantity in ("params", "active_params") else 0
        return kept + sum(op[quantity] for op in self.run + self.repeated)

    def peak(self, in_place_depthwise):
        last = {}
        for index, op in enumerate(self.run):
            last[op["writes"]] = index
            for buffer in op["reads"]:
                last[buffer] = index
        produced = {op["writes"] for op in self.run}
        held = {b for op in self.run for b in op["reads"] if b not in produced}
        peak = 0
        for index, op in enumerate(self.run):
            others = {b for b in held if last[b] >= index}
            dying = [b for b in op["reads"] if last[b] == index]
            may = op["rule"] == "in place" or (op["rule"] == "depthwise" and in_place_depthwise)
            may = may or (op["rule"] == "first" and dying[:1] == [op["reads"][0]])
            mine = op["writes"].size
            if may and dying:
                others.discard(dying[0])
                mine = max(mine, dying[0].size)
            peak = max(peak, mine + sum(b.size for b in others))
            held = others | {op["writes"]}
            held.update(b for b in dying if last[b] > index)
        return peak

    def peak_simple(self):
        return max(op["traffic"] for op in self.run if op["kind"] in COMPUTES)
