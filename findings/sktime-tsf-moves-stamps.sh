#!/usr/bin/env bash
# sktime 1.2.0: load_tsf_to_dataframe moves the stamps of weekly, monthly, quarterly and yearly series.
#
# What most would guess: a series of a .tsf file that starts on 1990-06-01 with @frequency yearly has its first value there.
# What happens: stamps are made by pandas.date_range with "W", "MS", "QS" and "YS", which begin at the next Sunday, first of a
# month, of a quarter, of a year. No warning; the start is dropped from the table.
# Why it matters: the first value stands seven months late here, and so do all others; covariates joined by date are shifted, and a
# forecast for "next June" is one for January. The format lets a series start on any day.
#
# Seen: "yearly 1990-06-01 -> 1991-01-01", "quarterly 1990-02-01 -> 1990-04-01", "monthly 1990-01-15 -> 1990-02-01",
# "weekly 1990-01-01 -> 1990-01-07", "daily 1990-06-01 -> 1990-06-01". Exits 1 if that has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check sktime==1.2.0 pandas==3.0.6 numpy==2.4.6 2> "$folder/pip.log" || {
  cat "$folder/pip.log" >&2
  exit 2
}
cd "$folder"
"$folder/env/bin/python" -W ignore - <<'PY'
from pathlib import Path

from sktime.datasets import load_tsf_to_dataframe

EXPECTED = {
    ("yearly", "1990-06-01"): "1991-01-01", ("quarterly", "1990-02-01"): "1990-04-01",
    ("monthly", "1990-01-15"): "1990-02-01", ("weekly", "1990-01-01"): "1990-01-07", ("daily", "1990-06-01"): "1990-06-01",
}
for (frequency, start), moved in EXPECTED.items():
    Path("a.tsf").write_text(
        "@relation a\n@attribute series_name string\n@attribute start_timestamp date\n"
        f"@frequency {frequency}\n@horizon 2\n@missing false\n@equallength true\n@data\nT1:{start} 00-00-00:1,2,3\n"
    )
    table, _ = load_tsf_to_dataframe("a.tsf", return_type="pd_multiindex_hier")
    first = str(table.index.get_level_values(-1)[0])[:10]
    print(frequency, start, "->", first)
    assert first == moved
PY
