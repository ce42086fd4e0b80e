"""Do the tests notice? Break one line of a copy of the package at a time, and run the smallest tests that should fail.

python -m tests.mutations [WORD ...]     those whose file or code has one of the words; all without any

It ends with 1 where a break went unnoticed, or where the code of the table is not in its file any more.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
SECONDS = 300


@dataclass(frozen=True)
class Break:
    """Code of a file that becomes other code, and the arguments of pytest that should notice."""

    file: str
    was: str
    becomes: str
    tests: str


TABLE = (
    # Formulas
    Break("formulas/memory.py", "tokens * 2 * bits / 8", "tokens * bits / 8", "tests/formulas/test_reference.py"),
    Break("formulas/latency.py", "(1 - weights_stay)", "(1 + weights_stay)", "tests/formulas"),
    Break("formulas/latency.py", "np.maximum(compute_time, memory_time)", "compute_time + memory_time",
          "tests/formulas"),
    Break("formulas/energy.py", "energy_wh / 1000 * carbon_intensity / 1000", "energy_wh / 1000 * carbon_intensity",
          "tests/formulas/test_reference.py"),
    Break("metrics/energy.py", "energy_per_inference(total_power, latency) / batch",
          "energy_per_inference(total_power, latency) / batch * 1.001", "tests/metrics/test_identities.py"),
    # Faces and bounds
    Break("faces/interval.py", "a.low - b.high", "a.low - b.low", "tests/faces/test_interval.py"),
    Break("faces/trend.py", "Direction(-self.sign, self.strict)", "self", "tests/faces/test_trend.py"),
    Break("grid/bounds.py", "end - WIDEN * _size(end)", "end", "tests/grid/test_bounds.py"),
    Break("grid/bounds.py", "end + WIDEN * _size(end)", "end", "tests/grid/test_bounds.py"),
    # Dominance
    Break("pareto/ties.py", "np.any(worst < other_best, axis=-1)", "np.any(worst <= other_best, axis=-1)",
          "tests/pareto/test_ties.py"),
    Break("pareto/kernels.py", "clear |= block[j, i] > limits[a, j]\n                beaten",
          "clear |= block[j, i] >= limits[a, j]\n                beaten", "tests/pareto/test_dominance.py"),
    Break("pareto/kernels.py", "out[i] = least <= query_value[i]", "out[i] = least < query_value[i]",
          "tests/pareto/test_slabs.py"),
    Break("pareto/rows.py", "pivots[p, m] + MARGIN * abs(pivots[p, m])", "pivots[p, m]", "tests/pareto/test_pivots.py"),
    Break("pareto/stream.py", "self.pivots.get(group, np", "self.pivots.get(0, np", "tests/pareto/test_pivots.py"),
    Break("pareto/programs.py", "if key != self._key", "if self._key is None", "tests/pareto/test_programs.py"),
    Break("pareto/cut.py", "b.violation(columns[b.column]) > 0", "b.violation(columns[b.column]) >= 0",
          "tests/pareto/test_cut.py"),
    # Counts
    Break("networks/tracing.py", "np.max(counts) < LARGEST_COUNT:", "np.max(counts) < np.inf:",
          "tests/metrics/test_registry.py -k 53"),
    # Files
    Break("jobs/checksums.py", "return not thorough or zlib.crc32(path.read_bytes()) == crc", "return True",
          "tests/jobs/test_damage.py -k starts_over"),
    Break("jobs/checksums.py", "if content is None or self.known.get(name) != (zlib.crc32(content), memoryview(content)"
          ".nbytes):", "if False:", "tests/jobs/test_damage.py -k not_read"),
    Break("jobs/work.py", "        _move(self.part, self.path)", "        pass", "tests/jobs/test_disk.py -k grid"),
    Break("jobs/exchange.py", "_move(reversed(_manifest_first(new)), part, final)", "_move(new, part, final)",
          "tests/jobs/test_exchange.py -k killed"),
    Break("jobs/lock.py", "fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)", "pass",
          "tests/jobs/test_kills.py -k same_moment"),
    Break("jobs/standing.py", 'yield name, "is missing"', "pass", "tests/jobs/test_damage.py -k not_what_was"),
    Break("jobs/standing.py", "_own(manifest) if name == MANIFEST", "known if name == MANIFEST",
          "tests/jobs/test_damage.py -k manifest"),
    Break("jobs/checksums.py", "if not known:", "if False:", "tests/jobs/test_damage.py -k sums"),
    Break("jobs/shards.py", "if not each_once or found.tally.enumerated != job.size:", "if False:",
          "tests/jobs/test_shards.py -k add_up"),
    Break("search/journal.py", "    os.truncate(path, whole)", "    pass", "tests/search/test_storage.py -k half"),
    Break("files.py", "        os.replace(part, path)", "        path.write_bytes(data)",
          "tests/test_security.py -k not_followed"),
    # What is let in
    Break("jobs/store.py", "zarr_format=3, chunks", "chunks", "tests/jobs/test_damage.py -k older_format"),
    Break("jobs/checked_store.py", "if name not in CODECS", "if False", "tests/jobs/test_damage.py -k codecs"),
    Break("jobs/checksums.py", "found is None or not _is_inside(name)", "found is None",
          "tests/jobs/test_damage.py -k sums"),
    Break("jobs/netcdf.py", "if held > path.stat().st_size:", "if False:", "tests/jobs/test_damage.py -k its_bytes"),
    Break("jobs/distribute.py", '"security": True, ', "", "tests/jobs/test_distribute.py -k of_this_machine"),
    Break("cli/common.py", "click.echo(harmless(text)", "click.echo(text", "tests/test_security.py -k printed"),
    Break("networks/ingest/onnx_model.py", "if unpacking.unconsumed_tail or not unpacking.eof:", "if False:",
          "tests/test_security.py -k packed"),
    Break("jobs/lock.py", "        if path.is_symlink():", "        if False:", "tests/test_security.py -k links"),
    Break("networks/ingest/onnx_weights.py", "or not file.is_relative_to(folder)", "", "tests/networks/test_onnx.py"),
    Break("grid/codegen.py", "and all(map(_is_safe, above))", "", "tests/test_security.py -k others"),
    Break("grid/codegen.py", "own.st_uid == os.getuid() and ", "", "tests/test_security.py -k another_user"),
    Break("report/html.py", '.replace("<", "\\\\u003c")', "", "tests/report/test_page.py -k escaped"),
    Break("report/html.py", "<h1>{escape(manifest['name'])}", "<h1>{manifest['name']}",
          "tests/report/test_page.py -k escaped"),
    Break("report/html.py", "default-src 'none'", "default-src *", "tests/report/test_page.py -k forbids"),
    Break("catalogue.py", 'if "\\0" in str(path):', "if False:", "tests/fuzz/test_fuzz.py -k went_wrong"),
    Break("weights/safetensors.py", "not isinstance(kind, str) or ", "", "tests/fuzz/test_fuzz.py -k safetensors"),
)  # fmt: skip


def noticed(copy: Path, each: Break) -> str:
    """What came of a break: "noticed", "unnoticed", or that the code is not there."""
    path = copy / "dse" / each.file
    whole = path.read_text(encoding="utf-8")
    if whole.count(each.was) < 1:
        return "not there"
    path.write_text(whole.replace(each.was, each.becomes, 1), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *each.tests.split()]
    try:
        done = subprocess.run(command, cwd=copy, capture_output=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return "noticed"
    finally:
        path.write_text(whole, encoding="utf-8")
    # 1: tests failed; anything else is no test that ran, such as a name that does not exist.
    return {0: "unnoticed", 1: "noticed"}.get(done.returncode, f"status {done.returncode}")


def main() -> None:
    """Go through the table."""
    words = sys.argv[1:]
    chosen = [b for b in TABLE if not words or any(w in f"{b.file} {b.was}" for w in words)]
    missed = 0
    with tempfile.TemporaryDirectory(prefix="dse-mutations-") as folder:
        copy = Path(folder) / "copy"
        shutil.copytree(HERE, copy, ignore=shutil.ignore_patterns(".git", ".venv", "build", "results", ".*_cache"))
        for each in chosen:
            started = time.monotonic()
            found = noticed(copy, each)
            missed += found != "noticed"
            line = " ".join(each.was.split())
            print(f"{found:>9} {time.monotonic() - started:4.0f} s  {each.file}: {line[:60]}", flush=True)
    print(f"{len(chosen) - missed} of {len(chosen)} noticed")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
