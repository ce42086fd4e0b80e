"""What the files of a result are called."""

MANIFEST = "manifest.json"
FRONTIER = "frontier.nc"
CLOUD = "cloud.nc"
TABLE = "frontier.csv"
ASSUMPTIONS = "assumptions.toml"
GRID = "grid.zarr"
SUMS = "grid.sums"
REPORT = "report.html"
QUALITY = "quality.csv"
SEARCH = "search.nc"
JOURNAL = "study.journal"

# Files that a result is read from; the others are for people.
READ = (FRONTIER, CLOUD, SEARCH, JOURNAL, ASSUMPTIONS, QUALITY, SUMS)
